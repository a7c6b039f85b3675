//! What a policy file must say beyond its schema, and where it fails to.

use super::{Classification, Config, ConfigError, Environment, IncidentKind, nearest};
use globset::{Glob, GlobSet};
use lockfast_facts::tables::{is_known_type, storage_types};
use std::collections::{HashMap, HashSet};
use toml::de::{DeTable, DeValue};

/// Why a value is refused: the keys and indexes that lead to it, and what is wrong.
type Refusal<'c> = (Vec<Step<'c>>, String);

#[derive(Clone, Copy)]
enum Step<'c> {
    Key(&'c str),
    Index(usize),
}

use Step::{Index, Key};

/// Refuses what the schema cannot: controls, types, accounts and regions that do not exist, globs that are
/// none, waivers without a reason, an owner or a date, stacks that are said to be two kinds of environment,
/// incidents of nothing or of no day.
pub(super) fn check(config: &Config, text: &str) -> Result<(), ConfigError> {
    let refusal = waivers(config)
        .or_else(|| controls(config))
        .or_else(|| all_globs(config))
        .or_else(|| accounts(config))
        .or_else(|| regions(config))
        .or_else(|| types(config))
        .or_else(|| ambiguous(config))
        .or_else(|| incidents(config))
        .or_else(|| approvals(config));
    let Some((path, message)) = refusal else {
        return Ok(());
    };
    let (line, column) = super::place(text, offset(text, &path));
    Err(ConfigError::Invalid {
        line,
        column,
        message,
    })
}

/// What AWS KMS would refuse, or nobody could approve by. Whether people and their keys fit is told when they are used.
fn approvals(config: &Config) -> Option<Refusal<'_>> {
    let own = &config.approvals;
    let refused = |key, message: String| Some((vec![Key("approvals"), Key(key)], message));
    if own.quorum < 2 {
        return refused(
            "quorum",
            "several people approve a deletion: two at least".to_owned(),
        );
    }
    if !(7..=30).contains(&own.pending_window_days) {
        let days = own.pending_window_days;
        return refused(
            "pending_window_days",
            format!("{days} days: AWS KMS waits 7 to 30"),
        );
    }
    if !(1..=30).contains(&own.expires_days) {
        let days = own.expires_days;
        return refused(
            "expires_days",
            format!("{days} days: a request holds for 1 to 30"),
        );
    }
    if own.observation_hours >= own.expires_days * 24 {
        let message =
            "a key could not be watched for so long before the request expires".to_owned();
        return refused("observation_hours", message);
    }
    let is_role = |arn: &String| arn.starts_with("arn:") && arn.contains(":role/");
    if let Some(role) = own.broker_role.as_ref().filter(|role| !is_role(role)) {
        return refused("broker_role", format!("`{role}` is no role's ARN"));
    }
    None
}

fn waivers(config: &Config) -> Option<Refusal<'_>> {
    config.waiver.iter().enumerate().find_map(|(i, waiver)| {
        let at = |key| vec![Key("waiver"), Index(i), Key(key)];
        if waiver.reason.trim().is_empty() {
            return Some((at("reason"), "a waiver needs a reason".to_owned()));
        }
        if waiver.owner.trim().is_empty() {
            return Some((at("owner"), "a waiver needs an owner".to_owned()));
        }
        if waiver.expires.date.is_none() {
            let message = format!(
                "a waiver ends on a date such as 2027-03-31, not at {}",
                waiver.expires
            );
            return Some((at("expires"), message));
        }
        let wanted = match Glob::new(&waiver.control) {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => return Some((at("control"), error.to_string())),
        };
        (!crate::control::all().any(|control| wanted.is_match(control.id)))
            .then(|| (at("control"), no_control(&waiver.control)))
    })
}

fn controls(config: &Config) -> Option<Refusal<'_>> {
    let unknown = config
        .control
        .keys()
        .find(|id| crate::control::find(id).is_none())?;
    Some((vec![Key("control"), Key(unknown)], no_control(unknown)))
}

fn no_control(id: &str) -> String {
    match nearest(id, crate::control::all().map(|c| c.id)) {
        Some(near) => format!("no control `{id}`; did you mean `{near}`?"),
        None => format!("no control `{id}`; `lockfast controls` lists them"),
    }
}

/// Every environment with the way to it.
fn environments(config: &Config) -> impl Iterator<Item = (Vec<Step<'_>>, &Environment)> {
    config
        .customer
        .iter()
        .enumerate()
        .flat_map(|(c, customer)| {
            customer
                .system
                .iter()
                .enumerate()
                .flat_map(move |(s, system)| {
                    system
                        .environment
                        .iter()
                        .enumerate()
                        .map(move |(e, environment)| {
                            let at = [
                                Key("customer"),
                                Index(c),
                                Key("system"),
                                Index(s),
                                Key("environment"),
                                Index(e),
                            ];
                            (at.to_vec(), environment)
                        })
                })
        })
}

/// Where each environment stands in the file: its line.
pub(super) fn lines(config: &Config, text: &str) -> Vec<u32> {
    environments(config)
        .map(|(at, _)| super::place(text, offset(text, &at)).0)
        .map(|line| u32::try_from(line).unwrap_or(u32::MAX))
        .collect()
}

/// The first item of a list that a test refuses.
fn first_refused<'c>(
    at: &[Step<'c>],
    list: &'c [String],
    holds: impl Fn(&str) -> bool,
    message: impl Fn(&str) -> String,
) -> Option<Refusal<'c>> {
    let (i, item) = list.iter().enumerate().find(|(_, item)| !holds(item))?;
    Some(([at, &[Index(i)]].concat(), message(item)))
}

fn accounts(config: &Config) -> Option<Refusal<'_>> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let message = |text: &str| {
        format!("an account has twelve digits, such as \"111122223333\"; `{text}` is none")
    };
    let trusted = &config.access.trusted_accounts;
    first_refused(
        &[Key("access"), Key("trusted_accounts")],
        trusted,
        is_account,
        message,
    )
    .or_else(|| {
        environments(config).find_map(|(at, environment)| {
            let at = [at, vec![Key("accounts")]].concat();
            first_refused(&at, &environment.accounts, is_account, message)
        })
    })
}

fn regions(config: &Config) -> Option<Refusal<'_>> {
    // eu-central-1, us-gov-west-1, eusc-de-east-1
    let is_region = |text: &str| {
        let parts: Vec<&str> = text.split('-').collect();
        let is_word = |part: &&str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase());
        let number = parts.last().is_some_and(|last| last.parse::<u8>().is_ok());
        number && (3..=4).contains(&parts.len()) && parts[..parts.len() - 1].iter().all(is_word)
    };
    let message =
        |text: &str| format!("a region is written as in \"eu-central-1\"; `{text}` is none");
    let residency = &config.residency.regions;
    first_refused(
        &[Key("residency"), Key("regions")],
        residency,
        is_region,
        message,
    )
    .or_else(|| {
        config
            .classification
            .asks
            .iter()
            .find_map(|(classification, asks)| {
                let name = Classification::name(*classification);
                let at = [
                    Key("classification"),
                    Key("asks"),
                    Key(name),
                    Key("regions"),
                ];
                first_refused(&at, &asks.regions, is_region, message)
            })
    })
    .or_else(|| {
        environments(config).find_map(|(at, environment)| {
            let at = [at, vec![Key("regions")]].concat();
            first_refused(&at, &environment.regions, is_region, message)
        })
    })
}

fn types(config: &Config) -> Option<Refusal<'_>> {
    // Custom resources and other publishers' types are nobody's to list.
    let exists =
        |kind: &str| is_known_type(kind) || (kind.contains("::") && !kind.starts_with("AWS::"));
    let message = |kind: &str| {
        let near = nearest(kind, storage_types().iter().map(|row| row.name.as_str()));
        let hint = near
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("no CloudFormation type `{kind}`{hint}")
    };
    config
        .classification
        .rule
        .iter()
        .enumerate()
        .find_map(|(r, rule)| {
            let at = [Key("classification"), Key("rule"), Index(r), Key("types")];
            first_refused(&at, &rule.types, exists, message)
        })
}

/// The same stacks in environments of different kinds: only the first would ever hold.
fn ambiguous(config: &Config) -> Option<Refusal<'_>> {
    let mut kinds: HashMap<&str, &Environment> = HashMap::new();
    environments(config).find_map(|(at, environment)| {
        environment.stacks.iter().enumerate().find_map(|(i, glob)| {
            let first = *kinds.entry(glob).or_insert(environment);
            (first.kind != environment.kind).then(|| {
                let message = format!(
                    "the stacks `{glob}` belong to environment {} already, which is {}",
                    first.name, first.kind
                );
                (
                    [at.clone(), vec![Key("stacks"), Index(i)]].concat(),
                    message,
                )
            })
        })
    })
}

/// An incident names what it is about by ARN, and its days are days.
fn incidents(config: &Config) -> Option<Refusal<'_>> {
    let is_arn = |text: &str| text.starts_with("arn:") && text.splitn(6, ':').count() == 6;
    let is_key = |text: &str| is_arn(text) && text.contains(":kms:") && text.contains(":key/");
    let mut ids = HashSet::new();
    config
        .incident
        .iter()
        .enumerate()
        .find_map(|(i, incident)| {
            let at = |key| vec![Key("incident"), Index(i), Key(key)];
            if incident.id.trim().is_empty() {
                return Some((at("id"), "an incident needs an id".to_owned()));
            }
            if !ids.insert(&incident.id) {
                let message = format!("the incident `{}` stands twice", incident.id);
                return Some((at("id"), message));
            }
            let nothing = match incident.kind {
                IncidentKind::KeyCompromised => incident.keys.is_empty().then_some("keys"),
                IncidentKind::DataExposed => incident.resources.is_empty().then_some("resources"),
            };
            if let Some(list) = nothing {
                let message = format!("the incident `{}` needs `{list}`: their ARNs", incident.id);
                return Some((at("kind"), message));
            }
            if incident.kind == IncidentKind::KeyCompromised
                && incident.keys_compromised == Some(false)
            {
                let message = "keys of a compromise are compromised".to_owned();
                return Some((at("keys_compromised"), message));
            }
            let days = [
                ("since", Some(&incident.since)),
                ("customer_notified", incident.customer_notified.as_ref()),
            ];
            for (key, day) in days {
                if let Some(day) = day.filter(|day| day.date.is_none()) {
                    let message = format!("expected a day such as 2026-11-20, not {day}");
                    return Some((at(key), message));
                }
            }
            let message = |text: &str| format!("`{text}` is no ARN of a key");
            first_refused(&at("keys"), &incident.keys, is_key, message).or_else(|| {
                let message = |text: &str| format!("`{text}` is no ARN");
                first_refused(&at("resources"), &incident.resources, is_arn, message)
            })
        })
}

/// The first pattern that is no glob.
fn all_globs(config: &Config) -> Option<Refusal<'_>> {
    let mut patterns: Vec<(Vec<Step<'_>>, &str)> = Vec::new();
    for (at, environment) in environments(config) {
        for (i, glob) in environment.stacks.iter().enumerate() {
            patterns.push(([at.clone(), vec![Key("stacks"), Index(i)]].concat(), glob));
        }
    }
    for (r, rule) in config.classification.rule.iter().enumerate() {
        let at = |key| vec![Key("classification"), Key("rule"), Index(r), Key(key)];
        let lists = [
            ("construct_paths", &rule.construct_paths),
            ("names", &rule.names),
        ];
        for (key, globs) in lists {
            for (i, glob) in globs.iter().enumerate() {
                patterns.push(([at(key), vec![Index(i)]].concat(), glob));
            }
        }
        for (name, glob) in &rule.tags {
            patterns.push(([at("tags"), vec![Key(name)]].concat(), glob));
        }
    }
    for (i, glob) in config.access.key_administrators.iter().enumerate() {
        let at = vec![Key("access"), Key("key_administrators"), Index(i)];
        patterns.push((at, glob));
    }
    for (name, glob) in &config.iac.managed_tags {
        patterns.push((vec![Key("iac"), Key("managed_tags"), Key(name)], glob));
    }
    for (i, waiver) in config.waiver.iter().enumerate() {
        patterns.push((
            vec![Key("waiver"), Index(i), Key("resource")],
            &waiver.resource,
        ));
    }
    patterns.into_iter().find_map(|(at, pattern)| {
        // A set of one compiles as the sets do that the patterns are used in.
        let compiled = Glob::new(pattern).and_then(|glob| GlobSet::new([glob]));
        compiled.err().map(|error| (at, error.to_string()))
    })
}

/// Where in the text a value stands; the key's place for a table.
fn offset(text: &str, path: &[Step<'_>]) -> usize {
    let Ok(root) = DeTable::parse(text) else {
        return 0;
    };
    let mut at = 0;
    let root = DeValue::Table(root.into_inner());
    let mut value = &root;
    for step in path {
        match (step, value) {
            (Key(key), DeValue::Table(table)) => {
                let found = table.iter().find(|(name, _)| *name.get_ref() == *key);
                let Some((name, next)) = found else { break };
                at = match next.get_ref() {
                    DeValue::Table(_) | DeValue::Array(_) => name.span().start,
                    _ => next.span().start,
                };
                value = next.get_ref();
            }
            (Index(i), DeValue::Array(array)) => {
                let Some(next) = array.get(*i) else { break };
                at = next.span().start;
                value = next.get_ref();
            }
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let ConfigError::Invalid {
            line,
            column,
            message,
        } = Config::parse(text).expect_err("it is refused");
        format!("{line}:{column}: {message}")
    }

    #[test]
    fn what_is_refused_is_shown_where_it_stands() {
        let waiver = "[[waiver]]\ncontrol = \"rds-*\"\nresource = \"**/Db\"\nreason = \"test data\"\nowner = \"me\"\nexpires = 2027-03-31\n";
        assert!(Config::parse(waiver).is_ok());
        assert_eq!(
            refused(&waiver.replace("rds-*", "rsd-*")),
            "2:11: no control `rsd-*`; `lockfast controls` lists them"
        );
        assert_eq!(
            refused(&waiver.replace("test data", " ")),
            "4:10: a waiver needs a reason"
        );
        assert_eq!(
            refused(&waiver.replace("2027-03-31", "10:00:00")),
            "6:11: a waiver ends on a date such as 2027-03-31, not at 10:00:00"
        );
        assert!(refused(&waiver.replace("**/Db", "[Db")).starts_with("3:12: "));
        assert_eq!(
            refused("[control.rds-storage-encryptd]\nenabled = false\n"),
            "1:10: no control `rds-storage-encryptd`; did you mean `rds-storage-encrypted`?"
        );
        let environment = |kind: &str| {
            format!(
                "[[customer.system.environment]]\nname = \"{kind}\"\nkind = \"{kind}\"\nstacks = [\"shop-*\"]\n"
            )
        };
        let two = format!(
            "[[customer]]\nname = \"c\"\n[[customer.system]]\nname = \"s\"\n{}{}",
            environment("production"),
            environment("staging")
        );
        let incident = "[[incident]]\nid = \"leak\"\nkind = \"key-compromised\"\nkeys = [\"arn:aws:kms:eu-central-1:111111111111:key/1\"]\nsince = 2026-11-20\n";
        assert!(Config::parse(incident).is_ok());
        let exposed = incident.replace("key-compromised", "data-exposed");
        let no_key = incident.replace(":key/1", ":alias/a");
        let no_day = incident.replace("2026-11-20", "10:00:00");
        let twice = format!("{incident}{incident}");
        for (text, wanted) in [
            (
                exposed.as_str(),
                "3:8: the incident `leak` needs `resources`: their ARNs",
            ),
            (
                no_key.as_str(),
                "4:9: `arn:aws:kms:eu-central-1:111111111111:alias/a` is no ARN of a key",
            ),
            (
                no_day.as_str(),
                "5:9: expected a day such as 2026-11-20, not 10:00:00",
            ),
            (twice.as_str(), "7:6: the incident `leak` stands twice"),
            (
                "[iac]\nmanaged_tags = { ManagedBy = \"[terraform\" }\n",
                "2:30: error parsing glob '[terraform': unclosed character class; missing ']'",
            ),
            (
                "[access]\ntrusted_accounts = [\"111122223333\", \"1111-2222\"]\n",
                "2:37: an account has twelve digits, such as \"111122223333\"; `1111-2222` is none",
            ),
            (
                "[residency]\nregions = [\"us-gov-west-1\", \"Frankfurt\"]\n",
                "2:29: a region is written as in \"eu-central-1\"; `Frankfurt` is none",
            ),
            (
                "[classification.asks.public]\nkey = \"any\"\nrotation_days = 365\nmonitoring = false\nregions = [\"eu\"]\n",
                "5:12: a region is written as in \"eu-central-1\"; `eu` is none",
            ),
            (
                "[[classification.rule]]\nclassification = \"public\"\ntypes = [\"AWS::S3::Buckt\"]\n",
                "3:10: no CloudFormation type `AWS::S3::Buckt`; did you mean `AWS::S3::Bucket`?",
            ),
            (
                two.as_str(),
                "12:11: the stacks `shop-*` belong to environment production already, which is production",
            ),
        ] {
            assert_eq!(refused(text), wanted);
        }
        assert!(
            refused(
                "[[classification.rule]]\nclassification = \"public\"\nnames = [\"a\", \"{b\"]\n"
            )
            .starts_with("3:15: ")
        );
    }
}
