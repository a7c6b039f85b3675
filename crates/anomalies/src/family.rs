//! Which principals are incarnations of one.

use std::borrow::Cow;

/// The principal without what changes when it is created anew: the suffix that a stack gives its role, a version, the hash of a
/// permission set. Two principals of one family are of one account. Users and roots are their own family.
///
/// ```
/// use lockfast_anomalies::family;
///
/// assert_eq!(family("arn:aws:iam::111122223333:role/orders-task-v13"), "arn:aws:iam::111122223333:role/orders-task");
/// assert_eq!(family("arn:aws:iam::111122223333:user/anna-2"), "arn:aws:iam::111122223333:user/anna-2");
/// ```
pub fn family(principal: &str) -> Cow<'_, str> {
    let role = [":role/", ":assumed-role/"]
        .iter()
        .find_map(|it| principal.find(it).map(|at| at + it.len()));
    let Some(begins) = role else {
        return Cow::Borrowed(principal);
    };
    // A session's name follows the role's, when it was not told what role it is of.
    let assumed = principal.contains(":assumed-role/");
    let ends = match principal[begins..].find('/') {
        Some(at) if assumed => begins + at,
        _ => principal.len(),
    };
    let name = principal[begins..ends]
        .rfind('/')
        .map_or(begins, |at| begins + at + 1);
    let kept = without_suffix(&principal[name..ends]);
    match assumed {
        // As a role's ARN, which the same principal has in other events.
        true => {
            let account = principal.split(':').nth(4).unwrap_or_default();
            let partition = principal.split(':').nth(1).unwrap_or_default();
            Cow::Owned(format!("arn:{partition}:iam::{account}:role/{kept}"))
        }
        false => Cow::Borrowed(&principal[..name + kept.len()]),
    }
}

fn without_suffix(name: &str) -> &str {
    if name.starts_with("AWSReservedSSO_") {
        let hash = |it: &str| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit());
        return match name.rsplit_once('_') {
            Some((kept, last)) if hash(last) => kept,
            _ => name,
        };
    }
    let mut kept = name;
    // A version and a suffix, in any order, but no more.
    for _ in 0..2 {
        match kept.rsplit_once(['-', '_', '.']) {
            Some((rest, last)) if !rest.is_empty() && is_generated(last) => kept = rest,
            _ => break,
        }
    }
    kept
}

/// A version (`v13`, `13`, a date), CloudFormation's suffix (`9L6SD2JTCN17`), or a hash.
fn is_generated(part: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let all = |of: fn(&u8) -> bool| part.bytes().all(|byte| of(&byte));
    let a_digit = part.bytes().any(|byte| byte.is_ascii_digit());
    digits(part)
        || part.strip_prefix(['v', 'V']).is_some_and(digits)
        || (matches!(part.len(), 10..=14) && all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()))
        || (matches!(part.len(), 8..) && a_digit && all(u8::is_ascii_hexdigit))
        // As CDK's: letters of both cases and digits.
        || (matches!(part.len(), 12) && a_digit && all(u8::is_ascii_alphanumeric))
}

/// An AWS service that asks for itself, and so no credentials that can be stolen.
pub(crate) fn is_service(principal: &str) -> bool {
    principal.ends_with(".amazonaws.com") || !principal.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnations() {
        let role = |name: &str| family(&format!("arn:aws:iam::1:role/{name}")).into_owned();
        assert_eq!(role("orders-task-v13"), role("orders-task-v12"));
        assert_eq!(
            role("pay-TaskRole-9L6SD2JTCN17"),
            role("pay-TaskRole-ABCDEFGHIJKL")
        );
        assert_eq!(
            role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_80bc570588fe2aff"),
            role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_1dfa566c58f1ae8f")
        );
        assert_ne!(role("orders-task"), role("orders-worker"));
        assert_ne!(role("orders-task-a"), role("orders-task-b"));
        assert_eq!(role("ci-deploy"), "arn:aws:iam::1:role/ci-deploy");
        assert_eq!(role("13"), "arn:aws:iam::1:role/13");
        assert_ne!(
            family("arn:aws:iam::1:role/a-v1"),
            family("arn:aws:iam::2:role/a-v1")
        );
        assert_eq!(
            family("arn:aws:sts::1:assumed-role/a-v1/session"),
            "arn:aws:iam::1:role/a"
        );
        assert_eq!(family(""), "");
        assert_eq!(family("arn:aws:iam::1:role/"), "arn:aws:iam::1:role/");
        assert_eq!(family("logs.amazonaws.com"), "logs.amazonaws.com");
    }
}
