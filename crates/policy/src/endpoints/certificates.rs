//! The certificates that an address shows, and their chains.

use super::{Address, asked, known_list, unsupported, worst_of};
use crate::judgement::{Judgement, Verdict};
use lockfast_facts::{Known, Loc, Read, Subject, Value, Why};
use std::sync::Arc;

/// A certificate that was shown, with what was sent above it.
#[derive(Clone, Copy)]
pub(crate) struct Certificate<'a> {
    address: Address<'a>,
    value: &'a Value,
}

/// One certificate of a chain.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    value: &'a Value,
    /// The server's own comes first.
    index: usize,
}

impl<'a> Address<'a> {
    /// Judges each kind of certificate that was shown (RSA, ECDSA); the worst verdict stands. `what` is said to be
    /// unknown when none was.
    pub(crate) fn each_certificate(
        self,
        what: &str,
        judge: impl Fn(Certificate<'a>) -> Judgement,
    ) -> Judgement {
        let shown = match known_list(self.at("Certificates"), "its certificates") {
            Ok(shown) => shown,
            Err(why) => return Judgement::cannot_tell(self.subject(), what, &why),
        };
        let each = shown.iter().map(|value| {
            let certificate = Certificate {
                address: self,
                value,
            };
            let kind = value.at("For").string().found();
            let kind = kind.filter(|kind| kind != "any").unwrap_or_default();
            let name = format!("its {kind} certificate").replace("  ", " ");
            (name, judge(certificate))
        });
        worst_of(each.collect()).unwrap_or_else(|| {
            let message = format!("cannot tell {what}: it showed no certificate");
            Judgement::unknown(self.subject(), message)
        })
    }
}

impl<'a> Certificate<'a> {
    /// What judgements of it are about.
    pub(crate) fn subject(self) -> Subject<'a> {
        self.address.subject()
    }

    /// What the probe says of it at a path.
    pub(crate) fn at(self, path: &str) -> Read<&'a Value> {
        self.value.at(path)
    }

    /// Where it was read.
    pub(crate) fn loc(self) -> Loc {
        self.value.loc
    }

    /// The certificates that were sent, the server's own first.
    pub(crate) fn chain(self) -> Result<Vec<Link<'a>>, Arc<Why>> {
        let chain = known_list(self.at("Chain"), "its chain")?;
        let links = chain.iter().enumerate();
        Ok(links.map(|(index, value)| Link { value, index }).collect())
    }

    /// The server's own certificate.
    pub(crate) fn leaf(self) -> Result<Link<'a>, Arc<Why>> {
        let first = self.chain()?.into_iter().next();
        first.ok_or_else(|| unsupported("its chain is empty"))
    }

    /// Judges each certificate of the chain; the worst verdict stands. `what` is said to be unknown when none was sent.
    pub(crate) fn each_link(
        self,
        what: &str,
        judge: impl Fn(Link<'a>) -> Option<Judgement>,
    ) -> Judgement {
        let links = match self.chain() {
            Ok(links) => links,
            Err(why) => return Judgement::cannot_tell(self.subject(), what, &why),
        };
        let mut each = Vec::new();
        let mut beside = Vec::new();
        for link in links {
            let name = link.name();
            let Some(judgement) = judge(link) else {
                continue;
            };
            let is_bad = judgement.verdict > Verdict::Pass;
            match self.counts(link) {
                Known::Stated(false, _) if is_bad => {
                    beside.push(format!(
                        "{name} was sent along and does not count, since the chain does not need it: {}",
                        judgement.message
                    ));
                }
                Known::Unknown(why, _) if judgement.verdict == Verdict::Fail => {
                    let message = format!(
                        "cannot tell whether the chain needs this certificate ({}): {why}",
                        judgement.message
                    );
                    let unknown = Judgement {
                        verdict: Verdict::Unknown,
                        message: message.into(),
                        ..judgement
                    };
                    each.push((name, unknown));
                }
                _ => each.push((name, judgement)),
            }
        }
        let judgement = worst_of(each).unwrap_or_else(|| {
            let message = format!("cannot tell {what}: its chain is empty");
            Judgement::unknown(self.subject(), message)
        });
        beside.into_iter().fold(judgement, Judgement::note)
    }

    /// Whether a certificate of the chain matters: not when the way to an anchor goes round it. Where no way leads to one, all do.
    fn counts(self, link: Link<'a>) -> Known<bool> {
        let on_path = match link.at("OnPath").bool() {
            // Of the server's own it needs not be said, and older records say it of none.
            _ if link.index == 0 => return Known::Stated(true, self.loc()),
            Read::Absent(loc) => Known::Stated(true, loc),
            read => asked(read, "which certificates the chain needs"),
        };
        on_path.and_then(|on_path| match on_path {
            true => Known::Stated(true, self.loc()),
            false => asked(self.at("Authority").string(), "its authority")
                .map(|authority| !matches!(authority.as_str(), "public" | "private")),
        })
    }

    /// Whether it leads to a trusted root in time, for this name; what is wrong with it otherwise.
    pub(crate) fn problems(self) -> Known<Vec<Problem>> {
        asked(self.at("Valid").bool(), "its validity").and_then(|valid| match valid {
            true => Known::Stated(Vec::new(), self.loc()),
            false => {
                let problems = known_list(self.at("Problems"), "what is wrong with it");
                let mut problems: Vec<Problem> = problems
                    .unwrap_or_default()
                    .iter()
                    .map(Problem::read)
                    .collect();
                // That it is not valid stands, whatever is wrong with it.
                if problems.is_empty() {
                    problems.push(Problem {
                        name: String::new(),
                        message: "it is not valid".into(),
                    });
                }
                Known::Stated(problems, self.loc())
            }
        })
    }
}

/// Something that is wrong with a certificate.
pub(crate) struct Problem {
    /// `expired`, `name-mismatch`, …; empty when it is not known.
    pub(crate) name: String,
    /// For people.
    pub(crate) message: String,
}

impl Problem {
    fn read(value: &Value) -> Self {
        let name = value.at("Problem").string().found().unwrap_or_default();
        let message = value.at("Message").string().found();
        Problem {
            message: message.unwrap_or_else(|| match name.is_empty() {
                true => "it is not valid".into(),
                false => name.replace('-', " "),
            }),
            name,
        }
    }
}

impl<'a> Link<'a> {
    /// Its name for people: the subject.
    pub(crate) fn name(self) -> String {
        let subject = self.value.at("Subject").string().found();
        let subject = subject.filter(|subject| !subject.is_empty());
        subject.unwrap_or_else(|| format!("certificate {} of the chain", self.index + 1))
    }

    /// Whether it is a root that was sent along, which clients have themselves: it signs itself, and is not the
    /// server's own.
    pub(crate) fn is_root(self) -> Known<bool> {
        match self.index {
            0 => Known::Stated(false, self.value.loc),
            _ => asked(self.value.at("SelfSigned").bool(), "who signed it"),
        }
    }

    /// Whether it is for a domain: one of its names or, in old certificates, the common name.
    pub(crate) fn is_of(self, domain: &str) -> Known<bool> {
        let mut unknown = None;
        for name in self.value.each("Names.*") {
            match asked(name.string(), "its names") {
                Known::Unknown(why, loc) => unknown = Some(Known::Unknown(why, loc)),
                known
                    if known
                        .value()
                        .is_some_and(|name| name.eq_ignore_ascii_case(domain)) =>
                {
                    return known.map(|_| true);
                }
                _ => {}
            }
        }
        let common_name = format!("CN={domain}");
        let subject = self.text("Subject").map(|subject| {
            let mut parts = subject.split(',');
            parts.any(|part| part.trim().eq_ignore_ascii_case(&common_name))
        });
        match (subject.value(), unknown) {
            (Some(false), Some(unknown)) => unknown,
            _ => subject,
        }
    }

    /// Where it was read.
    pub(crate) fn loc(self) -> Loc {
        self.value.loc
    }

    /// A field of it.
    pub(crate) fn at(self, path: &str) -> Read<&'a Value> {
        self.value.at(path)
    }

    /// A field of it, in words.
    pub(crate) fn text(self, name: &str) -> Known<String> {
        asked(self.value.at(name).string(), name)
    }
}
