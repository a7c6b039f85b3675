//! The key access pattern analysis of a quarter, as a page that prints well.

use askama::Template;
use serde::Serialize;
use std::io::{Error, Result, Write};

/// What a quarter's logs say of every key.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quarterly {
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The first day of the time before, which it is compared with.
    pub before_from: String,
    /// What the answer rests on: how many files and records, or an index.
    pub rests_on: Vec<String>,
    /// Days of an account and region that no log is of, files that could not be read: what the answer lacks.
    pub gaps: Vec<String>,
    /// The keys, the most used first.
    pub keys: Vec<KeyQuarter>,
    /// What is unusual, the most severe first.
    pub anomalies: Vec<Anomaly>,
    /// How many more somebody marked as false.
    pub quieted: usize,
}

/// A quarter of a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KeyQuarter {
    /// Its ARN, or as requests name it.
    pub key: String,
    /// A name for people, where a snapshot tells one.
    pub label: Option<String>,
    /// How often it was used.
    pub uses: u64,
    /// How often in the time before.
    pub uses_before: u64,
    /// How often it was refused.
    pub refused: u64,
    /// Uses in each week.
    pub weeks: Vec<u64>,
    /// Who used it, the most first.
    pub principals: Vec<PrincipalQuarter>,
    /// Who used it now and not before.
    pub new: Vec<String>,
    /// Who used it before and not now.
    pub gone: Vec<String>,
    /// Who may decrypt with it and did not use it; absent where no snapshot was given.
    pub unused: Option<Vec<String>>,
}

/// A quarter of a principal with a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PrincipalQuarter {
    /// Who.
    pub principal: String,
    /// How often.
    pub uses: u64,
    /// How often in the time before.
    pub uses_before: u64,
    /// How often it was refused.
    pub refused: u64,
    /// What was asked.
    pub operations: Vec<String>,
    /// The services that asked.
    pub via: Vec<String>,
    /// From another account than the key's.
    pub cross_account: bool,
}

/// Something unusual.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Anomaly {
    /// How bad it is.
    pub severity: String,
    /// What it is.
    pub what: String,
    /// Of which key or secret.
    pub subject: String,
    /// Who.
    pub principal: String,
    /// When it began.
    pub from: String,
    /// In numbers.
    pub why: String,
    /// By what it is named.
    pub id: String,
}

#[derive(Template)]
#[template(path = "quarterly.html")]
struct Page<'q> {
    quarter: &'q Quarterly,
    made: &'q str,
    version: &'q str,
    style: &'static str,
}

impl KeyQuarter {
    /// Uses of the weeks as a picture: the points of a line 100 wide and 20 high.
    fn line(&self) -> String {
        let most = self.weeks.iter().copied().max().unwrap_or(0).max(1) as f64;
        let step = 100.0 / (self.weeks.len().saturating_sub(1).max(1)) as f64;
        let points = self.weeks.iter().enumerate().map(|(week, uses)| {
            format!(
                "{:.1},{:.1}",
                week as f64 * step,
                19.0 - 18.0 * *uses as f64 / most
            )
        });
        points.collect::<Vec<_>>().join(" ")
    }

    /// By how much more or less it was used than before.
    fn change(&self) -> String {
        change(self.uses, self.uses_before)
    }
}

impl PrincipalQuarter {
    fn change(&self) -> String {
        change(self.uses, self.uses_before)
    }
}

fn change(now: u64, before: u64) -> String {
    match (now, before) {
        (0, 0) => "–".to_owned(),
        (_, 0) => "new".to_owned(),
        (0, _) => "gone".to_owned(),
        _ => format!(
            "{:+.0} %",
            100.0 * (now as f64 - before as f64) / before as f64
        ),
    }
}

/// Writes the page. `made` is the day it is made.
///
/// # Errors
/// When it cannot be written.
pub fn write_quarterly(
    quarter: &Quarterly,
    made: &str,
    version: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let page = Page {
        quarter,
        made,
        version,
        style: include_str!("../templates/quarterly.css"),
    };
    page.write_into(&mut Adapter(out)).map_err(Error::other)
}

/// Askama writes into what bytes are written to.
struct Adapter<'o>(&'o mut dyn Write);

impl Write for Adapter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_changed_and_hides_no_markup() {
        let quarter = Quarterly {
            from: "2026-04-01".into(),
            until: "2026-06-30".into(),
            keys: vec![KeyQuarter {
                key: "arn:aws:kms:eu-central-1:111122223333:key/0a1b".into(),
                uses: 150,
                uses_before: 100,
                weeks: vec![10, 20, 0],
                principals: vec![PrincipalQuarter {
                    principal: "<b>role</b>".into(),
                    uses: 3,
                    ..PrincipalQuarter::default()
                }],
                gone: vec!["old".into()],
                unused: Some(vec!["idle".into()]),
                ..KeyQuarter::default()
            }],
            ..Quarterly::default()
        };
        let mut page = Vec::new();
        write_quarterly(&quarter, "2026-07-01", "0", &mut page).expect("written");
        let page = String::from_utf8(page).expect("text");
        assert!(page.contains("+50 %") && page.contains("idle"), "{page}");
        assert!(!page.contains("<b>role"), "{page}");
        assert!(page.contains("0.0,10.0 50.0,1.0 100.0,19.0"), "{page}");
    }
}
