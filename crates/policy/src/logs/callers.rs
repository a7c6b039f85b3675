//! Who calls which service of AWS, and how its calls are protected.

use super::{Gaps, count, named, plural, text, told};
use crate::cx::Cx;
use crate::judgement::Judgement;
use lockfast_facts::trail::CALLER;
use lockfast_facts::{Known, Read, Subject, Why};
use std::sync::Arc;

/// A principal and a service that it called.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) subject: Subject<'a>,
}

/// A count of calls that are protected too little, and what these are.
pub(crate) type Weak = (&'static str, &'static str);

pub(crate) fn callers<'a>(cx: &Cx<'a>) -> impl Iterator<Item = Caller<'a>> {
    let subjects = cx.subjects(&[CALLER]).into_iter();
    subjects.map(|subject| Caller { subject })
}

impl Caller<'_> {
    pub(crate) const PLAIN_HTTP: Weak = ("PlainHttp", "without TLS");
    pub(crate) const OLD_TLS: Weak = ("BelowTls12", "over TLS older than 1.2");

    /// `dynamodb.amazonaws.com`.
    pub(crate) fn service(self) -> Known<String> {
        told(
            self.subject.at("Service").string(),
            "which service was called",
        )
    }

    pub(crate) fn is_of_lambda(self) -> Known<bool> {
        told(
            self.subject.at("FromLambda").bool(),
            "whether a Lambda function called",
        )
    }

    fn principal(self) -> Known<String> {
        told(self.subject.at("Principal").string(), "who called")
    }

    /// Judges that no call of it is protected too little. A service of AWS calls others within AWS, and nobody else can say how.
    pub(crate) fn judge(
        self,
        cx: &Cx<'_>,
        gaps: &Gaps,
        weak: &[Weak],
        sound: &'static str,
    ) -> Judgement {
        let subject = self.subject;
        let principal = match self.principal() {
            Known::Unknown(why, _) => {
                return Judgement::cannot_tell(subject, "whose calls these are", &why);
            }
            known => known.value().cloned().unwrap_or_default(),
        };
        let service = self
            .service()
            .value()
            .cloned()
            .unwrap_or_else(|| "a service".into());
        let calls = count(subject, "Calls");
        let not_told = count(subject, "NotTold");
        let counts: Vec<(Weak, Known<i64>)> = weak
            .iter()
            .map(|weak| (*weak, count(subject, weak.0)))
            .collect();
        let what = "how its calls are protected";
        let found = counts
            .iter()
            .find(|(_, n)| n.value().is_some_and(|n| *n > 0));
        let judgement = if let Some(((_, how), n)) = found {
            let n = n.value().copied().unwrap_or_default();
            let shown = |property: &str| {
                let values = subject.at(property).list().found().unwrap_or_default();
                named(
                    values
                        .iter()
                        .filter_map(|value| value.at("").string().found()),
                )
            };
            let from = match subject.at("SourceAddresses").list().found() {
                None | Some([]) => String::new(),
                Some(_) => format!(" from {}", shown("SourceAddresses")),
            };
            let calls = plural(n, "call");
            let agents = shown("UserAgents");
            Judgement::fail(
                subject,
                format!("{principal} called {service} {how}: {calls}{from}, as {agents}"),
            )
        } else if let Some(why) = counts
            .iter()
            .chain([&(weak[0], calls.clone()), &(weak[0], not_told.clone())])
            .find_map(|(_, n)| n.why())
        {
            Judgement::cannot_tell(subject, what, why)
        } else if principal.ends_with(".amazonaws.com") {
            Judgement::not_applicable(
                subject,
                "a service of AWS calls for itself, and AWS protects that",
            )
        } else {
            let (all, untold) = (
                calls.value().copied().unwrap_or_default(),
                not_told.value().copied().unwrap_or_default(),
            );
            match untold {
                _ if untold >= all => {
                    let why = Why::Unsupported(format!(
                        "CloudTrail tells it of none of {}",
                        plural(all, "call")
                    ));
                    Judgement::cannot_tell(subject, what, &why)
                }
                0 => Judgement::pass(subject, sound),
                _ => Judgement::pass(subject, sound).note(format!(
                    "of {untold} of {} CloudTrail does not tell",
                    plural(all, "call")
                )),
            }
        };
        let mut judgement = gaps
            .unless(cx, subject.resource, judgement, what)
            .fact("Calls", &calls)
            .fact("NotTold", &not_told);
        for ((property, _), n) in &counts {
            judgement = judgement.fact(*property, n);
        }
        if let Read::Found(example, loc) = subject.at("Example")
            && let Some(id) = text(example, "EventId")
        {
            let place = match (text(example, "File"), text(example, "Offset")) {
                (Some(file), Some(offset)) => format!(" in {file} at byte {offset}"),
                _ => String::new(),
            };
            judgement = judgement.stated("example", format!("event {id}{place}"), loc);
        }
        for property in ["First", "Last"] {
            if let Read::Found(time, loc) = subject.at(property).string() {
                judgement = judgement.stated(property, time, loc);
            }
        }
        judgement
    }

    /// The same of calls of which it is not known whether the control is about them.
    pub(crate) fn cannot_tell(self, what: &str, why: &Arc<Why>) -> Judgement {
        Judgement::cannot_tell(self.subject, what, why)
    }
}
