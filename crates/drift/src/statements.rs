//! How the statements of two policies differ.

use crate::model::{Certainty, Side, StatementChange, StatementWhat};
use lockfast_access::{
    Account, Effect, Entry, Policy, PrincipalPattern, Principals, Selection, Statement,
};
use lockfast_facts::{Inventory, Part, Text};

/// What is not known in a text.
const HOLE: char = '\u{1}';

/// The statements that are not on both sides. Both policies must be in the same words.
pub(crate) fn differences(
    (template, from): (&Policy, &Inventory),
    (live, at): (&Policy, &Inventory),
) -> Vec<StatementChange> {
    let said = |policy: &Policy| {
        policy
            .statements
            .iter()
            .map(|s| Said::of(s, &policy.account))
            .collect::<Vec<_>>()
    };
    let (ours, theirs) = (said(template), said(live));
    let mut ours_left: Vec<usize> = (0..ours.len()).collect();
    let mut theirs_left: Vec<usize> = (0..theirs.len()).collect();
    let mut changes = Vec::new();
    let side = |said: &Said, inventory: &Inventory, loc| Side {
        certainty: match &said.open {
            None => Certainty::Stated,
            Some(_) => Certainty::Unknown,
        },
        because: said.open.clone(),
        ..Side::stated(said.shown.clone(), inventory, loc)
    };
    let mut change = |what, ours_at: Option<usize>, theirs_at: Option<usize>| {
        let sid = theirs_at.and_then(|i| live.statements[i].sid.as_deref());
        let sid = sid.or_else(|| ours_at.and_then(|i| template.statements[i].sid.as_deref()));
        changes.push(StatementChange {
            what,
            sid: sid.map(str::to_owned),
            template: ours_at.map(|i| side(&ours[i], from, template.statements[i].loc)),
            live: theirs_at.map(|i| side(&theirs[i], at, live.statements[i].loc)),
        });
    };
    // What is the same word for word, then what may be, then what has one name.
    pair(
        &mut ours_left,
        &mut theirs_left,
        |a, b| ours[a].is(&theirs[b]),
        |_, _| {},
    );
    let unknown = |a: usize, b: usize| ours[a].may_be(&theirs[b]);
    pair(&mut ours_left, &mut theirs_left, unknown, |a, b| {
        change(StatementWhat::Unknown, Some(a), Some(b))
    });
    let sid = |a: usize, b: usize| {
        template.statements[a].sid.is_some() && template.statements[a].sid == live.statements[b].sid
    };
    pair(&mut ours_left, &mut theirs_left, sid, |a, b| {
        change(StatementWhat::Changed, Some(a), Some(b))
    });
    for a in ours_left {
        change(StatementWhat::Removed, Some(a), None);
    }
    for b in theirs_left {
        change(StatementWhat::Added, None, Some(b));
    }
    changes
}

/// Takes out of both lists the pairs that are alike.
fn pair(
    ours: &mut Vec<usize>,
    theirs: &mut Vec<usize>,
    alike: impl Fn(usize, usize) -> bool,
    mut found: impl FnMut(usize, usize),
) {
    ours.retain(|a| match theirs.iter().position(|b| alike(*a, *b)) {
        Some(at) => {
            found(*a, theirs.remove(at));
            false
        }
        None => true,
    });
}

/// A statement in words that are the same for all that means the same, whatever the order of its lists.
struct Said {
    parts: Vec<Vec<String>>,
    /// True where a list has an entry that may be several.
    any: Vec<bool>,
    open: Option<String>,
    shown: String,
}

impl Said {
    fn of(statement: &Statement, home: &Account) -> Said {
        let effect = match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
            Effect::Unknown => "\u{1}",
        };
        let mut said = Said {
            parts: vec![vec![effect.to_owned()]],
            any: vec![false],
            open: None,
            shown: String::new(),
        };
        if statement.effect == Effect::Unknown {
            said.open = Some("its effect is not known".into());
        }
        let (mark, patterns) = match &statement.principals {
            Principals::Holder => ("", &[][..]),
            Principals::These(patterns) => ("", patterns.as_slice()),
            Principals::AllBut(patterns) => ("not ", patterns.as_slice()),
        };
        let mut any = false;
        let mut named = Vec::new();
        for pattern in patterns {
            if let PrincipalPattern::Unknown(why) = pattern {
                said.open = Some(why.to_string());
                any = true;
                continue;
            }
            named.push(format!("{mark}{}", said.principal(pattern, home)));
        }
        said.push(named, any);
        let actions = said.selection(&statement.actions, true);
        said.push(actions.0, actions.1);
        let resources = said.selection(&statement.resources, false);
        said.push(resources.0, resources.1);
        let mut conditions = Vec::new();
        any = false;
        for condition in &statement.conditions {
            match &condition.values {
                Some(values) => {
                    let mut values: Vec<String> =
                        values.iter().map(|value| said.text(value)).collect();
                    values.sort();
                    conditions.push(format!(
                        "{} {} {}",
                        condition.key.to_lowercase(),
                        condition.operator.name,
                        values.join(",")
                    ));
                }
                None => {
                    said.open = Some("a condition of it is not known".into());
                    any = true;
                }
            }
        }
        said.push(conditions, any);
        said.shown = shown(statement, effect);
        said
    }

    fn push(&mut self, mut words: Vec<String>, any: bool) {
        words.sort();
        words.dedup();
        self.parts.push(words);
        self.any.push(any);
    }

    fn text(&mut self, text: &Text) -> String {
        if let Some(why) = text.first_unknown() {
            self.open = Some(why.to_string());
        }
        text.render(|_| HOLE.to_string())
    }

    /// An account is the same by its id and by its root's ARN.
    fn principal(&mut self, pattern: &PrincipalPattern, home: &Account) -> String {
        match pattern {
            PrincipalPattern::Arn(text) => self.text(text),
            PrincipalPattern::Service(text) => format!("service {}", self.text(text)),
            PrincipalPattern::Federated(text) => format!("federated {}", self.text(text)),
            PrincipalPattern::CanonicalUser(text) => format!("canonical {}", self.text(text)),
            PrincipalPattern::Account(Account::Own) => home.to_string(),
            other => other.to_string(),
        }
    }

    fn selection(&mut self, selection: &Selection, fold: bool) -> (Vec<String>, bool) {
        let (mark, entries) = match selection {
            Selection::Everything => return (vec!["everything".into()], false),
            Selection::These(entries) => ("", entries),
            Selection::AllBut(entries) => ("not ", entries),
        };
        let mut any = false;
        let mut words = Vec::new();
        for entry in entries {
            match entry {
                Entry::Pattern(text) => {
                    let word = self.text(text);
                    words.push(format!(
                        "{mark}{}",
                        if fold { word.to_lowercase() } else { word }
                    ));
                }
                Entry::Unknown(why) => {
                    self.open = Some(why.to_string());
                    any = true;
                }
            }
        }
        (words, any)
    }

    fn is(&self, other: &Said) -> bool {
        self.open.is_none() && other.open.is_none() && self.parts == other.parts
    }

    /// Whether they may be the same, whatever turns out to stand where something is not known.
    fn may_be(&self, other: &Said) -> bool {
        if self.open.is_none() && other.open.is_none() {
            return false;
        }
        let lists = self
            .parts
            .iter()
            .zip(&other.parts)
            .zip(self.any.iter().zip(&other.any));
        lists.into_iter().all(|((a, b), (any_a, any_b))| {
            fits(a, b, *any_a) && (*any_b || fits_back(a, b, *any_a))
        })
    }
}

/// Every word of one list that is known is in the other, or that has room for it.
fn fits(ours: &[String], theirs: &[String], _any: bool) -> bool {
    ours.iter().all(|word| match word.contains(HOLE) {
        true => theirs.iter().any(|other| hole_matches(word, other)),
        false => theirs
            .iter()
            .any(|other| word == other || other.contains(HOLE)),
    })
}

/// Every word of the other list is in this one, as it stands or where something is not known.
fn fits_back(ours: &[String], theirs: &[String], any: bool) -> bool {
    any || theirs.iter().all(|other| {
        ours.iter()
            .any(|word| word == other || hole_matches(word, other))
    })
}

/// Whether a text may be another, when each hole stands for any characters.
fn hole_matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(HOLE) {
        return pattern == text;
    }
    let mut pieces = pattern.split(HOLE);
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

/// A statement in one line, for people.
fn shown(statement: &Statement, effect: &str) -> String {
    let text = |text: &Text| {
        text.render(|part| match part {
            Part::Literal(s) => s.to_string(),
            _ => "…".into(),
        })
    };
    let list = |selection: &Selection| {
        let words = |entries: &[Entry]| {
            let words: Vec<String> = entries
                .iter()
                .map(|entry| match entry {
                    Entry::Pattern(pattern) => text(pattern),
                    Entry::Unknown(_) => "…".into(),
                })
                .collect();
            words.join(", ")
        };
        match selection {
            Selection::Everything => "everything".to_owned(),
            Selection::These(entries) => words(entries),
            Selection::AllBut(entries) => format!("all but {}", words(entries)),
        }
    };
    let who = |patterns: &[PrincipalPattern]| {
        let names: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let effect = if effect.starts_with(HOLE) {
        "Allow or Deny"
    } else {
        effect
    };
    let mut shown = format!("{effect} {}", list(&statement.actions));
    match &statement.principals {
        Principals::Holder => {}
        Principals::These(patterns) => shown.push_str(&format!(" to {}", who(patterns))),
        Principals::AllBut(patterns) => shown.push_str(&format!(" to all but {}", who(patterns))),
    }
    match &statement.resources {
        Selection::These(entries)
            if entries
                .iter()
                .all(|e| matches!(e, Entry::Pattern(t) if t.plain() == Some("*"))) => {}
        Selection::Everything => {}
        resources => shown.push_str(&format!(" on {}", list(resources))),
    }
    if !statement.conditions.is_empty() {
        let conditions: Vec<String> = statement
            .conditions
            .iter()
            .map(ToString::to_string)
            .collect();
        shown.push_str(&format!(" if {}", conditions.join(" and ")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_stand_for_any_characters() {
        assert!(hole_matches(
            "arn:aws:iam::1:role/\u{1}",
            "arn:aws:iam::1:role/app"
        ));
        assert!(hole_matches("a\u{1}b\u{1}c", "axbyc"));
        assert!(!hole_matches("a\u{1}b", "axbc"));
        assert!(!hole_matches("a", "b"));
    }
}
