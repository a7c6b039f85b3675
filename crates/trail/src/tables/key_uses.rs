//! The table of what was done with keys.

use super::columns::{Cell, Row as AnyRow, table};
use lockfast_cloudtrail::kms::{self, KeyName, KeyUse};
use lockfast_cloudtrail::{Record, UserIdentity};
use std::borrow::Cow;

pub(super) struct Row<'a> {
    record: Record<'a>,
    used: KeyUse,
    principal: Option<String>,
}

table! { Row:
    "event_id" Text "`eventID`." => |row| Cell::text(row.record.event.id.as_deref()),
    "event_time" Time "When the request was completed." => |row| Cell::Time(row.record.event.time),
    "event_day" Day "The day of it." => |row| Cell::Day(row.record.event.time),
    "account" Text "The account that the record was delivered to." => |row| Cell::text(row.record.event.recipient_account_id.as_deref()),
    "region" Text "The region." => |row| Cell::text(row.record.event.region.as_deref()),
    "key" Text "The key, by its ARN where the record tells it, else as the request names it." => |row| Cell::Text(Some(Cow::Owned(row.used.key.to_string()))),
    "key_account" Text "The key's account, where its ARN tells." => |row| Cell::text(key_account(&row.used.key)),
    "operation" Text "What was asked, as `Decrypt`." => |row| Cell::text(Some(&row.used.operation)),
    "cryptographic" Flag "Whether that does cryptography with the key; making data keys is." => |row| Cell::Flag(Some(kms::is_cryptographic(&row.used.operation))),
    "principal" Text "Who asked: of an assumed role the role's ARN, else the identity's own, else the service." => |row| Cell::text(row.principal.as_deref()),
    "principal_type" Text "`userIdentity.type`." => |row| Cell::text(identity(row).and_then(|i| i.kind.as_deref())),
    "principal_arn" Text "`userIdentity.arn`: of an assumed role the session's." => |row| Cell::text(identity(row).and_then(|i| i.arn.as_deref())),
    "principal_account" Text "`userIdentity.accountId`." => |row| Cell::text(identity(row).and_then(|i| i.account_id.as_deref())),
    "cross_account" Flag "Whether who asked is of another account than the key." => |row| Cell::Flag(cross_account(row)),
    "via" Text "The service that asked, for itself or for the principal; null where the principal called AWS KMS." => |row| Cell::text(row.used.via.as_deref()),
    "encryption_context" Text "The encryption context, as JSON with sorted keys; it names what was decrypted." => |row| Cell::Text(context(row)),
    "error_code" Text "Why it was refused; null where it was not." => |row| Cell::text(row.used.failed.as_deref()),
    "source_ip" Text "From where: an address, or a service's name." => |row| Cell::text(row.record.event.source_ip_address.as_deref()),
    "user_agent" Text "With what." => |row| Cell::text(row.record.event.user_agent.as_deref()),
    "access_key_id" Text "What signed the request." => |row| Cell::text(identity(row).and_then(|i| i.access_key_id.as_deref())),
    "vpc_endpoint_id" Text "The VPC endpoint that it came through." => |row| Cell::text(row.record.event.vpc_endpoint_id.as_deref()),
    "tls_version" Text "As `TLSv1.3`; null where the record has no `tlsDetails`." => |row| Cell::text(row.record.event.tls.as_ref().and_then(|t| t.version.as_deref())),
    "cipher_suite" Text "As `TLS_AES_128_GCM_SHA256`." => |row| Cell::text(row.record.event.tls.as_ref().and_then(|t| t.cipher_suite.as_deref())),
    "shared_event_id" Text "What the records of one request in several accounts have in common." => |row| Cell::text(row.record.event.shared_event_id.as_deref()),
    "file" Text "The file that the record stands in." => |row| Cell::Text(Some(row.record.file.path.to_string_lossy())),
    "file_offset" Number "The byte of the file's text, after inflation, where the record begins; of Parquet the number of its row, from 0." => |row| Cell::Number(i64::try_from(row.record.offset).ok()),
}

pub(super) fn rows(record: &Record<'_>, add: &mut dyn FnMut(&dyn AnyRow)) {
    for mut used in kms::about(record.event) {
        let principal = used.principal.take();
        add(&Row {
            record: *record,
            used,
            principal,
        });
    }
}

fn identity<'a>(row: &'a Row<'_>) -> Option<&'a UserIdentity<'a>> {
    row.record.event.identity.as_ref()
}

fn key_account(key: &KeyName) -> Option<&str> {
    let (KeyName::Arn(name) | KeyName::Alias(name) | KeyName::Id(name)) = key;
    let mut parts = name.split(':');
    (parts.next()? == "arn").then(|| parts.nth(3))?
}

fn cross_account(row: &Row<'_>) -> Option<bool> {
    let own = identity(row)?.account_id.as_deref()?;
    Some(key_account(&row.used.key)? != own)
}

fn context<'a>(row: &'a Row<'_>) -> Option<Cow<'a, str>> {
    let context = &row.used.encryption_context;
    if context.is_empty() {
        return None;
    }
    serde_json::to_string(context).ok().map(Cow::Owned)
}
