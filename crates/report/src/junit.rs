//! JUnit XML: a suite per control, a case per thing judged.

use crate::clean;
use crate::model::{Report, headline, judged, place, waived, with_clauses};
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
            junit.add_test_suites(suite.take());
            suite = Some(TestSuite::new(finding.control.as_str()));
        }
        let Some(suite) = &mut suite else { continue };
        let mut status = match finding.verdict {
            Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Verdict::Unknown | Verdict::Waived => TestCaseStatus::skipped(),
            _ => TestCaseStatus::success(),
        };
        if finding.verdict != Verdict::Pass {
            let mut message = format!("{}: {}", finding.verdict, headline(&finding));
            if let Some(waiver) = &finding.waiver {
                message.push_str(&format!("; waived: {}", waived(waiver)));
            }
            status.set_message(XmlString::new(message));
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
        let mut case = TestCase::new(judged(&finding), status);
        case.set_classname(with_clauses(&finding.control, &finding.clauses));
        suite.add_test_case(case);
    }
    junit.add_test_suites(suite);
    // What could not be read was not judged: an error, so that it does not vanish.
    if !report.input.problems.is_empty() {
        let mut suite = TestSuite::new("input");
        for problem in &report.input.problems {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(XmlString::new(clean::clean(&problem.message)));
            status.set_type(XmlString::new("not read"));
            let mut case = TestCase::new(clean::clean(&problem.place()), status);
            case.set_classname("input");
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    junit.serialize(out).map_err(std::io::Error::other)
}
