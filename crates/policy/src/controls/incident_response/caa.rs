//! Who may issue certificates for a name, by its CAA records (RFC 8659).

use crate::endpoints::asked;
use crate::prelude::*;

/// Who Amazon's authorities are in CAA records (AWS Certificate Manager User Guide, "Certification Authority
/// Authorization").
pub(super) const AMAZON: [&str; 4] = [
    "amazon.com",
    "amazontrust.com",
    "awstrust.com",
    "amazonaws.com",
];

/// The properties that an authority must understand to issue (RFC 8659, RFC 8657 beside it; RFC 9495).
const UNDERSTOOD: [&str; 5] = ["issue", "issuewild", "iodef", "issuemail", "issuevmc"];

/// The bit of `Flags` that forbids to issue without understanding the record.
const CRITICAL: i64 = 128;

/// A record, read whole.
pub(super) struct Caa {
    name: String,
    tag: String,
    value: String,
    critical: bool,
}

/// The records that decide for a name: those of the nearest domain that has any.
pub(super) fn relevant(records: &[Value], name: &str) -> Result<Vec<Caa>, Arc<Why>> {
    let mut all = Vec::new();
    for record in records {
        let text = |field: &str| known(asked(record.at(field).string(), "the CAA record"));
        all.push(Caa {
            name: text("Name")?.trim_end_matches('.').to_ascii_lowercase(),
            tag: text("Tag")?.to_ascii_lowercase(),
            value: text("Value")?,
            critical: known(asked(record.at("Flags").int(), "the CAA record"))? & CRITICAL != 0,
        });
    }
    let mut domain = name;
    while !domain.is_empty() {
        if all.iter().any(|record| record.name == domain) {
            all.retain(|record| record.name == domain);
            return Ok(all);
        }
        domain = domain.split_once('.').map_or("", |(_, above)| above);
    }
    // They are of the name that an alias leads to, and decide then.
    Ok(all)
}

/// Whether the records let Amazon issue for a name, or for all names under its domain (`*.`).
pub(super) fn admit_amazon(records: &[Caa], wildcard: bool) -> bool {
    let of =
        |tag: &str| -> Vec<&Caa> { records.iter().filter(|record| record.tag == tag).collect() };
    let decisive = match (wildcard, of("issuewild")) {
        (true, wild) if !wild.is_empty() => wild,
        _ => of("issue"),
    };
    let understood = |record: &Caa| !record.critical || UNDERSTOOD.contains(&record.tag.as_str());
    let amazon = |record: &&Caa| {
        let domain = record.value.split(';').next().unwrap_or_default().trim();
        AMAZON.iter().any(|own| domain.eq_ignore_ascii_case(own))
    };
    records.iter().all(understood) && (decisive.is_empty() || decisive.iter().any(amazon))
}

fn known<T>(known: Known<T>) -> Result<T, Arc<Why>> {
    match known {
        Known::Stated(value, _) | Known::Default(value, ..) => Ok(value),
        Known::Unknown(why, _) => Err(why),
    }
}
