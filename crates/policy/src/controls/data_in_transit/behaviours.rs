//! The cache behaviours of a CloudFront distribution.

use crate::prelude::*;

/// Every behaviour of a distribution with its name: the default one first. `None` stands for
/// behaviours that are not knowable.
pub(super) fn of<'a>(subject: Subject<'a>) -> Vec<(String, Read<&'a Value>)> {
    let mut found = vec![(
        "default".to_owned(),
        subject.at("DistributionConfig.DefaultCacheBehavior"),
    )];
    match subject.at("DistributionConfig.CacheBehaviors").list() {
        Read::Found(items, loc) => {
            for (i, item) in items.iter().enumerate() {
                let name = item.at("PathPattern").string().found();
                found.push((
                    name.unwrap_or_else(|| format!("behaviour {}", i + 1)),
                    Read::Found(item, loc),
                ));
            }
        }
        Read::Unknown(why, loc) => found.push(("behaviours".into(), Read::Unknown(why, loc))),
        Read::Absent(_) => {}
    }
    found
}
