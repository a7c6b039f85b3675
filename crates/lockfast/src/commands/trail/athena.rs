//! `lockfast trail athena`: what Amazon Athena needs to answer the same questions.

use crate::cli::Athena;
use crate::commands::print;
use anyhow::{Result, bail};
use jiff::tz::Offset;
use lockfast_trail::athena::{Question, Setup};

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line.
pub(super) fn run(args: &Athena) -> Result<u8> {
    if let Some(question) = &args.question {
        let Some(question) = Question::named(question) else {
            bail!("there is no question {question}");
        };
        return print(&question.query(&args.table, args.since, args.until)?);
    }
    let Some(location) = &args.location else {
        bail!("name where the logs are with --location");
    };
    // What is older than this is in no bucket whose lifecycle is the usual.
    let today = Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let setup = Setup {
        table: args.table.clone(),
        location: location.clone(),
        accounts: args.account.clone(),
        regions: args.region.clone(),
        since: match args.since {
            Some(since) => since,
            None => today.checked_sub(jiff::Span::new().years(2))?,
        },
    };
    print(&setup.statements()?)
}
