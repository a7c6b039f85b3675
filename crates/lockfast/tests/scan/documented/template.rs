//! Recorded answers name what differs from run to run by words in braces.

use super::Call;

/// Fills in `{account}`, `{region}`, `{key:ALIAS}` (the ARN of a key; of another region's `{key:ALIAS@REGION}`), and moments: `{now}`, `{now-3d}`, `{now+30d}`. In JSON a
/// text that is nothing but a moment becomes a number of seconds, as the JSON protocols write it; elsewhere moments are
/// written as in XML.
pub fn fill(call: &Call<'_>, text: &str, json: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let word = after
            .split_once('}')
            .and_then(|(word, after)| Some((filled(call, word)?, word, after)));
        match word {
            Some((Filled::Text(value), _, after)) => {
                out.push_str(&value);
                rest = after;
            }
            Some((Filled::Moment(seconds), _, after)) => {
                rest = after;
                match (json && out.ends_with('"'), rest.strip_prefix('"')) {
                    (true, Some(after)) => {
                        out.pop();
                        out.push_str(&seconds.to_string());
                        rest = after;
                    }
                    _ => out.push_str(&written(seconds)),
                }
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

enum Filled {
    Text(String),
    Moment(i64),
}

fn filled(call: &Call<'_>, word: &str) -> Option<Filled> {
    if let Some((alias, region)) = word
        .strip_prefix("key:")
        .and_then(|word| word.split_once('@'))
    {
        return Some(Filled::Text(call.key_in(region, alias)));
    }
    if let Some(alias) = word.strip_prefix("key:") {
        return Some(Filled::Text(call.key(alias)));
    }
    if let Some(days) = word.strip_prefix("now") {
        let days: i64 = match days {
            "" => 0,
            days => days.strip_suffix('d')?.parse().ok()?,
        };
        return Some(Filled::Moment(in_days(days)));
    }
    match word {
        "account" => Some(Filled::Text(call.account.clone())),
        "region" => Some(Filled::Text(call.asked.region.clone())),
        _ => None,
    }
}

/// The second that many days from now.
pub fn in_days(days: i64) -> i64 {
    jiff::Timestamp::now().as_second() + days * 86_400
}

/// A second as XML writes it.
pub fn written(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or_else(|_| String::new(), |moment| moment.to_string())
}
