//! JUnit XML: a suite per control, a case per thing judged.

use crate::clean;
use crate::model::{Report, headline, place};
use lockfast_policy::Verdict;
use quick_junit::{
    NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite, XmlString,
};
use std::io::{Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let mut junit = Junit::new("lockfast");
    let mut suite: Option<TestSuite> = None;
    for finding in report.listed().map(clean::finding) {
        if suite
            .as_ref()
            .is_none_or(|s| s.name.as_str() != finding.control)
        {
            junit.test_suites.extend(suite.take());
            suite = Some(TestSuite::new(finding.control.as_str()));
        }
        let Some(suite) = &mut suite else { continue };
        let mut name = finding.resource.id.clone();
        if !finding.resource.part.is_empty() {
            name = format!("{name} [{}]", finding.resource.part);
        }
        let mut status = match finding.verdict {
            Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Verdict::Unknown | Verdict::Waived => TestCaseStatus::skipped(),
            _ => TestCaseStatus::success(),
        };
        if finding.verdict != Verdict::Pass {
            status.set_message(XmlString::new(format!(
                "{}: {}",
                finding.verdict,
                headline(&finding)
            )));
        }
        if finding.verdict == Verdict::Fail {
            let fix = finding.fix.as_ref().map_or("", |fix| fix.text.as_str());
            status.set_type(XmlString::new(finding.severity.to_string()));
            status.set_description(XmlString::new(format!(
                "{}\n{}\nFix: {fix}",
                place(&finding),
                finding.title
            )));
        }
        let mut case = TestCase::new(name, status);
        case.set_classname(finding.clauses.join(" "));
        suite.add_test_case(case);
    }
    junit.test_suites.extend(suite);
    junit.serialize(out).map_err(std::io::Error::other)
}
