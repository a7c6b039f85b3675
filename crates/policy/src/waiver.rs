//! Accepted failures: from `lockfast.toml`, from comments and from `Metadata` beside a resource.

use crate::config::Config;
use crate::control::{Control, Severity};
use crate::cx::{Cx, globs};
use crate::finding::WaiverView;
use crate::judgement::{About, Judgement};
use globset::GlobSet;
use lockfast_facts::{Directive, Resource, ResourceId};
use std::collections::HashMap;
use std::sync::Arc;

/// Judges the waivers themselves: without a reason, or past its last day, a waiver is a finding.
pub(crate) static CONTROL: Control = Control {
    id: "waiver-holds",
    title: "Every waiver has a reason, names a control that exists, and has not expired",
    doc: "A waiver accepts a failure until a day. One without a reason is refused, one past its day no longer covers anything; both are findings of their own.\n",
    clauses: &[],
    sources: &[crate::clause::Kind::Iac],
    severity: Severity::Medium,
    fix: "Mend what the waiver covered, or renew it in lockfast.toml with a reason, an owner and a new date.",
    cloudformation: "# lockfast: ignore CONTROL reason=\"why this is acceptable\" owner=\"team\" expires=2027-01-31\n",
    cdk: "cdk.Tags.of(bucket); // or Metadata: bucket.node.defaultChild.addMetadata('Lockfast', { ignore: [{ control, reason, owner, expires }] })\n",
    path: "waiver",
    by_type: false,
    judge: |_, _| {},
};

struct Entry {
    resources: GlobSet,
    view: WaiverView,
}

/// The waivers of a run, ready to be asked.
pub(crate) struct Waivers {
    by_control: HashMap<&'static str, Vec<Arc<Entry>>>,
    inline: HashMap<(ResourceId, String), WaiverView>,
    /// What is wrong with waivers themselves.
    pub(crate) judgements: Vec<Judgement>,
}

impl Waivers {
    /// Collects them; `today` is `YYYY-MM-DD`.
    pub(crate) fn new(cx: &Cx<'_>, config: &Config, today: &str) -> Self {
        let mut waivers = Waivers {
            by_control: HashMap::new(),
            inline: HashMap::new(),
            judgements: Vec::new(),
        };
        for waiver in &config.waiver {
            let expires = waiver.expires.to_string();
            if expires.as_str() < today {
                waivers.judgements.push(
                    Judgement::fail(
                        About::Input,
                        format!(
                            "the waiver of {} for {} expired on {expires}",
                            waiver.control, waiver.resource
                        ),
                    )
                    .part(format!("{} {}", waiver.control, waiver.resource)),
                );
                continue;
            }
            let entry = Arc::new(Entry {
                resources: globs([waiver.resource.as_str()]),
                view: WaiverView {
                    reason: waiver.reason.clone(),
                    owner: Some(waiver.owner.clone()),
                    expires: Some(expires),
                    origin: "lockfast.toml".into(),
                },
            });
            let wanted = globs([waiver.control.as_str()]);
            for control in crate::control::all().filter(|c| wanted.is_match(c.id)) {
                let entries = waivers.by_control.entry(control.id).or_default();
                entries.push(Arc::clone(&entry));
            }
        }
        for resource in cx.inventory.resources() {
            for directive in &resource.directives {
                waivers.inline(cx, resource, directive, today);
            }
        }
        waivers
    }

    fn inline(&mut self, cx: &Cx<'_>, resource: &Resource, directive: &Directive, today: &str) {
        let mut refuse = |part: &str, message: String| {
            self.judgements.push(
                Judgement::fail(resource, message)
                    .part(part.to_owned())
                    .at(directive.loc),
            );
        };
        let Some(rest) = directive.text.strip_prefix("ignore") else {
            refuse(
                &directive.text,
                format!(
                    "`lockfast: {}` is not an instruction; write `ignore CONTROL reason=\"…\"`",
                    directive.text
                ),
            );
            return;
        };
        let (control, settings) = parse_settings(rest);
        if crate::control::find(control).is_none() {
            refuse(control, format!("the waiver names no control: `{control}`"));
            return;
        }
        let get = |name: &str| {
            settings
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.clone())
        };
        let reason = get("reason").filter(|r| !r.trim().is_empty());
        let expires = get("expires");
        match (reason, expires) {
            (None, _) => refuse(
                control,
                format!("the waiver of {control} gives no reason, so it is refused"),
            ),
            (_, Some(date)) if !is_date(&date) => {
                refuse(
                    control,
                    format!("the waiver of {control} has `{date}` for a date; write YYYY-MM-DD"),
                );
            }
            (_, Some(date)) if date.as_str() < today => {
                refuse(
                    control,
                    format!("the waiver of {control} expired on {date}"),
                );
            }
            (Some(reason), expires) => {
                self.inline.insert(
                    (resource.id, control.to_owned()),
                    WaiverView {
                        reason,
                        owner: get("owner"),
                        expires,
                        origin: cx.inventory.place(directive.loc),
                    },
                );
            }
        }
    }

    /// The waiver that covers a control's failure on a resource.
    pub(crate) fn find(&self, cx: &Cx<'_>, control: &str, about: About) -> Option<WaiverView> {
        let label = match about {
            About::Resource(id) => {
                if let Some(view) = self.inline.get(&(id, control.to_owned())) {
                    return Some(view.clone());
                }
                let resource = cx.inventory.resource(id);
                vec![
                    cx.label(resource),
                    format!("{}/{}", cx.inventory.stack_of(resource).path, resource.name),
                ]
            }
            About::Stack(id) => vec![cx.inventory.stack(id).path.clone()],
            About::Input => vec!["input".into()],
        };
        self.by_control
            .get(control)?
            .iter()
            .find(|entry| label.iter().any(|l| entry.resources.is_match(l)))
            .map(|entry| entry.view.clone())
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        })
}

/// ` control key="quoted value" key=word …` as the control and its settings.
fn parse_settings(text: &str) -> (&str, Vec<(String, String)>) {
    let text = text.trim();
    let (control, mut rest) = match text.split_once(char::is_whitespace) {
        Some((control, rest)) => (control, rest.trim()),
        None => (text, ""),
    };
    let mut settings = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        settings.push((name.trim().to_owned(), value.to_owned()));
        rest = next.trim();
    }
    (control, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_may_be_quoted() {
        let (control, settings) =
            parse_settings(" cwl-encrypted reason=\"public web log\" owner=web expires=2027-01-31");
        assert_eq!(control, "cwl-encrypted");
        assert_eq!(
            settings,
            [
                ("reason".to_owned(), "public web log".to_owned()),
                ("owner".to_owned(), "web".to_owned()),
                ("expires".to_owned(), "2027-01-31".to_owned()),
            ]
        );
    }

    #[test]
    fn an_open_quote_is_no_panic() {
        assert_eq!(
            parse_settings("x reason=\"a").1,
            [("reason".to_owned(), "a".to_owned())]
        );
    }
}
