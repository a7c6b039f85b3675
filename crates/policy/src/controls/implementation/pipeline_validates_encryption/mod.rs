mod commands;
mod shell;

use crate::prelude::*;
use std::collections::BTreeSet;
use commands::{Build, Says, build};
use lockfast_facts::Loc;

control! {
    /// A deployment pipeline in the input (`AWS::CodePipeline::Pipeline`) must validate encryption
    /// before it deploys: a build in a stage (or with a `RunOrder`) before the first deployment calls
    /// Lockfast or a tool of its kind (checkov, cfn-guard, cfn_nag, cdk-nag, KICS, Trivy, Terrascan) with
    /// what makes it check (`lockfast check`, `trivy config`), and its findings stop the pipeline. A
    /// command that shrugs them off (`|| true`, `; true`, a pipe without `pipefail`, `--soft-fail`,
    /// `--fail-on never`, Trivy without `--exit-code`, `on-failure: CONTINUE`) does not count, nor does a
    /// tool in a comment, one that is only named (`echo`) or one that is only installed.
    ///
    /// A build that deploys (`cdk deploy`, `sam deploy`, …) is judged by the order of its commands, in a
    /// pipeline and on its own. A stage of CDK Pipelines that updates the pipeline itself is no deployment
    /// of the app. Looks at the build specifications that stand in the template; one that lies in the
    /// repository, or a project that no template given makes, is unknown. `lockfast check` has exit codes,
    /// SARIF and annotations for every pipeline; the README shows them ready to paste.
    id: "pipeline-validates-encryption",
    title: "The pipeline validates encryption before it deploys",
    clauses: ["CDK-3"],
    sources: [Iac],
    severity: Medium,
    fix: "Add `lockfast check cdk.out` to the build that synthesises, before the deploy stage.",
    cloudformation: r#"BuildSpec: |
  version: 0.2
  phases:
    build:
      commands:
        - npx cdk synth --quiet
        - lockfast check cdk.out --fail-on high
"#,
    cdk: r#"new pipelines.ShellStep('Synth', { input, commands: ['npm ci', 'npx cdk synth', 'lockfast check cdk.out'] });
"#,
}

/// What deploys, by the action's provider.
const DEPLOYS: [&str; 9] = [
    "CloudFormation",
    "CloudFormationStackSet",
    "CloudFormationStackInstances",
    "CodeDeploy",
    "CodeDeployToECS",
    "ECS",
    "EKS",
    "Lambda",
    "ElasticBeanstalk",
];

/// A step of a pipeline, in the order it runs.
struct Action {
    /// Stage, run order, and place within a build.
    order: (usize, i64, u8),
    loc: Loc,
    what: What,
}

enum What {
    Deploys,
    Builds(Says),
    Other,
    Unknown,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut in_pipelines: BTreeSet<ResourceId> = BTreeSet::new();
    for subject in cx.subjects(&["AWS::CodePipeline::Pipeline"]) {
        let projects = subject.each("Stages.*.Actions.*").into_iter().filter_map(Read::found);
        in_pipelines.extend(projects.filter_map(|action| project_of(cx, action)).map(|project| project.id));
        out.push(match actions(cx, subject) {
            Ok(actions) => judged(subject, &actions),
            Err(why) => Judgement::cannot_tell(subject, "what the pipeline runs", &why),
        });
    }
    // A build that deploys is a pipeline of its own.
    for subject in cx.subjects(&["AWS::CodeBuild::Project"]) {
        if in_pipelines.contains(&subject.id()) {
            continue;
        }
        let own = build(&[subject.at("Source.BuildSpec")]);
        if own.deploys.is_some() {
            out.push(judged(subject, &in_order(0, 1, subject.resource.loc, own)));
        }
    }
}

/// A build validates and deploys in the order of its commands.
fn in_order(stage: usize, run: i64, loc: Loc, build: Build) -> Vec<Action> {
    let action = |place, what| Action {
        order: (stage, run, place),
        loc,
        what,
    };
    match build.deploys {
        None => vec![action(0, What::Builds(build.says))],
        Some(true) => vec![action(0, What::Builds(build.says)), action(1, What::Deploys)],
        Some(false) => vec![action(0, What::Deploys), action(1, What::Builds(build.says))],
    }
}

fn judged(subject: Subject<'_>, actions: &[Action]) -> Judgement {
    let deploys = actions
        .iter()
        .filter(|a| matches!(a.what, What::Deploys))
        .min_by_key(|a| a.order);
    let before = |a: &&Action| deploys.is_none_or(|d| a.order < d.order);
    let says = |a: &Action| match a.what {
        What::Builds(says) => Some(says),
        _ => None,
    };
    let validates = actions.iter().find_map(|a| match says(a) {
        Some(Says::Validates(tool)) => Some((tool, a)),
        _ => None,
    });
    let early = actions.iter().filter(before).find_map(|a| match says(a) {
        Some(Says::Validates(tool)) => Some((tool, a)),
        _ => None,
    });
    let shrugs = actions.iter().find_map(|a| match says(a) {
        Some(Says::Shrugs(tool)) => Some((tool, a)),
        _ => None,
    });
    let unseen = actions
        .iter()
        .filter(before)
        .find(|a| matches!(a.what, What::Unknown | What::Builds(Says::Unknown)));
    if let Some((tool, action)) = early {
        return Judgement::pass(
            subject,
            format!("{tool} validates before the pipeline deploys"),
        )
        .at(action.loc);
    }
    if let Some(action) = unseen {
        return Judgement::unknown(
            subject,
            "cannot tell whether it validates encryption: what a build runs is in the repository, not in the templates",
        )
        .at(action.loc);
    }
    match (deploys, validates, shrugs) {
        (None, ..) => Judgement::unknown(subject, "cannot tell what the pipeline deploys"),
        (Some(_), Some((tool, action)), _) => Judgement::fail(
            subject,
            format!("{tool} validates only after the pipeline has deployed"),
        )
        .at(action.loc),
        (Some(_), None, Some((tool, action))) => Judgement::fail(
            subject,
            format!("{tool} runs, but the pipeline deploys whatever it finds"),
        )
        .at(action.loc),
        (Some(action), None, None) => Judgement::fail(
            subject,
            "the pipeline deploys without validating encryption",
        )
        .at(action.loc),
    }
}

/// The pipeline's steps; an error when its stages are not known.
fn actions(cx: &Cx<'_>, subject: Subject<'_>) -> Result<Vec<Action>, Arc<Why>> {
    let stages = match subject.at("Stages").list() {
        Read::Found(stages, _) => stages,
        Read::Unknown(why, _) => return Err(why),
        Read::Absent(_) => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    for (number, stage) in stages.iter().enumerate() {
        let actions = match stage.at("Actions").list() {
            Read::Found(actions, _) => actions,
            Read::Unknown(why, _) => return Err(why),
            Read::Absent(_) => continue,
        };
        for action in actions {
            let run = action.at("RunOrder").int().found().unwrap_or(1);
            match what(cx, subject, action) {
                Ok(build) => found.extend(in_order(number, run, action.loc, build)),
                Err(what) => found.push(Action {
                    order: (number, run, 0),
                    loc: action.loc,
                    what,
                }),
            }
        }
    }
    Ok(found)
}

/// The CodeBuild project that an action runs.
fn project_of<'a>(cx: &Cx<'a>, action: &Value) -> Option<&'a Resource> {
    let name = action.at("Configuration.ProjectName").found()?;
    let (project, _) = cx.inventory.target(name)?;
    (&*project.kind == "AWS::CodeBuild::Project").then_some(project)
}

/// What an action does: a build, or something else.
fn what(cx: &Cx<'_>, pipeline: Subject<'_>, action: &Value) -> Result<Build, What> {
    let provider = match action.at("ActionTypeId.Provider").string() {
        Read::Found(provider, _) => provider,
        Read::Unknown(..) => return Err(What::Unknown),
        Read::Absent(_) => return Err(What::Other),
    };
    if DEPLOYS.contains(&provider.as_str()) {
        return Err(What::Deploys);
    }
    if provider == "Commands" {
        return Ok(build(&action.each("Commands.*")));
    }
    if provider != "CodeBuild" {
        return Err(What::Other);
    }
    let project = project_of(cx, action).ok_or(What::Unknown)?;
    // CDK Pipelines updates itself and uploads assets with projects of its own; neither validates.
    let own = project
        .written()
        .construct_path
        .as_deref()
        .is_some_and(|path| path.contains("/UpdatePipeline/") || path.contains("/Assets/"));
    if own {
        return Err(What::Other);
    }
    let variant = cx
        .inventory
        .variants_of(project.id)
        .find(|p| p.variant.when.compatible(&pipeline.variant.when));
    match variant {
        Some(project) => Ok(build(&[project.at("Source.BuildSpec")])),
        None => Err(What::Unknown),
    }
}
