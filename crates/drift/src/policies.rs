//! The policies of joined resources: key policies, and those of buckets, queues, topics and secrets.

use crate::access::{self, Question};
use crate::model::{AccessWhat, PolicyDiff, StatementWhat};
use crate::statements;
use crate::tables::{PolicyRow, attached_policies, named_by, policies_of};
use crate::words::Words;
use lockfast_access::{Account, Policy};
use lockfast_facts::{Inventory, Kind, Loc, Origin, Read, Resource, ResourceId, StackId, Value};
use lockfast_snapshot::GAP;
use std::collections::HashMap;

/// How a policy compares.
pub(crate) enum Compared {
    Same,
    Differs(PolicyDiff, Doc),
    /// It cannot be told, because.
    Unknown(String, String),
}

/// The template resource that holds a document, where one does.
pub(crate) type Doc = Option<ResourceId>;

/// Which policies stand beside what they are about, on both sides.
pub(crate) struct Attached {
    live: HashMap<(ResourceId, &'static str), Vec<ResourceId>>,
    template: HashMap<(ResourceId, &'static str), Vec<ResourceId>>,
}

impl Attached {
    pub(crate) fn new(live: &Inventory, templates: &Inventory) -> Self {
        let owners = |inventory: &Inventory| {
            let mut owners: HashMap<_, Vec<ResourceId>> = HashMap::new();
            for row in attached_policies() {
                let by_name = names(inventory, &row.owner);
                for policy in inventory.of_kind(&row.r#type).filter(|p| &*p.name != GAP) {
                    for variant in &policy.variants {
                        for read in variant.properties.each(&row.owned_by) {
                            let Read::Found(value, _) = read else {
                                continue;
                            };
                            let target = match inventory.target(value) {
                                Some((target, _)) => Some(target.id),
                                None => named(row, &by_name, inventory, policy, value),
                            };
                            if let Some(target) = target {
                                let known =
                                    owners.entry((target, row.r#type.as_str())).or_default();
                                if !known.contains(&policy.id) {
                                    known.push(policy.id);
                                }
                            }
                        }
                    }
                }
            }
            owners
        };
        Attached {
            live: owners(live),
            template: owners(templates),
        }
    }
}

/// Resources of a type by stack and name.
fn names<'i>(inventory: &'i Inventory, kind: &str) -> HashMap<(StackId, &'i str), ResourceId> {
    inventory
        .of_kind(kind)
        .map(|r| ((r.stack, &*r.name), r.id))
        .collect()
}

/// The owner that a plain name, ARN or URL means, in the same account and region or stack.
fn named(
    row: &'static PolicyRow,
    names: &HashMap<(StackId, &str), ResourceId>,
    inventory: &Inventory,
    policy: &Resource,
    value: &Value,
) -> Option<ResourceId> {
    let Kind::Text(text) = &value.kind else {
        return None;
    };
    let name = text.plain()?.rsplit(['/', ':']).next()?;
    if inventory.origin() == Origin::Live {
        return names.get(&(policy.stack, name)).copied();
    }
    let chosen = named_by(&row.owner)?;
    let mut owners = inventory.named(&row.owner, chosen, name);
    let own = owners.find(|owner| owner.stack == policy.stack);
    own.map(|owner| owner.id)
}

/// Compares every policy of a joined pair.
pub(crate) fn compare(
    words: &Words<'_>,
    attached: &Attached,
    template: &Resource,
    live: &Resource,
) -> Vec<Compared> {
    policies_of(&template.kind)
        .map(|row| one(words, attached, row, template, live))
        .collect()
}

/// A document on one side, and where it stands or would.
struct Document {
    value: Option<Value>,
    loc: Loc,
}

fn one(
    words: &Words<'_>,
    attached: &Attached,
    row: &'static PolicyRow,
    template: &Resource,
    live: &Resource,
) -> Compared {
    let name = match row.owner.as_str() {
        "" => row.document.clone(),
        _ => format!("{} {}", row.r#type, row.document),
    };
    let theirs = match live_document(words, attached, row, live) {
        Ok(document) => document,
        Err(why) => return Compared::Unknown(name, why),
    };
    let (holder, ours) = template_documents(words, attached, row, template);
    let mut found = None;
    let mut same = 0;
    let count = ours.len();
    for read in ours {
        let document = match read {
            Ok(document) => document,
            Err(why) => return Compared::Unknown(name, why),
        };
        match documents(words, row, live, &document, &theirs) {
            Ok(None) => same += 1,
            Ok(Some(diff)) => {
                found.get_or_insert(diff);
            }
            Err(why) => return Compared::Unknown(name, why),
        }
    }
    match found {
        None => Compared::Same,
        Some(_) if same > 0 && same < count => Compared::Unknown(
            name,
            "it differs under some conditions of the template, and which hold is not known".into(),
        ),
        Some(mut diff) => {
            diff.name = name.clone();
            let open = diff
                .statements
                .iter()
                .all(|s| s.what == StatementWhat::Unknown)
                && diff.access.iter().all(|a| a.what == AccessWhat::Unknown);
            match open {
                true => {
                    let why = diff
                        .statements
                        .iter()
                        .find_map(|s| s.template.as_ref()?.because.clone());
                    Compared::Unknown(
                        name,
                        why.unwrap_or_else(|| "a statement of it is not known".into()),
                    )
                }
                false => Compared::Differs(diff, holder),
            }
        }
    }
}

/// The live document in AWS's words.
fn live_document(
    words: &Words<'_>,
    attached: &Attached,
    row: &'static PolicyRow,
    live: &Resource,
) -> Result<Document, String> {
    let inventory = words.live.inventory;
    let holder = match row.owner.as_str() {
        "" => Some(live.id),
        _ => {
            let holders = attached.live.get(&(live.id, row.r#type.as_str()));
            holders.and_then(|holders| holders.first().copied())
        }
    };
    let Some(holder) = holder else {
        // None was found: that says something only when it would have been.
        let (account, region) = words.live.place_of(live.id);
        words
            .live
            .would_tell(&row.r#type, Some(&account), region.as_deref())?;
        return Ok(Document {
            value: None,
            loc: live.loc,
        });
    };
    match inventory.resource(holder).at(&row.document) {
        Read::Found(value, loc) => Ok(Document {
            value: Some(words.of_live(value)),
            loc,
        }),
        Read::Absent(loc) => Ok(Document { value: None, loc }),
        Read::Unknown(why, _) => Err(why.to_string()),
    }
}

/// The template's documents, one for each of its conditions, in the words of the instance.
fn template_documents(
    words: &Words<'_>,
    attached: &Attached,
    row: &'static PolicyRow,
    template: &Resource,
) -> (Doc, Vec<Result<Document, String>>) {
    let templates = words.templates;
    let (holder, none_when_absent) = match row.owner.as_str() {
        "" => (Some(template.id), false),
        _ => {
            let holders = attached.template.get(&(template.id, row.r#type.as_str()));
            (holders.and_then(|holders| holders.first().copied()), true)
        }
    };
    let absent = Document {
        value: None,
        loc: template.loc,
    };
    let Some(holder) = holder else {
        return (None, vec![Ok(absent)]);
    };
    let documents = templates
        .variants_of(holder)
        .map(|subject| match subject.at(&row.document) {
            Read::Found(value, loc) => Ok(Document {
                value: Some(words.of_template(value)),
                loc,
            }),
            Read::Absent(loc) => Ok(Document { value: None, loc }),
            Read::Unknown(why, _) => Err(why.to_string()),
        })
        .collect();
    (Some(holder).filter(|_| none_when_absent), documents)
}

/// How two documents differ; nothing when they say the same.
fn documents(
    words: &Words<'_>,
    row: &'static PolicyRow,
    live: &Resource,
    ours: &Document,
    theirs: &Document,
) -> Result<Option<PolicyDiff>, String> {
    let (account, _) = words.live.place_of(live.id);
    let home = Account::Id(account.as_str().into());
    let read = |document: &Document| {
        let value = match &document.value {
            Some(value) => value.clone(),
            None => default(row, &account, live.arn.as_deref(), document.loc),
        };
        parsed(&value).map(|value| Policy::from_value(&value).in_account(home.clone()))
    };
    let (template, running) = (read(ours)?, read(theirs)?);
    if !running.is_certain() {
        return Err("a statement of the live policy is not known".into());
    }
    let statements = statements::differences(
        (&template, words.templates),
        (&running, words.live.inventory),
    );
    if statements.is_empty() {
        return Ok(None);
    }
    let access = access::differences(&Question {
        template: &template,
        live: &running,
        account: home.clone(),
        arn: live.arn.as_deref(),
        row,
    });
    Ok(Some(PolicyDiff {
        name: String::new(),
        statements,
        access,
    }))
}

/// The document as an object: JSON in a string is read.
fn parsed(value: &Value) -> Result<Value, String> {
    match &value.kind {
        Kind::Unknown(why) => Err(why.to_string()),
        Kind::Text(text) => text
            .json(value.loc, "a policy document")
            .map_err(|why| why.to_string()),
        _ => Ok(value.clone()),
    }
}

/// What AWS attaches when nobody gives a policy: for most, none.
fn default(row: &'static PolicyRow, account: &str, arn: Option<&str>, loc: Loc) -> Value {
    let document = match row.default.as_str() {
        "" => r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
        document => document
            .replace("${account}", account)
            .replace("${arn}", arn.unwrap_or("*")),
    };
    Value::string(document, loc)
}

/// The policies of templates of which no template has what they are about, with the reason why they are not compared.
pub(crate) fn without_owner(
    attached: &Attached,
    templates: &Inventory,
) -> Vec<(ResourceId, String)> {
    let mut owned: Vec<ResourceId> = attached.template.values().flatten().copied().collect();
    owned.sort_unstable();
    attached_policies()
        .flat_map(|row| {
            templates
                .of_kind(&row.r#type)
                .map(move |policy| (row, policy))
        })
        .filter(|(_, policy)| owned.binary_search(&policy.id).is_err())
        .map(|(row, policy)| {
            let why = format!(
                "which {} it is about is not known from the templates given",
                row.owner
            );
            (policy.id, why)
        })
        .collect()
}
