//! Which keys an event used.

use crate::event::Event;
use crate::projected::{Lenient, projected};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The `eventSource` of AWS KMS.
pub const SOURCE: &str = "kms.amazonaws.com";

const KEY_TYPE: &str = "AWS::KMS::Key";

/// A key, as an event names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyName {
    /// By its ARN.
    Arn(String),
    /// By its identifier, within the account and region of the one who asked.
    Id(String),
    /// By an alias: its name (`alias/...`), within the account and region of the one who asked, or its ARN.
    Alias(String),
}

impl KeyName {
    /// Whichever it is; none for what cannot name a key.
    pub fn parse(name: &str) -> Option<Self> {
        let local = match name.strip_prefix("arn:") {
            Some(arn) => arn.splitn(5, ':').nth(4)?,
            None => name,
        };
        match (local.strip_prefix("alias/"), name.starts_with("arn:")) {
            (Some(""), _) => None,
            (Some(_), _) => Some(KeyName::Alias(name.into())),
            (None, true) if local.starts_with("key/") => Some(KeyName::Arn(name.into())),
            (None, false) if !name.is_empty() => Some(KeyName::Id(name.into())),
            _ => None,
        }
    }

    /// True when it is the name of the key with this ARN and these aliases (names or ARNs). An identifier or the name of an
    /// alias says nothing of account and region: who asks about a key of one, asks of events in it.
    pub fn matches<A: AsRef<str>>(&self, key_arn: &str, aliases: &[A]) -> bool {
        match self {
            KeyName::Arn(arn) => arn == key_arn,
            KeyName::Id(id) => key_arn
                .split_once(":key/")
                .is_some_and(|(_, of_key)| of_key == id),
            KeyName::Alias(alias) => {
                let (place, name) = split_alias(alias);
                let same_place = place.is_none_or(|place| {
                    key_arn
                        .strip_prefix(place)
                        .is_some_and(|rest| rest.starts_with(":key/"))
                });
                same_place
                    && aliases.iter().any(|of_key| {
                        let (of_place, of_name) = split_alias(of_key.as_ref());
                        name == of_name
                            && (place.is_none() || of_place.is_none() || place == of_place)
                    })
            }
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (KeyName::Arn(name) | KeyName::Id(name) | KeyName::Alias(name)) = self;
        f.write_str(name)
    }
}

/// What comes before the name of an alias in its ARN, and the name.
fn split_alias(alias: &str) -> (Option<&str>, &str) {
    match alias.split_once(":alias/") {
        Some((place, name)) => (Some(place), name),
        None => (None, alias.strip_prefix("alias/").unwrap_or(alias)),
    }
}

/// One use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyName,
    /// What was done with it, as the event calls it. Of `ReEncrypt` with two keys, `ReEncryptFrom` and `ReEncryptTo`, as
    /// policies call the halves.
    pub operation: String,
    /// Who did ([`Event::principal`]).
    pub principal: Option<String>,
    /// The service that asked in their name, or in its own.
    pub via: Option<String>,
    /// The encryption context: what the service says it was used for.
    pub encryption_context: BTreeMap<String, String>,
    /// The error, when it was refused.
    pub failed: Option<String>,
    /// When.
    pub time: Option<Timestamp>,
}

/// True for operations that use a key, and do not manage it. `CreateGrant` manages: it lets others use the key.
pub fn is_cryptographic(operation: &str) -> bool {
    matches!(
        operation,
        "Decrypt"
            | "Encrypt"
            | "Sign"
            | "Verify"
            | "GenerateMac"
            | "VerifyMac"
            | "DeriveSharedSecret"
    ) || operation.starts_with("GenerateDataKey")
        || operation.starts_with("ReEncrypt")
}

projected! {
    struct Parameters<'a> {
        key: Cow<'a, str> = "keyId",
        source: Cow<'a, str> = "sourceKeyId",
        destination: Cow<'a, str> = "destinationKeyId",
        context: Context = "encryptionContext",
        source_context: Context = "sourceEncryptionContext",
        destination_context: Context = "destinationEncryptionContext",
        via: Cow<'a, str> = "viaService",
    }
}

projected! {
    struct Additional<'a> {
        invoked_by: Cow<'a, str> = "invokedBy",
        via: Cow<'a, str> = "viaService",
    }
}

/// What a key is to a use of it.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Only,
    From,
    To,
}

/// The uses of keys in an event: of most one, of `ReEncrypt` two. None when the event is not of AWS KMS or manages a key
/// ([`is_cryptographic`]), and when it does not name the key, as many a refused request does: no key was used then.
///
/// The key stands among the event's resources. Where it does not, in the request's parameters; where those are left out as
/// well, for the request was refused, in the message of the error.
pub fn uses(event: &Event) -> Vec<KeyUse> {
    match event.name.as_deref().is_some_and(is_cryptographic) {
        true => about(event),
        false => Vec::new(),
    }
}

/// The keys that an event of AWS KMS is about, whether it uses or manages them, or tells of them; found as [`uses`] finds them.
pub fn about(event: &Event) -> Vec<KeyUse> {
    let (Some(SOURCE), Some(operation)) = (event.source.as_deref(), event.name.as_deref()) else {
        return Vec::new();
    };
    let parameters = projected_or_default::<Parameters>(event.request_parameters);
    let via = via(event, &parameters);
    let principal = event.principal().map(Cow::into_owned);
    let keys = match operation.starts_with("ReEncrypt") {
        true => keys_of_reencrypt(event, &parameters),
        false => key_of(event, &parameters),
    };
    let used = keys.into_iter().map(|(key, part)| {
        let own = match part {
            Part::Only => None,
            Part::From => parameters.source_context.clone(),
            Part::To => parameters.destination_context.clone(),
        };
        KeyUse {
            key,
            operation: match part {
                Part::Only => operation.into(),
                Part::From => "ReEncryptFrom".into(),
                Part::To => "ReEncryptTo".into(),
            },
            principal: principal.clone(),
            via: via.clone(),
            encryption_context: own
                .or_else(|| parameters.context.clone())
                .unwrap_or_default()
                .0,
            failed: event.error_code.as_deref().map(str::to_owned),
            time: event.time,
        }
    });
    used.collect()
}

fn key_of(event: &Event, parameters: &Parameters) -> Vec<(KeyName, Part)> {
    let parameter = || parameters.key.as_deref().and_then(KeyName::parse);
    let key = keys_among_resources(event)
        .next()
        .or_else(parameter)
        .or_else(|| key_of_refusal(event));
    key.map(|key| (key, Part::Only)).into_iter().collect()
}

/// Both keys are among the resources, and nothing there tells which is which: the parameters do, at least of the one that the
/// text is encrypted under afterwards, for that must be named.
fn keys_of_reencrypt(event: &Event, parameters: &Parameters) -> Vec<(KeyName, Part)> {
    let resources: Vec<KeyName> = keys_among_resources(event).collect();
    let source = parameters.source.as_deref().and_then(KeyName::parse);
    let destination = parameters.destination.as_deref().and_then(KeyName::parse);
    let same = |resource: &KeyName, name: &KeyName| match resource {
        KeyName::Arn(arn) => name.matches(arn, &[] as &[&str]),
        _ => resource == name,
    };
    let is = |resource: &KeyName, name: &Option<KeyName>| {
        name.as_ref().is_some_and(|name| same(resource, name))
    };
    match &resources[..] {
        [] => {
            let source = source.map(|key| (key, Part::From));
            let destination = destination.map(|key| (key, Part::To));
            let named: Vec<_> = source.into_iter().chain(destination).collect();
            match named.is_empty() {
                true => key_of(event, parameters),
                false => named,
            }
        }
        // Encrypted anew under the same key; or one of the keys is another account's and not told.
        [only] => match (is(only, &source), is(only, &destination)) {
            (true, true) => vec![(only.clone(), Part::From), (only.clone(), Part::To)],
            (true, false) => std::iter::once((only.clone(), Part::From))
                .chain(destination.map(|key| (key, Part::To)))
                .collect(),
            (false, true) => source
                .map(|key| (key, Part::From))
                .into_iter()
                .chain(std::iter::once((only.clone(), Part::To)))
                .collect(),
            (false, false) => vec![(only.clone(), Part::Only)],
        },
        [first, second, ..] => {
            let swapped = (is(first, &destination) && !is(second, &destination))
                || (is(second, &source) && !is(first, &source));
            // The source comes first (AWS KMS Developer Guide, page `ct-reencrypt`); but what the request
            // names goes before that.
            let (from, to) = match swapped {
                true => (second, first),
                false => (first, second),
            };
            vec![(from.clone(), Part::From), (to.clone(), Part::To)]
        }
    }
}

fn keys_among_resources(event: &Event) -> impl Iterator<Item = KeyName> {
    let resources = event.resources.iter().flatten();
    resources.filter_map(|resource| {
        let key = KeyName::parse(resource.arn.as_deref()?)?;
        match resource.kind.as_deref() {
            Some(KEY_TYPE) => Some(key),
            // Older records leave the type out.
            None => matches!(key, KeyName::Arn(_)).then_some(key),
            Some(_) => None,
        }
    })
}

/// "User: ... is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:...:key/... because ..."
fn key_of_refusal(event: &Event) -> Option<KeyName> {
    let (_, rest) = event
        .error_message
        .as_deref()?
        .split_once("on resource: ")?;
    let name = rest.split([' ', ',', '"']).next()?;
    let arn = name.trim_end_matches('.').starts_with("arn:");
    arn.then(|| KeyName::parse(name.trim_end_matches('.')))?
}

fn via(event: &Event, parameters: &Parameters) -> Option<String> {
    let additional = projected_or_default::<Additional>(event.additional_event_data);
    let identity = event.identity.as_ref();
    let address = event.source_ip_address.as_deref();
    let service = identity
        .and_then(|identity| identity.invoked_by.as_deref())
        .or(additional.invoked_by.as_deref())
        .or(additional.via.as_deref())
        .or(parameters.via.as_deref())
        // In place of an address stands the service that asked.
        .or(address.filter(|address| address.ends_with(".amazonaws.com")));
    service.map(str::to_owned)
}

fn projected_or_default<'a, T: Lenient<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(T::lenient).unwrap_or_default()
}

/// An encryption context. What is in it are strings; anything else is kept as it is written.
#[derive(Clone, Debug, Default)]
struct Context(BTreeMap<String, String>);

impl<'a> Lenient<'a> for Context {
    fn lenient(raw: &'a RawValue) -> Option<Self> {
        let pairs: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
        let pairs = pairs.into_iter().map(|(key, value)| {
            let text = Cow::lenient(value).unwrap_or(Cow::Borrowed(value.get()));
            (key, text.into_owned())
        });
        Some(Context(pairs.collect()))
    }
}
