//! `lockfast can`: whether somebody may do something, and which statements decide.

use super::super::facts::Read;
use super::super::print;
use super::{reasons, who};
use crate::cli::{Asked, Can, TableFormat};
use anyhow::{Context, Result, anyhow, bail};
use lockfast_access::kms::{Class, actions, class_of};
use lockfast_access::world::{self, Attached, Attachment, Circumstances, On, Who, World};
use lockfast_access::{ContextValue, Policy, Principal, Three};
use lockfast_facts::{Inventory, Loc, Resource, Text};
use lockfast_keys::Ring;
use lockfast_policy::nearest;
use lockfast_report::clean;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub fn run(args: &Can) -> Result<u8> {
    let Asked {
        escalations, facts, ..
    } = &args.asked;
    let read = Read::new(facts)?;
    let cx = read.cx();
    let ring = Ring::new(&cx, &read.inventory);
    let world = World::new(&read.inventory);
    let mut given = circumstances(&read.inventory, &args.asked, &args.action)?;
    for file in &args.session_policy {
        given.session.push(session_policy(file)?);
    }
    let action = action(&args.action)?;
    let target = target(&read.inventory, &ring, &args.resource)?;
    let principal = principal(&world, &args.principal)?;
    let answer = world.may(&principal, &action, &target, &given);
    let mut chains = Vec::new();
    if *escalations && !answer.may.is_yes() {
        // A role that is assumed begins a session of its own.
        let then = Circumstances {
            session: Vec::new(),
            ..given.clone()
        };
        for (role, assumed) in world.assumes(&principal) {
            let then = world.may(&world.who(role), &action, &target, &then);
            if !then.may.is_no() {
                chains.push((role.label.clone(), assumed.may.and(then.may)));
            }
        }
    }
    let ways = match *escalations && !answer.may.is_yes() && target.is_key() {
        true => who::ways_of(&world, &principal, &target),
        false => Vec::new(),
    };
    if facts.format == TableFormat::Json {
        let mut told = reasons::json(&read.inventory, &answer);
        told["principal"] = principal.label.clone().into();
        told["action"] = action.into();
        told["resource"] = target.label.clone().into();
        told["by_assuming"] = json!(
            chains
                .iter()
                .map(|(role, may)| json!({"role": role, "may": reasons::word(*may)}))
                .collect::<Vec<_>>()
        );
        told["ways"] = json!(ways);
        told["not_read"] = json!(world.unread());
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        return Ok(who::code(answer.may));
    }
    let word = match answer.may {
        Three::Yes => "Yes",
        Three::Maybe => "Possible",
        Three::No => "No",
    };
    let mut out = format!(
        "{word}: {} {action} {}\n",
        clean(&principal.label),
        clean(&target.label)
    );
    for condition in reasons::conditions(&answer) {
        let _ = writeln!(out, "  {}", clean(condition));
    }
    out.push('\n');
    for said in reasons::said(&read.inventory, &answer) {
        let _ = writeln!(out, "  {} {}", clean(&said.who), clean(&said.says));
        for place in &said.places {
            let _ = writeln!(out, "      {}", clean(place));
        }
    }
    if target.policy.is_none() {
        let _ = writeln!(out, "  {} has no policy of its own", clean(&target.label));
    }
    for way in &ways {
        let _ = writeln!(out, "\n  {} {}", clean(&principal.label), clean(way));
    }
    for (role, may) in &chains {
        let _ = writeln!(
            out,
            "\n  By assuming {}: {}",
            clean(role),
            reasons::word(*may)
        );
    }
    for unread in world.unread() {
        let _ = writeln!(out, "\nNot read: {}", clean(unread));
    }
    print(&out)?;
    Ok(who::code(answer.may))
}

/// An action's name, checked for its form.
pub(super) fn action(text: &str) -> Result<String> {
    match text.split_once(':') {
        Some((service, name))
            if !service.is_empty()
                && !name.is_empty()
                && !text.contains(['*', '?'])
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-:".contains(c)) =>
        {
            let known = [Class::Administer, Class::Use, Class::Read];
            let known = known.into_iter().flat_map(actions).map(String::as_str);
            // What does nothing to a key is nobody's to be let.
            if service.eq_ignore_ascii_case("kms") && class_of(text).is_none() {
                match nearest(text, known) {
                    Some(meant) => {
                        bail!("AWS KMS has no action `{text}` on a key; did you mean `{meant}`?")
                    }
                    None => bail!("AWS KMS has no action `{text}` on a key"),
                }
            }
            Ok(text.to_owned())
        }
        _ => bail!("`{text}` is no action; write one such as kms:Decrypt"),
    }
}

/// What the command line tells of a request to do something.
pub(super) fn circumstances(
    inventory: &Inventory,
    asked: &Asked,
    action: &str,
) -> Result<Circumstances> {
    let mut given = Circumstances {
        context: contexts(&asked.context)?,
        ..Circumstances::default()
    };
    if let Some(name) = &asked.through {
        let endpoints = inventory.of_kind("AWS::EC2::VPCEndpoint");
        let found: Vec<&Resource> = endpoints
            .filter(|endpoint| is_named(inventory, endpoint, name))
            .collect();
        match found.as_slice() {
            [endpoint] => {
                let (policy, context) = world::endpoint(inventory, endpoint);
                let service = endpoint.at("ServiceName").string().found();
                let service = service.as_deref().and_then(|name| name.rsplit_once('.'));
                let asked = action.split(':').next().unwrap_or_default();
                // A service's last label is its name in actions, but for a few; `kms-fips` is KMS all the same.
                if let Some((_, service)) = service
                    && ["kms", "secretsmanager", "ssm", "s3", "dynamodb", "sts"].contains(&asked)
                    && service.trim_end_matches("-fips") != asked
                {
                    bail!(
                        "--through {name}: it is an endpoint of {service}, through which no {action} comes"
                    );
                }
                if policy.is_none() {
                    anstream::eprintln!(
                        "{} has AWS's default policy, which allows everything",
                        clean(name)
                    );
                }
                given.endpoint = policy;
                given.context.extend(context);
            }
            [] => bail!("--through {name}: there is no such VPC endpoint among the facts"),
            several => bail!(
                "--through {name} may be any of {} VPC endpoints; name one by its id or construct path",
                several.len()
            ),
        }
    }
    Ok(given)
}

/// The policy of a file that a session began with.
fn session_policy(file: &Path) -> Result<Attached> {
    let text = crate::commands::read_small(file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    // What is wrong with it, with line and column.
    serde_json::from_str::<serde_json::Value>(&text)
        .with_context(|| format!("{}: it is no JSON", file.display()))?;
    let document = Text::Plain(text.into())
        .json(Loc::default(), "a policy document")
        .map_err(|why| anyhow!("{}: {why}", file.display()))?;
    let policy = Policy::from_value(&document);
    if let Some((problem, _)) = policy.problems.first() {
        bail!("{}: {problem}", file.display());
    }
    Ok(Attached {
        policy: Arc::new(policy),
        label: format!("session policy {}", file.display()),
        origin: Attachment::Session,
    })
}

/// What `--context` states.
fn contexts(given: &[String]) -> Result<Vec<(String, ContextValue)>> {
    let mut found: Vec<(String, ContextValue)> = Vec::new();
    for text in given {
        let (key, value) = text
            .split_once('=')
            .with_context(|| format!("--context {text}: write KEY=VALUE, such as kms:ViaService=s3.eu-central-1.amazonaws.com"))?;
        if key.is_empty() {
            bail!("--context {text}: the key is missing");
        }
        let value: Text = Text::Plain(value.into());
        let known = found
            .iter_mut()
            .find(|(own, _)| own.eq_ignore_ascii_case(key));
        match (known, value.plain()) {
            (Some((_, ContextValue::Known(values))), _) => values.push(value),
            (Some(_), _) => bail!("--context {key}: it is said to be absent as well"),
            (None, Some("")) => found.push((key.to_owned(), ContextValue::Absent)),
            (None, _) => found.push((key.to_owned(), ContextValue::Known(vec![value]))),
        }
    }
    Ok(found)
}

/// Somebody by name.
fn principal<'w>(world: &'w World<'_>, name: &str) -> Result<Who<'w>> {
    match world.find(name).as_slice() {
        [actor] => {
            // A session is asked for by its own name.
            let mut who = world.who(actor);
            if name.contains(":assumed-role/") {
                let session = Principal::arn(name);
                if let (
                    lockfast_access::Identity::Named { session: own, .. },
                    lockfast_access::Identity::Named { session, .. },
                ) = (&mut who.principal.identity, session.identity)
                {
                    *own = session;
                }
            }
            Ok(who)
        }
        [] if name.ends_with(".amazonaws.com") && !name.contains([':', '/']) => Ok(Who {
            label: name.to_owned(),
            principal: Principal::service(name),
            actor: None,
        }),
        [] if name.starts_with("arn:") && name.split(':').count() >= 6 => Ok(Who {
            label: name.to_owned(),
            principal: Principal::arn(name),
            actor: None,
        }),
        [] => {
            let known = world.actors().iter().flat_map(|actor| {
                let label = actor.label.rsplit_once('/').map(|(_, name)| name);
                [Some(actor.label.as_str()), label].into_iter().flatten()
            });
            match nearest(name, known) {
                Some(meant) => bail!("there is no role or user `{name}`; did you mean `{meant}`?"),
                None => bail!(
                    "there is no role or user `{name}`; name one by ARN, name or construct path"
                ),
            }
        }
        several => {
            let names: Vec<&str> = several.iter().map(|actor| actor.label.as_str()).collect();
            bail!(
                "`{name}` may be any of these; name one of them:\n  {}",
                names.join("\n  ")
            )
        }
    }
}

/// A resource by name.
pub(super) fn target<'a>(inventory: &'a Inventory, ring: &Ring<'a>, name: &str) -> Result<On<'a>> {
    let keys = ring.find(name);
    let mut found: Vec<&Resource> = keys.iter().map(|key| key.resource).collect();
    // A key's alias is nobody else's name; any other name may be another resource's, too.
    let is_alias = keys
        .iter()
        .any(|key| key.aliases.iter().any(|own| own == name));
    if !is_alias {
        let others = inventory.resources().iter();
        let named = others.filter(|resource| is_named(inventory, resource, name));
        let known: Vec<_> = found.iter().map(|key| key.id).collect();
        found.extend(named.filter(|resource| !known.contains(&resource.id)));
    }
    // Policies beside a resource share its name.
    if found.len() > 1 {
        let main: Vec<&Resource> = found
            .iter()
            .copied()
            .filter(|resource| {
                resource.kind.starts_with("AWS::KMS::")
                    || lockfast_facts::tables::storage_type(&resource.kind).is_some()
            })
            .collect();
        if !main.is_empty() {
            found = main;
        }
    }
    match found.as_slice() {
        [resource] => Ok(On::resource(inventory, resource)),
        [] if name.starts_with("arn:") => {
            // An object is its bucket's.
            if let Some((bucket, key)) = name.split_once('/')
                && bucket.contains(":s3:::")
                && let Ok(mut on) = target(inventory, ring, bucket)
            {
                on.resource = on.resource.under(&format!("/{key}"));
                on.label = name.to_owned();
                return Ok(on);
            }
            Ok(On::arn(name))
        }
        [] => {
            let known = ring.keys.iter().map(|key| key.label.as_str());
            let known = known.chain(inventory.resources().iter().map(|resource| &*resource.name));
            match nearest(name, known) {
                Some(meant) => bail!("there is no resource `{name}`; did you mean `{meant}`?"),
                None => bail!("there is no resource `{name}`"),
            }
        }
        several => {
            let mut said = format!(
                "`{name}` may be any of {} resources; name one by its ARN or construct path:",
                several.len()
            );
            for resource in several.iter().take(20) {
                let _ = write!(said, "\n  {} {}", resource.kind, shown(inventory, resource));
            }
            bail!("{said}")
        }
    }
}

fn shown(inventory: &Inventory, resource: &Resource) -> String {
    match (&resource.arn, &resource.written().construct_path) {
        (Some(arn), _) => arn.to_string(),
        (None, Some(path)) => path.trim_end_matches("/Resource").to_owned(),
        (None, None) => format!("{}/{}", inventory.stack_of(resource).path, resource.name),
    }
}

fn is_named(inventory: &Inventory, resource: &Resource, name: &str) -> bool {
    let path = resource.written().construct_path.as_deref();
    resource.arn.as_deref() == Some(name)
        || &*resource.name == name
        || path.is_some_and(|path| path == name || path.trim_end_matches("/Resource") == name)
        || format!("{}/{}", inventory.stack_of(resource).path, resource.name) == name
}
