//! What the user names, read: files, folders, globs, assemblies, and everything that can be wrong
//! with one of them while the others are still read.

use lockfast_iac::{Problem, ReadOptions, ReadResult, Template, read};
use std::path::{Path, PathBuf};

const GOOD: &str = "Resources:\n  B:\n    Type: AWS::S3::Bucket\n";
const GOOD_JSON: &str = "{\"Resources\": {\"B\": {\"Type\": \"AWS::S3::Bucket\"}}}";

/// A folder of its own for a test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("read-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder"))
            .expect("a folder for the test");
        std::fs::write(&path, text).expect("a file for the test");
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn read(&self) -> ReadResult {
        go(&[&self.0.to_string_lossy()])
    }

    fn names(&self, result: &ReadResult) -> Vec<String> {
        let root = format!("{}/", self.0.display());
        result
            .templates
            .iter()
            .map(|t| t.stack_name.replace(&root, ""))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn go(inputs: &[&str]) -> ReadResult {
    read(
        &inputs.iter().map(|s| s.to_string()).collect::<Vec<_>>(),
        &ReadOptions::default(),
    )
}

fn fixture(name: &str) -> String {
    format!("tests/fixtures/read/{name}")
}

fn problem<'r>(result: &'r ReadResult, ending: &str) -> &'r Problem {
    let mut found = result.problems.iter().filter(|p| p.path.ends_with(ending));
    let problem = found
        .next()
        .unwrap_or_else(|| panic!("no problem of {ending} among {:?}", result.problems));
    assert!(
        found.next().is_none(),
        "several problems of {ending}: {:?}",
        result.problems
    );
    problem
}

fn line_of(result: &ReadResult, ending: &str) -> (u32, u32) {
    let at = problem(result, ending)
        .at
        .unwrap_or_else(|| panic!("{ending} has no place"));
    (at.line, at.column)
}

fn stack<'r>(result: &'r ReadResult, name: &str) -> &'r Template {
    result
        .templates
        .iter()
        .find(|t| t.stack_name == name)
        .unwrap_or_else(|| panic!("no stack {name}"))
}

#[test]
fn one_bad_file_never_costs_another() {
    let folder = Folder::new("bad");
    folder.write("good.yaml", GOOD);
    folder.write("good.json", GOOD_JSON);
    folder.write("bom.yaml", format!("\u{feff}{GOOD}"));
    folder.write("crlf.template", GOOD.replace('\n', "\r\n"));
    folder.write(
        "rain.yaml",
        format!("{GOOD}  M:\n    Type: !Rain::Module ./m.yaml\n"),
    );
    folder.write("truncated.json", &GOOD_JSON[..40]);
    folder.write(
        "truncated.yaml",
        format!("{GOOD}  C: {{Type: AWS::S3::Bucket,\n"),
    );
    folder.write(
        "duplicate.yaml",
        format!("{GOOD}  B:\n    Type: AWS::S3::Bucket\n"),
    );
    folder.write("utf8.yaml", [GOOD.as_bytes(), b"  # \xff\n"].concat());
    folder.write(
        "deep.json",
        format!("{{\"Resources\": \"AWS::\", \"x\": {}", "[".repeat(10_000)),
    );
    folder.write(
        "deep.yaml",
        format!("{GOOD}    Properties: {}", "{a: ".repeat(10_000)),
    );
    folder.write(
        "wrong.yaml",
        "AWSTemplateFormatVersion: 2010-09-09\nResources: [AWS::S3::Bucket]\n",
    );
    let aliases: String = (1..12)
        .map(|i| {
            format!(
                "a{i}: &a{i} [{}]\n",
                vec![format!("*a{}", i - 1); 9].join(",")
            )
        })
        .collect();
    folder.write("bomb.yaml", format!("{GOOD}a0: &a0 [1]\n{aliases}"));
    let large = std::fs::File::create(folder.path("large.template")).unwrap();
    large.set_len(100 << 20).unwrap();
    folder.write("broken-notes.yaml", "a: [\n");
    folder.write("data.json", "{\"rows\": [1, 2]}");
    folder.write("notes.md", "Resources AWS::");
    std::fs::create_dir(folder.path("folder.yaml")).unwrap();

    let result = folder.read();
    assert_eq!(
        folder.names(&result),
        [
            "bom.yaml",
            "crlf.template",
            "good.json",
            "good.yaml",
            "rain.yaml"
        ]
    );
    assert_eq!(line_of(&result, "truncated.json"), (1, 41));
    assert!(
        problem(&result, "truncated.json")
            .message
            .ends_with("the file ends here")
    );
    assert_eq!(line_of(&result, "truncated.yaml").0, 5);
    assert_eq!(line_of(&result, "duplicate.yaml"), (4, 3));
    assert_eq!(line_of(&result, "utf8.yaml"), (4, 5));
    assert_eq!(line_of(&result, "deep.json").0, 1);
    assert_eq!(line_of(&result, "deep.yaml").0, 4);
    assert_eq!(line_of(&result, "wrong.yaml"), (2, 12));
    assert!((7..12).contains(&line_of(&result, "bomb.yaml").0));
    assert_eq!(result.problems.len(), 8, "{:?}", result.problems);
    assert_eq!(result.passed_over["no CloudFormation template"], 2);
    assert_eq!(result.passed_over["another kind of file"], 1);
    // Sixteen files of known extension; of the large one only the beginning.
    assert_eq!(
        result.passed_over["too large, and without signs of a template"],
        1
    );
    assert_eq!(result.files_read, 16);

    let named = go(&[
        &folder.path("large.template"),
        &folder.path("good.yaml"),
        &folder.path("data.json"),
        &folder.path("none.yaml"),
    ]);
    assert_eq!(named.templates.len(), 1);
    assert!(
        problem(&named, "large.template")
            .message
            .starts_with("larger than 50 MB")
    );
    assert!(
        problem(&named, "data.json")
            .message
            .contains("no Resources")
    );
    assert_eq!(
        problem(&named, "none.yaml").message,
        "no such file or folder"
    );
}

#[cfg(unix)]
#[test]
fn links_that_go_round_or_nowhere_are_problems() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("links");
    folder.write("a/good.yaml", GOOD);
    symlink(folder.path("a"), folder.path("a/loop")).unwrap();
    symlink("nowhere", folder.path("dangling.yaml")).unwrap();
    symlink("nowhere", folder.path("dangling.txt")).unwrap();
    let result = folder.read();
    assert_eq!(folder.names(&result), ["a/good.yaml"]);
    assert!(
        problem(&result, "a/loop")
            .message
            .starts_with("a symbolic link back to")
    );
    assert!(
        problem(&result, "dangling.yaml")
            .message
            .starts_with("cannot read it")
    );
    assert_eq!(result.problems.len(), 2, "{:?}", result.problems);
    // Root may read everything, so a link stands for what cannot be opened.
    let named = go(&[&folder.path("dangling.yaml"), &folder.path("a/good.yaml")]);
    assert!(
        problem(&named, "dangling.yaml")
            .message
            .starts_with("cannot read it")
    );
    assert_eq!(named.templates.len(), 1);
}

#[test]
fn git_ignored_hidden_and_installed_files_are_skipped() {
    let folder = Folder::new("ignore");
    for name in [
        "a.yaml",
        "out/b.yaml",
        ".hidden/c.yaml",
        "node_modules/d/e.yaml",
        "sub/f.yml",
    ] {
        folder.write(name, GOOD);
    }
    folder.write(".gitignore", "out/\ncdk.out\n");
    folder.write("cdk.out/manifest.json", "{\"version\": \"1\", \"artifacts\": {\"S\": {\"type\": \"aws:cloudformation:stack\", \"properties\": {\"templateFile\": \"S.template.json\"}}}}");
    folder.write("cdk.out/S.template.json", GOOD_JSON);
    folder.write("cdk.out/asset.1/loose.yaml", GOOD);
    assert_eq!(folder.names(&folder.read()), ["S", "a.yaml", "sub/f.yml"]);
    // What is given by name is read though git ignores it.
    assert_eq!(
        folder.names(&go(&[&folder.path("out/b.yaml")])),
        ["out/b.yaml"]
    );
    assert_eq!(folder.names(&go(&[&folder.path("out")])), ["out/b.yaml"]);
    assert_eq!(folder.names(&go(&[&folder.path("cdk.out")])), ["S"]);
    assert_eq!(
        folder.names(&go(&[&folder.path("cdk.out/manifest.json")])),
        ["S"]
    );
    assert_eq!(
        folder.names(&go(&[&folder.path("cdk.out/S.template.json")])),
        ["S"]
    );
    assert_eq!(
        folder.names(&go(&[&folder.path("cdk.out/*.template.json")])),
        ["S"]
    );
}

#[test]
fn globs_are_those_of_a_shell() {
    let folder = Folder::new("globs");
    for name in ["a.yaml", "b.json", "one/c.yaml", "one/two/d.yaml"] {
        folder.write(
            name,
            if name.ends_with("json") {
                GOOD_JSON
            } else {
                GOOD
            },
        );
    }
    let names = |pattern: &str| folder.names(&go(&[&folder.path(pattern)]));
    assert_eq!(names("*.yaml"), ["a.yaml"]);
    assert_eq!(names("*/*.yaml"), ["one/c.yaml"]);
    assert_eq!(
        names("**/*.yaml"),
        ["a.yaml", "one/c.yaml", "one/two/d.yaml"]
    );
    assert_eq!(names("{a,b}.*"), ["a.yaml", "b.json"]);
    assert!(
        problem(&go(&[&folder.path("*.template")]), "*.template")
            .message
            .starts_with("matches no")
    );
    assert!(
        problem(&go(&[&folder.path("none/*.yaml")]), "*.yaml")
            .message
            .starts_with("matches no")
    );
    // Given twice, read once.
    assert_eq!(
        folder.names(&go(&[
            &folder.path("a.yaml"),
            &folder.path("*.yaml"),
            &folder.path("a.yaml")
        ])),
        ["a.yaml"]
    );
}

#[test]
fn an_assembly_tells_stacks_places_and_constructs() {
    let result = go(&[&fixture("app")]);
    let names: Vec<&str> = result
        .templates
        .iter()
        .map(|t| t.stack_path.as_str())
        .collect();
    let nested = "Prod/Data/NestedNestedStackNestedNestedStackResource1";
    let copy = "ProdDataCopy/NestedNestedStackNestedNestedStackResource1";
    assert_eq!(names, ["Legacy", "Prod/Data", "ProdDataCopy", nested, copy]);
    assert_eq!(
        result.sources.len(),
        3,
        "a template of two stacks is read once"
    );
    assert_eq!(result.passed_over["left over from an earlier synthesis"], 1);
    assert_eq!(result.problems.len(), 1);
    assert!(
        result.problems[0]
            .message
            .contains("Broken names no template inside the assembly")
    );

    let data = stack(&result, "Prod-Data");
    assert_eq!(data.place.account.as_deref(), Some("111111111111"));
    assert_eq!(data.place.region.as_deref(), Some("eu-central-1"));
    assert_eq!(data.tags, [("env".to_owned(), "prod".to_owned())]);
    assert_eq!(&*data.construct_paths["B1"], "Prod/Data/B/Resource");
    assert_eq!(
        &*data.creation_sites["Prod/Data/B/Resource"],
        "tests/fixtures/read/app/lib/data.ts:9:15"
    );
    assert_eq!(
        stack(&result, "Prod-Copy").place.region.as_deref(),
        Some("us-east-1")
    );

    let child = result
        .templates
        .iter()
        .find(|t| t.stack_path == nested)
        .unwrap();
    let (parent, name) = child.parent.clone().unwrap();
    assert_eq!(
        (result.templates[parent].stack_name.as_str(), &*name),
        ("Prod-Data", "NestedNestedStackNestedNestedStackResource1")
    );
    assert_eq!(child.place, data.place);
    assert_eq!(&*child.construct_paths["B1"], "Prod/Data/Nested/B/Resource");
    assert_eq!(
        &*child.creation_sites["Prod/Data/Nested/B/Resource"],
        "tests/fixtures/read/app/lib/nested.ts:3:1"
    );

    let legacy = stack(&result, "Legacy");
    assert_eq!(
        (&legacy.place.account, &legacy.place.region),
        (&None, &None)
    );
    assert_eq!(legacy.parameters["Env"], "dev");
    assert_eq!(legacy.tags, [("team".to_owned(), "core".to_owned())]);
    assert_eq!(&*legacy.construct_paths["Q1"], "Legacy/Q/Resource");
    assert_eq!(
        &*legacy.creation_sites["Legacy/Q/Resource"],
        "/ci/app/lib/legacy.ts:7:5"
    );
}

#[test]
fn a_broken_assembly_is_a_problem_and_the_rest_is_read() {
    let folder = Folder::new("assembly");
    folder.write(
        "app/cdk.out/manifest.json",
        "{\"version\": \"1\",\n \"artifacts\": {",
    );
    folder.write("app/cdk.out/S.template.json", GOOD_JSON);
    folder.write("other/cdk.out/manifest.json", "{\"version\": \"1\", \"artifacts\": {\"S\": {\"type\": \"aws:cloudformation:stack\", \"additionalMetadataFile\": \"S.metadata.json\", \"properties\": {\"templateFile\": \"S.template.json\"}}, \"G\": {\"type\": \"aws:cloudformation:stack\", \"properties\": {\"templateFile\": \"Gone.template.json\"}}}}");
    folder.write("other/cdk.out/S.template.json", GOOD_JSON);
    folder.write("other/cdk.out/S.metadata.json", "[]");
    folder.write(
        "web/manifest.json",
        "{\"name\": \"a web app\", \"version\": \"1\"}",
    );
    folder.write("web/a.yaml", GOOD);
    let result = folder.read();
    // Without its manifest an assembly is a folder of templates.
    assert_eq!(
        folder.names(&result),
        ["app/cdk.out/S.template.json", "S", "web/a.yaml"]
    );
    assert_eq!(line_of(&result, "app/cdk.out/manifest.json").0, 2);
    assert!(
        problem(&result, "S.metadata.json")
            .message
            .starts_with("not a cloud assembly file")
    );
    assert!(
        problem(&result, "Gone.template.json")
            .message
            .starts_with("cannot read it")
    );
    assert_eq!(result.problems.len(), 3);
}

#[test]
fn a_template_that_several_nest_is_a_stack_for_each() {
    let result = go(&[&fixture("shared")]);
    assert!(result.problems.is_empty(), "{:?}", result.problems);
    let root = fixture("shared/root.yaml");
    let mut paths: Vec<String> = result
        .templates
        .iter()
        .map(|t| t.stack_path.replace(&root, "root"))
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "root",
            "root/Network",
            "root/Network/Again",
            "root/Orders",
            "root/Orders/Inner",
            "root/Returns",
            "root/Returns/Inner",
        ]
    );
    for template in &result.templates {
        let above = template
            .parent
            .as_ref()
            .map(|(parent, name)| format!("{}/{name}", result.templates[*parent].stack_path));
        assert_eq!(above.unwrap_or(root.clone()), template.stack_path);
    }
}

#[test]
fn assets_name_the_nested_template_where_metadata_does_not() {
    let result = go(&[&fixture("by-assets/cdk.out")]);
    let paths: Vec<&str> = result.templates.iter().map(|t| &*t.stack_path).collect();
    assert_eq!(paths, ["Shop", "Shop/Data"]);
    // An app that runs without the CLI writes no `aws:cdk:path` into its templates.
    let path = |t: usize, id: &str| result.templates[t].construct_paths.get(id).map(|p| &**p);
    assert_eq!(path(0, "Queue"), Some("Shop/Queue/Resource"));
    assert_eq!(path(1, "Files"), Some("Shop/Data/Files/Resource"));
    let region = result.templates[1].place.region.as_deref();
    assert_eq!(region, Some("eu-central-1"));
}

#[test]
fn a_template_nests_another_by_its_path() {
    let result = go(&[&fixture("nested")]);
    let parent = fixture("nested/parent.yaml");
    let child = stack(&result, &fixture("nested/parts/child.yaml"));
    assert_eq!(child.parent, Some((0, "Child".into())));
    assert_eq!(child.stack_path, format!("{parent}/Child"));
    // Alone it is a template like any other.
    assert_eq!(
        go(&[&fixture("nested/parts/child.yaml")]).templates[0].parent,
        None
    );
}

#[test]
fn parameters_come_in_every_shape() {
    let folder = Folder::new("parameters");
    let template = folder.write(
        "t.yaml",
        format!("Parameters:\n  A: {{Type: String}}\n  B: {{Type: String}}\n{GOOD}"),
    );
    for (name, text) in [
        (
            "cli.json",
            r#"[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B", "UsePreviousValue": true}]"#,
        ),
        (
            "pipeline.json",
            r#"{"Parameters": {"A": "1"}, "Tags": {"x": "y"}}"#,
        ),
        ("plain.yaml", "A: 1\nB: null\n"),
        ("pairs.json", r#"["A=1", "B=2"]"#),
    ] {
        let options = ReadOptions {
            parameters: vec![folder.write(name, text), "B=x=y".into(), "C=z".into()],
            ..ReadOptions::default()
        };
        let result = read(std::slice::from_ref(&template), &options);
        assert_eq!(result.templates[0].parameters["A"], "1", "{name}");
        assert_eq!(result.templates[0].parameters["B"], "x=y", "{name}");
        assert!(
            problem(&result, "C=z")
                .message
                .contains("declared by no template")
        );
        assert_eq!(result.problems.len(), 1);
    }
    let stack = &template;
    for (written, wanted) in [
        (format!("{stack}:A=1"), Some("1")),
        ("Other:A=1".into(), None),
        ("ParameterKey=A,ParameterValue=1".into(), Some("1")),
        (
            r#"ParameterKey=A,ParameterValue="1\,2""#.into(),
            Some("1,2"),
        ),
    ] {
        let options = ReadOptions {
            parameters: vec![written.clone()],
            ..ReadOptions::default()
        };
        let result = read(std::slice::from_ref(&template), &options);
        let given = result.templates[0].parameters.get("A");
        assert_eq!(given.map(String::as_str), wanted, "{written}");
        assert_eq!(result.problems.len(), usize::from(wanted.is_none()));
    }
}

#[test]
fn utf_16_text_is_named_as_such() {
    let folder = Folder::new("utf16");
    let wide: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain("AWSTemplateFormatVersion: x\nResources: {}\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    folder.write("wide.yaml", wide);
    folder.write("good.yaml", GOOD);
    let result = folder.read();
    assert_eq!(folder.names(&result), ["good.yaml"]);
    assert!(problem(&result, "wide.yaml").message.contains("UTF-16"));
}

#[test]
fn an_assembly_that_holds_itself_is_listed_once() {
    let folder = Folder::new("circle");
    let stage = |name: &str| {
        format!(
            "{{\"type\": \"cdk:cloud-assembly\", \"properties\": {{\"directoryName\": \"{name}\"}}}}"
        )
    };
    let names = [".", "./", "loop", "loop/loop"].map(stage);
    let artifacts: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(i, artifact)| format!("\"a{i}\": {artifact}"))
        .collect();
    folder.write(
        "manifest.json",
        format!("{{\"version\": \"1\", \"artifacts\": {{{}, \"s\": {{\"type\": \"aws:cloudformation:stack\", \"properties\": {{\"templateFile\": \"S.template.json\"}}}}}}}}", artifacts.join(",")),
    );
    folder.write("S.template.json", GOOD_JSON);
    #[cfg(unix)]
    std::os::unix::fs::symlink(".", folder.0.join("loop")).expect("a link");
    let result = folder.read();
    assert_eq!(result.templates.len(), 1);
    assert_eq!(result.problems.len(), names.len());
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_a_problem() {
    let folder = Folder::new("devices");
    folder.write("cdk.out/a.yaml", GOOD);
    std::os::unix::fs::symlink("/dev/zero", folder.0.join("cdk.out/manifest.json"))
        .expect("a link");
    let options = ReadOptions {
        parameters: vec!["/dev/zero".into()],
        ..ReadOptions::default()
    };
    let result = read(&[folder.path("cdk.out"), "/dev/zero".into()], &options);
    assert_eq!(folder.names(&result), ["cdk.out/a.yaml"]);
    let messages: Vec<&str> = result.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages, ["cannot read it: it is no regular file"; 2]);
}

#[test]
fn the_order_does_not_depend_on_threads_or_inputs() {
    let folder = Folder::new("order");
    let paths: Vec<String> = (0..40)
        .map(|i| folder.write(&format!("t{i:02}.yaml"), GOOD))
        .collect();
    let forwards = folder.names(&folder.read());
    let backwards = folder.names(&go(&paths
        .iter()
        .rev()
        .map(String::as_str)
        .collect::<Vec<_>>()));
    assert_eq!(forwards, backwards);
    assert_eq!(forwards.len(), 40);
    for template in folder.read().templates {
        assert_eq!(template.root.loc.source, template.source);
        assert_eq!(
            template.root.get("Resources").unwrap().loc.source,
            template.source
        );
    }
}
