//! Which region an ARN names.

use crate::prelude::*;
use lockfast_facts::{Part, Text};

/// The region in an ARN.
pub(super) enum ArnRegion {
    /// `${AWS::Region}`: that of the stack in which it is written.
    Own,
    Named(String),
    /// None is written, or none that is known.
    Open,
}

/// `arn:partition:service:region:…`.
pub(super) fn of_arn(arn: &Text) -> ArnRegion {
    const OWN: char = '\u{1}';
    const OPEN: char = '*';
    let is_own = |part: &Part| matches!(part, Part::Unknown(why) if is_own_region(why));
    let written = arn.render(|part| if is_own(part) { OWN } else { OPEN }.to_string());
    let mut fields = written.split(':');
    match (fields.next(), fields.nth(2)) {
        (Some("arn"), Some(region)) if region.chars().eq([OWN]) => ArnRegion::Own,
        (Some("arn"), Some(region)) if !region.is_empty() && !region.contains([OWN, OPEN]) => {
            ArnRegion::Named(region.to_owned())
        }
        _ => ArnRegion::Open,
    }
}

/// True of `AWS::Region` in a stack whose region the input does not say.
pub(super) fn is_own_region(why: &Why) -> bool {
    matches!(why, Why::Runtime(what) if what == "AWS::Region")
}
