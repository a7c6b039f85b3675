//! The table of all events.

use super::columns::{Cell, table};
use lockfast_cloudtrail::{Record, SessionContext, TlsDetails, UserIdentity};
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) struct Row<'a> {
    pub(super) record: Record<'a>,
}

table! { Row:
    "event_id" Text "`eventID`, which every copy of the record has." => |row| Cell::text(row.record.event.id.as_deref()),
    "event_time" Time "`eventTime`: when the request was completed." => |row| Cell::Time(row.record.event.time),
    "event_day" Day "The day of it." => |row| Cell::Day(row.record.event.time),
    "event_source" Text "`eventSource`: the service that was asked, as `kms.amazonaws.com`." => |row| Cell::text(row.record.event.source.as_deref()),
    "event_name" Text "`eventName`: what was asked of it." => |row| Cell::text(row.record.event.name.as_deref()),
    "event_type" Text "`eventType`, as `AwsApiCall`." => |row| Cell::text(row.record.event.event_type.as_deref()),
    "category" Text "`eventCategory`: `Management`, `Data`, `NetworkActivity` or `Insight`." => |row| Cell::text(row.record.event.category.as_deref()),
    "read_only" Flag "`readOnly`." => |row| Cell::Flag(row.record.event.read_only),
    "account" Text "`recipientAccountId`: the account that the record was delivered to." => |row| Cell::text(row.record.event.recipient_account_id.as_deref()),
    "region" Text "`awsRegion`." => |row| Cell::text(row.record.event.region.as_deref()),
    "principal" Text "Who asked, as people think of it: of an assumed role the role's ARN, else the identity's own, else the service." => |row| Cell::Text(row.record.event.principal()),
    "principal_type" Text "`userIdentity.type`." => |row| Cell::text(identity(row).and_then(|i| i.kind.as_deref())),
    "principal_arn" Text "`userIdentity.arn`: of an assumed role the session's." => |row| Cell::text(identity(row).and_then(|i| i.arn.as_deref())),
    "principal_account" Text "`userIdentity.accountId`." => |row| Cell::text(identity(row).and_then(|i| i.account_id.as_deref())),
    "principal_id" Text "`userIdentity.principalId`." => |row| Cell::text(identity(row).and_then(|i| i.principal_id.as_deref())),
    "access_key_id" Text "`userIdentity.accessKeyId`: what signed the request." => |row| Cell::text(identity(row).and_then(|i| i.access_key_id.as_deref())),
    "invoked_by" Text "`userIdentity.invokedBy`: the service that asked, for itself or for the identity." => |row| Cell::text(identity(row).and_then(|i| i.invoked_by.as_deref())),
    "source_identity" Text "`sourceIdentity` of the session: who is behind it." => |row| Cell::text(session(row).and_then(|s| s.source_identity.as_deref())),
    "mfa" Flag "Whether the session began with a second factor." => |row| Cell::Flag(mfa(row)),
    "source_ip" Text "`sourceIPAddress`: an address, or a service's name." => |row| Cell::text(row.record.event.source_ip_address.as_deref()),
    "user_agent" Text "`userAgent`." => |row| Cell::text(row.record.event.user_agent.as_deref()),
    "error_code" Text "`errorCode`: why it was refused; null where it was not." => |row| Cell::text(row.record.event.error_code.as_deref()),
    "error_message" Text "`errorMessage`: the same in words." => |row| Cell::text(row.record.event.error_message.as_deref()),
    "resources" Texts "The ARNs of `resources`." => |row| Cell::Texts(resources(row)),
    "request_parameters" Text "`requestParameters`, as JSON." => |row| Cell::text(row.record.event.request_parameters.map(RawValue::get)),
    "response_elements" Text "`responseElements`, as JSON." => |row| Cell::text(row.record.event.response_elements.map(RawValue::get)),
    "additional_event_data" Text "`additionalEventData`, as JSON." => |row| Cell::text(row.record.event.additional_event_data.map(RawValue::get)),
    "tls_version" Text "`tlsDetails.tlsVersion`, as `TLSv1.3`; services that ask for themselves have none." => |row| Cell::text(tls(row).and_then(|t| t.version.as_deref())),
    "cipher_suite" Text "`tlsDetails.cipherSuite`." => |row| Cell::text(tls(row).and_then(|t| t.cipher_suite.as_deref())),
    "tls_host" Text "`tlsDetails.clientProvidedHostHeader`: the host that the client meant." => |row| Cell::text(tls(row).and_then(|t| t.host.as_deref())),
    "vpc_endpoint_id" Text "`vpcEndpointId`: the VPC endpoint that it came through." => |row| Cell::text(row.record.event.vpc_endpoint_id.as_deref()),
    "shared_event_id" Text "`sharedEventID`, which the records of one request in several accounts have in common." => |row| Cell::text(row.record.event.shared_event_id.as_deref()),
    "file" Text "The file that the record stands in." => |row| Cell::Text(Some(row.record.file.path.to_string_lossy())),
    "file_offset" Number "The byte of the file's text, after inflation, where the record begins; of Parquet the number of its row, from 0." => |row| Cell::Number(i64::try_from(row.record.offset).ok()),
    "record" Text "The whole record, as JSON." => |row| Cell::text(Some(row.record.text)),
}

fn identity<'a>(row: &'a Row<'_>) -> Option<&'a UserIdentity<'a>> {
    row.record.event.identity.as_ref()
}

fn session<'a>(row: &'a Row<'_>) -> Option<&'a SessionContext<'a>> {
    identity(row)?.session_context.as_ref()
}

fn mfa(row: &Row<'_>) -> Option<bool> {
    let attributes = session(row)?.attributes.as_ref()?;
    Some(attributes.mfa_authenticated.as_deref()? == "true")
}

fn tls<'a>(row: &'a Row<'_>) -> Option<&'a TlsDetails<'a>> {
    row.record.event.tls.as_ref()
}

fn resources<'a>(row: &'a Row<'_>) -> Vec<Cow<'a, str>> {
    let all = row.record.event.resources.iter().flatten();
    all.filter_map(|resource| resource.arn.as_deref().map(Cow::Borrowed))
        .collect()
}
