//! What one endpoint accepts.
//!
//! The verdict first: which versions, and whether anything without forward secrecy, without AEAD or broken is accepted,
//! in about ten connections. What a server picked for one question often answers another, which then is not asked.
//! Enumeration comes on request: all is offered, what is picked is taken out, and so on until nothing is left.

use crate::ask::{Asker, Pick, Reply, unknown};
use crate::offer::{Offer, Shape};
use crate::weaknesses::{HEARTBEAT, Reaction, ccs_injection, heartbleed, passes_warnings};
use crate::{
    Answer, CipherSuite, Enumeration, Extension, Fact, Limits, Mode, NamedGroup, Pace,
    ProtocolVersion, ServerHello, Ssl2CipherKind, Target, Why, offered_suites, ssl2_client_hello,
};
use std::collections::{BTreeMap, HashSet};

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What one connection may take.
    pub limits: Limits,
    /// Connections to the endpoint at most; what is not asked then stays unknown.
    pub max_connections: usize,
    /// Whether to enumerate suites and groups, too.
    pub full: bool,
    /// Whether to look for Heartbleed and CCS injection, whose probes alarm intrusion detection.
    pub weaknesses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            max_connections: 500,
            full: false,
            weaknesses: true,
        }
    }
}

/// What one endpoint accepts, as far as it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Whether it speaks each version.
    pub versions: BTreeMap<ProtocolVersion, Fact<bool>>,
    /// What it picks of all that a version has, for each version it speaks but SSLv2.
    pub picks: BTreeMap<ProtocolVersion, Pick>,
    /// The ciphers it takes in SSLv2.
    pub ssl2_kinds: Vec<Ssl2CipherKind>,
    /// A suite without forward secrecy that it accepts, or that it accepts none.
    pub without_forward_secrecy: Fact<Option<Pick>>,
    /// A suite without authenticated encryption that it accepts, or that it accepts none.
    pub without_aead: Fact<Option<Pick>>,
    /// A broken suite that it accepts ([`CipherSuite::weaknesses`]), or that it accepts none. SSLv2 is not counted in.
    pub broken: Fact<Option<Pick>>,
    /// Whether its own order of suites decides, and not the client's; asked at the highest version up to TLS 1.2. Of a
    /// server that has a single suite this is true.
    pub server_preference: Fact<bool>,
    /// A post-quantum group that it takes in TLS 1.3, or that it takes none.
    pub post_quantum: Fact<Option<NamedGroup>>,
    /// Whether it compresses, up to TLS 1.2 (CRIME).
    pub compression: Fact<bool>,
    /// Whether it renegotiates securely, up to TLS 1.2 (RFC 5746).
    pub secure_renegotiation: Fact<bool>,
    /// Whether it turns away a client that was pushed down to an older version (TLS_FALLBACK_SCSV, RFC 7507). Asked in
    /// full scans alone.
    pub fallback_protection: Fact<bool>,
    /// The application protocols it takes of those its protocol has, as far as versions up to TLS 1.2 show them: in TLS
    /// 1.3 the choice is encrypted.
    pub alpn: Fact<Vec<String>>,
    /// Whether it gives out session tickets (RFC 5077), up to TLS 1.2.
    pub session_tickets: Fact<bool>,
    /// Whether it has Heartbleed (CVE-2014-0160).
    pub heartbleed: Fact<bool>,
    /// Whether it has CCS injection (CVE-2014-0224).
    pub ccs_injection: Fact<bool>,
    /// All suites and groups, when they were asked for.
    pub full: Option<Enumeration>,
    /// Connections made for all this.
    pub connections: usize,
}

impl Scan {
    /// The versions it speaks, the oldest first.
    pub fn accepted_versions(&self) -> Vec<ProtocolVersion> {
        let accepted = self.versions.iter();
        let accepted = accepted.filter(|(_, fact)| fact.value() == Some(&true));
        accepted.map(|(version, _)| *version).collect()
    }
}

/// Measures an endpoint.
pub async fn scan(target: &Target, settings: Settings, pace: &Pace) -> Scan {
    let mut scanner = Scanner {
        asker: Asker::new(target, settings.limits, settings.max_connections, pace),
        versions: BTreeMap::new(),
        picks: BTreeMap::new(),
        ssl2_kinds: Vec::new(),
        others: Vec::new(),
        refused: HashSet::new(),
        alpn: Vec::new(),
    };
    scanner.versions().await;
    scanner.anything_questionable().await;
    let without_forward_secrecy = scanner.any(|suite| !suite.is_forward_secret()).await;
    let without_aead = scanner.any(|suite| !suite.is_aead()).await;
    let broken = scanner.any(CipherSuite::is_broken).await;
    let (server_preference, compression) = scanner.preference().await;
    let post_quantum = scanner.post_quantum().await;
    let secure_renegotiation = scanner.secure_renegotiation();
    let (alpn, session_tickets) = (scanner.alpn(), scanner.session_tickets());
    let (heartbleed, ccs_injection) = if settings.weaknesses {
        (scanner.heartbleed().await, scanner.ccs_injection().await)
    } else {
        let why = Why::NotAsked("the settings forbid it");
        (Fact::Unknown(why.clone()), Fact::Unknown(why))
    };
    let (full, fallback_protection) = if settings.full {
        let full = Enumeration::of(&mut scanner.asker, &scanner.picks, &server_preference).await;
        (Some(full), scanner.fallback_protection().await)
    } else {
        let why = Why::NotAsked("only a full scan asks for it");
        (None, Fact::Unknown(why))
    };
    Scan {
        without_forward_secrecy,
        without_aead,
        broken,
        server_preference,
        post_quantum,
        compression,
        secure_renegotiation,
        fallback_protection,
        alpn,
        session_tickets,
        heartbleed,
        ccs_injection,
        full,
        connections: scanner.asker.connections(),
        versions: scanner.versions,
        picks: scanner.picks,
        ssl2_kinds: scanner.ssl2_kinds,
    }
}

/// A scan under way.
struct Scanner<'a> {
    asker: Asker<'a>,
    versions: BTreeMap<ProtocolVersion, Fact<bool>>,
    picks: BTreeMap<ProtocolVersion, Pick>,
    ssl2_kinds: Vec<Ssl2CipherKind>,
    /// What it picked when less than everything was offered.
    others: Vec<Pick>,
    /// What was refused together is refused one by one, and not offered again.
    refused: HashSet<(ProtocolVersion, CipherSuite)>,
    /// Application protocols it picked.
    alpn: Vec<String>,
}

impl Scanner<'_> {
    async fn versions(&mut self) {
        // The highest first: a server that answers with a lower version has told about all between (RFC 5246, section E.1).
        for version in ProtocolVersion::ALL.into_iter().skip(1).rev() {
            if self.versions.contains_key(&version) {
                continue;
            }
            let fact = match self.asker.ask(&Offer::everything(version)).await {
                Reply::Accepted(pick) if pick.version == version => {
                    self.picks.insert(version, pick);
                    Fact::Known(true)
                }
                Reply::Accepted(pick) => {
                    for between in ProtocolVersion::ALL {
                        if pick.version < between && between < version {
                            self.versions.insert(between, Fact::Known(false));
                        }
                    }
                    self.versions.insert(pick.version, Fact::Known(true));
                    self.picks.insert(pick.version, pick);
                    Fact::Known(false)
                }
                Reply::Refused => Fact::Known(false),
                Reply::Unknown(why) => Fact::Unknown(why),
            };
            self.versions.insert(version, fact);
        }
        let ssl2 = self.ssl2().await;
        self.versions.insert(ProtocolVersion::Ssl2, ssl2);
        // Asked before the server had accepted anything; now that it has, that was its answer.
        if self.asker.greeted() {
            for fact in self.versions.values_mut() {
                if fact.why().is_some_and(Why::is_no_once_greeted) {
                    *fact = Fact::Known(false);
                }
            }
        }
    }

    async fn ssl2(&mut self) -> Fact<bool> {
        let records = match ssl2_client_hello(&Ssl2CipherKind::ALL) {
            Ok(records) => records,
            Err(error) => return Fact::Unknown(error.into()),
        };
        let mut answer = self.asker.connect(&records).await;
        if answer == Ok(Answer::Closed) {
            answer = self.asker.connect(&records).await;
        }
        match answer {
            Err(why) => Fact::Unknown(why),
            // Also with no cipher at all: the protocol is there, which is what DROWN needs.
            Ok(Answer::Ssl2Hello(kinds)) => {
                self.ssl2_kinds = kinds;
                Fact::Known(true)
            }
            // It was heard and refused, in its own words or in those of TLS.
            Ok(
                Answer::Ssl2Error(_)
                | Answer::Alert(_)
                | Answer::Hello(_)
                | Answer::RetryRequest(_)
                | Answer::NoTls(_),
            ) => Fact::Known(false),
            Ok(other) => Fact::Unknown(unknown(other)),
        }
    }

    /// Asks for all that any of the three verdicts is about at once: a server that refuses it has passed all three.
    async fn anything_questionable(&mut self) {
        let is = |suite: CipherSuite| {
            !suite.is_forward_secret() || !suite.is_aead() || suite.is_broken()
        };
        // Where the first pick was of the kind, the server is no such server.
        let versions = self.picks.values().filter(|pick| !is(pick.suite));
        let versions: Vec<_> = versions.map(|pick| pick.version).collect();
        for version in versions {
            self.offer(version, is).await;
        }
    }

    /// A suite of this kind that is accepted at any version.
    async fn any(&mut self, kind: impl Fn(CipherSuite) -> bool) -> Fact<Option<Pick>> {
        let seen = self.picks.values().chain(&self.others);
        if let Some(pick) = seen.into_iter().find(|pick| kind(pick.suite)) {
            return Fact::Known(Some(pick.clone()));
        }
        let mut open = None;
        for version in ProtocolVersion::ALL.into_iter().skip(1).rev() {
            match self.versions.get(&version) {
                Some(Fact::Known(false)) | None => {}
                Some(Fact::Unknown(why)) => {
                    // Nothing of the kind exists there: then it does not matter.
                    if offered_suites(version).into_iter().any(&kind) {
                        open.get_or_insert(why.clone());
                    }
                }
                Some(Fact::Known(true)) => match self.offer(version, &kind).await {
                    Reply::Accepted(pick) => return Fact::Known(Some(pick)),
                    Reply::Refused => {}
                    Reply::Unknown(why) => {
                        open.get_or_insert(why);
                    }
                },
            }
        }
        match open {
            Some(why) => Fact::Unknown(why),
            None => Fact::Known(None),
        }
    }

    /// Offers the suites of a kind, but for those refused before.
    async fn offer(
        &mut self,
        version: ProtocolVersion,
        kind: impl Fn(CipherSuite) -> bool,
    ) -> Reply {
        let mut suites = offered_suites(version);
        suites.retain(|suite| kind(*suite) && !self.refused.contains(&(version, *suite)));
        let offer = Offer::of(version, suites);
        let reply = self.asker.ask(&offer).await;
        match &reply {
            Reply::Accepted(pick) => self.others.push(pick.clone()),
            Reply::Refused => self
                .refused
                .extend(offer.suites.iter().map(|suite| (version, *suite))),
            Reply::Unknown(_) => {}
        }
        reply
    }

    /// Whether the server's order decides, and whether it compresses: one connection asks both.
    async fn preference(&mut self) -> (Fact<bool>, Fact<bool>) {
        let older = self.picks.range(..=ProtocolVersion::Tls12).next_back();
        let tls13 = self.picks.get(&ProtocolVersion::Tls13);
        let Some(pick) = older.map(|(_, pick)| pick).or(tls13).cloned() else {
            let why = self.why_silent();
            return (Fact::Unknown(why.clone()), Fact::Unknown(why));
        };
        let mut offer = Offer::everything(pick.version);
        offer.suites.retain(|suite| *suite != pick.suite);
        offer.suites.push(pick.suite);
        offer.compression = pick.version < ProtocolVersion::Tls13;
        // Without the application protocol that it picked before, it shows whether it takes the other.
        let picked = pick.hello.as_ref().and_then(ServerHello::alpn_name);
        if let Some(picked) = picked.filter(|_| offer.compression) {
            let others = self.asker.alpn().iter().copied();
            offer.alpn = Some(others.filter(|name| *name != picked).collect());
            self.alpn.push(picked);
        }
        match self.asker.ask(&offer).await {
            Reply::Accepted(again) => {
                let second = again.hello.as_ref().and_then(ServerHello::alpn_name);
                self.alpn.extend(second.filter(|_| offer.alpn.is_some()));
                let compresses = again.hello.is_some_and(|hello| hello.compression != 0);
                let compression = match self.unknown_up_to_tls12() {
                    Some(why) if !offer.compression => Fact::Unknown(why),
                    _ => Fact::Known(compresses),
                };
                (Fact::Known(again.suite == pick.suite), compression)
            }
            Reply::Refused => {
                let why = Why::Inconsistent;
                (Fact::Unknown(why.clone()), Fact::Unknown(why))
            }
            Reply::Unknown(why) => (Fact::Unknown(why.clone()), Fact::Unknown(why)),
        }
    }

    async fn post_quantum(&mut self) -> Fact<Option<NamedGroup>> {
        match self.versions.get(&ProtocolVersion::Tls13) {
            Some(Fact::Known(true)) => {}
            Some(Fact::Known(false)) => return Fact::Known(None),
            Some(Fact::Unknown(why)) => return Fact::Unknown(why.clone()),
            None => return Fact::Unknown(self.why_silent()),
        }
        let picked = self.picks.get(&ProtocolVersion::Tls13);
        if let Some(group) = picked.and_then(|pick| pick.group)
            && group.is_post_quantum()
        {
            return Fact::Known(Some(group));
        }
        let mut offer = Offer::everything(ProtocolVersion::Tls13);
        offer.groups.retain(|group| group.is_post_quantum());
        match self.asker.ask(&offer).await {
            Reply::Accepted(pick) => Fact::Known(pick.group),
            Reply::Refused => Fact::Known(None),
            Reply::Unknown(why) => Fact::Unknown(why),
        }
    }

    async fn fallback_protection(&mut self) -> Fact<bool> {
        let mut versions = self.picks.keys().rev();
        let (Some(_), Some(older)) = (versions.next(), versions.next()) else {
            return Fact::Unknown(Why::NotAsked("there is no version to fall back to"));
        };
        let mut offer = Offer::everything(*older);
        offer.fallback = true;
        match self.asker.ask(&offer).await {
            Reply::Accepted(_) => Fact::Known(false),
            // The same without the signal was accepted before.
            Reply::Refused => Fact::Known(true),
            Reply::Unknown(why) => Fact::Unknown(why),
        }
    }

    fn alpn(&self) -> Fact<Vec<String>> {
        if self.asker.alpn().is_empty() {
            return Fact::Unknown(Why::NotAsked("the protocol has none"));
        }
        self.of_extensions(Shape::Full).map(|_| self.alpn.clone())
    }

    fn session_tickets(&self) -> Fact<bool> {
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
    async fn heartbleed(&mut self) -> Fact<bool> {
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
    async fn ccs_injection(&mut self) -> Fact<bool> {
        let older = self.picks.range(..=ProtocolVersion::Tls12).next_back();
        let Some((version, _)) = older else {
            return match self.unknown_up_to_tls12() {
                Some(why) => Fact::Unknown(why),
                None => Fact::Known(false),
            };
        };
        let mut offer = Offer::everything(*version);
        // With a stream cipher the server with the fault says the same as others do.
        offer
            .suites
            .retain(|suite| suite.mode() != Some(Mode::Stream));
        let limits = self.asker.limits();
        let reaction = match self.asker.begin(&offer).await {
            Ok((mut stream, hello)) => ccs_injection(&mut stream, hello.version, limits).await,
            Err(why) => return Fact::Unknown(why),
        };
        if let Reaction::Clear(fact) = reaction {
            return fact;
        }
        match self.asker.begin(&offer).await {
            Ok((mut stream, hello)) => {
                match passes_warnings(&mut stream, hello.version, limits).await {
                    true => Fact::Known(true),
                    false => Fact::Unknown(Why::Closed),
                }
            }
            Err(why) => Fact::Unknown(why),
        }
    }

    fn secure_renegotiation(&self) -> Fact<bool> {
        let older = self.picks.range(..=ProtocolVersion::Tls12).next_back();
        match older.and_then(|(_, pick)| pick.hello.as_ref()) {
            Some(hello) => Fact::Known(hello.is_secure_renegotiation()),
            None => Fact::Unknown(self.unknown_up_to_tls12().unwrap_or(Why::NotAsked(
                "TLS 1.3 has no renegotiation, and no older version is accepted",
            ))),
        }
    }

    /// Why a version up to TLS 1.2 is unknown, if one is.
    fn unknown_up_to_tls12(&self) -> Option<Why> {
        let older = ProtocolVersion::Ssl3..=ProtocolVersion::Tls12;
        let mut facts = self.versions.range(older);
        facts.find_map(|(_, fact)| fact.why().cloned())
    }

    fn why_silent(&self) -> Why {
        let unknown = self.versions.values().find_map(Fact::why);
        let none = Why::NotAsked("no version of TLS is accepted");
        unknown.cloned().unwrap_or(none)
    }
}
