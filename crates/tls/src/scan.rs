//! What one endpoint accepts.
//!
//! The verdict first: which versions, and whether anything without forward secrecy, without AEAD or broken is accepted,
//! in about ten connections. What a server picked for one question often answers another, which then is not asked.
//! Enumeration comes on request: all is offered, what is picked is taken out, and so on until nothing is left. Then it
//! answers most of the other questions.

mod first_flight;

use crate::ask::{Asker, Pick, Reply, unknown};
use crate::offer::Offer;
use crate::{
    Alert, Answer, CipherSuite, Enumeration, Fact, Limits, NamedGroup, Pace, ProtocolVersion,
    ServerHello, Ssl2CipherKind, Target, Why, offered_suites, ssl2_client_hello,
};
use std::collections::{BTreeMap, HashSet};

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What one connection may take.
    pub limits: Limits,
    /// Connections to the endpoint at most; what is not asked then stays unknown.
    pub max_connections: usize,
    /// When to enumerate suites and groups, too.
    pub full: Full,
    /// Whether to look for Heartbleed and CCS injection, whose probes alarm intrusion detection.
    pub weaknesses: bool,
}

/// When all suites and groups are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// Never: the verdict is all that is asked for.
    #[default]
    Never,
    /// Where the verdict is bad: a version before TLS 1.2, a suite without forward secrecy or a broken one is accepted. Whoever
    /// is to mend it wants to know what else there is.
    WhenWeak,
    /// Always, and the verdict follows from it.
    Always,
}

impl From<bool> for Full {
    fn from(always: bool) -> Self {
        match always {
            true => Full::Always,
            false => Full::Never,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            max_connections: 500,
            full: Full::Never,
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
    /// Whether it turns away a client that was pushed down to an older version (TLS_FALLBACK_SCSV, RFC 7507). Asked
    /// where it speaks a version below TLS 1.2 beside a higher one.
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
        weaknesses: settings.weaknesses,
        versions: BTreeMap::new(),
        picks: BTreeMap::new(),
        ssl2_kinds: Vec::new(),
        others: Vec::new(),
        refused: HashSet::new(),
        server_decides: None,
        compresses: None,
        other_alpn: None,
        injects: None,
    };
    scanner.versions().await;
    let mut full = if settings.full == Full::Always {
        Some(Enumeration::of(&mut scanner).await)
    } else {
        scanner.anything_questionable().await;
        None
    };
    let without_forward_secrecy = scanner.any(|suite| !suite.is_forward_secret()).await;
    let without_aead = scanner.any(|suite| !suite.is_aead()).await;
    let broken = scanner.any(CipherSuite::is_broken).await;
    if settings.full == Full::WhenWeak
        && (scanner.is_older_accepted() || is_found(&without_forward_secrecy) || is_found(&broken))
    {
        full = Some(Enumeration::of(&mut scanner).await);
    }
    let post_quantum = scanner.post_quantum(full.as_ref()).await;
    let fallback_protection = scanner.fallback_protection().await;
    let (server_preference, compression) = scanner.preference().await;
    if let Some(full) = &mut full {
        full.settle(&server_preference);
    }
    let secure_renegotiation = scanner.secure_renegotiation();
    let (alpn, session_tickets) = (scanner.alpn(), scanner.session_tickets());
    let (heartbleed, ccs_injection) = if settings.weaknesses {
        (scanner.heartbleed().await, scanner.ccs_injection().await)
    } else {
        let why = Why::NotAsked("the settings forbid it");
        (Fact::Unknown(why.clone()), Fact::Unknown(why))
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

/// Whether something of a kind is known to be accepted.
fn is_found(fact: &Fact<Option<Pick>>) -> bool {
    matches!(fact, Fact::Known(Some(_)))
}

/// A scan under way.
pub(crate) struct Scanner<'a> {
    pub(crate) asker: Asker<'a>,
    /// Whether CCS injection is looked for where a connection allows it.
    weaknesses: bool,
    versions: BTreeMap<ProtocolVersion, Fact<bool>>,
    pub(crate) picks: BTreeMap<ProtocolVersion, Pick>,
    ssl2_kinds: Vec<Ssl2CipherKind>,
    /// What it picked when less than everything was offered.
    others: Vec<Pick>,
    /// What was refused together is refused one by one, and not offered again.
    pub(crate) refused: HashSet<(ProtocolVersion, CipherSuite)>,
    /// Whether its own order of suites decides, once it showed.
    pub(crate) server_decides: Option<bool>,
    /// Whether it compresses, once it could have.
    compresses: Option<bool>,
    /// The application protocol it picked when the one it had picked before was not offered, once it could have.
    other_alpn: Option<Option<String>>,
    injects: Option<Fact<bool>>,
}

impl Scanner<'_> {
    async fn versions(&mut self) {
        // The highest first: a server that answers with a lower version has told about all between (RFC 5246, section E.1).
        // And one that says protocol_version to a hello speaks nothing up to the hello's version, for it must answer with the
        // highest that it has there (RFC 5246, section E.1; without supported_versions also RFC 8446, section 4.2.1). Having
        // said so to TLS 1.1 and to TLS 1.0, it has told about SSLv3; unless it accepted nothing at all, and may be one of
        // those that stumble over versions that they do not know.
        let mut too_old = 0;
        for version in ProtocolVersion::ALL.into_iter().skip(1).rev() {
            if self.versions.contains_key(&version) {
                continue;
            }
            if version == ProtocolVersion::Ssl3 && too_old == 2 && !self.picks.is_empty() {
                self.versions.insert(version, Fact::Known(false));
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
                Reply::Refused(alert) => {
                    let older = ProtocolVersion::Tls10..=ProtocolVersion::Tls11;
                    let says = alert.and_then(Alert::name) == Some("protocol_version");
                    too_old += usize::from(says && older.contains(&version));
                    Fact::Known(false)
                }
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

    fn is_older_accepted(&self) -> bool {
        let mut older = self.versions.range(..ProtocolVersion::Tls12);
        older.any(|(_, fact)| fact.value() == Some(&true))
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
                    Reply::Refused(_) => {}
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
            Reply::Refused(_) => self
                .refused
                .extend(offer.suites.iter().map(|suite| (version, *suite))),
            Reply::Unknown(_) => {}
        }
        reply
    }

    /// The highest version up to TLS 1.2 that is accepted.
    pub(crate) fn older(&self) -> Option<ProtocolVersion> {
        let older = self.picks.range(..=ProtocolVersion::Tls12);
        older.map(|(version, _)| *version).next_back()
    }

    /// Asks, and in the same hello whatever else is not known yet at the highest version up to TLS 1.2: whether the server
    /// compresses, and what it takes when the application protocol that it picked before is not offered.
    pub(crate) async fn ask_more(&mut self, offer: &Offer) -> Reply {
        let unknown = self.compresses.is_none() || self.other_alpn.is_none();
        if self.older() == Some(offer.version) && unknown {
            let mut more = offer.clone();
            more.compression = self.compresses.is_none();
            let picked = self.picked_alpn().filter(|_| self.other_alpn.is_none());
            if let Some(picked) = picked {
                let others = self.asker.alpn().iter().copied();
                more.alpn = Some(others.filter(|name| *name != picked).collect());
            }
            let reply = self.asker.ask(&more).await;
            // A no may be to what was added.
            if !matches!(reply, Reply::Refused(_)) {
                return self.heard(&more, reply).await;
            }
        }
        let reply = self.asker.ask(offer).await;
        self.heard(offer, reply).await
    }

    /// Takes a pick for all that it says.
    async fn heard(&mut self, offer: &Offer, reply: Reply) -> Reply {
        let Reply::Accepted(pick) = &reply else {
            return reply;
        };
        self.others.push(pick.clone());
        let version = pick.version;
        if let Some(hello) = pick
            .hello
            .as_ref()
            .filter(|_| self.older() == Some(version))
        {
            if offer.compression {
                self.compresses = Some(hello.compression != 0);
            }
            if offer.alpn.is_some() || self.picked_alpn().is_none() {
                self.other_alpn = Some(hello.alpn_name().filter(|_| offer.alpn.is_some()));
            }
            self.inject_after(version, pick.suite).await;
        }
        reply
    }

    /// The application protocol that it picked of all.
    fn picked_alpn(&self) -> Option<String> {
        let hello = self.picks.get(&self.older()?)?.hello.as_ref();
        hello.and_then(ServerHello::alpn_name)
    }

    /// Whether the server's order decides, and whether it compresses, unless both showed already: one connection asks both.
    async fn preference(&mut self) -> (Fact<bool>, Fact<bool>) {
        let tls13 = self.picks.get(&ProtocolVersion::Tls13);
        let older = self.older().and_then(|version| self.picks.get(&version));
        let Some(pick) = older.or(tls13).cloned() else {
            let why = self.why_silent();
            return (Fact::Unknown(why.clone()), Fact::Unknown(why));
        };
        let can_compress = pick.version < ProtocolVersion::Tls13;
        let mut why = Why::Inconsistent;
        if self.server_decides.is_none() || (can_compress && self.compresses.is_none()) {
            let mut offer = Offer::everything(pick.version);
            offer.suites.retain(|suite| *suite != pick.suite);
            offer.suites.push(pick.suite);
            match self.ask_more(&offer).await {
                Reply::Accepted(again) => {
                    self.server_decides.get_or_insert(again.suite == pick.suite);
                }
                Reply::Refused(_) => {}
                Reply::Unknown(because) => why = because,
            }
        }
        let fact = |known: Option<bool>| known.map_or(Fact::Unknown(why.clone()), Fact::Known);
        let compression = match self.unknown_up_to_tls12() {
            _ if can_compress => fact(self.compresses),
            Some(why) => Fact::Unknown(why),
            None => Fact::Known(false),
        };
        (fact(self.server_decides), compression)
    }

    async fn post_quantum(&mut self, full: Option<&Enumeration>) -> Fact<Option<NamedGroup>> {
        match self.versions.get(&ProtocolVersion::Tls13) {
            Some(Fact::Known(true)) => {}
            Some(Fact::Known(false)) => return Fact::Known(None),
            Some(Fact::Unknown(why)) => return Fact::Unknown(why.clone()),
            None => return Fact::Unknown(self.why_silent()),
        }
        let picked = self.picks.get(&ProtocolVersion::Tls13);
        let mut seen = picked
            .into_iter()
            .chain(&self.others)
            .filter_map(|pick| pick.group);
        if let Some(group) = seen.find(|group| group.is_post_quantum()) {
            return Fact::Known(Some(group));
        }
        // All groups are asked for there.
        let listing = full.and_then(|full| full.tls13_groups.as_ref());
        if listing.is_some_and(|listing| listing.open.is_none()) {
            return Fact::Known(None);
        }
        let mut offer = Offer::everything(ProtocolVersion::Tls13);
        offer.groups.retain(|group| group.is_post_quantum());
        match self.asker.ask(&offer).await {
            Reply::Accepted(pick) => Fact::Known(pick.group),
            Reply::Refused(_) => Fact::Known(None),
            Reply::Unknown(why) => Fact::Unknown(why),
        }
    }

    async fn fallback_protection(&mut self) -> Fact<bool> {
        let below = self.picks.range(..ProtocolVersion::Tls12).next_back();
        let Some((below, _)) =
            below.filter(|(below, _)| self.picks.keys().next_back() > Some(below))
        else {
            return Fact::Unknown(Why::NotAsked(
                "there is no version below TLS 1.2 to fall back to",
            ));
        };
        let mut offer = Offer::everything(*below);
        offer.fallback = true;
        match self.asker.ask(&offer).await {
            Reply::Accepted(_) => Fact::Known(false),
            // The same without the signal was accepted before.
            Reply::Refused(_) => Fact::Known(true),
            Reply::Unknown(why) => Fact::Unknown(why),
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
