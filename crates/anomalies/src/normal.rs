//! Networks, tools and encryption contexts, without what differs from one use to the next.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Longer text is cut: who calls may write what they like.
const LONGEST: usize = 160;

/// The network of an address: /16 of IPv4, /48 of IPv6, of private ranges the first eight bits. None for a service's name.
pub(crate) fn network(address: &str) -> Option<String> {
    match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            Some(match v4.is_private() || v4.is_loopback() || shared {
                true => format!("{first}.0.0.0/8 (private)"),
                false => format!("{first}.{second}.0.0/16"),
            })
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return network(&v4.to_string());
            }
            let [first, second, third, ..] = v6.segments();
            Some(match first & 0xfe00 == 0xfc00 {
                true => "fc00::/7 (private)".into(),
                false => format!("{first:x}:{second:x}:{third:x}::/48"),
            })
        }
    }
}

/// The tool, without versions: what it calls itself and the operating system.
pub(crate) fn agent(text: &str) -> Option<String> {
    // The console wraps it in brackets.
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let first = text.split([' ', '/']).next().filter(|it| !it.is_empty())?;
    let lower = text.to_ascii_lowercase();
    let has = |it: &&&str| lower.contains(**it);
    let mut name = cut(&first.to_ascii_lowercase()).to_owned();
    if name == "mozilla" {
        // Each calls itself by the names of those that come after it here, too.
        let browsers = ["edg/", "firefox/", "opr/", "chrome/", "safari/"];
        if let Some(browser) = browsers.iter().find(has) {
            name = browser.trim_end_matches('/').to_owned();
        }
    }
    let systems = ["linux", "macos", "macintosh", "darwin", "windows"];
    if let Some(system) = systems.iter().find(has) {
        name.push(' ');
        name.push_str(match *system {
            "macintosh" | "darwin" => "macos",
            other => other,
        });
    }
    Some(name)
}

/// An encryption context: its keys, and the same with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) shape: String,
    pub(crate) whole: String,
    /// An AWS service makes contexts like it.
    pub(crate) of_service: Option<&'static str>,
}

/// Which keys are in the contexts that services make: AWS KMS Developer Guide, "Encryption context", and each service's.
const OF_SERVICES: &[(&str, &str)] = &[
    ("aws:s3:arn", "Amazon S3"),
    ("aws:ebs:id", "Amazon EBS"),
    ("aws:rds:db-id", "Amazon RDS"),
    ("aws:rds:dbc-id", "Amazon RDS"),
    ("aws:dynamodb:tableName", "Amazon DynamoDB"),
    ("aws:logs:arn", "CloudWatch Logs"),
    ("aws:lambda:FunctionArn", "AWS Lambda"),
    ("aws-crypto-ec:aws:lambda:FunctionArn", "AWS Lambda"),
    ("aws:sqs:arn", "Amazon SQS"),
    ("aws:sns:topicArn", "Amazon SNS"),
    ("aws:kinesis:arn", "Amazon Kinesis"),
    ("SecretARN", "Secrets Manager"),
    ("PARAMETER_ARN", "Systems Manager"),
];

/// Reads a context from JSON text; none for an empty one and for what is no object.
pub(crate) fn context(json: &str) -> Option<Context> {
    let pairs: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    if pairs.is_empty() {
        return None;
    }
    let (mut shape, mut whole) = (String::new(), String::new());
    let mut of_service = None;
    for (key, value) in &pairs {
        let made = OF_SERVICES.iter().find(|(name, _)| name == key);
        of_service = of_service.or(made.map(|(_, service)| *service));
        for text in [&mut shape, &mut whole] {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(cut(key));
        }
        whole.push('=');
        match value {
            serde_json::Value::String(text) => whole.push_str(&value_of(text)),
            _ => whole.push('*'),
        }
    }
    Some(Context {
        shape: cut(&shape).to_owned(),
        whole: cut(&whole).to_owned(),
        of_service,
    })
}

/// A value without identifiers: an object is its bucket, and what has digits in it or is long and hexadecimal is `*`.
fn value_of(value: &str) -> String {
    if let Some((before, object)) = value.split_once(":s3:::") {
        let bucket = object.split('/').next().unwrap_or_default();
        return cut(&format!("{before}:s3:::{bucket}")).to_owned();
    }
    let mut out = String::new();
    // Not at hyphens within a UUID: each of its parts is taken out alike, and the parts between are not.
    for part in cut(value).split_inclusive(['-', ':', '/', '.', '_', ' ']) {
        let (text, end) = match part.char_indices().next_back() {
            Some((at, end)) if "-:/._ ".contains(end) => (&part[..at], Some(end)),
            _ => (part, None),
        };
        let hexadecimal = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = text.bytes().any(|byte| byte.is_ascii_digit());
        let text = if hexadecimal || digits { "*" } else { text };
        // A run of them is one.
        if text == "*" && (out.ends_with("*-") || out.ends_with("*:")) {
            out.pop();
        } else {
            out.push_str(text);
        }
        out.extend(end);
    }
    out
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let is = |address: &str, expected: &str| {
            assert_eq!(network(address).as_deref(), Some(expected));
        };
        is("203.0.113.77", "203.0.0.0/16");
        is("10.1.2.3", "10.0.0.0/8 (private)");
        is("172.20.2.3", "172.0.0.0/8 (private)");
        is("::ffff:203.0.113.77", "203.0.0.0/16");
        is("2001:db8:1:2::5", "2001:db8:1::/48");
        assert_eq!(network("secretsmanager.amazonaws.com"), None);
        assert_eq!(network(""), None);
    }

    #[test]
    fn agents() {
        let of = |text: &str| agent(text).unwrap();
        assert_eq!(
            of("aws-cli/2.28.16 md/awscrt#0.27.6 os/macos#24"),
            "aws-cli macos"
        );
        assert_eq!(
            of("aws-cli/2.9.19 Python/3.11.2 Linux/6.5.0"),
            "aws-cli linux"
        );
        assert_eq!(
            of("[Mozilla/5.0 (Macintosh; Intel) AppleWebKit/5 Chrome/139.0 Safari/5]"),
            "chrome macos"
        );
        assert_eq!(agent(""), None);
    }

    #[test]
    fn contexts() {
        let whole = |json: &str| context(json).unwrap().whole;
        assert_eq!(
            whole(r#"{"aws:s3:arn":"arn:aws:s3:::shop-4f/documents/1.json"}"#),
            "aws:s3:arn=arn:aws:s3:::shop-4f"
        );
        let of = |id: &str| whole(&format!(r#"{{"SecretVersionId":"{id}","tenant":"acme"}}"#));
        assert_eq!(
            of("0f3c1a52-7b1e-4c1d-9d0b-2f6a8a4e9c11"),
            of("b7d9f0aa-abcd-4eee-8fff-aaaaaaaaaaaa")
        );
        assert_eq!(whole(r#"{"aws:ebs:id":"vol-0abc"}"#), "aws:ebs:id=vol-*");
        assert_eq!(context("{}"), None);
        assert_eq!(context("[1]"), None);
        let made = context(r#"{"aws:s3:arn":"x"}"#).unwrap();
        assert_eq!(made.of_service, Some("Amazon S3"));
    }
}
