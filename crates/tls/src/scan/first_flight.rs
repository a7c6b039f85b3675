//! What the first flight of the highest version up to TLS 1.2 shows, and the faults that are looked for behind it.

use super::Scanner;
use crate::ask::Reply;
use crate::offer::{Offer, Shape};
use crate::weaknesses::{HEARTBEAT, Reaction, ccs_injection, heartbleed, passes_warnings};
use crate::{CipherSuite, Extension, Fact, Mode, ProtocolVersion, ServerHello, Why};

impl Scanner<'_> {
    pub(super) fn alpn(&self) -> Fact<Vec<String>> {
        if self.asker.alpn().is_empty() {
            return Fact::Unknown(Why::NotAsked("the protocol has none"));
        }
        self.of_extensions(Shape::Full).map(|_| {
            let other = self.other_alpn.clone().flatten();
            self.picked_alpn().into_iter().chain(other).collect()
        })
    }

    pub(super) fn session_tickets(&self) -> Fact<bool> {
        self.of_extensions(Shape::Full)
            .map(|hello| hello.has_extension(Extension::SessionTicket.number()))
    }

    /// The ServerHello of the highest version that shows its extensions in the clear, if ours had all that this shape has.
    fn of_extensions(&self, shape: Shape) -> Fact<&ServerHello> {
        let shown = ProtocolVersion::Tls10..=ProtocolVersion::Tls12;
        let older = self.picks.range(shown).next_back();
        match older.and_then(|(_, pick)| pick.hello.as_ref()) {
            Some(hello) if self.asker.shape() <= shape => Fact::Known(hello),
            Some(_) => Fact::Unknown(Why::NotAsked("the server takes only short hellos")),
            None => Fact::Unknown(self.unknown_up_to_tls12().unwrap_or(Why::NotAsked(
                "TLS 1.3 encrypts it, and no older version is accepted",
            ))),
        }
    }

    /// Whether it has Heartbleed; a server that announces no heartbeats has not.
    pub(super) async fn heartbleed(&mut self) -> Fact<bool> {
        let version = match self.of_extensions(Shape::Short) {
            Fact::Known(hello) if hello.has_extension(HEARTBEAT) => hello.version,
            Fact::Known(_) => return Fact::Known(false),
            // There are no extensions before TLS 1.0, and no heartbeats in the clear after TLS 1.2.
            Fact::Unknown(_) if self.asker.shape() <= Shape::Short => {
                return match self.unknown_up_to_tls12() {
                    Some(why) => Fact::Unknown(why),
                    None => Fact::Known(false),
                };
            }
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        match self.asker.begin(&Offer::everything(version)).await {
            Ok((mut stream, hello)) => {
                heartbleed(&mut stream, hello.version, self.asker.limits()).await
            }
            Err(why) => Fact::Unknown(why),
        }
    }

    /// Whether it has CCS injection, of which TLS 1.3 knows nothing.
    pub(super) async fn ccs_injection(&mut self) -> Fact<bool> {
        let Some(version) = self.older() else {
            return match self.unknown_up_to_tls12() {
                Some(why) => Fact::Unknown(why),
                None => Fact::Known(false),
            };
        };
        if self.injects.is_none() {
            let mut offer = Offer::everything(version);
            offer.suites.retain(|suite| tells_injection(*suite));
            match self.asker.ask(&offer).await {
                Reply::Accepted(pick) => self.inject_after(pick.version, pick.suite).await,
                Reply::Unknown(why) => return Fact::Unknown(why),
                Reply::Refused(_) => {}
            }
        }
        self.injects
            .clone()
            .unwrap_or(Fact::Unknown(Why::Inconsistent))
    }

    /// Looks for CCS injection behind a first flight that was read for another reason.
    pub(super) async fn inject_after(&mut self, version: ProtocolVersion, suite: CipherSuite) {
        if !self.weaknesses || self.injects.is_some() || !tells_injection(suite) {
            return;
        }
        let Some(mut stream) = self.asker.take_last() else {
            return;
        };
        let limits = self.asker.limits();
        let fact = match ccs_injection(&mut stream, version, limits).await {
            Reaction::Clear(fact) => fact,
            Reaction::HungUpLater => {
                drop(stream);
                let offer = Offer::of(version, vec![suite]);
                match self.asker.begin(&offer).await {
                    Ok((mut stream, _)) => {
                        match passes_warnings(&mut stream, version, limits).await {
                            true => Fact::Known(true),
                            false => Fact::Unknown(Why::Closed),
                        }
                    }
                    Err(why) => Fact::Unknown(why),
                }
            }
        };
        self.injects = Some(fact);
    }

    pub(super) fn secure_renegotiation(&self) -> Fact<bool> {
        let older = self.older().and_then(|version| self.picks.get(&version));
        match older.and_then(|pick| pick.hello.as_ref()) {
            Some(hello) => Fact::Known(hello.is_secure_renegotiation()),
            None => Fact::Unknown(self.unknown_up_to_tls12().unwrap_or(Why::NotAsked(
                "TLS 1.3 has no renegotiation, and no older version is accepted",
            ))),
        }
    }
}

/// With a stream cipher a server that has the fault says the same as others do.
fn tells_injection(suite: CipherSuite) -> bool {
    suite.mode() != Some(Mode::Stream)
}
