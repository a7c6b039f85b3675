//! Whether a channel's lowest protocol version is high enough.

use crate::config::TlsVersion;
use crate::prelude::*;
use lockfast_facts::nouns::{Channel, Transport};

/// Judges one channel against the policy's lowest version; plain channels are the caller's affair.
pub(super) fn judge(cx: &Cx<'_>, channel: &Channel, what: &str) -> Option<Judgement> {
    let minimum = cx.config.tls.minimum;
    let judgement = match &channel.transport {
        Known::Unknown(why, _) => {
            Judgement::cannot_tell(channel, &format!("what {what} encrypts with"), why)
        }
        known => match known.value()? {
            Transport::Plain | Transport::Redirect | Transport::PassThrough => return None,
            Transport::AtLeast(version) => version_judgement(channel, what, version, minimum),
            Transport::Policy(policy) => match policy.row {
                Some(row) => version_judgement(channel, what, row.oldest(), minimum),
                None => Judgement::unknown(
                    channel,
                    format!(
                        "{what} names security policy {}, which is in none of AWS's lists",
                        policy.name
                    ),
                ),
            },
        },
    };
    Some(judgement.fact_as("security policy", &channel.transport, Transport::label))
}

fn version_judgement(
    channel: &Channel,
    what: &str,
    oldest: &str,
    minimum: TlsVersion,
) -> Judgement {
    match TlsVersion::parse(oldest) {
        Some(version) if version >= minimum => {
            Judgement::pass(channel, format!("{what} accepts {version} or later"))
        }
        Some(version) => Judgement::fail(channel, format!("{what} still accepts {version}")),
        None => Judgement::unknown(channel, format!("cannot tell which version `{oldest}` is")),
    }
}
