//! What came of it, in words; and whether another attempt may go well.

use lockfast_aws::{Refused, Tally};
use lockfast_respond::hands::Problem;

pub(super) fn or_none(key: &str) -> &str {
    if key.is_empty() {
        "no key of yours"
    } else {
        key
    }
}

/// What no other attempt mends.
pub(super) fn refusal(what: String) -> Problem {
    Problem {
        call: "lockfast".into(),
        what,
        retry: false,
    }
}

/// Whether another attempt may go well, as the services call it.
pub(super) fn problem(refused: Refused) -> Problem {
    const PASSING: [&str; 10] = [
        "Throttl",
        "TooManyRequests",
        "SlowDown",
        "RequestLimit",
        "timeout",
        "timed out",
        "Timeout",
        "dispatch failure",
        "ServiceUnavailable",
        "Internal",
    ];
    let retry = PASSING.iter().any(|text| refused.error.contains(text));
    Problem {
        call: refused.call,
        what: refused.error,
        retry,
    }
}

/// What a run over objects came to, in words.
pub(super) fn told(tally: &Tally) -> Vec<String> {
    let mut facts = vec![format!(
        "{} objects listed: {} put under the new key ({} of them copied), {} were under it, {} are under another or none; {} delete markers",
        tally.listed,
        tally.done,
        tally.copied,
        tally.already,
        tally.elsewhere,
        tally.delete_markers
    )];
    if tally.without_checksum > 0 {
        facts.push(format!(
            "of {} objects the content was compared by size alone, for they had no checksum",
            tally.without_checksum
        ));
    }
    facts
}

/// Those that are not under the new key.
pub(super) fn not_done(tally: &Tally) -> String {
    let named: Vec<String> = tally
        .named
        .iter()
        .take(5)
        .map(|own| match &own.version {
            Some(version) => format!("{} (version {version}): {}", own.key, own.why),
            None => format!("{}: {}", own.key, own.why),
        })
        .collect();
    format!(
        "{} objects are left and {} failed: {}",
        tally.left,
        tally.failed,
        named.join("; ")
    )
}
