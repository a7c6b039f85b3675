//! The table of who read which secret.

use super::columns::{Cell, Row as AnyRow, table};
use lockfast_cloudtrail::{Event, Record, UserIdentity};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What such an event is called.
pub(super) const NEEDLES: &[&str] = &[
    "\"GetSecretValue\"",
    "\"BatchGetSecretValue\"",
    "\"GetParameter\"",
    "\"GetParameters\"",
    "\"GetParametersByPath\"",
    "\"GetParameterHistory\"",
];

const SECRETS: &str = "secretsmanager.amazonaws.com";
const PARAMETERS: &str = "ssm.amazonaws.com";

pub(super) struct Row<'a> {
    record: Record<'a>,
    name: Cow<'a, str>,
    kind: &'static str,
}

table! { Row:
    "event_id" Text "`eventID`." => |row| Cell::text(row.record.event.id.as_deref()),
    "event_time" Time "When the request was completed." => |row| Cell::Time(row.record.event.time),
    "event_day" Day "The day of it." => |row| Cell::Day(row.record.event.time),
    "account" Text "The account that the record was delivered to." => |row| Cell::text(row.record.event.recipient_account_id.as_deref()),
    "region" Text "The region." => |row| Cell::text(row.record.event.region.as_deref()),
    "kind" Text "`secret`, `parameter`, or `path` for all parameters below one." => |row| Cell::text(Some(row.kind)),
    "secret" Text "The secret or parameter, as the request names it: its ARN or name; a path ends with a slash." => |row| Cell::Text(Some(Cow::Borrowed(&row.name))),
    "operation" Text "What was asked, as `GetSecretValue`." => |row| Cell::text(row.record.event.name.as_deref()),
    "principal" Text "Who asked: of an assumed role the role's ARN, else the identity's own, else the service." => |row| Cell::Text(row.record.event.principal()),
    "principal_type" Text "`userIdentity.type`." => |row| Cell::text(identity(row).and_then(|i| i.kind.as_deref())),
    "principal_arn" Text "`userIdentity.arn`: of an assumed role the session's." => |row| Cell::text(identity(row).and_then(|i| i.arn.as_deref())),
    "principal_account" Text "`userIdentity.accountId`." => |row| Cell::text(identity(row).and_then(|i| i.account_id.as_deref())),
    "invoked_by" Text "The service that asked, for itself or for the principal." => |row| Cell::text(identity(row).and_then(|i| i.invoked_by.as_deref())),
    "error_code" Text "Why it was refused; null where it was not." => |row| Cell::text(row.record.event.error_code.as_deref()),
    "source_ip" Text "From where: an address, or a service's name." => |row| Cell::text(row.record.event.source_ip_address.as_deref()),
    "user_agent" Text "With what." => |row| Cell::text(row.record.event.user_agent.as_deref()),
    "access_key_id" Text "What signed the request." => |row| Cell::text(identity(row).and_then(|i| i.access_key_id.as_deref())),
    "vpc_endpoint_id" Text "The VPC endpoint that it came through." => |row| Cell::text(row.record.event.vpc_endpoint_id.as_deref()),
    "tls_version" Text "As `TLSv1.3`; null where the record has no `tlsDetails`." => |row| Cell::text(row.record.event.tls.as_ref().and_then(|t| t.version.as_deref())),
    "file" Text "The file that the record stands in." => |row| Cell::Text(Some(row.record.file.path.to_string_lossy())),
    "file_offset" Number "The byte of the file's text, after inflation, where the record begins; of Parquet the number of its row, from 0." => |row| Cell::Number(i64::try_from(row.record.offset).ok()),
}

fn identity<'a>(row: &'a Row<'_>) -> Option<&'a UserIdentity<'a>> {
    row.record.event.identity.as_ref()
}

/// An event that names nothing that could be read (refused before it was looked at, say) is a row without a name: somebody tried.
pub(super) fn rows(record: &Record<'_>, add: &mut dyn FnMut(&dyn AnyRow)) {
    let Some((kind, names)) = named(record.event) else {
        return;
    };
    for name in names {
        add(&Row {
            record: *record,
            name,
            kind,
        });
    }
}

/// What an event reads, by AWS's own parameters (AWS Secrets Manager User Guide, "AWS CloudTrail entries for Secrets Manager"; AWS
/// Systems Manager API Reference). A parameter read without `withDecryption` gives no secret away: a SecureString stays encrypted.
fn named<'a>(event: &Event<'a>) -> Option<(&'static str, Vec<Cow<'a, str>>)> {
    let sent: BTreeMap<Cow<'a, str>, &'a RawValue> = event
        .request_parameters
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let text = |key: &str| sent.get(key).and_then(|raw| one(raw));
    let texts = |key: &str| {
        let all: Option<Vec<Cow<'a, str>>> = sent
            .get(key)
            .and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok())
            .map(|all| all.into_iter().filter_map(one).collect());
        all.unwrap_or_default()
    };
    let or_none = |names: Vec<Cow<'a, str>>| match names.is_empty() {
        true => vec![Cow::Borrowed("")],
        false => names,
    };
    match (event.source.as_deref()?, event.name.as_deref()?) {
        (SECRETS, "GetSecretValue") => {
            Some(("secret", or_none(text("secretId").into_iter().collect())))
        }
        (SECRETS, "BatchGetSecretValue") => Some(("secret", or_none(texts("secretIdList")))),
        (PARAMETERS, _)
            if sent
                .get("withDecryption")
                .is_none_or(|raw| raw.get() != "true") =>
        {
            None
        }
        (PARAMETERS, "GetParameter" | "GetParameterHistory") => {
            Some(("parameter", or_none(text("name").into_iter().collect())))
        }
        (PARAMETERS, "GetParameters") => Some(("parameter", or_none(texts("names")))),
        (PARAMETERS, "GetParametersByPath") => {
            let path = text("path").map(|path| match path.ends_with('/') {
                true => path,
                false => Cow::Owned(format!("{path}/")),
            });
            Some(("path", or_none(path.into_iter().collect())))
        }
        _ => None,
    }
}

fn one(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str(text).ok().map(Cow::Owned),
    }
}
