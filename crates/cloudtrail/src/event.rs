//! One record, as far as anybody asks about it.

use crate::projected::projected;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Bytes that are no text.
    #[error("a record that is not UTF-8 from its byte {0} on")]
    NotUtf8(usize),
    /// Not an object, or not JSON.
    #[error("a record that is no JSON object: {0}")]
    Json(String),
}

projected! {
    /// A record of CloudTrail's, projected: the fields that are asked for, as text of the record wherever it can be. A field
    /// that is missing, `null` or of another type than CloudTrail's is absent; all others are passed over unread.
    pub struct Event<'a> {
        /// The event, which every copy of the record names alike.
        id: Cow<'a, str> = "eventID",
        /// When the request was completed.
        time: Timestamp = "eventTime",
        /// The service that was asked, as `kms.amazonaws.com`.
        source: Cow<'a, str> = "eventSource",
        /// What was asked of it, as `Decrypt`.
        name: Cow<'a, str> = "eventName",
        /// Where.
        region: Cow<'a, str> = "awsRegion",
        /// The account that the record was delivered to: the owner of what was used or the one who asked.
        recipient_account_id: Cow<'a, str> = "recipientAccountId",
        /// Who asked.
        identity: UserIdentity<'a> = "userIdentity",
        /// From where: an address, or a service's name.
        source_ip_address: Cow<'a, str> = "sourceIPAddress",
        /// With what.
        user_agent: Cow<'a, str> = "userAgent",
        /// Why it was refused.
        error_code: Cow<'a, str> = "errorCode",
        /// The same in words.
        error_message: Cow<'a, str> = "errorMessage",
        /// It changed nothing.
        read_only: bool = "readOnly",
        /// It is a management event.
        management_event: bool = "managementEvent",
        /// What it was about.
        resources: Vec<Resource<'a>> = "resources",
        /// What was sent along, unparsed.
        request_parameters: &'a RawValue = "requestParameters",
        /// What was answered, unparsed.
        response_elements: &'a RawValue = "responseElements",
        /// What the service tells beside, unparsed.
        additional_event_data: &'a RawValue = "additionalEventData",
        /// How the request was protected.
        tls: TlsDetails<'a> = "tlsDetails",
        /// What the records of one request in several accounts have in common.
        shared_event_id: Cow<'a, str> = "sharedEventID",
        /// The VPC endpoint that it came through.
        vpc_endpoint_id: Cow<'a, str> = "vpcEndpointId",
        /// `AwsApiCall`, `AwsServiceEvent`, `AwsConsoleSignIn` and others.
        event_type: Cow<'a, str> = "eventType",
        /// `Management`, `Data`, `NetworkActivity` or `Insight`.
        category: Cow<'a, str> = "eventCategory",
    }
}

projected! {
    /// Who asked.
    pub struct UserIdentity<'a> {
        /// `IAMUser`, `AssumedRole`, `AWSService`, `Root` and others.
        kind: Cow<'a, str> = "type",
        /// The identity's ARN: of an assumed role, the session's.
        arn: Cow<'a, str> = "arn",
        /// Its account.
        account_id: Cow<'a, str> = "accountId",
        /// Its unique identifier, and the session's name.
        principal_id: Cow<'a, str> = "principalId",
        /// The access key that signed the request.
        access_key_id: Cow<'a, str> = "accessKeyId",
        /// The service that asked, on behalf of the identity or its own.
        invoked_by: Cow<'a, str> = "invokedBy",
        /// Its name.
        user_name: Cow<'a, str> = "userName",
        /// About its session.
        session_context: SessionContext<'a> = "sessionContext",
    }
}

projected! {
    /// About a session with temporary credentials.
    pub struct SessionContext<'a> {
        /// What the session was issued for.
        session_issuer: SessionIssuer<'a> = "sessionIssuer",
        /// How it began.
        attributes: SessionAttributes<'a> = "attributes",
        /// Who is behind it, as set when the role was assumed.
        source_identity: Cow<'a, str> = "sourceIdentity",
    }
}

projected! {
    /// How a session began.
    pub struct SessionAttributes<'a> {
        /// With a second factor: `true` or `false`, as text.
        mfa_authenticated: Cow<'a, str> = "mfaAuthenticated",
        /// When.
        creation_date: Timestamp = "creationDate",
    }
}

projected! {
    /// What a session was issued for: a role, or the user who asked for it.
    pub struct SessionIssuer<'a> {
        /// Its ARN.
        arn: Cow<'a, str> = "arn",
    }
}

projected! {
    /// What an event was about.
    pub struct Resource<'a> {
        /// Its ARN.
        arn: Cow<'a, str> = "ARN",
        /// The account that owns it.
        account_id: Cow<'a, str> = "accountId",
        /// Its type, as `AWS::KMS::Key`.
        kind: Cow<'a, str> = "type",
    }
}

projected! {
    /// How a request was protected on its way.
    pub struct TlsDetails<'a> {
        /// As `TLSv1.3`.
        version: Cow<'a, str> = "tlsVersion",
        /// As `TLS_AES_128_GCM_SHA256`.
        cipher_suite: Cow<'a, str> = "cipherSuite",
        /// The host that the client meant.
        host: Cow<'a, str> = "clientProvidedHostHeader",
    }
}

projected! {
    /// What [`Report::coverage`](crate::Report::coverage) needs of a record.
    pub(crate) struct Whence<'a> {
        time: Timestamp = "eventTime",
        region: Cow<'a, str> = "awsRegion",
        recipient_account_id: Cow<'a, str> = "recipientAccountId",
        category: Cow<'a, str> = "eventCategory",
    }
}

impl<'a> Event<'a> {
    /// Reads one record, as [`split`](crate::split) gives it.
    ///
    /// # Errors
    /// When it is no JSON object in UTF-8.
    pub fn parse(record: &'a [u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(record)
            .map_err(|error| Unreadable::NotUtf8(error.valid_up_to()))?;
        serde_json::from_str(text).map_err(|error| Unreadable::Json(error.to_string()))
    }

    /// The ARN that people think in: of an assumed role the role's, else the identity's own; of a service that asks for
    /// itself its name; of an account that is known and no more its root; else the kind of identity.
    pub fn principal(&self) -> Option<Cow<'_, str>> {
        let identity = self.identity.as_ref()?;
        let kind = identity.kind.as_deref();
        let issuer = identity.session_context.as_ref();
        let issuer = issuer.and_then(|context| context.session_issuer.as_ref()?.arn.as_deref());
        // A federated user's session is issued by a user whom it is not.
        let role = issuer.filter(|_| kind.is_none_or(|kind| kind == "AssumedRole"));
        let named = role
            .or(identity.arn.as_deref())
            .or(identity.invoked_by.as_deref())
            .map(Cow::Borrowed);
        let root = || {
            let account = identity.account_id.as_deref()?;
            Some(Cow::Owned(format!(
                "arn:{}:iam::{account}:root",
                self.partition()
            )))
        };
        named.or_else(root).or(kind.map(Cow::Borrowed))
    }

    fn partition(&self) -> &'static str {
        match self.region.as_deref() {
            Some(region) if region.starts_with("cn-") => "aws-cn",
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// The day of a time (UTC).
pub(crate) fn day(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}
