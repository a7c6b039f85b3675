//! The same tables and questions for Amazon Athena, where logs are too many to be fetched: a table over CloudTrail's files in
//! their bucket, views with the columns of ours, and queries.

use jiff::civil::Date;
use std::fmt::Write;

const TABLE: &str = include_str!("athena/table.sql");
const VIEWS: [&str; 3] = [
    include_str!("athena/events.sql"),
    include_str!("athena/key_uses.sql"),
    include_str!("athena/secret_reads.sql"),
];

/// A question, as a query of the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is called.
    pub name: &'static str,
    query: &'static str,
}

/// All of them. `usage`, `secrets` and `tls` have the columns of the commands of these names.
pub const QUESTIONS: [Question; 6] = [
    Question {
        name: "usage",
        query: include_str!("athena/usage.sql"),
    },
    Question {
        name: "secrets",
        query: include_str!("athena/secrets.sql"),
    },
    Question {
        name: "tls",
        query: include_str!("athena/tls.sql"),
    },
    Question {
        name: "new-pairs",
        query: include_str!("athena/new_pairs.sql"),
    },
    Question {
        name: "decryptors",
        query: include_str!("athena/decryptors.sql"),
    },
    Question {
        name: "denied",
        query: include_str!("athena/denied.sql"),
    },
];

/// Why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A table's name goes into queries as it is.
    #[error("`{0}` is no name of a table: lower-case letters, digits and _, a letter first")]
    Table(String),
    /// So does a location.
    #[error(
        "`{0}` is no location: write s3://BUCKET/PREFIX/AWSLogs/, of an organisation's trail with its o-… after it"
    )]
    Location(String),
    /// And so do accounts and regions, which become partitions.
    #[error("`{0}` is neither an account (twelve digits) nor a region")]
    Partition(String),
}

/// Logs in a bucket, as Athena is to see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What the table is called; the views' names begin with it.
    pub table: String,
    /// The folder that the accounts' folders are in.
    pub location: String,
    /// Whose logs.
    pub accounts: Vec<String>,
    /// Of which regions.
    pub regions: Vec<String>,
    /// The first day that there are logs of.
    pub since: Date,
}

impl Setup {
    /// The statements that make the table and the views.
    ///
    /// # Errors
    /// When anything is not what it should be: it would be part of a statement.
    pub fn statements(&self) -> Result<String, Error> {
        let table = name(&self.table)?;
        let location = match self.location.ends_with('/') {
            true => self.location.clone(),
            false => format!("{}/", self.location),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./!*()".contains(&byte);
        let bucket = location.strip_prefix("s3://").unwrap_or_default();
        if !bucket.contains('/') || bucket.starts_with('/') || !bucket.bytes().all(is_plain) {
            return Err(Error::Location(self.location.clone()));
        }
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        let is_region = |text: &str| {
            let of = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            text.contains('-') && text.bytes().all(of)
        };
        let wrong_account = self.accounts.iter().find(|text| !is_account(text));
        let wrong_region = self.regions.iter().find(|text| !is_region(text));
        if let Some(wrong) = wrong_account.or(wrong_region) {
            return Err(Error::Partition(wrong.clone()));
        }
        let since = self.since;
        let since = format!(
            "{:04}/{:02}/{:02}",
            since.year(),
            since.month(),
            since.day()
        );
        let mut out = TABLE
            .replace("{{table}}", table)
            .replace("{{location}}", &location)
            .replace("{{accounts}}", &self.accounts.join(","))
            .replace("{{regions}}", &self.regions.join(","))
            .replace("{{since}}", &since);
        for view in VIEWS {
            let _ = write!(out, "\n{}", view.replace("{{table}}", table));
        }
        Ok(out)
    }
}

impl Question {
    /// The question of this name.
    pub fn named(name: &str) -> Option<Question> {
        QUESTIONS.into_iter().find(|question| question.name == name)
    }

    /// The query; of days between, both inclusive, where they are given, for what Athena reads is paid for.
    ///
    /// # Errors
    /// When the table cannot be called that.
    pub fn query(
        &self,
        table: &str,
        since: Option<Date>,
        until: Option<Date>,
    ) -> Result<String, Error> {
        let day = |day: Date| format!("'{:04}/{:02}/{:02}'", day.year(), day.month(), day.day());
        let conditions: Vec<String> = [
            since.map(|since| format!("partition_day >= {}", day(since))),
            until.map(|until| format!("partition_day <= {}", day(until))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let partitions = match conditions.is_empty() {
            true => "TRUE".to_owned(),
            false => conditions.join(" AND "),
        };
        Ok(self
            .query
            .replace("{{table}}", name(table)?)
            .replace("{{partitions}}", &partitions))
    }
}

fn name(table: &str) -> Result<&str, Error> {
    let of = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let is_name = table.bytes().all(of) && table.starts_with(|c: char| c.is_ascii_lowercase());
    match is_name && table.len() <= 100 {
        true => Ok(table),
        false => Err(Error::Table(table.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn setup() -> Setup {
        Setup {
            table: "cloudtrail".into(),
            location: "s3://logs/own/AWSLogs/o-4kq7w2m9xz".into(),
            accounts: vec!["111122223333".into(), "444455556666".into()],
            regions: vec!["eu-central-1".into()],
            since: date(2026, 1, 31),
        }
    }

    #[test]
    fn everything_is_filled_in() {
        let statements = setup().statements().expect("statements");
        assert!(!statements.contains("{{"), "{statements}");
        assert!(statements.contains(
            "'s3://logs/own/AWSLogs/o-4kq7w2m9xz/${account}/CloudTrail/${region}/${day}/'"
        ));
        assert!(
            statements.contains("'2026/01/31,NOW'")
                && statements.contains("'111122223333,444455556666'")
        );
        for view in ["events", "key_uses", "secret_reads"] {
            assert!(statements.contains(&format!("CREATE OR REPLACE VIEW cloudtrail_{view} AS")));
        }
        for question in QUESTIONS {
            let all = question.query("cloudtrail", None, None).expect("a query");
            assert!(!all.contains("{{") && all.contains("(TRUE)"), "{all}");
            let some = question.query("own", Some(date(2026, 3, 1)), Some(date(2026, 3, 31)));
            let some = some.expect("a query");
            assert!(
                some.contains("partition_day >= '2026/03/01' AND partition_day <= '2026/03/31'"),
                "{some}"
            );
        }
    }

    #[test]
    fn nothing_else_gets_into_a_statement() {
        let wrong = |change: fn(&mut Setup)| {
            let mut own = setup();
            change(&mut own);
            own.statements().expect_err("refused")
        };
        assert!(matches!(
            wrong(|s| s.table = "x; DROP TABLE y".into()),
            Error::Table(_)
        ));
        assert!(matches!(
            wrong(|s| s.location = "s3://logs/'".into()),
            Error::Location(_)
        ));
        assert!(matches!(
            wrong(|s| s.location = "/var/log/".into()),
            Error::Location(_)
        ));
        assert!(matches!(
            wrong(|s| s.accounts.push("1".into())),
            Error::Partition(_)
        ));
        assert!(matches!(
            wrong(|s| s.regions.push("eu'".into())),
            Error::Partition(_)
        ));
        assert!(
            Question::named("usage")
                .expect("one")
                .query("A", None, None)
                .is_err()
        );
    }
}
