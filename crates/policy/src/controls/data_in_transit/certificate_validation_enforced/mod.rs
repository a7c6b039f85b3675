use super::databases::databases;
use super::integrations;
use crate::connection::{self, Tls};
use crate::prelude::*;
use lockfast_facts::Loc;
use lockfast_facts::nouns::Variable;
use regex::{Regex, RegexBuilder, RegexSet};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, OnceLock};

control! {
    /// Reads every environment variable of containers, functions and builds for switches that turn
    /// off or weaken the validation of certificates, runtime by runtime (the table
    /// `tls-switches.toml`, each row with the document of the tool that reads it), reads connection
    /// strings for options that do (`trustServerCertificate=true`), and commands of containers, builds
    /// and instances (`curl --insecure`, unless it calls its own host), and settings of AWS's own
    /// services: API Gateway's `insecureSkipVerification`, AWS CodeBuild's `InsecureSsl`, AWS Glue's
    /// `SKIP_CUSTOM_JDBC_CERT_VALIDATION`. A set of variables in which no such switch stands passes;
    /// what the code itself does, a template does not show. A switch whose value is known only at
    /// deployment is unknown, and so are variables that a macro adds to.
    id: "certificate-validation-enforced",
    title: "Nothing switches off the validation of certificates on outbound connections",
    clauses: ["EXT-2"],
    sources: [Iac],
    severity: High,
    fix: "Remove the variable. For a private CA, add its certificate to the runtime's trust store instead (NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, …).",
    cloudformation: r#"Environment:
  Variables:
    NODE_EXTRA_CA_CERTS: /opt/certs/internal-ca.pem   # not NODE_TLS_REJECT_UNAUTHORIZED: "0"
"#,
    cdk: r#"environment: { NODE_EXTRA_CA_CERTS: '/opt/certs/internal-ca.pem' },
"#,
}

#[derive(Deserialize)]
struct File {
    switch: Vec<Row>,
    option: Vec<SwitchInText>,
}

/// An option of a connection string or command.
#[derive(Deserialize)]
struct SwitchInText {
    pattern: String,
    runtime: String,
    effect: String,
    severity: String,
    doc: String,
}

#[derive(Deserialize)]
struct Row {
    variable: String,
    values: Vec<String>,
    effect: String,
    severity: String,
    doc: String,
    /// The values, compiled when the variable is there for the first time.
    #[serde(skip)]
    compiled: OnceLock<Vec<Regex>>,
}

struct Switches {
    by_name: HashMap<String, Vec<Row>>,
    prefixes: Vec<Row>,
    in_text: RegexSet,
    of_text: Vec<SwitchInText>,
}

/// What only needs a look is no failure: `sslmode=require` encrypts, and DBL-2 notes that it does not
/// verify. Plaintext is for DBL-1 and EXT-1.
fn is_light(severity: &str) -> bool {
    matches!(severity, "low" | "info")
}

static SWITCHES: LazyLock<Switches> = LazyLock::new(|| {
    let text = include_str!("../../../../../facts/tables/tls-switches.toml");
    let file: File = toml::from_str(text).expect("tls-switches.toml is exercised by the fixtures");
    let of_text: Vec<SwitchInText> = file
        .option
        .into_iter()
        .filter(|row| !is_light(&row.severity) && row.effect != "plaintext")
        .collect();
    let mut switches = Switches {
        by_name: HashMap::new(),
        prefixes: Vec::new(),
        in_text: RegexSet::new(of_text.iter().map(|row| &row.pattern)).expect("tls-switches.toml is exercised by the fixtures"),
        of_text,
    };
    for row in file.switch.into_iter().filter(|row| !is_light(&row.severity)) {
        match row.variable.strip_suffix('*') {
            Some(_) => switches.prefixes.push(row),
            None => switches.by_name.entry(row.variable.to_lowercase()).or_default().push(row),
        }
    }
    switches
});

/// The whole value must match.
fn matches(row: &Row, value: &str) -> bool {
    let compiled = row.compiled.get_or_init(|| {
        let whole = |pattern: &String| {
            RegexBuilder::new(&format!("^(?:{pattern})$"))
                .case_insensitive(true)
                .build()
                .ok()
        };
        row.values.iter().filter_map(whole).collect()
    });
    compiled.iter().any(|regex| regex.is_match(value.trim()))
}

/// Whether a value switches; `None` when parts that are not known decide. They are taken for
/// nothing, and for values that switches have.
fn switched(row: &Row, value: &Read<std::borrow::Cow<'_, lockfast_facts::Text>>) -> Option<bool> {
    let Read::Found(text, _) = value else { return None };
    if let Some(plain) = text.plain() {
        return Some(matches(row, plain));
    }
    let mut answers = ["", "0", "1", "false", "true", "x"].map(|hole| matches(row, &text.render(|_| hole.to_owned())));
    answers.sort_unstable();
    (answers[0] == answers[answers.len() - 1]).then_some(answers[0])
}

fn shown(value: &Read<std::borrow::Cow<'_, lockfast_facts::Text>>) -> String {
    match value {
        Read::Found(text, _) => text.render(|_| "*".to_owned()),
        _ => String::new(),
    }
}

/// Whether a variable that no tool documents says in its name that it switches verification off
/// (`VERIFY_SSL=false`, `INSECURE_SKIP_VERIFY=true`). The name is in lower case.
fn says_off(name: &str, value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.split(['_', '-', '.']).any(|part| part == *word));
    let of_tls = has(&["ssl", "tls", "cert", "certs", "certificate", "certificates"]);
    let verifies = has(&["verify", "verification", "validate", "validation"]);
    match value.as_str() {
        "false" | "0" | "no" | "off" => {
            (verifies && (of_tls || has(&["https"]))) || (of_tls && has(&["check"]) && !has(&["health"]))
        }
        "true" | "1" | "yes" | "on" => {
            let insecure = has(&["insecure"]);
            (has(&["skip", "disable", "no"]) && verifies && (of_tls || insecure)) || (of_tls && insecure)
        }
        _ => false,
    }
}

/// The first option in a text that weakens validation.
fn search(text: &str) -> Option<&'static SwitchInText> {
    let found = SWITCHES.in_text.matches(text);
    found.into_iter().find_map(|index| {
        let row = SWITCHES.of_text.get(index)?;
        let goes_out = || {
            text.split(['\n', ';', '|', '&'])
                .any(|command| SWITCHES.in_text.matches(command).matched(index) && !stays_on_host(command))
        };
        (row.runtime != "curl" || goes_out()).then_some(row)
    })
}

/// Whether a command calls nothing but its own host, as health checks do.
fn stays_on_host(command: &str) -> bool {
    let hosts: Vec<&str> = command
        .split_whitespace()
        .filter_map(|word| {
            let word = word.trim_matches(['"', '\'', '(', ')']);
            let place = word.split_once("://").map(|(_, place)| place);
            let bare = word.starts_with("localhost") || word.starts_with("127.") || word.starts_with("[::1]");
            let place = place.or(bare.then_some(word))?;
            let host = place.split(['/', '?']).next()?;
            Some(match host.strip_prefix('[') {
                Some(v6) => v6.split(']').next()?,
                None => host.split(':').next()?,
            })
        })
        .collect();
    !hosts.is_empty() && hosts.iter().all(|host| connection::stays_on_host(host))
}

/// Commands that run in containers, builds and instances: what runs them, the property, the words.
fn commands<'a>(cx: &Cx<'a>) -> Vec<(Subject<'a>, &'static str, String, Loc)> {
    const PLACES: [(&str, &str, &str); 8] = [
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions.*.Command", "Command"),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions.*.EntryPoint", "EntryPoint"),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions.*.HealthCheck.Command", "HealthCheck"),
        ("AWS::Batch::JobDefinition", "ContainerProperties.Command", "Command"),
        ("AWS::CodeBuild::Project", "Source.BuildSpec", "BuildSpec"),
        ("AWS::EC2::Instance", "UserData", "UserData"),
        ("AWS::EC2::LaunchTemplate", "LaunchTemplateData.UserData", "UserData"),
        (
            "AWS::AppRunner::Service",
            "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.StartCommand",
            "StartCommand",
        ),
    ];
    let text = |value: &Value| match value.at("").text() {
        Read::Found(text, _) => text.render(|_| "*".to_owned()),
        _ => String::new(),
    };
    let mut found = Vec::new();
    for (kind, path, part) in PLACES {
        for subject in cx.subjects(&[kind]) {
            for value in subject.each(path).into_iter().filter_map(Read::found) {
                let words = match &value.kind {
                    Kind::List(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
                    _ => text(value),
                };
                found.push((subject, part, words, value.loc));
            }
        }
    }
    found
}

/// What one variable switches off: a documented switch, else a name that says so, else an option in
/// its text.
fn of_variable(variable: &Variable<'_>) -> Option<Judgement> {
    let name = variable.name.to_lowercase();
    let rows = SWITCHES.by_name.get(&name).into_iter().flatten().chain(
        SWITCHES
            .prefixes
            .iter()
            .filter(|row| name.starts_with(&row.variable.trim_end_matches('*').to_lowercase())),
    );
    let mut unknown = None;
    let fail = |effect: &str| Judgement::fail(variable.subject, format!("{} {effect}", variable.name));
    for row in rows {
        match switched(row, &variable.value) {
            Some(true) => {
                let judgement = fail(effect(&row.effect)).note(format!("see {}", row.doc));
                let value = shown(&variable.value);
                // A long one has other options in it, which may be secrets.
                return Some(match value.len() < 20 {
                    true => judgement.stated(variable.name.clone(), value, variable.loc),
                    false => judgement,
                });
            }
            Some(false) => continue,
            None => {
                let what = format!(
                    "cannot tell whether {} switches validation off: its value is known only at deployment",
                    variable.name
                );
                unknown = Some(Judgement::unknown(variable.subject, what));
                break;
            }
        }
    }
    let Read::Found(text, _) = &variable.value else {
        return unknown;
    };
    if let Some(value) = text.plain()
        && says_off(&name, value)
    {
        return Some(fail("says by its name that it switches verification off").stated(variable.name.clone(), value, variable.loc));
    }
    match search(&text.render(|_| "*".to_owned())) {
        Some(found) => Some(fail(effect(&found.effect)).note(format!("see {}", found.doc))),
        None => unknown,
    }
}

/// Settings of AWS's own services that switch verification off: the property, where it is, what it does.
fn by_property<'a>(cx: &Cx<'a>) -> Vec<(Subject<'a>, String, Read<bool>, &'static str)> {
    let mut found = Vec::new();
    for subject in cx.subjects(&["AWS::CodeBuild::Project"]) {
        let insecure = subject.at("Source.InsecureSsl").bool();
        found.push((subject, "Source".to_owned(), insecure, "InsecureSsl"));
    }
    for subject in cx.subjects(&["AWS::Glue::Connection"]) {
        const NAME: &str = "SKIP_CUSTOM_JDBC_CERT_VALIDATION";
        let skips = subject.at(&format!("ConnectionInput.ConnectionProperties.{NAME}")).bool();
        found.push((subject, NAME.to_owned(), skips, NAME));
    }
    for integration in integrations::all(cx) {
        if let Read::Found(value, _) = integration.value {
            let tls = integrations::stated(value, &["TlsConfig", "tlsConfig"]);
            let skips = tls.then(|tls, _| integrations::stated(tls, &["InsecureSkipVerification", "insecureSkipVerification"]));
            found.push((integration.subject, integration.part, skips.bool(), "insecureSkipVerification"));
        }
    }
    found
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut seen: BTreeSet<ResourceId> = BTreeSet::new();
    let mut judged: BTreeSet<ResourceId> = BTreeSet::new();
    for variable in cx.variables() {
        seen.insert(variable.subject.id());
        if let Some(judgement) = of_variable(variable) {
            judged.insert(variable.subject.id());
            out.push(judgement.part(variable.part()).at(variable.loc));
        }
    }
    for (subject, part, text, loc) in commands(cx) {
        if let Some(found) = search(&text) {
            judged.insert(subject.id());
            out.push(
                Judgement::fail(subject, format!("its {part} {}", effect(&found.effect)))
                    .part(part)
                    .at(loc)
                    .note(format!("see {}", found.doc)),
            );
        }
    }
    for (subject, part, skips, name) in by_property(cx) {
        let judgement = match skips {
            Read::Found(true, loc) => {
                Judgement::fail(subject, format!("{name} switches the verification of certificates off"))
                    .at(loc)
                    .stated(name, "true", loc)
            }
            Read::Unknown(why, loc) => {
                Judgement::cannot_tell(subject, &format!("whether {name} switches validation off"), &why).at(loc)
            }
            _ => continue,
        };
        judged.insert(subject.id());
        out.push(judgement.part(part));
    }
    let what = "whether a variable switches the validation of certificates off";
    judged.extend(super::environment::unread(cx, out, &[], what));
    let unverified: HashMap<ResourceId, String> = databases(cx)
        .into_iter()
        .filter(|found| found.tls == Tls::Encrypted && !found.local)
        .map(|found| (found.subject.id(), found.part))
        .collect();
    for id in seen.difference(&judged) {
        let resource = cx.inventory.resource(*id);
        let judgement = Judgement::pass(resource, "no variable switches the validation of certificates off");
        out.push(match unverified.get(id) {
            Some(part) => judgement.note(format!(
                "the connection of {part} is encrypted, but nothing makes it verify the server: for PostgreSQL use sslmode=verify-full with the RDS certificate bundle"
            )),
            None => judgement,
        });
    }
}

fn effect(effect: &str) -> &'static str {
    match effect {
        "no-verification" => "switches the verification of certificates off",
        "no-hostname-check" => "switches the check of host names off",
        "no-revocation-check" => "switches the check for revoked certificates off",
        "no-signature-check" => "switches the check of signatures off",
        "no-host-key-check" => "switches the check of host keys off",
        "weak-tls" => "allows weak TLS",
        "plaintext" => "allows plaintext",
        "cleartext-password" => "sends passwords in the clear",
        "leaks-session-keys" => "writes session keys to a file",
        _ => "weakens TLS",
    }
}
