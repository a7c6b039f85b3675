//! What the records of one caller at one time have in common.

use crate::random::Random;
use crate::world::Actor;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) enum Who<'a> {
    /// A session of a role.
    Session {
        actor: &'a Actor,
        /// Of which resource its credentials are, when a service gave them.
        scope: Option<(&'static str, &'a str)>,
        session: Session,
    },
    /// A user of IAM, with a key that does not expire.
    User(&'a Actor),
    /// The same user in the console; without a session while signing in.
    InConsole {
        actor: &'a Actor,
        session: Option<Session>,
    },
    /// A service for itself.
    Service(&'static str),
    /// A service, in the events that it tells without a call.
    Internal(&'static str),
    /// A principal of another account, of which no more is told.
    Outsider {
        account: &'a str,
        principal: &'a str,
    },
}

/// A session of a role.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) access_key: String,
    /// When it began, in seconds.
    pub(crate) started: i64,
    pub(crate) mfa: bool,
}

/// How a request was protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// As SDKs of the last years do.
    Modern,
    /// TLS 1.2 without forward secrecy.
    WithoutForwardSecrecy,
    /// Older than TLS 1.2.
    Old,
}

impl Tls {
    pub(crate) fn pick(self, random: &mut Random) -> (&'static str, &'static str) {
        match (self, random.below(100)) {
            (Tls::Modern, ..70) => ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
            (Tls::Modern, ..85) => ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
            (Tls::Modern, ..97) => ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
            (Tls::Modern, _) => ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
            (Tls::WithoutForwardSecrecy, ..80) => ("TLSv1.2", "AES128-GCM-SHA256"),
            (Tls::WithoutForwardSecrecy, _) => ("TLSv1.2", "AES256-SHA256"),
            (Tls::Old, ..60) => ("TLSv1.1", "ECDHE-RSA-AES128-SHA"),
            (Tls::Old, _) => ("TLSv1", "AES128-SHA"),
        }
    }
}

/// Who calls, when, from where and how.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// In seconds.
    pub(crate) time: i64,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) who: Who<'a>,
    /// The service that calls in their name.
    pub(crate) invoked_by: Option<&'static str>,
    pub(crate) address: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) tls: Tls,
    pub(crate) endpoint: Option<&'a str>,
    /// The credentials are those of a session of the console.
    pub(crate) console: bool,
}

impl<'a> Call<'a> {
    /// The same caller's call that a service makes for them.
    pub(crate) fn through(&self, service: &'static str) -> Call<'a> {
        Call {
            invoked_by: Some(service),
            address: service,
            agent: service,
            endpoint: None,
            console: false,
            ..self.clone()
        }
    }

    /// A call of a service for itself.
    pub(crate) fn of_service(
        service: &'static str,
        account: &'a str,
        region: &'a str,
        time: i64,
    ) -> Call<'a> {
        Call {
            time,
            account,
            region,
            who: Who::Service(service),
            invoked_by: None,
            address: service,
            agent: service,
            tls: Tls::Modern,
            endpoint: None,
            console: false,
        }
    }

    /// What a service tells without a call.
    pub(crate) fn internal(
        service: &'static str,
        account: &'a str,
        region: &'a str,
        time: i64,
    ) -> Call<'a> {
        Call {
            who: Who::Internal(service),
            ..Call::of_service(service, account, region, time)
        }
    }

    /// The caller's ARN, as errors name it.
    pub(crate) fn caller(&self) -> String {
        match &self.who {
            Who::Session { actor, session, .. } => {
                let Actor { name, account, .. } = actor;
                format!(
                    "arn:aws:sts::{account}:assumed-role/{name}/{}",
                    session.name
                )
            }
            Who::User(actor) | Who::InConsole { actor, .. } => actor.arn.clone(),
            Who::Outsider { account, .. } => format!("arn:aws:iam::{account}:root"),
            Who::Service(service) | Who::Internal(service) => (*service).into(),
        }
    }
}
