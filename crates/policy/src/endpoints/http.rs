//! What answers over plain HTTP: port 80 of the same host.

use super::{Address, asked, unsupported};
use crate::judgement::Judgement;
use lockfast_facts::{Kind, Known, Read};
use std::fmt;

/// What a call over plain HTTP gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OverHttp {
    /// Nothing listens.
    Silent,
    /// A redirect to HTTPS, at once.
    Redirects,
    /// Something else, with this status.
    Answers(Known<i64>),
}

impl fmt::Display for OverHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OverHttp::Silent => f.write_str("nothing listens"),
            OverHttp::Redirects => f.write_str("a redirect to HTTPS"),
            OverHttp::Answers(status) => match status.value() {
                Some(status) => write!(f, "status {status}"),
                None => f.write_str("an answer without TLS"),
            },
        }
    }
}

impl Address<'_> {
    /// Whether there is a plain HTTP beside it to ask about: port 80 beside 443. Beside HTTPS on another port there is one only
    /// where the probe was told which.
    pub(crate) fn has_plain_http_beside(self) -> bool {
        let elsewhere =
            matches!(self.subject().at("Port").int(), Read::Found(port, _) if port != 443);
        let asked = !self.at("Http").is_absent();
        !self.endpoint.speaks_no_http() && (asked || !elsewhere)
    }

    /// What a call over plain HTTP gets.
    pub(crate) fn over_http(self) -> Known<OverHttp> {
        let answers = asked(self.at("Http.Answers").bool(), "plain HTTP");
        answers.and_then(|answers| match answers {
            false => self
                .endpoint
                .protocol()
                .and_then(|protocol| match protocol == "http" {
                    // Beside HTTPS it is good that nothing does; where nothing else was asked for, nothing was measured.
                    true => Known::Unknown(
                        unsupported("nothing listens there, so nothing was measured"),
                        self.loc(),
                    ),
                    false => Known::Stated(OverHttp::Silent, self.loc()),
                }),
            true => self
                .bool("Http.RedirectsToHttps")
                .map(|redirects| match redirects {
                    true => OverHttp::Redirects,
                    false => OverHttp::Answers(asked(
                        self.at("Http.Hops.0.Status").int(),
                        "the status over plain HTTP",
                    )),
                }),
        })
    }

    /// Whether cookies were set over plain HTTP that travel there. That none was seen says nothing when the redirects broke
    /// off before HTTPS.
    pub(crate) fn sets_plaintext_cookies(self) -> Known<bool> {
        let names = asked(
            self.at("Http.PlaintextCookies").list(),
            "cookies over plain HTTP",
        );
        names.and_then(|names| match names.is_empty() {
            true => self.whole_way().map(|()| false),
            false => Known::Stated(true, self.loc()),
        })
    }

    /// Known when the redirects were followed to HTTPS, or to an answer that leads nowhere else.
    fn whole_way(self) -> Known<()> {
        match self.at("Http.HopsToHttps").int() {
            Read::Found(_, loc) => return Known::Stated((), loc),
            Read::Unknown(why, loc) => return Known::Unknown(why, loc),
            Read::Absent(_) => {}
        }
        asked(self.at("Http.Hops").list(), "the way to HTTPS").and_then(|hops| {
            let last = hops.last().map(|hop| &hop.kind);
            let to = match last {
                Some(Kind::Map(hop)) => hop.get("Location").map(|to| &to.kind),
                _ => None,
            };
            match to {
                // It is written down that the last answer leads nowhere.
                Some(Kind::Null) => Known::Stated((), self.loc()),
                _ => Known::Unknown(
                    unsupported("its redirects were not followed to their end"),
                    self.loc(),
                ),
            }
        })
    }

    /// Adds that browsers are not told to keep to HTTPS, where that is so.
    pub(crate) fn note_hsts(self, judgement: Judgement) -> Judgement {
        match self.at("Hsts").bool() {
            Read::Found(false, _) => judgement.note(
                "it sends no Strict-Transport-Security, so a browser's first call may still go over plain HTTP",
            ),
            _ => match self.at("Hsts.MaxAge").int() {
                Read::Found(0, _) => judgement.note(
                    "its Strict-Transport-Security has max-age 0, which makes browsers forget it, so their next call may go over plain HTTP",
                ),
                _ => judgement,
            },
        }
    }
}
