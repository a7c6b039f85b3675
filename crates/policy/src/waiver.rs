//! Accepted failures: from `lockfast.toml`, from comments and from `Metadata` beside a resource.

use crate::clause::Kind;
use crate::config::{Config, nearest};
use crate::control::{Control, Severity};
use crate::cx::{Cx, globs};
use crate::finding::WaiverView;
use crate::judgement::{About, Judgement};
use globset::GlobSet;
use lockfast_facts::{Directive, Instruction, Resource, ResourceId, StackId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Judges the waivers themselves: without a reason, or past its last day, a waiver is a finding.
pub(crate) static CONTROL: Control = Control {
    id: "waiver-holds",
    title: "Every waiver has a reason, names a control that exists, and has not expired",
    doc: "A waiver accepts a failure until a day. One without a reason, or with anything in it that is not understood, is refused; one past its day no longer covers anything; both are findings of their own. A waiver of lockfast.toml for what was not given is unknown, and one that nothing needs any more has a note.\n",
    clauses: &[],
    sources: &[Kind::Iac, Kind::Live],
    severity: Severity::Medium,
    fix: "Mend what the waiver covered, or renew it in lockfast.toml with a reason, an owner and a new date.",
    cloudformation: "# lockfast: ignore CONTROL reason=\"why this is acceptable\" owner=\"team\" expires=2027-01-31\n",
    cdk: "(bucket.node.defaultChild as s3.CfnBucket).addMetadata('Lockfast', {\n  ignore: [{ control: 'CONTROL', reason: 'why this is acceptable', owner: 'team', expires: '2027-01-31' }],\n});\n",
    path: "waiver",
    by_type: false,
    judge: |_, _| {},
};

/// A waiver of `lockfast.toml`.
struct Entry {
    /// Control and resource, as written.
    what: String,
    resources: GlobSet,
    view: WaiverView,
    /// True when a control that it names is among those that decide from what was given.
    asked: bool,
    /// True once it covered a failure.
    used: AtomicBool,
}

impl Entry {
    fn covers(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.resources.is_match(name))
    }
}

/// The waivers of a run, ready to be asked.
pub(crate) struct Waivers {
    of_config: Vec<Arc<Entry>>,
    by_control: HashMap<&'static str, Vec<Arc<Entry>>>,
    inline: HashMap<(ResourceId, String), WaiverView>,
    /// What is wrong with waivers themselves.
    pub(crate) judgements: Vec<Judgement>,
}

impl Waivers {
    /// Collects them; `today` is `YYYY-MM-DD`.
    pub(crate) fn new(cx: &Cx<'_>, config: &Config, today: &str) -> Self {
        let mut waivers = Waivers {
            of_config: Vec::new(),
            by_control: HashMap::new(),
            inline: HashMap::new(),
            judgements: Vec::new(),
        };
        let sources: Vec<Kind> = cx.inventory.origins().map(Kind::from).collect();
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
            let wanted = globs([waiver.control.as_str()]);
            let controls = || crate::control::all().filter(|c| wanted.is_match(c.id));
            let entry = Arc::new(Entry {
                asked: controls().next().is_none()
                    || controls().any(|c| c.sources.iter().any(|source| sources.contains(source))),
                what: format!("{} for {}", waiver.control, waiver.resource),
                used: AtomicBool::new(false),
                resources: globs([waiver.resource.as_str()]),
                view: WaiverView {
                    reason: waiver.reason.clone(),
                    owner: Some(waiver.owner.clone()),
                    expires: Some(expires),
                    origin: "lockfast.toml".into(),
                },
            });
            waivers.of_config.push(Arc::clone(&entry));
            for control in controls() {
                let entries = waivers.by_control.entry(control.id).or_default();
                entries.push(Arc::clone(&entry));
            }
        }
        for resource in cx.inventory.resources() {
            for directive in &resource.written().directives {
                waivers.inline(cx, resource, directive, today);
            }
        }
        waivers
    }

    fn inline(&mut self, cx: &Cx<'_>, resource: &Resource, directive: &Directive, today: &str) {
        match read(directive, today) {
            Ok((control, accepted)) => {
                let origin = cx.inventory.place(directive.loc);
                let view = WaiverView { origin, ..accepted };
                self.inline.insert((resource.id, control), view);
            }
            Err((part, message)) => self.judgements.push(
                Judgement::fail(resource, message)
                    .part(part)
                    .at(directive.loc),
            ),
        }
    }

    /// The waiver that covers a control's failure on a resource.
    pub(crate) fn find(&self, cx: &Cx<'_>, control: &str, about: About) -> Option<WaiverView> {
        if let About::Resource(id) = about
            && let Some(view) = self.inline.get(&(id, control.to_owned()))
        {
            return Some(view.clone());
        }
        let entries = self.by_control.get(control)?;
        let names = names(cx, about);
        let entry = entries.iter().find(|entry| entry.covers(&names))?;
        entry.used.store(true, Ordering::Relaxed);
        Some(entry.view.clone())
    }

    /// What there is to say of waivers of `lockfast.toml` that covered no failure, once all were looked at.
    pub(crate) fn unused(&self, cx: &Cx<'_>) -> Vec<Judgement> {
        let unused = |entry: &&Arc<Entry>| entry.asked && !entry.used.load(Ordering::Relaxed);
        let said = self.of_config.iter().filter(unused).map(|entry| {
            let resources = cx.inventory.resources().iter();
            let stacks = (0..cx.inventory.stacks().len()).filter_map(|id| u32::try_from(id).ok());
            let exists = resources
                .map(|resource| About::Resource(resource.id))
                .chain(stacks.map(|id| About::Stack(StackId(id))))
                .chain([About::Input])
                .any(|about| entry.covers(&names(cx, about)));
            let what = &entry.what;
            let judgement = match exists {
                true => Judgement::pass(About::Input, format!("the waiver of {what} holds"))
                    .note("nothing fails that it covers, so it can go"),
                false => Judgement::unknown(
                    About::Input,
                    format!(
                        "cannot tell what the waiver of {what} covers: nothing given has that name"
                    ),
                ),
            };
            judgement.part(what.clone())
        });
        said.collect()
    }
}

/// The names that a waiver may give what is judged.
fn names(cx: &Cx<'_>, about: About) -> Vec<String> {
    match about {
        About::Resource(id) => {
            let resource = cx.inventory.resource(id);
            let stack = &cx.inventory.stack_of(resource).path;
            vec![cx.label(resource), format!("{stack}/{}", resource.name)]
        }
        About::Stack(id) => vec![cx.inventory.stack(id).path.clone()],
        About::Input => vec!["input".into()],
    }
}

/// The settings of a waiver beside a resource; in a comment the control stands first, without its name.
const SETTINGS: [&str; 4] = ["control", "reason", "owner", "expires"];

/// The control that a waiver beside a resource is for, and what it says; or what it is about, and why it
/// is refused. Whatever is not understood refuses it: what was meant to limit it might be lost.
fn read(directive: &Directive, today: &str) -> Result<(String, WaiverView), (String, String)> {
    let settings = match &directive.said {
        Instruction::Ignore(settings) => settings.clone(),
        Instruction::Other(name) => {
            let message = format!(
                "`{name}` in Metadata is not an instruction; write `Lockfast: {{ignore: [{{control: …, reason: …}}]}}`"
            );
            return Err((name.clone(), message));
        }
        Instruction::Comment(text) => {
            let rest = text
                .strip_prefix("ignore")
                .filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
            let Some(rest) = rest else {
                let message = format!(
                    "`lockfast: {text}` is not an instruction; write `ignore CONTROL reason=\"…\"`"
                );
                return Err((text.clone(), message));
            };
            let (control, rest) = rest
                .trim()
                .split_once(char::is_whitespace)
                .unwrap_or((rest.trim(), ""));
            let mut settings = vec![("control".to_owned(), Some(control.to_owned()))];
            exists(control)?;
            let more = parse_settings(rest).map_err(|why| {
                (
                    control.to_owned(),
                    format!("the waiver of {control} is refused: {why}"),
                )
            })?;
            settings.extend(more.into_iter().map(|(name, value)| (name, Some(value))));
            settings
        }
    };
    let get = |wanted: &str| {
        let (_, value) = settings.iter().find(|(name, _)| name == wanted)?;
        value
            .as_deref()
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let control = get("control").unwrap_or_default().to_owned();
    let refused = |why: String| {
        Err((
            control.clone(),
            format!("the waiver of {control} is refused: {why}"),
        ))
    };
    exists(&control)?;
    for (index, (name, value)) in settings.iter().enumerate() {
        if !SETTINGS.contains(&name.as_str()) {
            let hint = match nearest(name, SETTINGS.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "it takes `reason`, `owner` and `expires`".to_owned(),
            };
            return refused(format!("it has no setting `{name}`; {hint}"));
        }
        if value.is_none() {
            return refused(format!("its `{name}` is not plain text"));
        }
        if settings[..index].iter().any(|(other, _)| other == name) {
            return refused(format!("`{name}` stands twice"));
        }
    }
    let Some(reason) = get("reason") else {
        return refused("it gives no reason".into());
    };
    let given = settings.iter().any(|(name, _)| name == "expires");
    match get("expires").unwrap_or_default() {
        date if given && !is_date(date) => {
            return refused(format!("`{date}` is not a date; write YYYY-MM-DD"));
        }
        date if given && date < today => {
            return Err((
                control.clone(),
                format!("the waiver of {control} expired on {date}"),
            ));
        }
        _ => {}
    }
    let view = WaiverView {
        reason: reason.to_owned(),
        owner: get("owner").map(str::to_owned),
        expires: get("expires").map(str::to_owned),
        origin: String::new(),
    };
    Ok((control, view))
}

/// Refuses what is no control's id.
fn exists(control: &str) -> Result<(), (String, String)> {
    if crate::control::find(control).is_some() {
        return Ok(());
    }
    let message = match nearest(control, crate::control::all().map(|c| c.id)) {
        _ if control.is_empty() => {
            "the waiver names no control; each needs the id of one".to_owned()
        }
        _ if control.contains(',') => {
            format!("a waiver is for one control; write one for each of `{control}`")
        }
        Some(near) => format!("the waiver names no control: `{control}`; did you mean `{near}`?"),
        None => format!("the waiver names no control: `{control}`"),
    };
    Err((control.to_owned(), message))
}

/// True for a day that is in the calendar.
fn is_date(text: &str) -> bool {
    let date = text.parse::<toml::value::Datetime>();
    text.len() == 10 && date.is_ok_and(|date| date.date.is_some())
}

/// `name="quoted value", name='another' name=word …`; an error says what is none of these.
fn parse_settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let between = |c: char| c.is_whitespace() || c == ',';
    let mut settings = Vec::new();
    let mut rest = text.trim_matches(between);
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .filter(|(name, _)| {
                name.chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            })
            .ok_or_else(|| format!("`{rest}` is not a setting; write name=\"value\""))?;
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, next) = match quote {
            Some(quote) => after[1..]
                .split_once(quote)
                .ok_or_else(|| format!("the quote of `{name}` is not closed"))?,
            None => after.split_at(after.find(between).unwrap_or(after.len())),
        };
        if !(next.is_empty() || next.starts_with(between)) {
            return Err(format!("`{next}` follows the value of `{name}`"));
        }
        settings.push((name.to_owned(), value.to_owned()));
        rest = next.trim_start_matches(between);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::Loc;

    fn comment(text: &str) -> Result<(String, WaiverView), (String, String)> {
        let said = Instruction::Comment(text.to_owned());
        read(
            &Directive {
                said,
                loc: Loc::default(),
            },
            "2026-11-23",
        )
    }

    fn metadata(
        settings: &[(&str, Option<&str>)],
    ) -> Result<(String, WaiverView), (String, String)> {
        let setting =
            |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        let said = Instruction::Ignore(settings.iter().map(setting).collect());
        read(
            &Directive {
                said,
                loc: Loc::default(),
            },
            "2026-11-23",
        )
    }

    #[test]
    fn settings_may_be_quoted_and_have_commas_between() {
        for text in [
            r#"ignore log-retention reason="it's public, today" owner=web expires=2027-01-31"#,
            r#"ignore log-retention reason="it's public, today", owner='web', expires="2027-01-31""#,
        ] {
            let (control, view) = comment(text).expect("it is accepted");
            assert_eq!(control, "log-retention");
            assert_eq!(view.reason, "it's public, today");
            assert_eq!(view.owner.as_deref(), Some("web"));
            assert_eq!(view.expires.as_deref(), Some("2027-01-31"));
        }
        let (_, view) = metadata(&[
            ("control", Some("log-retention")),
            ("reason", Some("x\" expires=\"2999-01-01")),
        ])
        .expect("it is accepted");
        assert_eq!(view.expires, None);
    }

    #[test]
    fn what_is_not_understood_refuses_a_waiver() {
        for (text, wanted) in [
            ("log-retention", "it gives no reason"),
            ("log-retention reason=\" \"", "it gives no reason"),
            (
                "log-retention reason=one two expires=2020-01-01",
                "`two expires=2020-01-01` is not a setting",
            ),
            (
                "log-retention reason=\"x\" expires=\"2020-01-01",
                "the quote of `expires` is not closed",
            ),
            (
                "log-retention reason=\"x\"expires=2020-01-01",
                "follows the value of `reason`",
            ),
            (
                "log-retention reason=\"x\" expire=2020-01-01",
                "did you mean `expires`?",
            ),
            ("log-retention reason=x reason=y", "`reason` stands twice"),
            (
                "log-retention reason=x expires=2027-02-30",
                "`2027-02-30` is not a date",
            ),
            ("log-retention reason=x expires=", "`` is not a date"),
            (
                "log-retention reason=x expires='2026-11-22'",
                "expired on 2026-11-22",
            ),
            ("log-retentoin reason=x", "did you mean `log-retention`?"),
            ("log-retention: reason=x", "names no control"),
        ] {
            let (_, message) = comment(&format!("ignore {text}")).expect_err(text);
            assert!(message.contains(wanted), "{text}: {message}");
        }
        assert!(comment("ignored log-retention reason=x").is_err());
        assert!(metadata(&[]).is_err());
        let (_, message) =
            metadata(&[("control", Some("log-retention")), ("reason", None)]).expect_err("no text");
        assert!(
            message.contains("its `reason` is not plain text"),
            "{message}"
        );
    }
}
