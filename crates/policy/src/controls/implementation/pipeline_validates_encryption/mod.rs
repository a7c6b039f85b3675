mod commands;

use crate::prelude::*;
use commands::{Says, says};
use lockfast_facts::Loc;

control! {
    /// A deployment pipeline in the input (`AWS::CodePipeline::Pipeline`) must validate encryption
    /// before it deploys: a build in a stage (or with a `RunOrder`) before the first deployment calls
    /// Lockfast or a tool of its kind (checkov, cfn-guard, cfn_nag, cdk-nag, KICS, Trivy), and its
    /// findings stop the pipeline: a command that shrugs them off (`|| true`, `--soft-fail`,
    /// `on-failure: CONTINUE`) does not count, nor does one in a comment or one that only installs the
    /// tool. A stage of CDK Pipelines that updates the pipeline itself is no deployment of the app. Looks
    /// at the build specifications that stand in the template; one that lies in the repository, or a
    /// project that no template given makes, is unknown. `lockfast check` has exit codes, SARIF and annotations for every pipeline; the README
    /// shows them ready to paste.
    id: "pipeline-validates-encryption",
    title: "The pipeline validates encryption before it deploys",
    clauses: ["CDK-3"],
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
    order: (usize, i64),
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
    for subject in cx.subjects(&["AWS::CodePipeline::Pipeline"]) {
        out.push(pipeline(cx, subject));
    }
}

fn pipeline(cx: &Cx<'_>, subject: Subject<'_>) -> Judgement {
    let actions = match actions(cx, subject) {
        Ok(actions) => actions,
        Err(why) => return Judgement::cannot_tell(subject, "what the pipeline runs", &why),
    };
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
            found.push(Action {
                order: (number, action.at("RunOrder").int().found().unwrap_or(1)),
                loc: action.loc,
                what: what(cx, subject, action),
            });
        }
    }
    Ok(found)
}

fn what(cx: &Cx<'_>, pipeline: Subject<'_>, action: &Value) -> What {
    let provider = match action.at("ActionTypeId.Provider").string() {
        Read::Found(provider, _) => provider,
        Read::Unknown(..) => return What::Unknown,
        Read::Absent(_) => return What::Other,
    };
    if DEPLOYS.contains(&provider.as_str()) {
        return What::Deploys;
    }
    if provider == "Commands" {
        return What::Builds(says(&action.each("Commands.*")));
    }
    if provider != "CodeBuild" {
        return What::Other;
    }
    let project = match action.at("Configuration.ProjectName") {
        Read::Found(value, _) => cx.inventory.target(value).map(|(project, _)| project),
        _ => None,
    };
    let Some(project) = project.filter(|p| &*p.kind == "AWS::CodeBuild::Project") else {
        return What::Unknown;
    };
    // CDK Pipelines updates itself and uploads assets with projects of its own; neither validates.
    let own = project
        .construct_path
        .as_deref()
        .is_some_and(|path| path.contains("/UpdatePipeline/") || path.contains("/Assets/"));
    if own {
        return What::Other;
    }
    let variant = cx
        .inventory
        .variants_of(project.id)
        .find(|p| p.variant.when.compatible(&pipeline.variant.when));
    match variant {
        Some(project) => What::Builds(says(&[project.at("Source.BuildSpec")])),
        None => What::Unknown,
    }
}
