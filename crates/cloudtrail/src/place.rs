//! What a file's path tells about it.

use crate::files::Kind;
use jiff::civil::Date;
use std::path::Path;

/// The account, region and day that a file is of, as CloudTrail writes them into its key:
/// `AWSLogs/[o-ORGANISATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_XXXX.json.gz`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The organisation, of an organisation's trail.
    pub organization: Option<String>,
    /// The account whose events these are.
    pub account: String,
    /// The region whose events these are.
    pub region: String,
    /// The day of delivery (UTC). Events come some minutes, and now and then hours, before.
    pub date: Date,
}

/// What a path tells of the kind and the place of a file. The name goes before the folders, for it stays with a file that
/// is moved; both are looked at from the end, for buckets have prefixes.
pub(crate) fn parse(path: &Path) -> (Kind, Option<Place>) {
    let parts: Vec<&str> = path
        .iter()
        .map(|part| part.to_str().unwrap_or_default())
        .collect();
    let Some((name, folders)) = parts.split_last() else {
        return (Kind::Log, None);
    };
    if is_manifest(name) {
        return (Kind::Manifest, None);
    }
    let folders = of_folders(folders);
    let (kind, mut place) = match (of_name(name), &folders) {
        (Some(named), _) => named,
        (None, Some(placed)) => placed.clone(),
        (None, None) => return (kind_of_folders(&parts), None),
    };
    if let Some((_, around)) = folders
        && around.account == place.account
    {
        place.organization = around.organization;
    }
    (kind, Some(place))
}

/// `result_sign.json` of CloudTrail Lake, which signs `result_1.csv.gz` and so on (CloudTrail User Guide, "Validate CloudTrail Lake
/// saved query results"); `QUERY-manifest.csv` of Athena's `UNLOAD`, and the `manifest.json` of whatever copies files.
fn is_manifest(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let is = |stem: &str| {
        stem == "manifest" || stem.ends_with("-manifest") || stem.ends_with("_manifest")
    };
    name.ends_with("_sign.json")
        || is(name)
        || name.strip_suffix(".json").is_some_and(is)
        || name.strip_suffix(".csv").is_some_and(is)
}

/// `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_XXXX.json.gz`. Digests have the trail's name and region before the time.
fn of_name(name: &str) -> Option<(Kind, Place)> {
    let stem = name.split('.').next()?;
    let mut parts = stem.split('_');
    let account = account(parts.next()?)?;
    let kind = kind(parts.next()?)?;
    let region = region(parts.next()?)?;
    let date = parts.find_map(|part| {
        let (day, time) = part.strip_suffix('Z')?.split_once('T')?;
        let digits = all_digits(day) && all_digits(time) && day.len() == 8;
        digits.then(|| date(&day[..4], &day[4..6], &day[6..]))?
    })?;
    Some((
        kind,
        Place {
            organization: None,
            account,
            region,
            date,
        },
    ))
}

/// `[o-ORGANISATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD`, at the end.
fn of_folders(folders: &[&str]) -> Option<(Kind, Place)> {
    let (rest, tail) = folders.split_last_chunk::<6>()?;
    let place = Place {
        organization: rest
            .last()
            .filter(|part| part.starts_with("o-"))
            .map(|part| (*part).to_owned()),
        account: account(tail[0])?,
        region: region(tail[2])?,
        date: date(tail[3], tail[4], tail[5])?,
    };
    Some((kind(tail[1])?, place))
}

/// A digest stays one in whatever is left of the layout.
fn kind_of_folders(parts: &[&str]) -> Kind {
    let mut kinds = parts.iter().rev().filter_map(|part| kind(part));
    kinds.next().unwrap_or(Kind::Log)
}

/// Source: CloudTrail User Guide, "Finding your CloudTrail log files".
fn kind(part: &str) -> Option<Kind> {
    match part {
        "CloudTrail-Digest" => Some(Kind::Digest),
        "CloudTrail-Insight" => Some(Kind::Insight),
        "CloudTrail-NetworkActivity" => Some(Kind::NetworkActivity),
        "CloudTrail-Aggregated" => Some(Kind::Aggregated),
        _ => (part == "CloudTrail" || part.starts_with("CloudTrail-")).then_some(Kind::Log),
    }
}

fn account(part: &str) -> Option<String> {
    (part.len() == 12 && all_digits(part)).then(|| part.to_owned())
}

fn region(part: &str) -> Option<String> {
    let plausible = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (part.contains('-') && part.bytes().all(plausible)).then(|| part.to_owned())
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let lengths = year.len() == 4 && month.len() == 2 && day.len() == 2;
    if !lengths || ![year, month, day].iter().all(|part| all_digits(part)) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn all_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn told(path: &str) -> (Kind, Option<Place>) {
        parse(Path::new(path))
    }

    fn place(organization: Option<&str>, date: Date) -> Option<Place> {
        Some(Place {
            organization: organization.map(str::to_owned),
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            date,
        })
    }

    #[test]
    fn the_whole_layout_with_any_prefix() {
        let path = "bucket/some/prefix/AWSLogs/o-abc123/111122223333/CloudTrail/eu-west-1/2026/03/01/\
                    111122223333_CloudTrail_eu-west-1_20260301T0005Z_aBcD1234.json.gz";
        let expected = (Kind::Log, place(Some("o-abc123"), date(2026, 3, 1)));
        assert_eq!(told(path), expected);
        let alone = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json";
        assert_eq!(told(alone), (Kind::Log, place(None, date(2026, 3, 1))));
    }

    #[test]
    fn a_name_without_its_folders_and_one_in_others() {
        let name = "111122223333_CloudTrail_eu-west-1_20260301T0005Z_aBcD1234.json.gz";
        assert_eq!(told(name), (Kind::Log, place(None, date(2026, 3, 1))));
        let moved = format!("AWSLogs/o-other/999999999999/CloudTrail/us-east-1/2020/01/01/{name}");
        assert_eq!(told(&moved), (Kind::Log, place(None, date(2026, 3, 1))));
    }

    #[test]
    fn other_kinds_are_told_apart() {
        let digest = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/\
                      111122223333_CloudTrail-Digest_eu-west-1_my_trail_eu-west-1_20260301T000512Z.json.gz";
        assert_eq!(told(digest), (Kind::Digest, place(None, date(2026, 3, 1))));
        let insight = "111122223333_CloudTrail-Insight_eu-west-1_20260301T0005Z_aBcD1234.json.gz";
        assert_eq!(told(insight).0, Kind::Insight);
        assert_eq!(told("CloudTrail-Digest/x.json.gz"), (Kind::Digest, None));
        let network = "111122223333/CloudTrail-NetworkActivity/eu-west-1/2026/03/01/x.json.gz";
        let expected = (Kind::NetworkActivity, place(None, date(2026, 3, 1)));
        assert_eq!(told(network), expected);
        assert_eq!(told("CloudTrail-Aggregated/x.json").0, Kind::Aggregated);
        let lake = "AWSLogs/111122223333/CloudTrail-Lake/Query/2026/03/01/0f3c1a52";
        let signed = format!("{lake}/result_sign.json");
        assert_eq!(told(&signed), (Kind::Manifest, None));
        assert_eq!(told(&format!("{lake}/result_1.csv.gz")), (Kind::Log, None));
        for manifest in ["0f3c1a52-manifest.csv", "manifest.json", "x/manifest"] {
            assert_eq!(told(manifest).0, Kind::Manifest, "{manifest}");
        }
        assert_eq!(told("design.json").0, Kind::Log);
    }

    #[test]
    fn what_is_not_the_layout_tells_nothing() {
        for path in [
            "x.json",
            "",
            "/",
            "11112222333_CloudTrail_eu-west-1_20260301T0005Z_a.json.gz",
            "111122223333_CloudTrail_eu-west-1_20261301T0005Z_a.json.gz",
            "111122223333_CloudTrail_eu-west-1_2026030ÄT0005Z_a.json.gz",
            "111122223333_CloudTrail_../20260301T0005Z",
            "111122223333/CloudTrail/eu-west-1/2026/3/01/x.json",
        ] {
            assert_eq!(told(path), (Kind::Log, None), "{path}");
        }
    }
}
