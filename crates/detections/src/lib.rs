//! Sigma rules for CloudTrail: a pack of our own about keys, secrets and trails, and teams' own, unchanged.
//!
//! [Sigma](https://sigmahq.io/sigma-specification/) is the form in which detections are shared. [`Rules::load`] reads every
//! rule whose `logsource` is `aws`/`cloudtrail`, or `cloudtrail` alone, with all modifiers and conditions of Sigma 2 and with correlations;
//! [`Rules::built_in`] is our own pack, which is data in the same form (`rules/`). A [`Matcher`] tells which rules match a
//! record, and a [`Correlator`] what hits say together. [`Rules::needles`] are what the bytes of a record must hold to be
//! worth parsing.
//!
//! Rules are other people's files: they are bounded in size, depth and number, regular expressions take linear time, and what
//! is wrong is a [`Problem`] with its file and line.
//!
//! # Why this is no library's
//! Two were looked at (November 2026). `sigma-rust` 0.7 has no correlations in its source. `rsigma-eval` 0.23, the last for
//! our Rust, was tried: it has them, and agrees with this crate on every record of our pack that no placeholder is about. But it
//! - tells no line of what is wrong in a rule, conditions and YAML itself apart;
//! - fills `|expand` from the event, without a word, instead of from what the caller says;
//! - does not find a name with dots below another (`a.b.c` in `{"a":{"b.c":1}}`), as encryption contexts and tags have them;
//! - passes `1 of x*` when there is no `x*`;
//! - compares a record with the pack a third to a quarter as fast (140 000 to 350 000 records a second, where this crate did
//!   600 000 to 1 200 000 on the same busy machine, for its index of event names: `examples/speed.rs`);
//! - brings nineteen crates, a YAML parser translated from C among them.
//!
//! What is hard here are libraries: `saphyr-parser`, `regex`, `ipnet`.
//!
//! # How Sigma is read
//! - Texts are compared without regard to case but with `|cased` and `|re`; numbers with numbers, and with texts as written.
//! - Names with dots are looked for in nested objects, in every way to divide them, and through lists, of which any item will
//!   do. A name is found without regard to case where there is none as it is written.
//! - `null` is a field that is absent or null. `|exists` is the opposite. `|neq` is true where the field is absent, too.
//! - Keywords are looked for within all values of the record.
//! - `them` and patterns pass over selections that begin with `_`.
//! - Where a field is an object, `|contains`, `|re` and texts with wildcards within look for it in its JSON, and in all values
//!   in it.
//! - Placeholders (`|expand`) have the values that [`Rules::with_values`] is told; until then a rule is
//!   [waiting](Rules::waiting).
//! - A count in a condition (`selection | count(field) by who > 5`, of Sigma 1) becomes a correlation, and a rule of its events
//!   beside it.
//! - Filters (`filter:`) narrow rules of events, our own, too, by their id or name: so a team tells what is meant to be.
//! - Not supported, and told: collections with `action`, other aggregations in conditions, other types
//!   of correlations, look-around in regular expressions.
//!
//! ```
//! use lockfast_detections::{Correlator, Rules};
//!
//! let rules = Rules::built_in();
//! let (matcher, mut correlator) = (rules.matcher(), Correlator::new(&rules));
//! let record = serde_json::json!({
//!     "eventSource": "kms.amazonaws.com", "eventName": "ScheduleKeyDeletion", "eventTime": "2026-03-01T12:00:00Z",
//! });
//! for rule in matcher.matches(&record) {
//!     correlator.add(rule, &record);
//!     if rule.alone {
//!         println!("{}: {}", rule.level, rule.title);
//!     }
//! }
//! for hit in correlator.hits() {
//!     println!("{}: {} {:?}", hit.time, hit.rule.title, hit.event_ids);
//! }
//! ```
#![deny(missing_docs)]

mod attack;
mod bounds;
mod condition;
mod correlation;
mod correlator;
mod counts;
mod field;
mod load;
mod matcher;
mod modifier;
mod pattern;
mod rule;
mod selection;
mod yaml;

pub use attack::Technique;
pub use correlator::{Correlator, Hit, MOST_KEPT, MOST_NAMED};
pub use load::{Error, Problem, Rules};
pub use matcher::Matcher;
pub use rule::{Level, Origin, Rule, Status};
