//! Lints of validity.

use super::Look;
use crate::certificate::Lifetime;
use crate::der;

pub(super) fn negative(look: &Look<'_>) -> Option<String> {
    let certificate = look.certificate;
    (certificate.not_after < certificate.not_before).then(|| {
        format!(
            "it ends on {} and begins on {}",
            certificate.not_after, certificate.not_before
        )
    })
}

/// From when on (seconds since 1970) so many days were the most, the latest first (Baseline Requirements, section 6.3.2,
/// after ballot SC-081).
const LONGEST: [(i64, &str, i64); 6] = [
    (1_868_227_200, "2029-03-15", 47),
    (1_805_068_800, "2027-03-15", 100),
    (1_773_532_800, "2026-03-15", 200),
    (1_598_918_400, "2020-09-01", 398),
    (1_519_862_400, "2018-03-01", 825),
    (1_427_846_400, "2015-04-01", 1187),
];

pub(super) fn too_long(look: &Look<'_>) -> Option<String> {
    let lifetime = look.certificate.lifetime();
    let issued = look.certificate.not_before.as_second();
    let (_, since, days) = LONGEST.iter().find(|(from, ..)| issued >= *from)?;
    (lifetime > Lifetime::days(*days)).then(|| {
        let long = lifetime.as_days();
        format!("valid for {long} days, and {days} are the most for what is issued since {since}")
    })
}

pub(super) fn encoding(look: &Look<'_>) -> Option<String> {
    // version, serialNumber, signature, issuer, validity: the version is optional, and a context tag.
    let tbs = der::take_tagged(&mut &*look.certificate.raw.tbs, der::SEQUENCE)?;
    let mut sequences = der::elements(tbs.content)?
        .into_iter()
        .filter(|field| field.tag == der::SEQUENCE);
    let validity = der::elements(sequences.nth(2)?.content)?;
    validity.iter().find_map(|time| {
        let text = String::from_utf8_lossy(time.content);
        let what = match (time.tag, time.content) {
            (der::UTC_TIME, [.., b'Z']) if text.len() == 13 => return None,
            // The years to 2049 are UTCTime's.
            (der::GENERALIZED_TIME, [.., b'Z']) if text.len() == 15 && text.as_ref() >= "2050" => {
                return None;
            }
            (der::GENERALIZED_TIME, [.., b'Z']) if text.len() == 15 => {
                "a GeneralizedTime before the year 2050"
            }
            _ => "a time without seconds, with a fraction of them or with an offset",
        };
        Some(format!("{what}: {}", crate::certificate::clean(&text)))
    })
}

#[cfg(test)]
mod tests {
    use super::LONGEST;

    #[test]
    fn dates_are_their_seconds() {
        for (seconds, date, _) in LONGEST {
            assert!(
                crate::certificate::timestamp(seconds)
                    .to_string()
                    .starts_with(date),
                "{date}"
            );
        }
    }
}
