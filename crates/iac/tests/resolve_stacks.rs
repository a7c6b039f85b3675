//! Several stacks: nested, imported from, and read by name.

mod resolve_support;

use lockfast_facts::Why;
use resolve_support::*;

#[test]
fn nested_stacks_take_parameters_and_give_outputs() {
    let parent = stack(
        "Parent",
        r#"
Parameters: {Env: {Type: String, Default: prod}}
Resources:
  Key: {Type: AWS::KMS::Key}
  Data:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: data.yaml, Parameters: {Stage: !Ref Env, KeyArn: !GetAtt Key.Arn, Nets: !Join [',', [a, b]]}}
  User: {Type: X::Y::Z, Properties: {Bucket: !GetAtt Data.Outputs.BucketArn, None: !GetAtt Data.Outputs.Nothing}}
"#,
    );
    let child = nested(
        "Parent/Data",
        0,
        "Data",
        r#"
Parameters: {Stage: {Type: String}, KeyArn: {Type: String}, Nets: {Type: 'List<AWS::EC2::Subnet::Id>'}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {Key: !Ref KeyArn, Net: !Select [1, !Ref Nets], Lock: !If [IsDev, false, true]}}
Outputs: {BucketArn: {Value: !GetAtt Bucket.Arn}}
"#,
    );
    let resolved = run(vec![parent, child]);
    let user = resource(&resolved, "User");
    assert_eq!(shown(user, "Bucket"), "<Bucket.Arn>");
    assert!(matches!(why(&resolved, "User", "None"), Why::NotGiven(_)));
    let bucket = resource(&resolved, "Bucket");
    assert_eq!(shown(bucket, "Key"), "<Key.Arn>");
    assert_eq!(shown(bucket, "Net"), "b");
    // The constant is the child's, the choice the parent's.
    assert_eq!(
        cases(&resolved, "Bucket", "Lock"),
        [
            ("Env=dev", "false"),
            ("Env=prod", "true"),
            ("Env≠prod,dev", "true")
        ]
    );
    assert_eq!(
        resolved.inventory.stack_of(bucket).parent.map(|p| p.0),
        Some(0)
    );
}

#[test]
fn imports_are_followed_to_the_nearest_export() {
    let exporter = |name: &str, region: &str, key: &str| {
        let mut stack = stack(
            name,
            &format!(
                r#"{{"Resources": {{"{key}": {{"Type": "AWS::KMS::Key"}}}},
            "Outputs": {{"ExportsOutputFnGetAttKeyArn": {{"Value": {{"Fn::GetAtt": ["{key}", "Arn"]}},
            "Export": {{"Name": "Shop:ExportsOutputFnGetAttKeyArn"}}}}}}}}"#
            ),
        );
        stack.place = place("111111111111", region);
        stack
    };
    let importer = |region: &str| {
        let mut stack = stack(
            "App",
            r#"{"Resources": {"T": {"Type": "X::Y::Z", "Properties": {
            "Key": {"Fn::ImportValue": "Shop:ExportsOutputFnGetAttKeyArn"},
            "Gone": {"Fn::ImportValue": "Nobody"}}}}}"#,
        );
        stack.place = place("111111111111", region);
        stack
    };
    let resolved = run(vec![
        exporter("Shop", "eu-west-1", "West"),
        importer("eu-central-1"),
        exporter("Shop", "eu-central-1", "Central"),
    ]);
    let t = resource(&resolved, "T");
    assert_eq!(shown(t, "Key"), "<Central.Arn>");
    assert_eq!(why(&resolved, "T", "Gone"), Why::Import("Nobody".into()));
    let resolved = run(vec![
        exporter("Shop", "eu-west-1", "West"),
        importer("us-east-1"),
        exporter("Shop", "eu-central-1", "Central"),
    ]);
    assert!(
        matches!(why(&resolved, "T", "Key"), Why::NotGiven(_)),
        "ambiguous"
    );
}

#[test]
fn outputs_of_other_stacks_are_read_by_name() {
    let keys = |region: &str, key: &str| {
        let text = format!(
            "{{Resources: {{{key}: {{Type: AWS::KMS::Key}}}}, Outputs: {{Arn: {{Value: !GetAtt {key}.Arn}}}}}}"
        );
        let mut stack = stack("Keys", &text);
        stack.place = place("111111111111", region);
        stack
    };
    let mut app = stack(
        "App",
        r#"
Resources:
  T:
    Type: X::Y::Z
    Properties:
      Key: {Fn::GetStackOutput: {StackName: Keys, OutputName: Arn, Region: eu-central-1}}
      Gone: {Fn::GetStackOutput: {StackName: Keys, OutputName: Nothing}}
      Far: {Fn::GetStackOutput: {StackName: Keys, OutputName: Arn, RoleArn: 'arn:aws:iam::222222222222:role/x'}}
"#,
    );
    app.place = place("111111111111", "us-east-1");
    let resolved = run(vec![
        keys("us-east-1", "East"),
        keys("eu-central-1", "Central"),
        app,
    ]);
    assert_eq!(shown(resource(&resolved, "T"), "Key"), "<Central.Arn>");
    for path in ["Gone", "Far"] {
        assert!(
            matches!(why(&resolved, "T", path), Why::NotGiven(_)),
            "{path}"
        );
    }
}

#[test]
fn exports_are_known_under_each_name_their_parameters_give() {
    let resolved = run(vec![
        stack(
            "a.yaml",
            r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Resources: {Key: {Type: AWS::KMS::Key}}
Outputs: {K: {Value: !GetAtt Key.Arn, Export: {Name: !Sub '${Env}-key'}}}
"#,
        ),
        stack(
            "b.yaml",
            "Resources: {T: {Type: X::Y::Z, Properties: {Key: !ImportValue prod-key}}}",
        ),
    ]);
    assert_eq!(shown(resource(&resolved, "T"), "Key"), "<Key.Arn>");
}

#[test]
fn twenty_six_nested_stacks_that_double_stay_small() {
    let mut stacks = vec![stack(
        "Root",
        r#"
Resources:
  N: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {P: abc}}}
  R: {Type: X::Y::Z, Properties: {V: !GetAtt N.Outputs.O}}
"#,
    )];
    for i in 0..26 {
        let body = if i < 25 {
            r#"
Parameters: {P: {Type: String}}
Resources:
  N: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {P: !Sub '${P}${P}'}}}
Outputs: {O: {Value: !Sub '${N.Outputs.O}${N.Outputs.O}'}}
"#
        } else {
            "Parameters: {P: {Type: String}}\nResources: {Leaf: {Type: X::Y::Z, Properties: {V: !Ref P}}}\nOutputs: {O: {Value: !Ref P}}"
        };
        stacks.push(nested(&format!("Root/{i}"), i, "N", body));
    }
    let started = std::time::Instant::now();
    let resolved = run(stacks);
    assert!(matches!(why(&resolved, "Leaf", "V"), Why::Unsupported(_)));
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn what_a_stack_holds_is_made_only_where_the_stack_is() {
    let parent = stack(
        "Parent",
        r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Conditions: {IsProd: !Equals [!Ref Env, prod]}
Resources:
  Data: {Type: AWS::CloudFormation::Stack, Condition: IsProd, Properties: {TemplateURL: data.yaml, Parameters: {Stage: !Ref Env}}}
"#,
    );
    let child = nested(
        "Parent/Data",
        0,
        "Data",
        r#"
Parameters: {Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources: {Files: {Type: AWS::EFS::FileSystem, Properties: {Encrypted: !If [IsProd, true, false]}}}
"#,
    );
    let resolved = run(vec![parent, child]);
    assert_eq!(
        cases(&resolved, "Files", "Encrypted"),
        [("Env=prod", "true")]
    );
}

#[test]
fn same_named_parameters_of_two_stacks_are_told_apart() {
    let body = r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Resources: {R: {Type: X::Y::Z, Properties: {V: !Ref Env}}}
"#;
    let resolved = run(vec![stack("a/db.yaml", body), stack("a/web.yaml", body)]);
    let guards: Vec<String> = resolved
        .inventory
        .resources()
        .iter()
        .map(|r| r.variants[0].when.to_string())
        .collect();
    assert_eq!(guards, ["db.Env=dev", "web.Env=dev"]);
}

#[test]
fn of_two_outputs_with_one_export_the_condition_decides() {
    let resolved = run(vec![
        stack(
            "net.yaml",
            r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Conditions: {IsProd: !Equals [!Ref Env, prod], IsDev: !Not [!Condition IsProd]}
Resources: {Own: {Type: AWS::KMS::Key}, Shared: {Type: AWS::KMS::Key}}
Outputs:
  A: {Condition: IsProd, Value: !GetAtt Own.Arn, Export: {Name: key}}
  B: {Condition: IsDev, Value: !GetAtt Shared.Arn, Export: {Name: key}}
"#,
        ),
        stack(
            "app.yaml",
            "Resources: {T: {Type: X::Y::Z, Properties: {Key: !ImportValue key}}}",
        ),
    ]);
    assert_eq!(
        cases(&resolved, "T", "Key"),
        [("Env=dev", "<Shared.Arn>"), ("Env=prod", "<Own.Arn>")]
    );
}

#[test]
fn parameters_that_are_only_handed_on_keep_their_hops() {
    let child = |key: &str| {
        format!(
            "Parameters: {{{key}: {{Type: String}}}}\nResources:\n  Next: {{Type: AWS::CloudFormation::Stack, Properties: {{Parameters: {{B: !Ref {key}}}}}}}\n  Topic: {{Type: AWS::SNS::Topic, Properties: {{KmsMasterKeyId: !Ref {key}}}}}\n"
        )
    };
    let resolved = run(vec![
        stack(
            "root",
            "Parameters: {K: {Type: String, Default: alias/app}}\nResources:\n  Next: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {A: !Ref K}}}\n",
        ),
        nested("a", 0, "Next", &child("A")),
        nested("b", 1, "Next", &child("B")),
    ]);
    let topic = &resolved.inventory.resources()[4];
    assert_eq!(&*topic.name, "Topic");
    let value = topic.at("KmsMasterKeyId").found().expect("it is known");
    let hops: Vec<&str> = value
        .via
        .iter()
        .flat_map(|via| via.iter())
        .map(|step| step.what.as_str())
        .collect();
    assert_eq!(
        hops,
        [
            "parameter B (passed by the parent stack)",
            "parameter A (passed by the parent stack)",
            "parameter K (default)"
        ]
    );
}

#[test]
fn what_stacks_leave_in_parameter_store_is_followed() {
    let keys = || Stack {
        place: place("111111111111", "us-east-1"),
        ..stack(
            "Keys",
            r#"
Resources:
  Key: {Type: AWS::KMS::Key}
  KeyArn: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /kms/key, Value: !GetAtt Key.Arn}}
  Size: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /db/size, Value: "100"}}
  ExportsWriter:
    Type: Custom::CrossRegionExportWriter
    Properties:
      WriterProps:
        region: eu-central-1
        exports: {"/cdk/exports/Shop/KeysuseastKey": !GetAtt Key.Arn}
"#,
        )
    };
    let uses = |name: &str, region: &str| Stack {
        place: place("111111111111", region),
        ..stack(
            name,
            r#"
Parameters:
  P: {Type: "AWS::SSM::Parameter::Value<String>", Default: /kms/key}
Resources:
  Reader: {Type: Custom::CrossRegionExportReader}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Resolved: "{{resolve:ssm:/kms/key}}"
      Joined: !Join ["", ["{{resolve:ssm:", /kms/key, "}}"]]
      Version: "{{resolve:ssm:/kms/key:2}}"
      Parameter: !Ref P
      Text: "{{resolve:ssm:/db/size}}"
      Exported: !GetAtt [Reader, /cdk/exports/Shop/KeysuseastKey]
"#,
        )
    };
    let near = run(vec![keys(), uses("Near", "us-east-1")]);
    for property in ["Resolved", "Joined", "Parameter"] {
        assert_eq!(text(&near, "Topic", property), "<Key.Arn>", "{property}");
    }
    for property in ["Version", "Text"] {
        assert_eq!(text(&near, "Topic", property), "<?>", "{property}");
    }
    let far = run(vec![keys(), uses("Far", "eu-central-1")]);
    assert_eq!(text(&far, "Topic", "Exported"), "<Key.Arn>");
    assert_eq!(text(&far, "Topic", "Resolved"), "<?>");
}
