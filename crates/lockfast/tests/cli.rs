//! The real binary, as people and pipelines call it.

use assert_cmd::Command;
use std::path::Path;

fn lockfast() -> Command {
    let mut command = Command::cargo_bin("lockfast").expect("the binary is built");
    command.env("NO_COLOR", "1");
    // What a machine's owner set says where findings belong.
    command
        .env_remove("AWS_ACCOUNT_ID")
        .env_remove("AWS_REGION");
    command
}

fn output(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it runs");
    (
        output.status.code().expect("an exit code"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

const BAD: &str = "Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties: {Engine: postgres, StorageEncrypted: false}\n";
const GOOD: &str = "Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties: {Engine: postgres, StorageEncrypted: true}\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    folder
}

#[test]
fn the_webshop_is_judged_and_found_broken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (code, out, err) = output(
        lockfast()
            .current_dir(root)
            .args(["check", "examples/webshop"]),
    );
    assert_eq!(code, 1, "{err}");
    for expected in [
        "Dev/Data/Database",
        "made at examples/webshop/lib/data-stack.ts",
        "The policy is broken",
        "RDS-1",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
}

/// Every mistake planted in the example is found, at its construct.
/// Whether a finding is about a construct, or names it among its facts: what is wrong with a key is
/// often that a certain store uses it.
fn speaks_of(finding: &serde_json::Value, construct: &str) -> bool {
    let path = construct.trim_end_matches("/Resource");
    let id = finding["resource"]["id"].as_str().unwrap_or_default();
    // An included template's resources have no path of their own: the stack's is all there is.
    let included = path.split('/').collect::<Vec<_>>();
    let by_stack = match included.as_slice() {
        [stage, stack, .., name] => format!("{stage}/{stack}/{name}"),
        _ => path.to_owned(),
    };
    id == path
        || id == by_stack
        || finding["facts"].as_array().is_some_and(|facts| {
            facts
                .iter()
                .any(|fact| fact["name"] == path || fact["value"] == path)
        })
}

#[test]
fn every_planted_mistake_of_the_webshop_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let planted =
        std::fs::read_to_string(root.join("examples/webshop/planted.json")).expect("planted.json");
    let planted: serde_json::Value = serde_json::from_str(&planted).expect("JSON");
    let (_, out, _) =
        output(
            lockfast()
                .current_dir(&root)
                .args(["check", "examples/webshop", "-f", "json"]),
        );
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let failing: Vec<&serde_json::Value> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["verdict"] == "fail")
        .collect();
    let rows = planted
        .as_array()
        .or_else(|| planted["planted"].as_array())
        .expect("rows");
    assert!(rows.len() > 20);
    let mut missed = Vec::new();
    for row in rows {
        let clauses: Vec<&str> = row["clauses"]
            .as_array()
            .expect("clauses")
            .iter()
            .filter_map(|c| c.as_str())
            .collect();
        for resource in row["resources"].as_array().expect("resources") {
            let resource = resource.as_str().expect("a construct path");
            let found = failing.iter().any(|finding| {
                let of_clause = finding["clauses"].as_array().is_some_and(|own| {
                    own.iter()
                        .any(|c| clauses.contains(&c.as_str().unwrap_or_default()))
                });
                of_clause && speaks_of(finding, resource)
            });
            if !found {
                missed.push(format!("{} {} {resource}", row["id"], row["clauses"]));
            }
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}

#[test]
fn exit_codes_say_what_happened() {
    let folder = folder(&[
        ("bad.yaml", BAD),
        ("good.yaml", GOOD),
        (
            "broken.json",
            "{\"Resources\": {\"A\": {\"Type\": \"AWS::S3::Bucket\"",
        ),
    ]);
    let check = |args: &[&str]| {
        output(
            lockfast()
                .current_dir(folder.path())
                .arg("check")
                .args(args),
        )
        .0
    };
    assert_eq!(check(&["good.yaml", "--only", "rds-storage-encrypted"]), 0);
    assert_eq!(check(&["bad.yaml", "--only", "RDS-1"]), 1);
    assert_eq!(
        check(&["bad.yaml", "--only", "RDS-1", "--fail-on", "never"]),
        0
    );
    assert_eq!(check(&["bad.yaml", "--only", "no-such-control"]), 2);
    assert_eq!(
        check(&[
            "good.yaml",
            "broken.json",
            "--only",
            "rds-storage-encrypted"
        ]),
        3
    );
    assert_eq!(check(&["no-such-file.yaml"]), 3);
    let unknown = "Parameters: {E: {Type: String}}\nResources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties: {StorageEncrypted: !Ref E}\n";
    std::fs::write(folder.path().join("unknown.yaml"), unknown).expect("written");
    assert_eq!(
        check(&["unknown.yaml", "--only", "rds-storage-encrypted"]),
        0
    );
    assert_eq!(
        check(&[
            "unknown.yaml",
            "--only",
            "rds-storage-encrypted",
            "--max-unknown",
            "0"
        ]),
        4
    );
}

#[test]
fn one_bad_file_loses_nothing_else() {
    let folder = folder(&[
        ("a.yaml", BAD),
        (
            "truncated.json",
            "{\"Resources\": {\"A\": {\"Type\": \"AWS::S3::Bucket\"",
        ),
        (
            "rain.yaml",
            "Resources:\n  M: !Rain::Module ./x.yaml\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties: {StorageEncrypted: false}\n",
        ),
        (
            "twice.yaml",
            "Resources:\n  A: {Type: AWS::S3::Bucket}\n  A: {Type: AWS::S3::Bucket}\n",
        ),
        ("notes.json", "{\"hello\": 1}"),
    ]);
    let (code, out, _) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["check", ".", "--only", "RDS-1", "-f", "json"]),
    );
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let failing = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["verdict"] == "fail")
        .count();
    assert_eq!(failing, 2, "{out}");
    let problems: Vec<String> = report["input"]["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|p| format!("{} {}", p["path"], p["message"]))
        .collect();
    assert!(
        problems.iter().any(|p| p.contains("truncated.json")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|p| p.contains("twice.yaml") && p.contains("twice")),
        "{problems:?}"
    );
}

#[test]
fn standard_input_is_a_template() {
    let (code, out, _) = output(
        lockfast()
            .args(["check", "-", "--only", "RDS-1"])
            .write_stdin(BAD),
    );
    assert_eq!(code, 1);
    assert!(out.contains("storage is not encrypted"), "{out}");
}

#[test]
fn a_baseline_silences_what_stood_before() {
    let folder = folder(&[("bad.yaml", BAD)]);
    let run = |args: &[&str]| {
        output(
            lockfast()
                .current_dir(folder.path())
                .args(["check", "bad.yaml", "--only", "RDS-1"])
                .args(args),
        )
        .0
    };
    assert_eq!(run(&["--write-baseline", "base.json"]), 1);
    assert_eq!(run(&["--baseline", "base.json"]), 0);
    let worse = BAD.replace("Resources:\n", "Resources:\n  Other:\n    Type: AWS::RDS::DBInstance\n    Properties: {StorageEncrypted: false}\n");
    std::fs::write(folder.path().join("bad.yaml"), worse).expect("written");
    assert_eq!(run(&["--baseline", "base.json"]), 1);
}

#[test]
fn a_base_revision_silences_what_stood_there() {
    let folder = folder(&[("bad.yaml", BAD)]);
    let git = |args: &[&str]| {
        let status = std::process::Command::new("git")
            .current_dir(folder.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(args)
            .output()
            .expect("git runs");
        assert!(status.status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    let run = || {
        output(lockfast().current_dir(folder.path()).args([
            "check",
            "bad.yaml",
            "--only",
            "RDS-1",
            "--diff-base",
            "HEAD",
        ]))
        .0
    };
    assert_eq!(run(), 0, "nothing changed");
    std::fs::create_dir(folder.path().join("new")).expect("made");
    let absolute = folder.path().canonicalize().expect("there");
    for (from, path) in [
        ("new", "..".to_owned()),
        (".", absolute.join("bad.yaml").display().to_string()),
    ] {
        // The policy file is younger than the revision, so it stands for both.
        std::fs::write(folder.path().join("policy.toml"), "[tls]\n").expect("written");
        let (code, _, err) = output(
            lockfast()
                .current_dir(absolute.join(from))
                .args(["check", &path, "--only", "RDS-1", "--diff-base", "HEAD"])
                .args([
                    "--config",
                    &absolute.join("policy.toml").display().to_string(),
                ]),
        );
        assert_eq!(code, 0, "{path} from {from}: {err}");
    }
    std::fs::write(folder.path().join("bad.yaml"), BAD.replace("Db:", "NewDb:")).expect("written");
    assert_eq!(run(), 1, "a new database is unencrypted");
}

#[test]
fn waivers_need_reasons_and_expire() {
    let waived = BAD.replace("  Db:", "  # lockfast: ignore rds-storage-encrypted reason=\"synthetic data\" expires=2027-01-31\n  Db:");
    let folder = folder(&[
        ("waived.yaml", &waived),
        (
            "bare.yaml",
            &BAD.replace("  Db:", "  # lockfast: ignore rds-storage-encrypted\n  Db:"),
        ),
    ]);
    let run = |file: &str, today: &str| {
        output(
            lockfast()
                .current_dir(folder.path())
                .args(["check", file, "--only", "RDS-1", "--today", today]),
        )
    };
    assert_eq!(run("waived.yaml", "2026-11-23").0, 0);
    let (code, out, _) = run("waived.yaml", "2027-02-01");
    assert_eq!(code, 1);
    assert!(out.contains("expired on 2027-01-31"), "{out}");
    let (code, out, _) = run("bare.yaml", "2026-11-23");
    assert_eq!(code, 1);
    assert!(out.contains("gives no reason"), "{out}");
}

#[test]
fn a_misspelt_policy_file_is_told_where_and_what() {
    let folder = folder(&[
        ("good.yaml", GOOD),
        ("lockfast.toml", "[tls]\nminimun = \"1.2\"\n"),
    ]);
    let (code, _, err) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["check", "good.yaml"]),
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("lockfast.toml:2:1") && err.contains("did you mean `minimum`"),
        "{err}"
    );
}

#[test]
fn the_other_commands_answer() {
    for (args, needle) in [
        (vec!["controls", "rds"], "rds-storage-encrypted"),
        (vec!["explain", "RDS-1"], "rds-storage-encrypted"),
        (vec!["explain", "rds-storage-encrypted"], "CloudFormation"),
        (vec!["coverage", "--format", "json"], "\"decided\""),
        (vec!["policy", "show"], "restricted"),
        (vec!["policy", "schema"], "\"$schema\""),
        (vec!["completions", "bash"], "_lockfast"),
    ] {
        let (code, out, err) = output(lockfast().args(&args));
        assert_eq!(code, 0, "{args:?}: {err}");
        assert!(out.contains(needle), "{args:?}: {out}");
    }
    let folder = folder(&[]);
    let (code, ..) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["policy", "init"]),
    );
    assert_eq!(code, 0);
    let (code, _, err) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["policy", "validate"]),
    );
    assert_eq!(code, 0, "the template of the policy file is valid: {err}");
    let (code, ..) = output(lockfast().current_dir(folder.path()).args(["man", "pages"]));
    assert_eq!(code, 0);
    assert!(folder.path().join("pages/lockfast-check.1").is_file());
}

#[test]
fn output_does_not_depend_on_the_number_of_threads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run = |threads: &str| {
        output(lockfast().current_dir(&root).args([
            "check",
            "examples/webshop",
            "-f",
            "json",
            "--threads",
            threads,
        ]))
        .1
    };
    assert!(run("1") == run("4"));
}

#[test]
fn nothing_to_judge_is_no_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, _) = output(lockfast().current_dir(folder.path()).args(["check", "."]));
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("Nothing was judged"), "{out}");
}

#[test]
fn an_ignored_assembly_is_found_wherever_its_app_lies() {
    let manifest = r#"{"version": "48.0.0", "artifacts": {"Data": {
        "type": "aws:cloudformation:stack", "environment": "aws://111111111111/eu-central-1",
        "properties": {"templateFile": "Data.template.json"}}}}"#;
    let template = r#"{"Resources": {"Orders": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": false}}}}"#;
    let folder = folder(&[(".gitignore", "cdk.out\n")]);
    let assembly = folder.path().join("infra/app/cdk.out");
    std::fs::create_dir_all(&assembly).expect("folders");
    std::fs::write(assembly.join("manifest.json"), manifest).expect("written");
    std::fs::write(assembly.join("Data.template.json"), template).expect("written");
    let (code, out, _) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["check", ".", "-f", "json"]),
    );
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (code, &report["input"]["templates"]),
        (1, &1.into()),
        "{}",
        report["input"]
    );
}

#[test]
fn outputs_go_where_they_are_meant_to() {
    let folder = folder(&[("t.yaml", BAD)]);
    let check = |args: &[&str]| {
        output(
            lockfast()
                .current_dir(folder.path())
                .args(["check", "t.yaml"])
                .args(args),
        )
    };
    let (code, _, err) = check(&["-o", "sraif=x.sarif"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `sarif`?"), "{err}");
    let (code, _, err) = check(&["-f", "json", "-o", "t.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("would be overwritten"), "{err}");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("t.yaml")).expect("still there"),
        BAD
    );
    let (code, _, err) = check(&["-o", "sarif=same", "-o", "json=same"]);
    assert_eq!(code, 2);
    assert!(err.contains("twice"), "{err}");
    // A file's ending says its format; `-` is standard output.
    let (code, out, err) = check(&["-o", "report.sarif", "-o", "json=-", "-o", "HTML=page"]);
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("{\n  \"schema_version\""), "{out}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    assert!(read("report.sarif").contains("\"version\": \"2.1.0\""));
    assert!(read("page").starts_with("<!doctype html>"));
    let (_, out, _) = output(lockfast().args(["check", "--help"]));
    assert!(out.contains("sarif, junit, github"), "{out}");
    let (code, _, err) = output(lockfast().args(["explain", "rds-storage-encrypte"]));
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `rds-storage-encrypted`?"));
}

#[test]
fn the_last_line_says_what_the_exit_code_does() {
    let folder = folder(&[("t.yaml", BAD)]);
    let check = |args: &[&str]| {
        output(
            lockfast()
                .current_dir(folder.path())
                .args(["check", "t.yaml", "--quiet"])
                .args(args),
        )
    };
    let (code, out, _) = check(&["--fail-on", "never"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("The policy is not kept, but failures do not break this run"),
        "{out}"
    );
    let (code, out, _) = check(&["--write-baseline", "known.json"]);
    assert_eq!(code, 1);
    assert!(out.contains("The policy is broken"), "{out}");
    let (code, out, _) = check(&["--baseline", "known.json"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("Nothing new breaks the policy;") && out.contains("known before stand"),
        "{out}"
    );
}

#[test]
fn what_could_not_be_read_is_in_every_format() {
    let broken = "{\"Resources\":{\"A\":{\"Type\":\"AWS::SQS::Queue\",";
    let folder = folder(&[("t.yaml", GOOD), ("broken.json", broken)]);
    for format in [
        "terminal", "json", "sarif", "junit", "github", "gitlab", "csv", "html", "markdown",
        "ocsf", "asff",
    ] {
        let (_, out, _) = output(
            lockfast()
                .env("AWS_ACCOUNT_ID", "111122223333")
                .env("AWS_REGION", "eu-central-1")
                .current_dir(folder.path())
                .args(["check", ".", "--format", format]),
        );
        assert!(out.contains("broken.json"), "{format}");
    }
}

#[test]
fn findings_for_security_hub_need_an_account() {
    let folder = folder(&[("t.yaml", BAD)]);
    let check = |account: Option<&str>| {
        let mut command = lockfast();
        if let Some(account) = account {
            command.env("AWS_ACCOUNT_ID", account);
            command.env("AWS_REGION", "eu-central-1");
        }
        let args = ["check", "t.yaml", "-o", "r.asff.json", "-o", "r.ocsf.json"];
        let (code, _, err) = output(command.current_dir(folder.path()).args(args));
        assert_eq!(code, 1, "{err}");
        let read = |name: &str| {
            let text = std::fs::read_to_string(folder.path().join(name)).expect("written");
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
        };
        let asff = read("r.asff.json")["Findings"].as_array().map(Vec::len);
        let ocsf = read("r.ocsf.json").as_array().map(Vec::len);
        (asff, ocsf, err)
    };
    let (asff, ocsf, err) = check(None);
    assert_eq!(asff, Some(0));
    assert!(ocsf > Some(0), "OCSF needs no account");
    assert!(
        err.starts_with("asff: ") && err.contains("left out"),
        "{err}"
    );
    // A placeholder is no account.
    assert_eq!(check(Some("AWS_ACCOUNT_ID")).0, Some(0));
    let (asff, all, err) = check(Some("111122223333"));
    assert_eq!((asff, err.as_str()), (all, ""));
}

#[test]
fn a_fix_is_written_for_the_type_that_was_judged() {
    let folder = folder(&[(
        "t.yaml",
        "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {SqsManagedSseEnabled: false}\n",
    )]);
    let (_, out, _) = output(lockfast().current_dir(folder.path()).args([
        "check",
        "t.yaml",
        "--only",
        "every-store-encrypted",
    ]));
    assert!(
        out.contains("Type: AWS::SQS::Queue") && !out.contains("AWS::EFS::FileSystem"),
        "{out}"
    );
}

#[test]
fn the_policy_that_holds_is_shown_with_the_files_changes() {
    let folder = folder(&[(
        "lockfast.toml",
        "[residency]\nregions = [\"eu-central-1\"]\n[control.log-retention]\nenabled = false\n[control.s3-bucket-key]\nseverity = \"critical\"\n[[waiver]]\ncontrol = \"cwl-*\"\nresource = \"Web*\"\nreason = \"public log\"\nowner = \"web\"\nexpires = 2099-01-31\n[iac]\nmanaged_tags = { ManagedBy = \"terraform*\" }\n[[incident]]\nid = \"leaked-role\"\nkind = \"key-compromised\"\nkeys = [\"arn:aws:kms:eu-central-1:111111111111:key/1\"]\nsince = 2026-11-20\n",
    )]);
    let (code, out, err) = output(
        lockfast()
            .current_dir(folder.path())
            .args(["policy", "show"]),
    );
    assert_eq!(code, 0, "{err}");
    for expected in [
        "Regions allowed: eu-central-1",
        "log-retention",
        "critical",
        "public log",
        "2099-01-31",
        "ManagedBy=terraform*",
        "leaked-role",
        "key-compromised",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let (code, _, err) = output(lockfast().args(["policy", "validate", "/dev/zero"]));
    assert_eq!(code, 2);
    assert!(err.contains("no regular file"), "{err}");
}
