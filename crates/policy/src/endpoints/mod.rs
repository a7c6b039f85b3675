//! Endpoints seen from outside: the record that a probe writes of each, read with what it could not learn.
//!
//! A record holds what was asked for (`Host`, `Port`, `Protocol`, `Role`), what declares it (`Of`) and what each of
//! the name's `Addresses` answered. What is not in it was not asked, and that is not known either: nothing here
//! takes silence for an answer.

mod certificates;
mod http;
mod tls;

pub(crate) use certificates::{Certificate, Link};
pub(crate) use http::OverHttp;

use crate::cx::Cx;
use crate::judgement::{Fact, Judgement, Out, Verdict};
use lockfast_facts::{ENDPOINT, Known, Loc, Read, Subject, Value, Why};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// What an endpoint is in the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    LoadBalancer,
    Distribution,
    Api,
    Database,
    /// An API of others that the system calls.
    Outside,
}

impl Role {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "LoadBalancer" => Some(Role::LoadBalancer),
            "Distribution" => Some(Role::Distribution),
            "Api" => Some(Role::Api),
            "Database" => Some(Role::Database),
            "Outside" => Some(Role::Outside),
            _ => None,
        }
    }
}

/// An endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint<'a> {
    pub(crate) subject: Subject<'a>,
}

/// Every endpoint. A certificate out of a file, which is recorded as what an endpoint would show, is none.
pub(crate) fn all<'a>(cx: &Cx<'a>) -> impl Iterator<Item = Endpoint<'a>> {
    recorded(cx).filter(|endpoint| !endpoint.is_a_file())
}

fn recorded<'a>(cx: &Cx<'a>) -> impl Iterator<Item = Endpoint<'a>> {
    let subjects = cx.subjects(&[ENDPOINT]).into_iter();
    subjects.map(|subject| Endpoint { subject })
}

/// The endpoints of some roles. Where a role could not be learned, `out` is told that this cannot be told: `what`.
pub(crate) fn of_roles<'a>(
    cx: &Cx<'a>,
    roles: &[Role],
    what: &str,
    out: &mut Out,
) -> Vec<Endpoint<'a>> {
    let mut found = Vec::new();
    for endpoint in all(cx) {
        match endpoint.role() {
            Read::Found(role, _) if roles.contains(&role) => found.push(endpoint),
            Read::Unknown(why, _) => {
                out.push(Judgement::cannot_tell(endpoint.subject, what, &why));
            }
            _ => {}
        }
    }
    found
}

/// The endpoints that show certificates of one's own: all that may speak TLS, but for those of others, and files that hold
/// certificates. Where it could not be learned whether one does, `out` is told so.
pub(crate) fn with_own_certificates<'a>(cx: &Cx<'a>, out: &mut Out) -> Vec<Endpoint<'a>> {
    let mut found = Vec::new();
    for endpoint in recorded(cx) {
        match (endpoint.role(), endpoint.protocol()) {
            (Read::Found(Role::Outside, _), _) => {}
            (_, Known::Stated(protocol, _)) if protocol == "http" => {}
            (Read::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => {
                let what = "whether it shows a certificate of one's own";
                out.push(Judgement::cannot_tell(endpoint.subject, what, &why));
            }
            _ => found.push(endpoint),
        }
    }
    found
}

impl<'a> Endpoint<'a> {
    /// What it is; absent when nobody said.
    pub(crate) fn role(self) -> Read<Role> {
        let role = self.subject.at("Role").string();
        role.then(|name, loc| match Role::parse(&name) {
            Some(role) => Read::Found(role, loc),
            None => Read::Unknown(unsupported(format!("`{name}` is no role known here")), loc),
        })
    }

    /// `https`, `postgresql`, ….
    pub(crate) fn protocol(self) -> Known<String> {
        asked(self.subject.at("Protocol").string(), "its protocol")
    }

    /// True for a file of certificates.
    pub(crate) fn is_a_file(self) -> bool {
        self.protocol()
            .value()
            .is_some_and(|name| name == "certificate")
    }

    /// True for one that is known to speak HTTP without TLS.
    pub(crate) fn is_plain_http(self) -> bool {
        self.protocol().value().is_some_and(|name| name == "http")
    }

    /// True for one that is known to speak something else than HTTP, so that port 80 is no matter of its.
    pub(crate) fn speaks_no_http(self) -> bool {
        let protocol = self.protocol();
        protocol
            .value()
            .is_some_and(|name| !matches!(name.as_str(), "http" | "https"))
    }

    /// Judges every address that anything listens at. The worst verdict stands, and says which addresses it is of when others
    /// differ.
    pub(crate) fn each_address(
        self,
        cx: &Cx<'_>,
        judge: impl Fn(Address<'a>) -> Judgement,
    ) -> Judgement {
        self.each_address_where(cx, Address::listens, judge)
    }

    /// Judges every address by what it does with plain HTTP, also where nothing listens at the endpoint's own port.
    pub(crate) fn each_address_over_http(
        self,
        cx: &Cx<'_>,
        judge: impl Fn(Address<'a>) -> Judgement,
    ) -> Judgement {
        self.each_address_where(cx, |_| true, judge)
    }

    /// Judges some addresses. Of the others, at which nothing listens, it is said that they were not judged.
    pub(crate) fn each_address_where(
        self,
        cx: &Cx<'_>,
        is_judged: impl Fn(Address<'a>) -> bool,
        judge: impl Fn(Address<'a>) -> Judgement,
    ) -> Judgement {
        let judgement = match known_list(self.subject.at("Addresses"), "its addresses") {
            Err(why) => Judgement::cannot_tell(self.subject, "what its addresses answer", &why),
            Ok(addresses) => {
                let addresses = addresses.iter().map(|value| Address {
                    endpoint: self,
                    value,
                });
                let (judged, silent): (Vec<_>, Vec<_>) = addresses.partition(|one| is_judged(*one));
                let each = judged.into_iter();
                let each = each.map(|address| (format!("at {}", address.name()), judge(address)));
                let judgement = self.with_unmeasured(each.collect());
                // `localhost` has two addresses, of which a server takes one.
                let silent = silent.into_iter().filter(|address| !address.is_loopback());
                silent.fold(judgement, |judgement, address| {
                    let name = address.name();
                    judgement.note(format!("not judged: nothing listens at {name}"))
                })
            }
        };
        self.declared(cx, judgement)
    }

    /// The worst of what was judged. While other addresses were not measured, it passes nothing.
    fn with_unmeasured(self, mut parts: Vec<(String, Judgement)>) -> Judgement {
        if parts.is_empty() {
            let message =
                "cannot tell what it answers: its name has no address that anything listens at";
            let nothing = Judgement::unknown(self.subject, message);
            parts.push(("its addresses".into(), nothing));
        }
        let unmeasured = self.unmeasured();
        for why in &unmeasured {
            let judgement = Judgement::cannot_tell(self.subject, "what they answer", why);
            parts.push(("the other addresses".into(), judgement));
        }
        let nothing = || Judgement::unknown(self.subject, "cannot tell what it answers");
        let judgement = worst_of(parts).unwrap_or_else(nothing);
        let judgement = match judgement.verdict {
            Verdict::Fail => unmeasured.iter().fold(judgement, |judgement, why| {
                judgement.note(format!("other addresses were not measured: {why}"))
            }),
            _ => judgement,
        };
        match self.out_of_reach() {
            Ok(names) if !names.is_empty() => judgement.note(format!(
                "not measured, since the machine that probed has no route there: {}",
                names.join(", ")
            )),
            _ => judgement,
        }
    }

    /// Why there are addresses of which nothing is known.
    fn unmeasured(self) -> Vec<Arc<Why>> {
        let mut unmeasured = Vec::new();
        match self.subject.at("AddressesUnknown") {
            Read::Absent(_) => {}
            Read::Unknown(why, _) => unmeasured.push(why),
            Read::Found(..) => unmeasured.push(unsupported("not all of them were found")),
        }
        match self.subject.at("AddressesLeftOut").int() {
            Read::Absent(_) | Read::Found(0, _) => {}
            Read::Unknown(why, _) => unmeasured.push(why),
            Read::Found(left_out, _) => unmeasured.push(unsupported(format!(
                "{left_out} more addresses of its name were left out"
            ))),
        }
        unmeasured.extend(self.out_of_reach().err());
        unmeasured
    }

    /// The addresses of IPv6 that a machine without it could not reach. An address of IPv4 without a route to it is not known
    /// as any other is not.
    fn out_of_reach(self) -> Result<Vec<String>, Arc<Why>> {
        let addresses = match self.subject.at("OutOfReach").list() {
            Read::Absent(_) => return Ok(Vec::new()),
            Read::Unknown(why, _) => return Err(why),
            Read::Found(addresses, _) => addresses,
        };
        let names = addresses.iter().map(|address| {
            let known = asked(address.at("").string(), "an address out of reach");
            match known {
                Known::Unknown(why, _) => Err(why),
                Known::Stated(name, _) | Known::Default(name, ..) => {
                    match name.parse::<Ipv6Addr>() {
                        Ok(_) => Ok(name),
                        Err(_) => Err(unsupported(format!("no route to {name}"))),
                    }
                }
            }
        });
        names.collect()
    }

    /// Adds what declares the endpoint, if the probe was told.
    pub(crate) fn declared(self, cx: &Cx<'_>, judgement: Judgement) -> Judgement {
        let Read::Found(of, loc) = self.subject.at("Of") else {
            return judgement;
        };
        let text = |name: &str| of.at(name).string().found();
        let (Some(kind), Some(name)) = (text("Type"), text("Name")) else {
            return judgement;
        };
        let arn = text("Arn");
        let mut same_type = cx.inventory.of_kind(&kind);
        let declared = same_type.find(|resource| match (&resource.arn, &arn) {
            (Some(own), Some(arn)) => **own == **arn,
            _ => *resource.name == *name,
        });
        let noun = noun(&kind);
        let place = text("Where").map(|place| format!(" at {place}"));
        let what = format!("declared by {noun} {name}{}", place.unwrap_or_default());
        judgement.step(what, declared.map_or(loc, |resource| resource.loc))
    }
}

/// One of the addresses of an endpoint's name, and what it answered.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    pub(crate) endpoint: Endpoint<'a>,
    value: &'a Value,
}

impl<'a> Address<'a> {
    /// What judgements of it are about.
    pub(crate) fn subject(self) -> Subject<'a> {
        self.endpoint.subject
    }

    /// The address itself.
    pub(crate) fn name(self) -> String {
        let name = self.value.at("Address").string().found();
        name.unwrap_or_else(|| "an address that is not known".into())
    }

    /// False for one that refused while another address of the name did not.
    pub(crate) fn listens(self) -> bool {
        self.at("Listening").bool().found() != Some(false)
    }

    fn is_loopback(self) -> bool {
        let ip = self.name().parse::<IpAddr>();
        ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Where its answers were read.
    pub(crate) fn loc(self) -> Loc {
        self.value.loc
    }

    /// What it said at a path.
    pub(crate) fn at(self, path: &str) -> Read<&'a Value> {
        self.value.at(path)
    }

    /// Yes or no; not known when it was not asked.
    pub(crate) fn bool(self, path: &str) -> Known<bool> {
        asked(self.at(path).bool(), last(path))
    }

    /// A weakness of which an example was accepted (`TLS_RSA_WITH_3DES_EDE_CBC_SHA with TLSv1`); none when the
    /// answer is `false`.
    pub(crate) fn example(self, path: &str) -> Known<Option<String>> {
        match self.at(path) {
            Read::Found(value, loc) if value.at("Suite").string().found().is_some() => {
                let text = |name: &str| value.at(name).string().found();
                let suite = text("Suite").unwrap_or_default();
                let with = text("Version").map(|version| format!(" with {version}"));
                Known::Stated(Some(format!("{suite}{}", with.unwrap_or_default())), loc)
            }
            read => match asked(read.bool(), last(path)) {
                Known::Stated(false, loc) => Known::Stated(None, loc),
                Known::Unknown(why, loc) => Known::Unknown(why, loc),
                known => Known::Unknown(
                    unsupported(format!("{} without an example", last(path))),
                    known.loc(),
                ),
            },
        }
    }
}

/// The last part of a type's name in words: `domain name`, `DB instance`.
fn noun(kind: &str) -> String {
    let name = kind.rsplit("::").next().unwrap_or_default();
    let starts = |at: usize| {
        let letter = |at: usize| name.as_bytes().get(at).copied().unwrap_or(b'A');
        letter(at).is_ascii_uppercase() && letter(at + 1).is_ascii_lowercase()
    };
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in name.char_indices() {
        match words.last_mut() {
            Some(word) if !starts(at) => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    for word in &mut words {
        if word.contains(char::is_lowercase) {
            word.make_ascii_lowercase();
        }
    }
    words.join(" ")
}

/// What was asked and answered: what is not there was not asked.
pub(crate) fn asked<T>(read: Read<T>, what: &str) -> Known<T> {
    match read {
        Read::Found(value, loc) => Known::Stated(value, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(
            Arc::new(Why::NotGiven(format!("the answer about {what}"))),
            loc,
        ),
    }
}

/// A list that was asked for.
fn known_list<'a>(read: Read<&'a Value>, what: &str) -> Result<&'a [Value], Arc<Why>> {
    match asked(read.list(), what) {
        Known::Stated(items, _) | Known::Default(items, ..) => Ok(items),
        Known::Unknown(why, _) => Err(why),
    }
}

/// A reason that is none of the usual.
pub(crate) fn unsupported(what: impl Into<String>) -> Arc<Why> {
    Arc::new(Why::Unsupported(what.into()))
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The worst of judgements on parts of one thing, each with the part's name for people. It names the parts that it is
/// of, unless all say the same; what others that are as bad say becomes a note. `None` when there is no part.
pub(crate) fn worst_of(parts: Vec<(String, Judgement)>) -> Option<Judgement> {
    let verdict = parts.iter().map(|(_, judgement)| judgement.verdict).max()?;
    let several = parts.len() > 1;
    let mut notes = Vec::new();
    for (_, judgement) in &parts {
        for note in &judgement.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
    }
    let (bad, rest): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .partition(|(_, judgement)| judgement.verdict == verdict);
    let mut bad = bad.into_iter();
    let (name, mut worst) = bad.next()?;
    let mut names = vec![name];
    let mut alike = rest.is_empty();
    for (name, other) in bad {
        for fact in other.facts {
            add(&mut worst.facts, fact, &name);
        }
        if other.message == worst.message {
            names.push(name);
        } else if verdict != Verdict::Pass {
            alike = false;
            let also = format!("{name}: {}", other.message);
            notes.push(also.into());
        }
    }
    if several && !(alike || verdict == Verdict::Pass) {
        worst.message = format!("{}: {}", names.join(", "), worst.message).into();
    }
    worst.notes = notes;
    Some(worst)
}

/// Adds a fact of a part, once; where another part said something else, with this part's name.
fn add(facts: &mut Vec<Fact>, fact: Fact, part: &str) {
    let same_name = facts.iter().any(|known| known.name == fact.name);
    let known = |known: &Fact| (&known.name, &known.value) == (&fact.name, &fact.value);
    match same_name {
        _ if facts.iter().any(known) => {}
        true => facts.push(Fact {
            name: format!("{} ({part})", fact.name).into(),
            ..fact
        }),
        false => facts.push(fact),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn types_are_named_in_words() {
        let noun = super::noun;
        assert_eq!(noun("AWS::ElasticLoadBalancingV2::Listener"), "listener");
        assert_eq!(noun("AWS::ApiGateway::DomainName"), "domain name");
        assert_eq!(noun("AWS::RDS::DBInstance"), "DB instance");
        assert_eq!(noun(""), "");
    }
}
