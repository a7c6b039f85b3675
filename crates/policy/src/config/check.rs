//! What a policy file must say beyond its schema, and where it fails to.

use super::{Config, ConfigError, nearest};
use globset::{Glob, GlobSet};
use toml::de::{DeTable, DeValue};

/// Why a value is refused: the keys and indexes that lead to it, and what is wrong.
type Refusal<'c> = (Vec<Step<'c>>, String);

#[derive(Clone, Copy)]
enum Step<'c> {
    Key(&'c str),
    Index(usize),
}

use Step::{Index, Key};

/// Refuses what the schema cannot: controls that do not exist, globs that are none, waivers without
/// a reason, an owner or a date.
pub(super) fn check(config: &Config, text: &str) -> Result<(), ConfigError> {
    let refusal = waivers(config)
        .or_else(|| controls(config))
        .or_else(|| all_globs(config));
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

/// The first pattern that is no glob.
fn all_globs(config: &Config) -> Option<Refusal<'_>> {
    let mut patterns: Vec<(Vec<Step<'_>>, &str)> = Vec::new();
    for (c, customer) in config.customer.iter().enumerate() {
        for (s, system) in customer.system.iter().enumerate() {
            for (e, environment) in system.environment.iter().enumerate() {
                for (i, glob) in environment.stacks.iter().enumerate() {
                    let at = [Key("customer"), Index(c), Key("system"), Index(s)];
                    let at = at.into_iter().chain([
                        Key("environment"),
                        Index(e),
                        Key("stacks"),
                        Index(i),
                    ]);
                    patterns.push((at.collect(), glob));
                }
            }
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
        assert!(
            refused(
                "[[classification.rule]]\nclassification = \"public\"\nnames = [\"a\", \"{b\"]\n"
            )
            .starts_with("3:15: ")
        );
    }
}
