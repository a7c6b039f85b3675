//! What a probe did not learn is never taken for an answer: whatever is taken out of a record of an endpoint, no verdict
//! of it gets better. And endpoints beside templates or accounts change nothing of what is said of those.

mod support;

use lockfast_facts::{ENDPOINT, Inventory, Origin};
use lockfast_policy::{Config, SourceKind, Verdict, controls, evaluate, fixtures};
use lockfast_snapshot::{Found, Reader, Record, load, with_endpoints};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use support::paths;

/// The verdict of each control on each endpoint, by its number: the worst of its parts.
type Verdicts = HashMap<(usize, String), Verdict>;

fn verdicts(endpoints: &[Found]) -> Verdicts {
    let templates = Inventory::new(Vec::new(), Vec::new(), Vec::new());
    let inventory = with_endpoints(templates, endpoints.iter().cloned()).only_endpoints();
    let config = Config::default();
    let run = evaluate(&inventory, &config, "2026-11-23");
    let mut verdicts = Verdicts::new();
    for finding in run.findings() {
        let number = finding.resource.id.parse().expect("its name is a number");
        let worst = verdicts
            .entry((number, finding.control))
            .or_insert(finding.verdict);
        *worst = finding.verdict.max(*worst);
    }
    verdicts
}

/// The endpoints of every fixture.
fn endpoints() -> Vec<Found> {
    let mut found = Vec::new();
    for control in controls() {
        let folder = Path::new("src/controls").join(control.path.replace("::", "/"));
        for (_, file) in fixtures(control).filter(|(_, file)| file.contains(".probe.")) {
            let reader = Reader::open(&folder.join(file)).expect("the fixture is a snapshot");
            for record in reader {
                match record.expect("the fixture is whole") {
                    Record::Resource(endpoint) if endpoint.kind == ENDPOINT => found.push(endpoint),
                    _ => {}
                }
            }
        }
    }
    found.dedup();
    found
}

/// What may happen to a piece of a record.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Unknown,
    WrongType,
    Missing,
}

/// The record without one piece; nothing where that would leave a record that says something else.
fn without(endpoint: &Found, path: &str, loss: Loss) -> Option<Found> {
    let mut endpoint = endpoint.clone();
    let piece = endpoint.properties.pointer_mut(path)?;
    *piece = match (loss, &piece) {
        (Loss::Unknown, _) => json!({"$unknown": {"call": "it", "error": "taken out by a test"}}),
        // A number in its place would be an answer.
        (Loss::WrongType, piece) if piece.get("$unknown").is_some() => return None,
        (Loss::WrongType, Value::String(_)) => json!({"x": 1}),
        (Loss::WrongType, Value::Object(_)) => json!(7),
        (Loss::WrongType, _) => json!("x"),
        (Loss::Missing, _) => {
            let (above, name) = path.rsplit_once('/')?;
            // What was not promised cannot be broken, and what nobody said of an endpoint is its owner's.
            // What says that less was measured, nothing stands for when it is gone.
            let says_less = ["/AddressesUnknown", "/AddressesLeftOut", "/OutOfReach"];
            if above.starts_with("/Of") || path == "/Role" || says_less.contains(&path) {
                return None;
            }
            let above = endpoint.properties.pointer_mut(above)?.as_object_mut()?;
            above.remove(name);
            return Some(endpoint);
        }
    };
    Some(endpoint)
}

/// Less is known, so a verdict stays or is not known any more. What is missing was not asked for, which may also mean
/// that a control has nothing to say.
fn may_become(loss: Loss, before: Option<Verdict>, after: Option<Verdict>) -> bool {
    match loss {
        Loss::Missing => after != Some(Verdict::Pass) || before == Some(Verdict::Pass),
        _ => after == before || after == Some(Verdict::Unknown),
    }
}

/// Every how many places of a record one is taken out.
const STRIDE: usize = 9;

#[test]
fn no_verdict_gets_better_when_less_is_known() {
    let mut endpoints = endpoints();
    let mut losses = Vec::new();
    let mut poorer = Vec::new();
    for (number, endpoint) in endpoints.iter_mut().enumerate() {
        let mut all = Vec::new();
        paths(&endpoint.properties, "", &["$unknown"], &mut all);
        // Records are much alike, so of each some places are enough: all of them hold too, and take a minute.
        for path in all.into_iter().skip(number % STRIDE).step_by(STRIDE) {
            for loss in [Loss::Unknown, Loss::WrongType, Loss::Missing] {
                if let Some(mut without) = without(endpoint, &path, loss) {
                    without.name = losses.len().to_string();
                    losses.push((number, path.clone(), loss));
                    poorer.push(without);
                }
            }
        }
        // Several fixtures have endpoints of one name.
        endpoint.name = number.to_string();
    }
    let before = verdicts(&endpoints);
    let after = verdicts(&poorer);
    let mut wrong = Vec::new();
    for (index, (number, path, loss)) in losses.iter().enumerate() {
        for control in controls().filter(|control| control.sources == [SourceKind::Probe]) {
            let of = |verdicts: &Verdicts, number: usize| {
                verdicts.get(&(number, control.id.to_owned())).copied()
            };
            let (was, is) = (of(&before, *number), of(&after, index));
            if !may_become(*loss, was, is) {
                let host = &endpoints[*number].properties["Host"];
                wrong.push(format!(
                    "{} of {host}: {path} {loss:?}: {was:?} became {is:?}",
                    control.id
                ));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn inventory(fixture: &str) -> Inventory {
    match load(&Path::new("src/controls").join(fixture)) {
        Ok(loaded) => loaded.inventory,
        Err(error) => panic!("{fixture}: {error}"),
    }
}

#[test]
fn a_snapshot_tells_what_it_is_of() {
    let origins = |fixture| inventory(fixture).origins().collect::<Vec<_>>();
    let network = "implementation/endpoint_tls_minimum/pass.probe.jsonl";
    assert_eq!(origins(network), [Origin::Network]);
    let both = "keys/endpoint_certificate_from_acm/pass.probe.jsonl";
    assert_eq!(origins(both), [Origin::Live, Origin::Network]);
    assert_eq!(origins(ACCOUNT), [Origin::Live]);
}

const ACCOUNT: &str = "data_in_transit/public_listener_tls/fail.live.jsonl";

#[test]
fn endpoints_change_nothing_of_what_is_said_of_an_account() {
    let config = Config::default();
    let told = |inventory: &Inventory| {
        let run = evaluate(inventory, &config, "2026-11-23");
        let of_endpoints = |control: &str| {
            let control = lockfast_policy::control(control);
            control.is_some_and(|control| control.sources.contains(&SourceKind::Probe))
        };
        let findings: Vec<_> = run.findings().collect();
        for finding in &findings {
            assert_eq!(
                of_endpoints(&finding.control),
                finding.resource.kind == ENDPOINT,
                "{finding:?}"
            );
        }
        let (of_endpoints, others): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| finding.resource.kind == ENDPOINT);
        (of_endpoints, others)
    };
    let read = || inventory(ACCOUNT);
    let (none, alone) = told(&read());
    assert!(none.is_empty());
    let (of_endpoints, beside) = told(&with_endpoints(read(), endpoints()));
    assert!(!of_endpoints.is_empty());
    assert_eq!(alone, beside);
    let (only, others) = told(&with_endpoints(read(), endpoints()).only_endpoints());
    assert_eq!(only, of_endpoints);
    assert!(others.is_empty(), "{others:?}");
}
