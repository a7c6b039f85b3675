//! What was never seen before: principals, networks, tools, regions, contexts, and uses after long silence.

use crate::candidate::{Candidate, Same};
use crate::detector::{Detector, Who};
use crate::family::is_service;
use crate::hours::DAY;
use crate::known::Known;
use crate::normal::{self, Context};
use crate::past::Family;
use crate::used::Held;
use crate::what::What;
use std::collections::BTreeSet;

/// No subject: what is new is new of the principal, whatever it uses.
pub(crate) const NONE: u32 = u32::MAX;

/// From where, with what and for what a use is, without what differs from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) network: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) context: Option<Context>,
}

impl Marks {
    pub(crate) fn of(used: &Held) -> Self {
        // Of a service's call, both are the service's.
        let network = used.address.as_deref().and_then(normal::network);
        let direct = used.via.is_none() && (network.is_some() || used.address.is_none());
        let agent = used.agent.as_deref().filter(|_| direct);
        Marks {
            network: network.filter(|_| direct),
            agent: agent.and_then(normal::agent),
            context: used.context.as_deref().and_then(normal::context),
        }
    }
}

/// Why something is unusual.
struct Found {
    /// How likely it was.
    likely: f64,
    /// What follows "12 uses ".
    why: String,
    least: u32,
}

impl Detector {
    /// Looks whether a use has anything new, before it is learned from.
    pub(crate) fn look(&mut self, used: &Held, who: Who) {
        if is_service(&used.principal) {
            return;
        }
        let marks = Marks::of(used);
        let of_principal = |what, new: &str| (what, NONE, new.to_owned());
        if let Some(network) = &marks.network {
            self.meet(used, who, of_principal(What::NewNetwork, network), |it| {
                it.new_mark(who, used, network, "from", |family| &family.networks)
            });
        }
        if let Some(agent) = &marks.agent {
            self.meet(used, who, of_principal(What::NewUserAgent, agent), |it| {
                it.new_mark(who, used, agent, "with", |family| &family.agents)
            });
        }
        let region = of_principal(What::NewRegion, &used.region);
        self.meet(used, who, region, |it| it.new_region(used, who));
        if used.subject.is_empty() || !used.cryptographic || used.failed.is_some() {
            return;
        }
        let principal = (What::NewPrincipal, who.subject, String::new());
        self.meet(used, who, principal, |it| {
            it.new_principal(used, who, &marks)
        });
        let silence = (What::AfterSilence, who.subject, String::new());
        self.meet(used, who, silence, |it| it.after_silence(used, who));
        let by_itself = used.via.is_none() && (marks.network.is_some() || used.address.is_none());
        if let Some(context) = marks.context.as_ref().filter(|_| by_itself) {
            let what = match context.of_service {
                Some(_) => What::NoServiceUse,
                None => What::NewContext,
            };
            let new = (what, who.subject, context.whole.clone());
            self.meet(used, who, new, |it| it.new_context(used, who, context));
        }
    }

    /// What has been going on goes on; what is found begins.
    fn meet(
        &mut self,
        used: &Held,
        who: Who,
        (what, subject, new): (What, u32, String),
        find: impl FnOnce(&Self) -> Option<Found>,
    ) {
        let time = used.time;
        let same = Same {
            what,
            subject,
            family: who.family,
            new,
        };
        if let Some(open) = self.candidates.open(&same, time) {
            open.add(time, who.subject, &used.event_id);
            return;
        }
        if !self.is_warm(time) {
            return;
        }
        let Some(found) = find(self) else { return };
        let mut candidate = Candidate {
            what,
            subjects: BTreeSet::new(),
            principal: who.principal,
            family: who.family,
            from: time,
            until: time,
            observed: None,
            expected: 0.0,
            score: -found.likely.max(1e-9).log10(),
            why: found.why,
            // A silence is as new as its day.
            new: match what {
                What::AfterSilence => time.div_euclid(DAY).to_string(),
                _ => same.new.clone(),
            },
            ids: Vec::new(),
            events: 0,
            least: u64::from(found.least),
        };
        candidate.add(time, who.subject, &used.event_id);
        self.candidates.begin(same, candidate);
    }

    /// A network or a tool that a principal which is known well never had.
    fn new_mark(
        &self,
        who: Who,
        used: &Held,
        mark: &str,
        word: &str,
        of: impl Fn(&Family) -> &Known<String>,
    ) -> Option<Found> {
        let day = used.time.div_euclid(DAY);
        let family = self.families.get(&who.family)?;
        let known = of(family);
        let enough = known.uses() >= u64::from(self.tuning.new_after_uses);
        let new = !known.has(mark) && enough && self.is_learned(family.since, used.time);
        (new && known.unseen(day) <= self.tuning.new_unlikely).then(|| Found {
            likely: known.unseen(day),
            why: format!(
                "{word} {mark}; the {} before were {word} {}",
                known.uses(),
                list(&known.often(3))
            ),
            least: 1,
        })
    }

    /// A region where nobody in the account ever worked, or one where a principal that is known very well never did.
    fn new_region(&self, used: &Held, who: Who) -> Option<Found> {
        let day = used.time.div_euclid(DAY);
        let region: &str = &used.region;
        let account = self.accounts.get(&who.account)?;
        let old = used.time - account.since >= i64::from(self.tuning.warm_up_days) * DAY;
        if old && !account.regions.has(region) && !account.regions.is_full() {
            return Some(Found {
                likely: account.regions.unseen(day),
                why: format!(
                    "in {region}, where nobody in account {} ever used or managed a key or secret; all {} before were in {}",
                    used.account,
                    account.regions.uses(),
                    list(&account.regions.often(5))
                ),
                least: 1,
            });
        }
        let family = self.families.get(&who.family)?;
        let known = &family.regions;
        // Who works in two regions, works little in one of them.
        let enough = known.uses() >= 3 * u64::from(self.tuning.new_after_uses);
        let new = !known.has(region) && enough && self.is_learned(family.since, used.time);
        (new && known.unseen(day) <= self.tuning.new_unlikely).then(|| Found {
            likely: known.unseen(day),
            why: format!(
                "in {region}; the {} of this principal before were in {}",
                known.uses(),
                list(&known.often(5))
            ),
            least: 1,
        })
    }

    fn new_principal(&self, used: &Held, who: Who, marks: &Marks) -> Option<Found> {
        let day = used.time.div_euclid(DAY);
        let subject = self.subjects.get(&who.subject)?;
        if !self.is_learned(subject.since, used.time) {
            return None;
        }
        let family = self.families.get(&who.family);
        if subject.principals.has(&who.family) {
            return self.unlike_its_family(used, who, marks, family?);
        }
        // Where somebody else comes all the time, one more is nothing.
        if subject.principals.unseen(day) > self.tuning.new_unlikely {
            return None;
        }
        let known = family.map(|it| &it.subjects).filter(|it| it.uses() > 0);
        let (keeps, before) = match known {
            None => (true, "has used no other, either".to_owned()),
            Some(known) => {
                // Beside one key of its own, who looks after others' meets each of them a few times.
                let visits = known.visits(day, self.tuning.visitor_barely);
                let enough = known.uses() >= u64::from(self.tuning.new_after_uses);
                (
                    enough && !visits && known.unseen(day) <= self.tuning.new_unlikely,
                    format!("has used {} others, {} times", known.len(), known.uses()),
                )
            }
        };
        Some(Found {
            likely: subject.principals.unseen(day),
            why: format!(
                "by a principal that never used it and {before}; the {} before were by {} others, most by {}",
                subject.principals.uses(),
                subject.principals.len(),
                self.names
                    .name(subject.principals.often(1).first().map_or(NONE, |it| **it))
            ),
            least: match keeps {
                true => self.tuning.new_principal_uses,
                false => self.tuning.new_principal_uses_unsure,
            },
        })
    }

    /// A new role with the name of an old one, that does what the old one did not: anybody can give a role a name.
    fn unlike_its_family(
        &self,
        used: &Held,
        who: Who,
        marks: &Marks,
        family: &Family,
    ) -> Option<Found> {
        let day = used.time.div_euclid(DAY);
        let full = family.members.len() >= crate::past::MEMBERS;
        if full || family.members.contains(&who.principal) {
            return None;
        }
        let lacks = |known: &Known<String>, mark: Option<&str>| {
            mark.filter(|mark| !known.is_full() && !known.has(*mark))
                .map(str::to_owned)
        };
        let different = lacks(&family.networks, marks.network.as_deref())
            .or_else(|| lacks(&family.agents, marks.agent.as_deref()))
            .or_else(|| lacks(&family.regions, Some(&used.region)))
            .or_else(|| lacks(&family.operations, Some(&used.operation)))?;
        Some(Found {
            likely: family.networks.unseen(day),
            why: format!(
                "by a principal that never used it and is named like {}, which never had {different}",
                self.names.name(*family.members.last()?)
            ),
            least: 1,
        })
    }

    fn after_silence(&self, used: &Held, who: Who) -> Option<Found> {
        let tuning = &self.tuning;
        let pair = self.pairs.get(&(who.subject, who.family))?;
        let silence = used.time - pair.last;
        let enough = pair.days >= tuning.silence_after_days
            && pair.uses >= u64::from(tuning.silence_after_uses)
            && silence >= i64::from(tuning.silence_days) * DAY
            && silence as f64 >= tuning.silence_times_longest * pair.longest_silence as f64;
        let days = silence / DAY;
        // What runs once a month was silent for a month.
        let month = i64::from(tuning.month_from)..=i64::from(tuning.month_until);
        if !enough || (pair.run.1 <= 2 && month.contains(&days)) {
            return None;
        }
        let often = pair.uses as f64 / ((pair.last - pair.since) as f64 / DAY as f64).max(1.0);
        Some(Found {
            // How likely nothing is for so long, of what happens so often by chance.
            likely: (-often * days as f64).exp(),
            why: format!(
                "after {days} days without any; before them {} on {} days, and never more than {} days without",
                pair.uses,
                pair.days,
                pair.longest_silence / DAY
            ),
            least: 1,
        })
    }

    /// A context that a key never had, in a direct call; or one that only a service makes.
    fn new_context(&self, used: &Held, who: Who, context: &Context) -> Option<Found> {
        let day = used.time.div_euclid(DAY);
        let subject = self.subjects.get(&who.subject)?;
        if !self.is_learned(subject.since, used.time) {
            return None;
        }
        let least = u64::from(self.tuning.new_after_uses);
        if let Some(service) = context.of_service {
            let known = &subject.made;
            // Who decrypts for a service by themselves does so with many contexts.
            let usual = known.uses() >= least && known.unseen(day) > self.tuning.new_unlikely;
            return (!usual && !known.has(&context.whole)).then(|| Found {
                likely: 1.0 / (subject.through.uses() as f64 + 2.0),
                why: format!(
                    "by direct calls with what {service} encrypted ({}), and not through the service as {} before",
                    context.whole,
                    subject.through.uses()
                ),
                least: 1,
            });
        }
        let known = &subject.contexts;
        let enough = known.uses() >= least;
        // Where values are of many kinds, their keys are looked at.
        let (known, mark) = match known.is_full() {
            true => (&subject.shapes, &context.shape),
            false => (known, &context.whole),
        };
        let new = enough && !known.has(mark) && !subject.through.has(&context.whole);
        (new && known.unseen(day) <= self.tuning.new_unlikely).then(|| Found {
            likely: known.unseen(day),
            why: format!(
                "with the encryption context {mark}, which the key never had; the {} direct ones before had {}",
                known.uses(),
                list(&known.often(3))
            ),
            least: 1,
        })
    }
}

fn list(values: &[&String]) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { " and " });
        text.push_str(value);
    }
    text
}
