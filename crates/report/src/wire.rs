//! What the formats that security products exchange have in common.

use serde_json::Value;

/// The standard that the clauses are of.
pub(crate) const POLICY: &str = "AWS Encryption & Key Management Policy";

/// Takes out what is null, and the lists and objects that hold nothing: to these formats an
/// attribute is there or it is not.
pub(crate) fn compact(value: Value) -> Value {
    let held = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Array(items) => items.into_iter().map(compact).filter(held).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, compact(value)))
            .filter(|(_, value)| held(value))
            .collect(),
        other => other,
    }
}

/// A text in so many characters at most, never cut in silence.
pub(crate) fn fit(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept = text.chars().take(most.saturating_sub(1));
            kept.chain(['…']).collect()
        }
    }
}

/// The partition that a region is in, as ARNs name it.
pub(crate) fn partition(region: &str) -> &'static str {
    /// By prefix. Source: `partitions.json` of botocore 1.44.8, read 2026-11-27.
    const PARTITIONS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PARTITIONS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

/// The region where a partition's global services are.
pub(crate) fn home_region(partition: &str) -> &'static str {
    /// Source: `implicitGlobalRegion` in `partitions.json` of botocore 1.44.8, read 2026-11-27; of China IAM's own region, since
    /// that is where AWS tells of IAM.
    const HOMES: [(&str, &str); 7] = [
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ];
    HOMES
        .iter()
        .find(|(name, _)| *name == partition)
        .map_or("us-east-1", |(_, region)| region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_there_leaves_no_trace() {
        let value =
            json!({ "a": null, "b": [], "c": { "d": { "e": null } }, "f": [null, 0], "g": "" });
        assert_eq!(compact(value), json!({ "f": [0], "g": "" }));
    }

    #[test]
    fn a_text_is_cut_at_characters() {
        assert_eq!(fit("schlüssel", 9), "schlüssel");
        assert_eq!(fit("schlüssel", 6), "schlü…");
    }

    #[test]
    fn every_region_has_its_partition() {
        assert_eq!(partition("eu-central-1"), "aws");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("cn-north-1"), "aws-cn");
    }
}
