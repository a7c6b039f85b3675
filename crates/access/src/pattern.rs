//! Comparing strings of which parts may be references or unknown, with and without wildcards.

use crate::Three;
use crate::request::{ContextValue, Request};
use lockfast_facts::{Part, ResourceId, Text, Why};

/// A character of a string, or what stands in for characters that are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Char(char),
    /// `*` as a wildcard.
    Star,
    /// `?` as a wildcard.
    One,
    /// The name or ARN of a resource in the inventory.
    Ref(ResourceId),
    /// The account that everything in one evaluation belongs to (`AWS::AccountId` without a value).
    Own,
    /// The region that everything in one evaluation belongs to (`AWS::Region` without a value).
    Region,
    /// Any string.
    Hole,
}

impl Token {
    /// True when it stands for a string that is not known.
    fn is_open(self) -> bool {
        matches!(
            self,
            Token::Ref(_) | Token::Own | Token::Region | Token::Hole
        )
    }
}

/// How to read a pattern.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// `*` and `?` are wildcards.
    pub wild: bool,
    /// Where policy variables take their values; `None` leaves them as they are written.
    pub variables: Option<&'a Request>,
    /// ASCII case does not matter.
    pub fold: bool,
    /// Both are ARNs: wildcards stay within one of the six segments.
    pub arn: bool,
}

impl Reading<'_> {
    /// Character for character.
    pub(crate) const EXACT: Reading<'static> = Reading {
        wild: false,
        variables: None,
        fold: false,
        arn: false,
    };
}

/// Whether a string matches a pattern.
pub(crate) fn matches(pattern: &Text, subject: &Text, reading: Reading<'_>) -> Three {
    if let (Text::Plain(p), Text::Plain(s)) = (pattern, subject)
        && (reading.variables.is_none() || !p.contains("${"))
    {
        return plain_matches(p, s, reading).into();
    }
    // Two resources never share an ARN, and of what is not known at all, nothing else can be said: neither takes a closer look.
    if let (Some(a), Some(b)) = (only_reference(pattern), only_reference(subject)) {
        return (a == b).into();
    }
    if let Text::Plain(p) = pattern
        && !reading.arn
        && is_hole(subject)
        && (reading.variables.is_none() || !p.contains("${"))
    {
        let anything = reading.wild && !p.is_empty() && p.bytes().all(|b| b == b'*');
        return if anything { Three::Yes } else { Three::Maybe };
    }
    match pattern_tokens(pattern, reading) {
        Some(pattern) => match_tokens(&pattern, &subject_tokens(subject), reading),
        None => Three::No,
    }
}

/// The resource that a text is a reference to, and nothing else.
fn only_reference(text: &Text) -> Option<ResourceId> {
    match text {
        Text::Parts(parts) => match &**parts {
            [Part::Reference(reference)] => Some(reference.target),
            _ => None,
        },
        Text::Plain(_) => None,
    }
}

/// Whether a text begins with a reference, as it is written or as an ARN around it.
pub(crate) fn starts_with_reference(text: &Text) -> bool {
    match text {
        Text::Plain(_) => false,
        Text::Parts(parts) => match parts.first() {
            Some(Part::Reference(_)) => true,
            Some(Part::Literal(head)) if head.starts_with("arn:") => {
                matches!(subject_tokens(text).first(), Some(Token::Ref(_)))
            }
            _ => false,
        },
    }
}

/// Whether nothing at all is known of a text.
fn is_hole(text: &Text) -> bool {
    match text {
        Text::Parts(parts) => match &**parts {
            [Part::Unknown(why)] => !is_own_account(why) && !is_own_region(why),
            _ => false,
        },
        Text::Plain(_) => false,
    }
}

fn plain_matches(pattern: &str, subject: &str, reading: Reading<'_>) -> bool {
    if !reading.wild {
        return if reading.fold {
            pattern.eq_ignore_ascii_case(subject)
        } else {
            pattern == subject
        };
    }
    if !reading.arn || !subject.starts_with("arn:") || pattern.bytes().all(|b| b == b'*') {
        return glob(pattern, subject, reading.fold);
    }
    let mut patterns = pattern.splitn(6, ':');
    let is_arn = pattern.starts_with("arn:");
    let mut subjects = subject.splitn(6, ':');
    loop {
        match (patterns.next(), subjects.next()) {
            (Some(p), Some(s)) if glob(p, s, reading.fold) => {}
            // "If you specify an incomplete ARN (one with fewer than the standard six fields), AWS
            // automatically completes the ARN by adding wildcard characters (*) to all missing
            // fields" (IAM User Guide, "IAM JSON policy elements: Resource").
            (None, Some(_)) if is_arn => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Wildcard match of known strings, linear but for backtracking to the last `*`.
pub(crate) fn glob(pattern: &str, text: &str, fold: bool) -> bool {
    let (p, t) = (pattern.as_bytes(), text.as_bytes());
    let same = |a: u8, b: u8| a == b || (fold && a.eq_ignore_ascii_case(&b));
    let (mut i, mut j) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while j < t.len() {
        match p.get(i) {
            Some(b'*') => {
                i += 1;
                back = Some((i, j));
                continue;
            }
            Some(b'?') => {
                i += 1;
                j += char_length(t[j]);
                continue;
            }
            Some(&c) if same(c, t[j]) => {
                i += 1;
                j += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, from)) = back else {
            return false;
        };
        j = from + char_length(t[from]);
        i = after_star;
        back = Some((after_star, j));
    }
    p[i..].iter().all(|c| *c == b'*')
}

/// Length of the UTF-8 sequence that starts with this byte.
fn char_length(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// The tokens of a request's value.
pub(crate) fn subject_tokens(text: &Text) -> Vec<Token> {
    let mut tokens = Vec::new();
    for part in text.parts() {
        match part {
            Part::Literal(s) => tokens.extend(s.chars().map(Token::Char)),
            other => tokens.push(open_token(&other)),
        }
    }
    named_by_reference(tokens)
}

fn open_token(part: &Part) -> Token {
    match part {
        Part::Reference(reference) => Token::Ref(reference.target),
        Part::Unknown(why) if is_own_account(why) => Token::Own,
        Part::Unknown(why) if is_own_region(why) => Token::Region,
        _ => Token::Hole,
    }
}

/// True for the account a template is deployed to, when no environment is stated.
pub(crate) fn is_own_account(why: &Why) -> bool {
    matches!(why, Why::Runtime(what) if what == "AWS::AccountId")
}

/// True for the region a template is deployed to, when no environment is stated.
pub(crate) fn is_own_region(why: &Why) -> bool {
    matches!(why, Why::Runtime(what) if what == "AWS::Region")
}

/// The tokens of a pattern; `None` when it names a variable that the request does not have, for
/// then "there is no match" (IAM User Guide, "IAM policy elements: Variables and tags").
fn pattern_tokens(text: &Text, reading: Reading<'_>) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let parts = text.parts();
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(s) => {
                let open = reading.variables.and_then(|_| unclosed_variable(s));
                if let Some(start) = open.filter(|_| i + 1 < parts.len()) {
                    // Which variable it is, the unknown part after it says.
                    literal_tokens(&s[..start], reading, &mut tokens)?;
                    tokens.push(Token::Hole);
                    break;
                }
                literal_tokens(s, reading, &mut tokens)?;
            }
            other => tokens.push(open_token(other)),
        }
    }
    Some(named_by_reference(tokens))
}

/// Where a variable begins that the text does not end.
fn unclosed_variable(literal: &str) -> Option<usize> {
    if literal.ends_with('$') {
        return Some(literal.len() - 1);
    }
    let start = literal.rfind("${")?;
    (!literal[start..].contains('}')).then_some(start)
}

fn literal_tokens(literal: &str, reading: Reading<'_>, tokens: &mut Vec<Token>) -> Option<()> {
    let mut rest = literal;
    while let Some(next) = rest.chars().next() {
        if next == '$'
            && let Some(request) = reading.variables
            && let Some(inner) = rest.strip_prefix("${")
            && let Some((name, after)) = inner.split_once('}')
        {
            variable(name, request, tokens)?;
            rest = after;
            continue;
        }
        tokens.push(match next {
            '*' if reading.wild => Token::Star,
            '?' if reading.wild => Token::One,
            c => Token::Char(c),
        });
        rest = &rest[next.len_utf8()..];
    }
    Some(())
}

fn variable(inside: &str, request: &Request, tokens: &mut Vec<Token>) -> Option<()> {
    if let "*" | "?" | "$" = inside {
        tokens.extend(inside.chars().map(Token::Char));
        return Some(());
    }
    let (name, default) = match inside.split_once(',') {
        Some((name, default)) => (name.trim(), Some(default.trim())),
        None => (inside.trim(), None),
    };
    match request.lookup(&name.to_lowercase()) {
        ContextValue::Unknown => tokens.push(Token::Hole),
        ContextValue::Known(values) if values.len() == 1 => {
            tokens.extend(subject_tokens(&values[0]));
        }
        _ => {
            let default = default?;
            let default = default
                .strip_prefix('\'')
                .and_then(|d| d.strip_suffix('\''))
                .unwrap_or(default);
            tokens.extend(default.chars().map(Token::Char));
        }
    }
    Some(())
}

/// Resource types that stand between the account and the name in an ARN built around `Ref`.
const TYPE_PREFIXES: [&str; 18] = [
    "key/",
    "role/",
    "user/",
    "group/",
    "policy/",
    "table/",
    "log-group:",
    "secret:",
    "parameter/",
    "parameter",
    "function:",
    "stream/",
    "deliverystream/",
    "repository/",
    "cluster/",
    "file-system/",
    "stateMachine:",
    "alias/",
];

/// Writes an ARN built around a reference (`arn:aws:s3:::${Bucket}/*`) like one that starts with
/// the resource's ARN (`${Bucket.Arn}/*`), so that both name the same thing.
fn named_by_reference(tokens: Vec<Token>) -> Vec<Token> {
    let Some(at) = tokens.iter().position(|t| matches!(t, Token::Ref(_))) else {
        return tokens;
    };
    let head: String = tokens[..at]
        .iter()
        .map(|t| match t {
            Token::Char(c) => *c,
            _ => '\u{1}',
        })
        .collect();
    let segments: Vec<&str> = head.splitn(6, ':').collect();
    let [arn, _, service, _, _, name] = segments.as_slice() else {
        return tokens;
    };
    let whole = name.is_empty() || (*service != "s3" && TYPE_PREFIXES.contains(name));
    if *arn == "arn" && whole {
        tokens[at..].to_vec()
    } else {
        tokens
    }
}

/// Whether tokens match; unknown parts make it a maybe where they could decide.
fn match_tokens(pattern: &[Token], subject: &[Token], reading: Reading<'_>) -> Three {
    // Two resources never share an ARN.
    if let (Some(Token::Ref(a)), Some(Token::Ref(b))) = (pattern.first(), subject.first()) {
        // What both start with leaves the rest to be compared.
        return if a == b {
            match_tokens(&pattern[1..], &subject[1..], reading)
        } else {
            Three::No
        };
    }
    let mut padded;
    let mut pattern = pattern;
    if reading.arn && reading.wild && !pattern.iter().any(|t| t.is_open()) {
        let colons = pattern.iter().filter(|t| **t == Token::Char(':')).count();
        let head: Vec<Token> = "arn:".chars().map(Token::Char).collect();
        if pattern.starts_with(&head) && colons < 5 {
            padded = pattern.to_vec();
            for _ in colons..5 {
                padded.extend([Token::Char(':'), Token::Star]);
            }
            pattern = &padded;
        }
    }
    let locked = locked_colons(pattern, subject, reading);
    if align(pattern, subject, &locked, reading.fold, false) {
        return Three::Yes;
    }
    let open = pattern.iter().chain(subject).any(|t| t.is_open());
    if open && align(pattern, subject, &locked, reading.fold, true) {
        Three::Maybe
    } else {
        Three::No
    }
}

/// The colons between an ARN's segments, which no wildcard covers.
fn locked_colons(pattern: &[Token], subject: &[Token], reading: Reading<'_>) -> Vec<bool> {
    let mut locked = vec![false; subject.len()];
    let starts: String = subject
        .iter()
        .take(4)
        .map(|t| if let Token::Char(c) = t { *c } else { '\u{1}' })
        .collect();
    if reading.arn && starts == "arn:" && !pattern.iter().all(|t| *t == Token::Star) {
        let colons = subject
            .iter()
            .enumerate()
            .filter(|(_, t)| **t == Token::Char(':'));
        for (i, _) in colons.take(5) {
            locked[i] = true;
        }
    }
    locked
}

/// Reachability over the grid of (pattern, subject) positions. With `open`, parts that are not
/// known may be any string; without, they match only themselves and what `*` covers.
fn align(pattern: &[Token], subject: &[Token], locked: &[bool], fold: bool, open: bool) -> bool {
    let width = subject.len();
    let mut row = vec![false; width + 1];
    row[0] = true;
    let skip_open = |row: &mut [bool]| {
        if open {
            for j in 0..width {
                if row[j] && subject[j].is_open() {
                    row[j + 1] = true;
                }
            }
        }
    };
    skip_open(&mut row);
    for token in pattern {
        let mut next = vec![false; width + 1];
        let any = *token == Token::Star || (open && token.is_open());
        for j in 0..=width {
            let passed = any || (open && j < width && subject[j].is_open());
            if row[j] && passed {
                next[j] = true;
            }
            // An open part of the subject that was entered may also end behind this token.
            if j == width {
                break;
            }
            let star_takes = *token != Token::Star || !locked[j];
            if any && star_takes && next[j] {
                next[j + 1] = true;
            }
            if row[j] && same(*token, subject[j], locked[j], fold) {
                next[j + 1] = true;
            }
        }
        skip_open(&mut next);
        row = next;
    }
    row[width]
}

fn same(pattern: Token, subject: Token, locked: bool, fold: bool) -> bool {
    match (pattern, subject) {
        (Token::Char(a), Token::Char(b)) => a == b || (fold && a.eq_ignore_ascii_case(&b)),
        (Token::One, Token::Char(_)) => !locked,
        (Token::Ref(a), Token::Ref(b)) => a == b,
        (Token::Own, Token::Own) | (Token::Region, Token::Region) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::Reference;
    use std::sync::Arc;

    fn reference(id: u32) -> Part {
        Part::Reference(Reference {
            target: ResourceId(id),
            attribute: None,
        })
    }

    fn hole() -> Part {
        Part::Unknown(Arc::new(Why::Parameter("P".into())))
    }

    fn text(parts: &[Part]) -> Text {
        Text::from_parts(parts.iter().cloned())
    }

    fn lit(s: &str) -> Part {
        Part::Literal(s.into())
    }

    const ARN: Reading<'static> = Reading {
        wild: true,
        variables: None,
        fold: false,
        arn: true,
    };

    #[test]
    fn globs() {
        assert!(glob("s3:Get*", "s3:GetObject", false));
        assert!(glob("*", "", false));
        assert!(glob("a?c", "aéc", false));
        assert!(glob("a*b*c", "a-b-b-c", false));
        assert!(!glob("a?c", "ac", false));
        assert!(glob("S3:get*", "s3:GetObject", true));
    }

    #[test]
    fn arns_match_segment_by_segment() {
        let m = |p: &str, s: &str| matches(&Text::Plain(p.into()), &Text::Plain(s.into()), ARN);
        assert_eq!(m("arn:aws:sqs:*:1:q", "arn:aws:sqs:eu:1:q"), Three::Yes);
        assert_eq!(m("arn:aws:*:q", "arn:aws:sqs:eu:1:q"), Three::No);
        assert_eq!(m("arn:aws:sqs", "arn:aws:sqs:eu:1:q"), Three::Yes);
        assert_eq!(m("*", "arn:aws:sqs:eu:1:q"), Three::Yes);
    }

    #[test]
    fn references_match_themselves() {
        let objects = text(&[reference(1), lit("/*")]);
        let built = text(&[lit("arn:aws:s3:::"), reference(1), lit("/*")]);
        let object = text(&[reference(1), lit("/a")]);
        assert_eq!(matches(&objects, &object, ARN), Three::Yes);
        assert_eq!(matches(&built, &object, ARN), Three::Yes);
        assert_eq!(
            matches(&text(&[reference(2), lit("/*")]), &object, ARN),
            Three::No
        );
        assert_eq!(matches(&text(&[reference(1)]), &object, ARN), Three::No);
    }

    #[test]
    fn a_stack_has_one_account_and_region() {
        let pseudo = |name: &str| Part::Unknown(Arc::new(Why::Runtime(name.to_owned())));
        let arn = |name: &str| {
            let parts = [
                lit("arn:aws:kms:"),
                pseudo("AWS::Region"),
                lit(":"),
                pseudo("AWS::AccountId"),
                lit(name),
            ];
            text(&parts)
        };
        let key = arn(":key/1");
        assert_eq!(matches(&arn(":key/*"), &key, ARN), Three::Yes);
        let literal = Text::Plain("arn:aws:kms:eu-central-1:111111111111:key/*".into());
        assert_eq!(matches(&literal, &key, ARN), Three::Maybe);
    }

    #[test]
    fn holes_may_match() {
        let pattern = text(&[lit("arn:aws:kms:eu:"), hole(), lit(":key/*")]);
        let m = |s: &str| matches(&pattern, &Text::Plain(s.into()), ARN);
        assert_eq!(m("arn:aws:kms:eu:1:key/a"), Three::Maybe);
        assert_eq!(m("arn:aws:s3:::b"), Three::No);
        let any_object = text(&[lit("arn:aws:s3:::b/"), hole()]);
        let m = |p: &str| matches(&Text::Plain(p.into()), &any_object, ARN);
        assert_eq!(m("arn:aws:s3:::b/*"), Three::Yes);
        assert_eq!(m("arn:aws:s3:::b/logs/*"), Three::Maybe);
        assert_eq!(m("arn:aws:s3:::c/*"), Three::No);
    }
}
