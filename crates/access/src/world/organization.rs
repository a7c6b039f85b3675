//! The organisation over accounts: which policies hold at which level.
//!
//! Source: AWS Organizations User Guide, "SCP evaluation", "Resource control policies": each level from the root down to the
//! account must allow; service control policies do not limit the management account.

use super::actor::{Attached, Origin};
use crate::policy::Policy;
use crate::principal::Account;
use lockfast_facts::{Inventory, Read, Resource};
use std::collections::HashMap;
use std::sync::Arc;

/// What limits each account.
#[derive(Default)]
pub(super) struct Limits {
    accounts: HashMap<Arc<str>, Member>,
    /// What could not be read, and by the calls of which account.
    gaps: Vec<(Option<Arc<str>>, String)>,
    /// Whether any policy was told.
    told: bool,
}

#[derive(Default)]
struct Member {
    organization: Option<Arc<str>>,
    /// What is not known of the units that it lies in.
    unplaced: Option<String>,
    scps: Vec<Vec<Attached>>,
    rcps: Vec<Vec<Attached>>,
}

impl Limits {
    pub(super) fn of(inventory: &Inventory) -> Limits {
        let mut limits = Limits::default();
        let organization = inventory
            .of_kind("AWS::Organizations::Organization")
            .find(|organization| &*organization.name != "*");
        for gap in inventory.gaps() {
            if gap.kind.starts_with("AWS::Organizations::")
                && let Read::Unknown(why, _) = gap.at("")
            {
                let by = inventory.stack_of(gap).place.account.clone();
                let what = format!("{} could not be listed: {why}", gap.kind);
                limits.gaps.push((by, what));
            }
        }
        let text = |resource: &Resource, at: &str| resource.at(at).string().found();
        let id: Option<Arc<str>> = organization
            .and_then(|organization| text(organization, "Id"))
            .map(Into::into);
        let management = organization.and_then(|o| text(o, "ManagementAccountId"));
        let policies = policies(inventory);
        limits.told = !policies.is_empty();
        for account in inventory.of_kind("AWS::Organizations::Account") {
            let Some(own) = text(account, "AccountId") else {
                continue;
            };
            let targets = path(account, &own);
            let of_units = || policies.iter().flat_map(|policy| &policy.targets);
            let unplaced = targets.is_none() && of_units().any(|t| t.starts_with("ou-"));
            let unplaced = unplaced.then(|| {
                format!(
                    "in which organizational units account {own} lies was not told: their policies are not taken into account"
                )
            });
            let targets = targets.unwrap_or_else(|| vec!["r-".to_owned(), own.clone()]);
            let of = |kind: &str| -> Vec<Vec<Attached>> {
                // Without a policy of the kind anywhere, the kind is not enabled.
                if !policies.iter().any(|policy| policy.kind == kind) {
                    return Vec::new();
                }
                let level = |target: &String| -> Vec<Attached> {
                    let hangs = |policy: &&Hanging| {
                        policy.kind == kind
                            && policy.targets.iter().any(|own| {
                                own == target || (target == "r-" && own.starts_with("r-"))
                            })
                    };
                    policies
                        .iter()
                        .filter(hangs)
                        .map(|p| p.attached.clone())
                        .collect()
                };
                let levels = targets.iter().map(level);
                // A level on which nothing hangs that was told is one that was not told: at least one policy hangs on each.
                levels.filter(|level| !level.is_empty()).collect()
            };
            let is_management = management.as_deref() == Some(&own);
            let member = Member {
                organization: id.clone(),
                unplaced,
                scps: match is_management {
                    true => Vec::new(),
                    false => of("SERVICE_CONTROL_POLICY"),
                },
                rcps: match is_management {
                    true => Vec::new(),
                    false => of("RESOURCE_CONTROL_POLICY"),
                },
            };
            limits.accounts.insert(own.into(), member);
        }
        limits
    }

    fn member(&self, account: &Account) -> Option<&Member> {
        match account {
            Account::Id(id) => self.accounts.get(id),
            _ => None,
        }
    }

    pub(super) fn organization_of(&self, account: &Account) -> Option<Arc<str>> {
        self.member(account)?.organization.clone()
    }

    /// All that could not be read.
    pub(super) fn unread(&self) -> impl Iterator<Item = String> {
        let gaps = self.gaps.iter().map(|(_, what)| what.clone());
        let members = self.accounts.values();
        gaps.chain(members.filter_map(|member| member.unplaced.clone()))
    }

    /// Whether the policies over an account are among the facts.
    pub(super) fn is_told(&self, account: &Account) -> bool {
        self.told && self.member(account).is_some()
    }

    /// What could not be read of the policies over an account. A management account tells what its members cannot.
    pub(super) fn unread_over(&self, account: &Account) -> Option<String> {
        match (self.member(account), account) {
            (Some(member), _) if self.told => member.unplaced.clone(),
            (_, Account::Id(id)) => {
                let own = |(by, _): &&(Option<Arc<str>>, String)| by.as_ref() == Some(id);
                self.gaps.iter().find(own).map(|(_, what)| what.clone())
            }
            _ => None,
        }
    }

    pub(super) fn scps(&self, account: &Account) -> &[Vec<Attached>] {
        self.member(account).map_or(&[], |member| &member.scps)
    }

    pub(super) fn rcps(&self, account: &Account) -> &[Vec<Attached>] {
        self.member(account).map_or(&[], |member| &member.rcps)
    }
}

struct Hanging {
    kind: String,
    targets: Vec<String>,
    attached: Attached,
}

fn policies(inventory: &Inventory) -> Vec<Hanging> {
    let mut found = Vec::new();
    for policy in inventory.of_kind("AWS::Organizations::Policy") {
        let (Some(kind), Some(read)) = (
            policy.at("Type").string().found(),
            Policy::from_read(policy.at("Content")),
        ) else {
            continue;
        };
        let targets = policy.at("TargetIds").list().found().unwrap_or_default();
        let name = policy.at("Name").string().found();
        let what = match kind.as_str() {
            "SERVICE_CONTROL_POLICY" => "SCP",
            "RESOURCE_CONTROL_POLICY" => "RCP",
            _ => continue,
        };
        found.push(Hanging {
            targets: targets
                .iter()
                .filter_map(|target| match inventory.target(target) {
                    Some((account, _)) => account.at("AccountId").string().found(),
                    None => target.at("").string().found(),
                })
                .collect(),
            attached: Attached {
                policy: Arc::new(read),
                label: format!("{what} {}", name.as_deref().unwrap_or(&policy.name)),
                origin: Origin::Organization,
            },
            kind,
        });
    }
    found
}

/// The root, the units and the account itself, from the top.
fn path(account: &Resource, own: &str) -> Option<Vec<String>> {
    let paths = account.at("Paths").list().found()?;
    let first = paths.first()?.at("").string().found()?;
    let steps = first
        .split('/')
        .filter(|step| step.starts_with("r-") || step.starts_with("ou-"));
    let mut path: Vec<String> = steps.map(str::to_owned).collect();
    path.push(own.to_owned());
    Some(path)
}
