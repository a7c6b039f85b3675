use crate::prelude::*;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

control! {
    /// Reads every environment variable of containers, functions and builds for switches that turn
    /// off or weaken the validation of certificates, runtime by runtime (the table
    /// `tls-switches.toml`, each row with the document of the tool that reads it). A set of
    /// variables in which no such switch stands passes; what the code itself does, a template does
    /// not show. A switch whose value is known only at deployment is unknown.
    id: "certificate-validation-enforced",
    title: "Nothing switches off the validation of certificates on outbound connections",
    clauses: ["EXT-2"],
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
}

#[derive(Deserialize)]
struct Row {
    variable: String,
    values: Vec<String>,
    effect: String,
    severity: String,
    doc: String,
}

struct Switches {
    by_name: HashMap<String, Vec<Row>>,
    prefixes: Vec<Row>,
}

static SWITCHES: LazyLock<Switches> = LazyLock::new(|| {
    let text = include_str!("../../../../../facts/tables/tls-switches.toml");
    let file: File = toml::from_str(text).expect("tls-switches.toml is exercised by the fixtures");
    let mut switches = Switches {
        by_name: HashMap::new(),
        prefixes: Vec::new(),
    };
    for row in file.switch {
        match row.variable.strip_suffix('*') {
            Some(_) => switches.prefixes.push(row),
            None => switches.by_name.entry(row.variable.to_lowercase()).or_default().push(row),
        }
    }
    switches
});

/// The whole value must match. Compiled only when the variable is there.
fn matches(row: &Row, value: &str) -> bool {
    row.values.iter().any(|pattern| {
        RegexBuilder::new(&format!("^(?:{pattern})$"))
            .case_insensitive(true)
            .build()
            .is_ok_and(|regex: Regex| regex.is_match(value.trim()))
    })
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut seen: BTreeSet<ResourceId> = BTreeSet::new();
    let mut judged: BTreeSet<ResourceId> = BTreeSet::new();
    for variable in cx.variables() {
        let id = variable.subject.id();
        seen.insert(id);
        let name = variable.name.to_lowercase();
        let rows = SWITCHES.by_name.get(&name).into_iter().flatten().chain(
            SWITCHES
                .prefixes
                .iter()
                .filter(|row| name.starts_with(&row.variable.trim_end_matches('*').to_lowercase())),
        );
        for row in rows {
            let value = match &variable.value {
                Read::Found(text, _) => text.plain().map(str::to_owned),
                _ => None,
            };
            let Some(value) = value else {
                out.push(
                    Judgement::unknown(
                        variable.subject,
                        format!("cannot tell whether {} switches validation off: its value is known only at deployment", variable.name),
                    )
                    .part(variable.part())
                    .at(variable.loc),
                );
                judged.insert(id);
                break;
            };
            // What only needs a look is no failure: `sslmode=require` encrypts, and DBL-2 notes that
            // it does not verify.
            if !matches(row, &value) || matches!(row.severity.as_str(), "low" | "info") {
                continue;
            }
            out.push(
                Judgement::fail(variable.subject, format!("{} {}", variable.name, effect(&row.effect)))
                    .part(variable.part())
                    .at(variable.loc)
                    .fact_as(
                        variable.name.clone(),
                        &Known::Stated(value, variable.loc),
                        Clone::clone,
                    )
                    .note(format!("see {}", row.doc)),
            );
            judged.insert(id);
            break;
        }
    }
    for id in seen.difference(&judged) {
        let resource = cx.inventory.resource(*id);
        out.push(Judgement::pass(resource, "no variable switches the validation of certificates off"));
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
