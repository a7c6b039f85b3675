use crate::prelude::*;

control! {
    /// A deployment pipeline in the input (`AWS::CodePipeline::Pipeline`, or a CodeBuild project that
    /// deploys) must validate encryption before it deploys: some build it runs calls Lockfast or a
    /// tool of its kind (checkov, cfn-guard, cfn_nag, cdk-nag, KICS, Trivy) and fails on findings. Looks
    /// at the build specifications that stand in the template; one that lies in the repository is
    /// unknown. `lockfast check` has exit codes, SARIF and annotations for every pipeline; the README
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

const TOOLS: [&str; 8] = ["lockfast", "checkov", "cfn-guard", "cfn_nag", "cdk-nag", "kics", "trivy config", "terrascan"];

/// What a build's commands say.
enum Says {
    Validates(&'static str),
    Nothing,
    Unknown,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let builds: Vec<(ResourceId, Says)> = cx
        .subjects(&["AWS::CodeBuild::Project"])
        .into_iter()
        .map(|subject| (subject.id(), says(subject)))
        .collect();
    for subject in cx.subjects(&["AWS::CodePipeline::Pipeline"]) {
        let deploys = subject.each("Stages.*.Actions.*.ActionTypeId.Provider").into_iter().any(|p| {
            matches!(p.string(), Read::Found(p, _) if matches!(p.as_str(), "CloudFormation" | "ECS" | "CodeDeploy" | "Lambda" | "CloudFormationStackSet"))
        });
        let own: Vec<&Says> = subject
            .each("Stages.*.Actions.*.Configuration.ProjectName")
            .into_iter()
            .filter_map(|read| match read {
                Read::Found(value, _) => {
                    let (project, _) = cx.inventory.target(value)?;
                    builds.iter().find(|(id, _)| *id == project.id).map(|(_, says)| says)
                }
                _ => None,
            })
            .collect();
        let validated = own.iter().find_map(|s| match s {
            Says::Validates(tool) => Some(*tool),
            _ => None,
        });
        let unknown = own.iter().any(|s| matches!(s, Says::Unknown));
        out.push(match validated {
            Some(tool) => Judgement::pass(subject, format!("{tool} validates before it deploys")),
            None if unknown => Judgement::unknown(subject, "cannot tell whether it validates encryption: its build specification lies in the repository"),
            None if deploys => Judgement::fail(subject, "the pipeline deploys without validating encryption"),
            None => Judgement::unknown(subject, "cannot tell what the pipeline deploys"),
        });
    }
}

fn says(subject: Subject<'_>) -> Says {
    match subject.at("Source.BuildSpec").text() {
        Read::Found(text, _) => {
            let known = text.render(|_| String::new()).to_lowercase();
            match TOOLS.iter().find(|tool| known.contains(*tool)) {
                Some(tool) => Says::Validates(tool),
                None if !known.contains('\n') && !known.contains('{') => Says::Unknown,
                None if text.first_unknown().is_some() => Says::Unknown,
                None => Says::Nothing,
            }
        }
        // Without one, the file buildspec.yml of the repository is run.
        _ => Says::Unknown,
    }
}
