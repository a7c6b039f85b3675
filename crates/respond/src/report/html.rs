//! A post-mortem as a page that prints well, without scripts.

use super::{Report, ReportError, shown};
use askama::Template;
use jiff::Timestamp;

#[derive(Template)]
#[template(path = "post-mortem.html")]
struct Page<'r> {
    report: &'r Report,
    facts: Option<String>,
    style: &'static str,
}

impl Page<'_> {
    fn at(&self, at: &Timestamp) -> String {
        shown(Some(*at))
    }
}

impl Report {
    /// As a page.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_html(&self) -> Result<String, ReportError> {
        let page = Page {
            report: self,
            facts: self.facts_text(),
            style: include_str!("../../templates/post-mortem.css"),
        };
        page.render()
            .map_err(|error| ReportError::Write(error.to_string()))
    }
}
