//! `--send`: findings handed to a product, after a person saw what that would change there.

#[cfg(feature = "aws")]
pub(super) use live::{check, judged, send};

#[cfg(not(feature = "aws"))]
pub(super) use offline::{check, judged};

#[cfg(not(feature = "aws"))]
mod offline {
    use crate::cli::{Judge, Sending};
    use anyhow::{Result, bail};
    use lockfast_report::Report;
    use lockfast_snapshot::Loaded;
    use std::collections::HashSet;

    /// Says what is wrong with the command line before anything is done.
    pub(crate) fn check(args: &Sending) -> Result<()> {
        if args.send.is_some() {
            bail!(
                "--send: this lockfast was built without the AWS SDK: build it with `cargo build --release --features aws` \
                 (or `full`)"
            );
        }
        Ok(())
    }

    /// Nothing is sent.
    pub(crate) fn judged(
        _args: &Judge,
        _loaded: &Loaded,
        _report: &Report<'_>,
        _only: Option<HashSet<String>>,
    ) -> Result<Option<u8>> {
        Ok(None)
    }
}

#[cfg(feature = "aws")]
mod live {
    use crate::cli::{Judge, Sending};
    use crate::commands::judging::spinner;
    use crate::commands::scan::enter;
    use crate::exit;
    use anyhow::{Result, bail};
    use lockfast_aws::security_hub::{self, Coverage, Delivered, Item, Row};
    use lockfast_aws::{Progress, ScanOptions, Session};
    use lockfast_report::{Asff, AsffEntry, Format, Report, plural};
    use lockfast_snapshot::Loaded;
    use std::collections::HashSet;
    use std::io::{BufRead, IsTerminal, Write};
    use std::path::PathBuf;
    use tokio::runtime::Runtime;

    /// Refused findings that are named one by one.
    const MOST_NAMED: usize = 20;

    /// Says what is wrong with the command line before anything is done: nobody should wait an hour for a scan whose
    /// findings are not sent then.
    pub(crate) fn check(args: &Sending) -> Result<()> {
        if args.send.is_some() && !args.yes && !std::io::stdin().is_terminal() {
            bail!(
                "--send asks before it writes, and standard input is no terminal: say --yes to send without being asked"
            );
        }
        Ok(())
    }

    /// Sends what `lockfast judge` found, when it is to.
    pub(crate) fn judged(
        args: &Judge,
        loaded: &Loaded,
        report: &Report<'_>,
        only: Option<HashSet<String>>,
    ) -> Result<Option<u8>> {
        if args.sending.send.is_none() {
            return Ok(None);
        }
        let mut options = ScanOptions::new(PathBuf::new(), String::new(), |_, value| value.into());
        enter(&mut options, &args.access);
        // Says which partition to log in to, where the profile names no region.
        options.regions = report
            .input
            .scan
            .as_ref()
            .map(|scan| scan.regions.clone())
            .unwrap_or_default();
        let runtime = crate::commands::runtime()?;
        let session = || async { Ok(Session::open(&options).await?) };
        send(
            &args.sending,
            &options,
            session,
            &runtime,
            loaded,
            report,
            only,
        )
    }

    /// Shows what sending would do, asks, and sends. Gives an exit code when not everything arrived.
    pub(crate) fn send<S: Future<Output = Result<Session>>>(
        args: &Sending,
        options: &ScanOptions,
        session: impl FnOnce() -> S + Send,
        runtime: &Runtime,
        loaded: &Loaded,
        report: &Report<'_>,
        only: Option<HashSet<String>>,
    ) -> Result<Option<u8>> {
        let asff = Asff::of(report);
        let (standing, told): (Vec<AsffEntry>, Vec<AsffEntry>) =
            asff.entries().partition(|entry| entry.known);
        let items = told.iter().enumerate().map(|(key, entry)| Item {
            key,
            account: entry.account.clone(),
            region: entry.region.clone(),
            id: entry.id.clone(),
        });
        let sending = security_hub::Sending {
            items: items.collect(),
            standing: standing.into_iter().map(|entry| entry.id).collect(),
            finding: &|key| asff.finding(&told[key]),
            coverage: Coverage::of(&loaded.headers, &loaded.units, present(loaded), only),
            taken: report
                .input
                .scan
                .as_ref()
                .map(|scan| scan.taken.clone())
                .unwrap_or_default(),
            made: format!("{:.3}", report.made),
        };
        let shown = spinner();
        shown.set_message("asking Security Hub what it has");
        let plan = deep(|| {
            runtime.block_on(async {
                let session = session().await?;
                let progress = Progress::default();
                anyhow::Ok(security_hub::plan(options, &session, sending, progress).await?)
            })
        })?;
        shown.finish_and_clear();
        let rows: Vec<Row> = plan.rows().cloned().collect();
        if let Some(said) = lockfast_report::left_out(report, Format::Asff) {
            anstream::eprintln!("Security Hub: {said}");
        }
        anstream::eprint!("{}", planned(&rows));
        let writes = rows
            .iter()
            .any(|row| row.new + row.updated + row.archived > 0);
        if !writes {
            let problem = rows.iter().any(|row| row.problem.is_some());
            return Ok(problem.then_some(exit::UNSENT));
        }
        if !args.yes && !agreed()? {
            anstream::eprintln!("Nothing was sent.");
            return Ok(None);
        }
        let shown = spinner();
        shown.set_message("sending to Security Hub");
        let delivered = deep(|| runtime.block_on(plan.send()));
        shown.finish_and_clear();
        anstream::eprint!("{}", done(&delivered));
        let whole = delivered.iter().all(Delivered::is_whole);
        Ok((!whole).then_some(exit::UNSENT))
    }

    /// Works on a thread whose stack holds the SDK's findings.
    fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        lockfast_iac::install(work)
    }

    /// The resources that there are, as findings name them.
    fn present(loaded: &Loaded) -> HashSet<String> {
        let inventory = &loaded.inventory;
        let named = inventory.resources().iter().map(|resource| {
            let label = || format!("{}/{}", inventory.stack_of(resource).path, resource.name);
            let name = resource.arn.as_deref().map_or_else(label, str::to_owned);
            Asff::resource_id(&name)
        });
        named.collect()
    }

    fn agreed() -> Result<bool> {
        anstream::eprint!("Send? [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    /// What sending would do, in lines.
    fn planned(rows: &[Row]) -> String {
        if rows.is_empty() {
            return "Security Hub: nothing to send.\n".into();
        }
        let mut text = "Security Hub, what sending changes there:\n".to_owned();
        for row in rows {
            let what = match &row.problem {
                Some(problem) => format!("nothing is sent: {problem}"),
                None => {
                    let later = match row.later {
                        0 => String::new(),
                        n => format!(
                            ", {n} left as {}, since a later scan told of {}",
                            if n == 1 { "it is" } else { "they are" },
                            if n == 1 { "it" } else { "them" }
                        ),
                    };
                    format!(
                        "{} new, {} updated, {} archived{later}",
                        row.new, row.updated, row.archived
                    )
                }
            };
            text.push_str(&format!("  {} {}: {what}\n", row.account, row.region));
        }
        text
    }

    /// What became of it, in lines.
    fn done(delivered: &[Delivered]) -> String {
        let mut text = String::new();
        for one in delivered {
            text.push_str(&format!(
                "Security Hub, {} {}: {} imported, {} archived",
                one.account,
                one.region,
                plural(one.imported, "finding"),
                one.archived
            ));
            if one.imported + one.archived > 0 && one.unseen == 0 && one.problem.is_none() {
                text.push_str(", all of them there as they were sent");
            }
            text.push('\n');
            if let Some(problem) = &one.problem {
                text.push_str(&format!("  {problem}\n"));
            }
            if one.unsent > 0 {
                text.push_str(&format!("  {} not sent\n", plural(one.unsent, "finding")));
            }
            if one.unseen > 0 {
                text.push_str(&format!(
                    "  {} taken, and not to be seen there as sent: Security Hub may show them later; sending again does no harm\n",
                    plural(one.unseen, "finding")
                ));
            }
            for (id, reason) in one.failed.iter().take(MOST_NAMED) {
                text.push_str(&format!("  {id} refused: {reason}\n"));
            }
            if one.failed.len() > MOST_NAMED {
                let more = one.failed.len() - MOST_NAMED;
                text.push_str(&format!("  and {more} more refused\n"));
            }
        }
        text
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_plan_and_its_outcome_are_told_in_lines() {
            let row = Row {
                account: "111111111111".into(),
                region: "eu-west-1".into(),
                new: 2,
                updated: 1,
                archived: 3,
                later: 1,
                problem: None,
            };
            assert_eq!(
                planned(&[row]),
                "Security Hub, what sending changes there:\n  111111111111 eu-west-1: 2 new, 1 updated, 3 archived, \
                 1 left as it is, since a later scan told of it\n"
            );
            let one = Delivered {
                account: "111111111111".into(),
                region: "eu-west-1".into(),
                imported: 1,
                failed: (0..25).map(|n| (format!("id{n}"), "no".into())).collect(),
                ..Delivered::default()
            };
            let text = done(&[one]);
            assert!(
                text.starts_with(
                    "Security Hub, 111111111111 eu-west-1: 1 finding imported, 0 archived, all"
                ),
                "{text}"
            );
            assert!(text.ends_with("  id19 refused: no\n  and 5 more refused\n"));
        }
    }
}
