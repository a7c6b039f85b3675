//! Records, written by hand: a template engine or a serialiser would take most of the time.

use crate::call::{Call, Who};
use crate::random::Random;
use std::ops::Range;

/// What tells one record from another of the same caller. Parameters and the like are JSON already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// As `kms.amazonaws.com`.
    pub(crate) source: &'a str,
    pub(crate) name: &'a str,
    pub(crate) read_only: bool,
    pub(crate) parameters: &'a str,
    pub(crate) response: &'a str,
    /// `additionalEventData`; left out when empty, as the following.
    pub(crate) additional: &'a str,
    pub(crate) resources: &'a str,
    /// `serviceEventDetails`
    pub(crate) details: &'a str,
    /// Code and message.
    pub(crate) error: Option<(&'a str, &'a str)>,
    /// `eventType`
    pub(crate) kind: &'a str,
    /// It is a data event.
    pub(crate) data: bool,
    /// Another account has a record of it, too.
    pub(crate) shared: Option<u128>,
    /// The host that the client meant; when empty, the service's in the region.
    pub(crate) host: &'a str,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Facts {
            source: "",
            name: "",
            read_only: true,
            parameters: "null",
            response: "null",
            additional: "",
            resources: "",
            details: "",
            error: None,
            kind: "AwsApiCall",
            data: false,
            shared: None,
            host: "",
        }
    }
}

/// Records, one after another.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) text: Vec<u8>,
    /// Where in the text each is.
    pub(crate) records: Vec<Range<usize>>,
    /// When each happened, in seconds.
    pub(crate) times: Vec<i64>,
    /// What identifiers are drawn from, and whatever else makes one record unlike another.
    pub(crate) random: Random,
    /// More about each, when it is asked for.
    pub(crate) notes: Option<Vec<Note>>,
}

/// What a label and a file need to know of a record.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) id: u128,
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Draft {
    pub(crate) fn new(random: Random) -> Self {
        Draft {
            text: Vec::new(),
            records: Vec::new(),
            times: Vec::new(),
            random,
            notes: None,
        }
    }

    /// Begins anew, with the memory that it has.
    pub(crate) fn clear(&mut self, random: Random) {
        self.text.clear();
        self.records.clear();
        self.times.clear();
        self.random = random;
    }

    /// Writes a record, and gives its identifier.
    pub(crate) fn record(&mut self, call: &Call, facts: &Facts) -> u128 {
        let start = self.text.len();
        let of_service = facts.kind == "AwsServiceEvent";
        let version = match self.random.below(100) {
            _ if of_service => "1.08",
            ..92 => "1.11",
            92..96 => "1.10",
            96..98 => "1.09",
            _ => "1.08",
        };
        let (request, id) = (self.random.uuid(), self.random.uuid());
        let tls = call.tls.pick(&mut self.random);
        let out = &mut self.text;
        put(
            out,
            &["{\"eventVersion\":\"", version, "\",\"userIdentity\":"],
        );
        identity(out, call, version == "1.11");
        put(out, &[",\"eventTime\":\""]);
        time(out, call.time);
        put(out, &["\",\"eventSource\":\"", facts.source]);
        put(out, &["\",\"eventName\":\"", facts.name]);
        put(out, &["\",\"awsRegion\":\"", call.region]);
        put(out, &["\",\"sourceIPAddress\":\"", call.address]);
        put(out, &["\",\"userAgent\":\""]);
        escape(out, call.agent);
        if let Some((code, message)) = facts.error {
            put(out, &["\",\"errorCode\":\"", code]);
            put(out, &["\",\"errorMessage\":\""]);
            escape(out, message);
        }
        put(out, &["\",\"requestParameters\":", facts.parameters]);
        put(out, &[",\"responseElements\":", facts.response]);
        if !facts.additional.is_empty() {
            put(out, &[",\"additionalEventData\":", facts.additional]);
        }
        if !of_service {
            put(out, &[",\"requestID\":\""]);
            uuid(out, request);
            put(out, &["\""]);
        }
        put(out, &[",\"eventID\":\""]);
        uuid(out, id);
        put(out, &["\",\"readOnly\":", truth(facts.read_only)]);
        if !facts.resources.is_empty() {
            put(out, &[",\"resources\":", facts.resources]);
        }
        put(out, &[",\"eventType\":\"", facts.kind]);
        put(out, &["\",\"managementEvent\":", truth(!facts.data)]);
        put(out, &[",\"recipientAccountId\":\"", call.account, "\""]);
        if let Some(shared) = facts.shared {
            put(out, &[",\"sharedEventID\":\""]);
            uuid(out, shared);
            put(out, &["\""]);
        }
        if let Some(endpoint) = call.endpoint {
            put(out, &[",\"vpcEndpointId\":\"", endpoint]);
            put(out, &["\",\"vpcEndpointAccountId\":\"", call.account, "\""]);
        }
        if !facts.details.is_empty() {
            put(out, &[",\"serviceEventDetails\":", facts.details]);
        }
        let category = if facts.data { "Data" } else { "Management" };
        put(out, &[",\"eventCategory\":\"", category, "\""]);
        // What services do among themselves has none.
        let by_service = matches!(call.who, Who::Service(_) | Who::Internal(_));
        if !by_service && call.invoked_by.is_none() && facts.kind == "AwsApiCall" {
            tls_details(out, call.region, facts, tls, call.agent);
        }
        if call.console {
            put(out, &[",\"sessionCredentialFromConsole\":\"true\""]);
        }
        out.push(b'}');
        self.records.push(start..self.text.len());
        self.times.push(call.time);
        if let Some(notes) = &mut self.notes {
            notes.push(Note {
                id,
                account: call.account.into(),
                region: call.region.into(),
            });
        }
        id
    }

    /// Takes a record that was written elsewhere.
    pub(crate) fn copy(&mut self, record: &[u8], time: i64) {
        let start = self.text.len();
        self.text.extend_from_slice(record);
        self.records.push(start..self.text.len());
        self.times.push(time);
    }

    /// Takes back all records but the first so many.
    pub(crate) fn truncate(&mut self, count: usize) {
        if let Some(record) = self.records.get(count) {
            self.text.truncate(record.start);
            self.records.truncate(count);
            self.times.truncate(count);
        }
    }
}

fn identity(out: &mut Vec<u8>, call: &Call, scoped: bool) {
    match &call.who {
        Who::Session {
            actor,
            scope,
            session,
        } => {
            let (id, account, name) = (&actor.id, &actor.account, &actor.name);
            put(out, &["{\"type\":\"AssumedRole\",\"principalId\":\"", id]);
            put(out, &[":", &session.name, "\",\"arn\":\"arn:aws:sts::"]);
            put(out, &[account, ":assumed-role/", name, "/", &session.name]);
            put(out, &["\",\"accountId\":\"", account]);
            put(out, &["\",\"accessKeyId\":\"", &session.access_key]);
            put(
                out,
                &["\",\"sessionContext\":{\"sessionIssuer\":{\"type\":"],
            );
            put(out, &["\"Role\",\"principalId\":\"", id, "\",\"arn\":\""]);
            put(out, &[&actor.arn, "\",\"accountId\":\"", account]);
            put(out, &["\",\"userName\":\"", name]);
            put(out, &["\"},\"attributes\":{\"creationDate\":\""]);
            time(out, session.started);
            put(
                out,
                &["\",\"mfaAuthenticated\":\"", truth(session.mfa), "\"}}"],
            );
            if let Some(service) = call.invoked_by {
                put(out, &[",\"invokedBy\":\"", service, "\""]);
            }
            if let Some((kind, resource)) = scope
                && scoped
                && call.invoked_by.is_none()
            {
                put(out, &[",\"inScopeOf\":{\"issuerType\":\"", kind]);
                put(out, &["\",\"credentialsIssuedTo\":\"", resource, "\"}"]);
            }
        }
        Who::User(actor) => {
            put(
                out,
                &["{\"type\":\"IAMUser\",\"principalId\":\"", &actor.id],
            );
            put(out, &["\",\"arn\":\"", &actor.arn]);
            put(out, &["\",\"accountId\":\"", &actor.account]);
            put(out, &["\",\"accessKeyId\":\"", &actor.access_key]);
            put(out, &["\",\"userName\":\"", &actor.name, "\""]);
            if let Some(service) = call.invoked_by {
                put(out, &[",\"invokedBy\":\"", service, "\""]);
            }
        }
        Who::InConsole { actor, session } => {
            put(
                out,
                &["{\"type\":\"IAMUser\",\"principalId\":\"", &actor.id],
            );
            put(out, &["\",\"arn\":\"", &actor.arn]);
            put(out, &["\",\"accountId\":\"", &actor.account]);
            if let Some(session) = session {
                put(out, &["\",\"accessKeyId\":\"", &session.access_key]);
            }
            put(out, &["\",\"userName\":\"", &actor.name, "\""]);
            if let Some(session) = session {
                put(
                    out,
                    &[",\"sessionContext\":{\"attributes\":{\"creationDate\":\""],
                );
                time(out, session.started);
                put(out, &["\",\"mfaAuthenticated\":\"", truth(session.mfa)]);
                put(out, &["\"}}"]);
            }
        }
        Who::Service(service) => {
            put(
                out,
                &["{\"type\":\"AWSService\",\"invokedBy\":\"", service, "\""],
            );
        }
        Who::Internal(service) => {
            put(out, &["{\"accountId\":\"", call.account]);
            put(out, &["\",\"invokedBy\":\"", service, "\""]);
        }
        Who::Outsider { account, principal } => {
            put(
                out,
                &["{\"type\":\"AWSAccount\",\"principalId\":\"", principal],
            );
            put(out, &["\",\"accountId\":\"", account, "\""]);
        }
    }
    out.push(b'}');
}

fn tls_details(
    out: &mut Vec<u8>,
    region: &str,
    facts: &Facts,
    (version, suite): (&str, &str),
    agent: &str,
) {
    put(out, &[",\"tlsDetails\":{\"tlsVersion\":\"", version]);
    put(out, &["\",\"cipherSuite\":\"", suite]);
    put(out, &["\",\"clientProvidedHostHeader\":\""]);
    match facts.host {
        "" => {
            let service = facts.source.split('.').next().unwrap_or_default();
            put(out, &[service, ".", region, ".amazonaws.com"]);
        }
        host => put(out, &[host]),
    }
    out.push(b'"');
    // Only some services tell it.
    let told = matches!(
        facts.source,
        "kms.amazonaws.com" | "secretsmanager.amazonaws.com"
    );
    if told && version == "TLSv1.3" {
        let hybrid = agent.starts_with("aws-sdk-go") || agent.starts_with("aws-sdk-js");
        let exchange = if hybrid { "X25519MLKEM768" } else { "x25519" };
        put(out, &[",\"keyExchange\":\"", exchange, "\""]);
    }
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn truth(it: bool) -> &'static str {
    if it { "true" } else { "false" }
}

/// Text within a string of JSON.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            ..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

const HEX: [u8; 16] = *b"0123456789abcdef";

pub(crate) fn uuid(out: &mut Vec<u8>, id: u128) {
    for nibble in 0..32 {
        if matches!(nibble, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(HEX[(id >> (124 - 4 * nibble)) as usize & 0xf]);
    }
}

/// An identifier, as records have it.
pub(crate) fn uuid_text(id: u128) -> String {
    let mut text = Vec::with_capacity(36);
    uuid(&mut text, id);
    String::from_utf8_lossy(&text).into_owned()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|it| char::from(HEX[usize::from(it)])).collect()
}

/// `2026-06-01T12:34:56Z`
pub(crate) fn time(out: &mut Vec<u8>, seconds: i64) {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(day);
    digits(out, year, 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
    out.push(b'T');
    digits(out, second / 3_600, 2);
    out.push(b':');
    digits(out, second / 60 % 60, 2);
    out.push(b':');
    digits(out, second % 60, 2);
    out.push(b'Z');
}

/// The same as text.
pub(crate) fn time_text(seconds: i64) -> String {
    let mut text = Vec::with_capacity(20);
    time(&mut text, seconds);
    String::from_utf8_lossy(&text).into_owned()
}

/// `Jun 1, 2026, 12:34:56 PM`, as times stand in parameters and responses.
pub(crate) fn spoken_time(seconds: i64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let hour = second / 3_600;
    let half = if hour < 12 { "AM" } else { "PM" };
    format!(
        "{} {day}, {year}, {}:{:02}:{:02} {half}",
        MONTHS[(month - 1) as usize % 12],
        (hour + 11) % 12 + 1,
        second / 60 % 60,
        second % 60
    )
}

fn digits(out: &mut Vec<u8>, number: i64, count: u32) {
    for place in (0..count).rev() {
        out.push(b'0' + (number / 10_i64.pow(place) % 10) as u8);
    }
}

/// Year, month and day of a count of days since 1970: a calendar's code takes ten times as long. Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_the_calendars() {
        for days in (-1_000..40_000).step_by(7).chain([11_016, 20_605, 20_606]) {
            let expected = date(1970, 1, 1)
                .checked_add(jiff::Span::new().days(days))
                .unwrap();
            let (year, month, day) = civil(days);
            let told = date(year as i16, month as i8, day as i8);
            assert_eq!(told, expected);
        }
        assert_eq!(time_text(1_780_317_296), "2026-06-01T12:34:56Z");
        assert_eq!(spoken_time(1_780_317_296), "Jun 1, 2026, 12:34:56 PM");
        assert_eq!(spoken_time(1_780_272_000), "Jun 1, 2026, 12:00:00 AM");
    }

    #[test]
    fn identifiers_and_escapes() {
        let mut random = Random::of(1, "test", 0);
        for _ in 0..1_000 {
            let text = uuid_text(random.uuid());
            assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
        }
        let mut text = Vec::new();
        escape(&mut text, "a\"b\\c\nä");
        assert_eq!(text, "a\\\"b\\\\c\\u000aä".as_bytes());
    }
}
