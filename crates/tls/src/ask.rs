//! One question to a server: is any of this accepted? With as many connections as that takes.

use crate::connection::first_flight;
use crate::offer::{Offer, Shape};
use crate::{
    Alert, Answer, BoxStream, CipherSuite, Limits, NamedGroup, Pace, ProtocolVersion, ReadTo,
    ServerHello, Target, TooLong, Unready, Why,
};

/// What a server picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The version.
    pub version: ProtocolVersion,
    /// The suite.
    pub suite: CipherSuite,
    /// The group, when the server said one.
    pub group: Option<NamedGroup>,
    /// Its whole ServerHello; none when a HelloRetryRequest told.
    pub hello: Option<ServerHello>,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Accepted(Pick),
    /// By this alert, if it was one.
    Refused(Option<Alert>),
    Unknown(Why),
}

/// Asks one server, and counts.
pub(crate) struct Asker<'a> {
    target: &'a Target,
    limits: Limits,
    pace: &'a Pace,
    max_connections: usize,
    connections: usize,
    /// The longest hello that the server answers, as far as is known.
    shape: Shape,
    /// Whether the server ever accepted anything.
    greeted: bool,
    /// Why all further questions are idle.
    given_up: Option<Why>,
    /// Whether a connection failed before.
    failed: bool,
    /// Whether the server turns hellos away for the application protocols in them.
    without_alpn: bool,
    /// Whether a question was asked in all shapes without an answer.
    silent: bool,
    /// The connection of the last answer.
    last: Option<BoxStream>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(
        target: &'a Target,
        limits: Limits,
        max_connections: usize,
        pace: &'a Pace,
    ) -> Self {
        Asker {
            target,
            limits,
            pace,
            max_connections: max_connections.min(target.protocol.max_connections()),
            connections: 0,
            shape: Shape::Full,
            greeted: false,
            given_up: None,
            failed: false,
            without_alpn: false,
            silent: false,
            last: None,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Whether the server ever accepted anything: then [`Why::is_no_once_greeted`] counts.
    pub(crate) fn greeted(&self) -> bool {
        self.greeted
    }

    /// How much the hellos say that the server answers.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The application protocols that are offered.
    pub(crate) fn alpn(&self) -> &'static [&'static str] {
        self.target.protocol.alpn()
    }

    /// The connection of the last answer: what comes behind a first flight can be asked on it.
    pub(crate) fn take_last(&mut self) -> Option<BoxStream> {
        self.last.take()
    }

    /// Limits of one connection.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether any of the offer is accepted, and what of it is picked.
    pub(crate) async fn ask(&mut self, offer: &Offer) -> Reply {
        if offer.suites.is_empty() {
            return Reply::Refused(None);
        }
        let mut first = None;
        let mut only_no = true;
        let mut spoke = false;
        let longest = self.shape;
        for shape in Shape::ALL.into_iter().filter(|shape| *shape >= longest) {
            // A server that was silent in all shapes once is not asked thrice again.
            if first.is_some() && self.silent && !self.greeted {
                break;
            }
            match self.ask_in(shape, offer).await {
                Reply::Unknown(why) if why.may_be_intolerance() => {
                    only_no &= why.is_no_once_greeted();
                    first.get_or_insert(why);
                }
                Reply::Accepted(pick) => {
                    self.greeted = true;
                    if first.is_some() {
                        self.shape = shape;
                    }
                    return Reply::Accepted(pick);
                }
                // Without signature_algorithms and supported_groups a server may have to refuse what it takes else.
                Reply::Refused(_) if shape == Shape::Bare && first.is_some() => {
                    only_no = false;
                    spoke = true;
                }
                reply => return reply,
            }
        }
        match first {
            Some(_) if only_no && self.greeted => Reply::Refused(None),
            Some(why) => {
                // In TLS 1.3 even the barest hello is long, so that silence there may be intolerance yet.
                self.silent |= !spoke && offer.version < ProtocolVersion::Tls13;
                Reply::Unknown(why)
            }
            None => Reply::Refused(None),
        }
    }

    async fn ask_in(&mut self, shape: Shape, offer: &Offer) -> Reply {
        let mut refused = None;
        for suites in offer.suites.chunks(shape.suites()) {
            let mut reply = self.ask_with(shape, offer, suites, true).await;
            if shape == Shape::Full && is_about_alpn(&reply) {
                // It wants another application protocol, or none: that says nothing of the suites (RFC 7301, section 3.2).
                reply = self.ask_with(shape, offer, suites, false).await;
                self.without_alpn |= offer.alpn.is_none();
            }
            match reply {
                Reply::Refused(alert) => refused = alert,
                reply => return reply,
            }
        }
        Reply::Refused(refused)
    }

    async fn ask_with(
        &mut self,
        shape: Shape,
        offer: &Offer,
        suites: &[CipherSuite],
        alpn: bool,
    ) -> Reply {
        match self.records(shape, offer, suites, alpn) {
            Ok(records) => judge(self.connect(&records).await, offer, suites),
            Err(error) => Reply::Unknown(error.into()),
        }
    }

    fn records(
        &self,
        shape: Shape,
        offer: &Offer,
        suites: &[CipherSuite],
        alpn: bool,
    ) -> Result<Vec<u8>, TooLong> {
        let name = self.target.server_name.as_deref();
        let protocols = match &offer.alpn {
            _ if self.without_alpn || !alpn => &[],
            Some(protocols) => protocols.as_slice(),
            None => self.target.protocol.alpn(),
        };
        offer.records(shape, suites, name, protocols)
    }

    /// A connection on which the server's first flight for an offer is over, and what it was.
    pub(crate) async fn begin(&mut self, offer: &Offer) -> Result<(BoxStream, ServerHello), Why> {
        match (self.ask(offer).await, self.take_last()) {
            (
                Reply::Accepted(Pick {
                    hello: Some(hello), ..
                }),
                Some(stream),
            ) => Ok((stream, hello)),
            (Reply::Unknown(why), _) => Err(why),
            _ => Err(Why::Inconsistent),
        }
    }

    /// What comes back over one connection, unless there is none left.
    pub(crate) async fn connect(&mut self, records: &[u8]) -> Result<Answer, Why> {
        let mut stream = match self.open().await? {
            Ok(stream) => stream,
            Err(unready) => return Ok(unready.into()),
        };
        let answer = first_flight(&mut stream, records, ReadTo::EndOfFlight, self.limits).await;
        self.last = Some(stream);
        Ok(answer)
    }

    /// One connection on which the server waits for a hello, unless there is none left.
    pub(crate) async fn open(&mut self) -> Result<Result<BoxStream, Unready>, Why> {
        if let Some(why) = &self.given_up {
            return Err(why.clone());
        }
        if self.connections >= self.max_connections {
            return Err(Why::TooManyConnections(self.max_connections));
        }
        // Closed before the turn is waited for: a server holds one connection of ours at a time.
        self.last = None;
        self.pace.wait(self.target.address.ip()).await;
        self.connections += 1;
        let opened = self.target.open(self.limits).await;
        if let Err(unready @ (Unready::NotConnected(_) | Unready::Failed(_))) = &opened {
            // Whoever does not let us in is not to be knocked down; one lost connection of many is no wall.
            if self.failed || !self.greeted {
                self.given_up = Some(unknown(unready.clone().into()));
            }
            self.failed = true;
        }
        Ok(opened)
    }
}

fn is_about_alpn(reply: &Reply) -> bool {
    matches!(reply, Reply::Unknown(Why::Alert(alert)) if alert.name() == Some("no_application_protocol"))
}

/// What an answer says about an offer.
fn judge(answer: Result<Answer, Why>, offer: &Offer, suites: &[CipherSuite]) -> Reply {
    let pick = match answer {
        Err(why) => return Reply::Unknown(why),
        Ok(Answer::RetryRequest(retry)) => Pick {
            version: ProtocolVersion::Tls13,
            suite: retry.suite,
            group: retry.group,
            hello: None,
        },
        Ok(Answer::Hello(hello)) => match hello.aborted {
            Some(alert) => return refusal(alert),
            None => Pick {
                version: hello.version,
                suite: hello.suite,
                group: hello.group,
                hello: Some(hello),
            },
        },
        Ok(Answer::Alert(alert)) => return refusal(alert),
        Ok(Answer::NoTls(_)) => return Reply::Refused(None),
        Ok(other) => return Reply::Unknown(unknown(other)),
    };
    if pick.version > offer.version || !suites.contains(&pick.suite) {
        return Reply::Unknown(Why::NotOffered(pick.suite));
    }
    // Before TLS 1.3 a hello may name no group, and the server then takes one of its own.
    match pick.group {
        Some(group) if pick.version == ProtocolVersion::Tls13 && !offer.groups.contains(&group) => {
            Reply::Unknown(Why::GroupNotOffered(group))
        }
        _ => Reply::Accepted(pick),
    }
}

fn refusal(alert: Alert) -> Reply {
    match alert.is_refusal() {
        true => Reply::Refused(Some(alert)),
        false => Reply::Unknown(Why::Alert(alert)),
    }
}

/// Why an answer that is no handshake and no alert leaves the question open.
pub(crate) fn unknown(answer: Answer) -> Why {
    match answer {
        Answer::NotConnected(kind) => Why::NotConnected(kind),
        Answer::NotReady(why @ Why::NoWay(_)) => why,
        Answer::NotReady(why) => Why::NotReady(Box::new(why)),
        Answer::NoTls(words) => Why::NotReady(Box::new(Why::TurnedAway(words))),
        Answer::Reset => Why::Reset,
        Answer::TimedOut => Why::TimedOut,
        Answer::Garbage(reason) => Why::Garbage(reason),
        Answer::Alert(alert) => Why::Alert(alert),
        Answer::Hello(hello) => Why::NotOffered(hello.suite),
        Answer::RetryRequest(retry) => Why::NotOffered(retry.suite),
        Answer::Closed => Why::Closed,
        Answer::Ssl2Hello(_) | Answer::Ssl2Error(_) => {
            Why::Garbage(crate::Reason::Malformed("ServerHello"))
        }
    }
}
