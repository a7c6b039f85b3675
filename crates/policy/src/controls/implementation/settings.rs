//! The encryption settings of a resource, in words that can be compared between environments.

use super::level::{Level, table};
use crate::connection::{Tls, sslmode};
use crate::judgement::{About, Verdict};
use crate::prelude::*;
use lockfast_facts::nouns::{ChannelKind, Transport, Variable};
use lockfast_facts::{Loc, Text};
use regex::Regex;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// One setting: what it is set to, or why that is unknown.
pub(super) struct Setting {
    /// What it is set to.
    pub value: Known<Level>,
    /// For whose key: a customer managed key and a key of AWS are different, but may differ.
    pub is_key: bool,
    /// What only one environment has (a replica, a listener) is a difference in size, not in encryption.
    pub optional: bool,
}

impl Setting {
    fn of(value: Known<Level>) -> Self {
        Setting {
            value,
            is_key: false,
            optional: false,
        }
    }
}

/// The settings of a resource, by a name that is the same in every environment.
pub(super) type Settings = BTreeMap<String, Setting>;

/// A store's protection, by whose key it is.
pub(super) const CUSTOMER_KEY: &str = "a customer managed key";
pub(super) const AWS_KEY: &str = "a key of AWS";
const SSL_MODE: &str = "sslmode";

/// What a setting is where nobody sets it.
pub(super) fn absent(subject: Subject<'_>, name: &str) -> Known<Level> {
    let level = match table().row(subject.kind(), name) {
        Some(row) => row.by_default(subject),
        None if name == SSL_MODE => Level::new("not stated", Some(mode_rank(Tls::Plain))),
        None => Level::new("not stated", None),
    };
    Known::Stated(level, subject.resource.loc)
}

/// What is found once for the whole inventory.
pub(super) struct Found<'a, 'c> {
    channels: HashMap<(ResourceId, usize), Vec<(String, Setting)>>,
    variables: HashMap<ResourceId, Vec<&'c Variable<'a>>>,
    plain_http: HashMap<ResourceId, Vec<Judgement>>,
}

impl<'a, 'c> Found<'a, 'c> {
    pub(super) fn new(cx: &'c Cx<'a>) -> Self {
        let mut plain_http: HashMap<_, Vec<Judgement>> = HashMap::new();
        let judged =
            crate::control::find("s3-refuses-plain-http").map(|control| control.judgements(cx));
        for judgement in judged.unwrap_or_default() {
            if let About::Resource(bucket) = judgement.about {
                plain_http.entry(bucket).or_default().push(judgement);
            }
        }
        let mut variables: HashMap<_, Vec<&Variable<'a>>> = HashMap::new();
        for variable in cx.variables() {
            if table().variable(&variable.name).is_some() {
                variables
                    .entry(variable.subject.id())
                    .or_default()
                    .push(variable);
            }
        }
        Found {
            channels: channels(cx),
            variables,
            plain_http,
        }
    }

    /// Every setting of a resource under one variant.
    pub(super) fn settings(
        &mut self,
        cx: &Cx<'_>,
        subject: Subject<'_>,
        variant: usize,
    ) -> Settings {
        let mut settings = Settings::new();
        for store in cx
            .inventory
            .stores_of(subject.id())
            .filter(|s| s.variant == variant && s.spec.noun != "parameter")
        {
            let value = store.protection.clone().map(|p| match p {
                Protection::None => Level::new("not encrypted", Some(0)),
                Protection::Customer(_) => Level::new(CUSTOMER_KEY, Some(2)),
                _ => Level::new(AWS_KEY, Some(1)),
            });
            let name = match store.part.as_str() {
                "" => "encryption at rest".to_owned(),
                part => format!("encryption at rest of {part}"),
            };
            settings.insert(
                name,
                Setting {
                    value,
                    is_key: true,
                    optional: true,
                },
            );
        }
        settings.extend(
            self.channels
                .remove(&(subject.id(), variant))
                .unwrap_or_default(),
        );
        for row in table().of_type(subject.kind()) {
            let value = row.read(subject);
            settings.extend(value.map(|value| (row.name().to_owned(), Setting::of(value))));
        }
        self.add_variables(subject, &mut settings);
        let refusal = self.plain_http.get(&subject.id()).into_iter().flatten();
        let worst = refusal
            .filter(|j| j.when.compatible(&subject.variant.when))
            .max_by_key(|j| j.verdict);
        if let Some(judgement) = worst {
            let loc = judgement.loc.unwrap_or(subject.resource.loc);
            let value = match judgement.verdict {
                Verdict::Fail => Known::Stated(Level::new("accepted", Some(0)), loc),
                Verdict::Unknown => Known::Unknown(
                    Arc::new(Why::Unsupported(judgement.message.to_string())),
                    loc,
                ),
                _ => Known::Stated(Level::new("refused", Some(1)), loc),
            };
            settings.insert("plain HTTP".into(), Setting::of(value));
        }
        if let Some(mode) = ssl_mode(subject) {
            settings.insert(SSL_MODE.into(), Setting::of(mode));
        }
        settings
    }

    /// Switches in environment variables; of several containers the weakest counts.
    fn add_variables(&self, subject: Subject<'_>, settings: &mut Settings) {
        let mut stated: HashMap<&'static str, Vec<Known<Level>>> = HashMap::new();
        let variables = self.variables.get(&subject.id()).into_iter().flatten();
        for variable in variables.filter(|v| std::ptr::eq(v.subject.variant, subject.variant)) {
            let Some(row) = table().variable(&variable.name) else {
                continue;
            };
            let value = match &variable.value {
                Read::Absent(_) => continue,
                Read::Unknown(why, loc) => Known::Unknown(why.clone(), *loc),
                Read::Found(text, loc) => match (text.plain(), text.first_unknown()) {
                    (Some(written), _) => Known::Stated(row.level(written), *loc),
                    (None, Some(why)) => Known::Unknown(why.clone(), *loc),
                    (None, None) => continue,
                },
            };
            stated.entry(row.name()).or_default().push(value);
        }
        for (name, values) in stated {
            settings.extend(weakest(values).map(|value| (name.to_owned(), Setting::of(value))));
        }
    }
}

/// The weakest of several values; unknown when one of them is.
pub(super) fn weakest(values: Vec<Known<Level>>) -> Option<Known<Level>> {
    values
        .into_iter()
        .min_by_key(|value| value.value().map(|level| (level.rank(), level.to_string())))
}

/// What the channels of the inventory say, each to its resource.
fn channels(cx: &Cx<'_>) -> HashMap<(ResourceId, usize), Vec<(String, Setting)>> {
    let mut settings: HashMap<_, Vec<_>> = HashMap::new();
    for channel in cx.inventory.channels() {
        let value = channel
            .transport
            .clone()
            .map(|t| Level::new(t.label(), transport_rank(&t)));
        let part = super::counterpart::key_of(&channel.part, "");
        let what = match channel.kind {
            ChannelKind::Listener | ChannelKind::ClassicListener | ChannelKind::LatticeListener
                if !part.is_empty() =>
            {
                format!(" of the listener on port {part}")
            }
            ChannelKind::Viewer => " towards viewers".to_owned(),
            ChannelKind::Origin => format!(" towards origin {part}"),
            _ if part.is_empty() => String::new(),
            _ => format!(" of {part}"),
        };
        settings
            .entry((channel.resource, channel.variant))
            .or_default()
            .push((
                format!("encryption in transit{what}"),
                Setting {
                    value,
                    is_key: false,
                    optional: true,
                },
            ));
    }
    settings
}

/// Plaintext, a redirect from it, then TLS by its oldest version and forward secrecy.
fn transport_rank(transport: &Transport) -> Option<i64> {
    let of_version = |version: &str| {
        crate::config::TlsVersion::parse(version).map(|v| 10 + 2 * i64::from(v as u8))
    };
    match transport {
        Transport::Plain => Some(0),
        Transport::Redirect => Some(1),
        Transport::PassThrough => None,
        Transport::Policy(policy) => {
            let row = policy.row?;
            Some(of_version(row.oldest())? + i64::from(row.forward_secrecy))
        }
        Transport::AtLeast(version) => of_version(version),
    }
}

fn mode_rank(tls: Tls) -> i64 {
    match tls {
        Tls::Verified => 2,
        Tls::Encrypted => 1,
        Tls::Plain | Tls::Unknown(_) => 0,
    }
}

/// The weakest that connection strings say of TLS (PostgreSQL documentation, "SSL Support").
fn ssl_mode(subject: Subject<'_>) -> Option<Known<Level>> {
    let mut modes = Vec::new();
    subject.variant.properties.walk(&mut |_, value| {
        if let Kind::Text(text) = &value.kind {
            ssl_modes(text, value.loc, &mut modes);
        }
    });
    weakest(modes)
}

fn ssl_modes(text: &Text, loc: Loc, modes: &mut Vec<Known<Level>>) {
    const HOLE: char = '\u{1}';
    static MODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("sslmode=([a-z-]*)(\u{1})?").expect("the pattern is valid"));
    let written = match text {
        Text::Plain(s) if !s.contains("sslmode=") => return,
        other => other.render(|_| HOLE.to_string()),
    };
    for found in MODE.captures_iter(&written) {
        modes.push(match (found.get(2), text.first_unknown()) {
            (Some(_), Some(why)) => Known::Unknown(why.clone(), loc),
            _ => Known::Stated(
                Level::new(&found[1], sslmode(&found[1]).map(mode_rank)),
                loc,
            ),
        });
    }
}
