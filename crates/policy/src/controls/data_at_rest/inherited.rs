//! A store that takes its encryption from another (a snapshot, a version, a delivery stream that
//! reads a Kinesis stream) is as encrypted as what it refers to.

use crate::prelude::*;
use lockfast_facts::tables::DefaultProtection;

/// How deep a chain of inheritance is followed.
const DEPTH: usize = 4;

/// Whose key protects a store, taken from what it refers to where its type inherits.
pub(in crate::controls) fn effective(cx: &Cx<'_>, store: &Store) -> Known<Protection> {
    follow(cx, store, DEPTH)
}

fn follow(cx: &Cx<'_>, store: &Store, depth: usize) -> Known<Protection> {
    let own = &store.protection;
    let inherits = match own {
        Known::Unknown(why, _) => {
            store.spec.default == DefaultProtection::Inherits && matches!(**why, Why::NotGiven(_))
        }
        Known::Default(Protection::None, ..) => reads_a_stream(store.subject(cx.inventory)),
        _ => false,
    };
    if !inherits || depth == 0 {
        return follows_account(store).unwrap_or_else(|| own.clone());
    }
    let mut targets = Vec::new();
    store
        .subject(cx.inventory)
        .variant
        .properties
        .walk(&mut |_, value| {
            if let Kind::Text(text) = &value.kind {
                targets.extend(text.references().map(|r| r.target));
            }
        });
    targets.sort_unstable();
    targets.dedup();
    let mut found: Option<Known<Protection>> = None;
    let sources = targets
        .into_iter()
        .filter(|id| *id != store.resource)
        .flat_map(|id| cx.inventory.stores_of(id))
        .filter(|source| source.spec.part.is_empty() && source.when.compatible(&store.when));
    for source in sources {
        let protection = follow(cx, source, depth - 1);
        if protection.value() == Some(&Protection::None) {
            return protection;
        }
        if found.is_none() || protection.value().is_none() {
            found = Some(protection);
        }
    }
    found.unwrap_or_else(|| match own {
        Known::Default(_, _, loc) => Known::Unknown(
            Arc::new(Why::NotGiven(
                "the stream it reads, which decides it,".into(),
            )),
            *loc,
        ),
        other => other.clone(),
    })
}

/// A volume that says nothing follows the account's setting, like the block devices of an instance
/// (Amazon EBS User Guide, "Enable Amazon EBS encryption by default").
fn follows_account(store: &Store) -> Option<Known<Protection>> {
    let Known::Unknown(why, loc) = &store.protection else {
        return None;
    };
    let silent = store.spec.noun == "volume" && matches!(**why, Why::Unsupported(_));
    silent.then(|| {
        let setting = "whether EBS encryption by default is on in the account, which decides it,";
        Known::Unknown(Arc::new(Why::NotGiven(setting.into())), *loc)
    })
}

/// A delivery stream that reads another stream stores nothing of its own: encryption cannot be set
/// on it (Amazon Data Firehose Developer Guide, "Data protection in Amazon Data Firehose").
fn reads_a_stream(subject: Subject<'_>) -> bool {
    subject.kind() == "AWS::KinesisFirehose::DeliveryStream"
        && ["KinesisStreamSourceConfiguration", "MSKSourceConfiguration"]
            .iter()
            .any(|property| !subject.at(property).is_absent())
}
