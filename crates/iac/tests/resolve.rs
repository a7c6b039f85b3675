//! Resolution of templates: each intrinsic, conditions, several stacks, and what goes wrong.

mod resolve_support;

use lockfast_facts::{Kind, Part, Read, Text, Why};
use resolve_support::*;

#[test]
fn pseudo_parameters_come_from_the_place() {
    let mut stack = stack("Prod", r#"
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: !Sub '${AWS::Region} ${AWS::AccountId} ${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName}'
      Id: !Ref AWS::StackId
"#);
    stack.place = place("111111111111", "cn-north-1");
    let resolved = run(vec![stack]);
    assert_eq!(text(&resolved, "Key", "Description"), "cn-north-1 111111111111 aws-cn amazonaws.com.cn Prod");
    assert_eq!(why(&resolved, "Key", "Id"), Why::Runtime("AWS::StackId".into()));
    let unknown = one("Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Ref 'AWS::Region'}}}");
    assert_eq!(why(&unknown, "B", "BucketName"), Why::Runtime("AWS::Region".into()));
}

#[test]
fn references_lead_to_resources() {
    let resolved = one(r#"
Resources:
  Key: {Type: AWS::KMS::Key}
  A:
    Type: AWS::RDS::DBInstance
    Properties:
      KmsKeyId: !GetAtt Key.Arn
      Long: {Fn::GetAtt: [Key, Arn]}
      Sub: !Sub 'arn:${Key}:${Key.Arn}:${!Literal}'
      Gone: !Ref Nothing
"#);
    let a = resource(&resolved, "A");
    for path in ["KmsKeyId", "Long"] {
        let (target, attribute) = resolved.inventory.target(value(a, path)).unwrap();
        assert_eq!((&*target.name, attribute.as_deref()), ("Key", Some("Arn")));
    }
    assert_eq!(shown(a, "Sub"), "arn:<Key>:<Key.Arn>:${Literal}");
    assert!(matches!(why(&resolved, "A", "Gone"), Why::NotGiven(_)));
    assert_eq!(resolved.problems.len(), 1, "{:?}", resolved.problems);
    assert!(resolved.problems[0].message.contains("`Nothing`"));
    assert_eq!(resolved.problems[0].at.unwrap().line, 10);
}

#[test]
fn strings_are_joined_selected_and_split() {
    let resolved = one(r#"
Parameters: {Open: {Type: String}}
Resources:
  Key: {Type: AWS::KMS::Key}
  A:
    Type: X::Y::Z
    Properties:
      Join: !Join ['-', [a, 1, true, !Ref 'AWS::NoValue', b]]
      Select: !Select [1, [a, b]]
      SelectText: !Select ['0', !Split [':', 'x:y']]
      Split: !Split [',', 'a,b,c']
      Partly: !Split ['/', !Sub 'a/b/${Open}/c']
      FromArn: !Select [1, !Split ['/', !Select [5, !Split [':', !GetAtt Key.Arn]]]]
      Beyond: !Select [7, [a]]
      Base: {Fn::Base64: 'export A=http://x'}
      Zones: !GetAZs ''
      Cidr: !Select [0, !Cidr ['10.0.0.0/16', 4]]
      Vars: !Sub ['${a}/${b}', {a: x, b: !Ref Key}]
      Length: {Fn::Length: [1, 2, 3]}
      Json: {Fn::ToJsonString: {a: [1, true, "q\"", !Ref Key]}}
      NoValue: !Ref AWS::NoValue
      List: [a, !Ref 'AWS::NoValue', b]
      Number: 7
"#);
    let a = resource(&resolved, "A");
    assert_eq!(shown(a, "Join"), "a-1-true-b");
    assert_eq!(shown(a, "Select"), "b");
    assert_eq!(shown(a, "SelectText"), "x");
    assert_eq!(shown(a, "Split.2"), "c");
    assert_eq!(shown(a, "Partly.0"), "a");
    assert_eq!(shown(a, "Partly.1"), "b");
    assert!(matches!(a.at("Partly.3").string(), Read::Unknown(..)), "what follows an unknown part is not known");
    assert_eq!(shown(a, "FromArn"), "<Key.Arn>");
    assert!(matches!(a.at("Beyond"), Read::Unknown(..)));
    assert_eq!(shown(a, "Base"), "export A=http://x");
    assert!(matches!(a.at("Zones"), Read::Unknown(..)));
    assert!(matches!(a.at("Cidr"), Read::Unknown(..)));
    assert_eq!(shown(a, "Vars"), "x/<Key>");
    assert!(matches!(a.at("Length").int(), Read::Found(3, _)));
    assert_eq!(shown(a, "Json"), r#"{"a":[1,true,"q\"","<Key>"]}"#);
    assert!(a.at("NoValue").is_absent());
    assert!(matches!(a.at("List").list(), Read::Found([_, _], _)));
    assert!(matches!(a.at("Number").int(), Read::Found(7, _)));
}

#[test]
fn mappings_are_looked_up() {
    let resolved = one(r#"
Mappings:
  Sizes: {prod: {storage: '100', zones: [a, b]}, dev: {storage: '10', zones: [a]}}
Parameters:
  Given: {Type: String, Default: prod, AllowedValues: [prod]}
  Stage: {Type: String}
Resources:
  A:
    Type: X::Y::Z
    Properties:
      Size: !FindInMap [Sizes, !Ref Given, storage]
      Zones: !FindInMap [Sizes, prod, zones]
      Default: {Fn::FindInMap: [Sizes, test, storage, {DefaultValue: '7'}]}
      Missing: !FindInMap [Sizes, test, storage]
  B:
    Type: X::Y::Z
    Properties: {Size: !FindInMap [Sizes, !Ref Stage, storage]}
"#);
    let a = resource(&resolved, "A");
    assert_eq!(shown(a, "Size"), "100");
    assert_eq!(value(a, "Size").via.as_ref().unwrap()[0].what, "mapping Sizes.prod.storage");
    assert_eq!(shown(a, "Zones.1"), "b");
    assert_eq!(shown(a, "Default"), "7");
    assert!(matches!(why(&resolved, "A", "Missing"), Why::NotGiven(_)));
    // A parameter can only have a key of the mapping.
    assert_eq!(cases(&resolved, "B", "Size"), [("Stage=dev", "10"), ("Stage=prod", "100")]);
}

#[test]
fn dynamic_references_are_found_in_joined_text() {
    let resolved = one(r#"
Resources:
  Secret: {Type: AWS::SecretsManager::Secret}
  A:
    Type: X::Y::Z
    Properties:
      Plain: '{{resolve:ssm-secure:/db/password:1}}'
      Joined: !Join ['', ['postgres://app:{{resolve:secretsmanager:', !Ref Secret, ':SecretString:password::}}@db/shop']]
      Sub: !Sub '{{resolve:secretsmanager:${Secret}:SecretString:password}}'
"#);
    let a = resource(&resolved, "A");
    assert_eq!(why(&resolved, "A", "Plain"), Why::DynamicReference("ssm-secure:/db/password:1".into()));
    for path in ["Joined", "Sub"] {
        let Kind::Text(text) = &value(a, path).kind else { panic!("{path}") };
        let dynamic = text.dynamic_references().next().unwrap();
        assert_eq!(&*dynamic.service, "secretsmanager");
        assert_eq!(dynamic.target.as_ref().unwrap().target, resource(&resolved, "Secret").id);
    }
    assert_eq!(shown(a, "Joined"), "postgres://app:<?>@db/shop");
}

#[test]
fn parameters_are_given_or_default_or_unknown() {
    let mut stack = stack("s.yaml", r#"
Parameters:
  Given: {Type: String, Default: a, AllowedValues: [a, b]}
  Default: {Type: String, Default: d}
  Open: {Type: String}
  List: {Type: CommaDelimitedList, Default: 'x, y'}
  Ids: {Type: 'List<AWS::EC2::Subnet::Id>'}
  Ami: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /aws/ami}
  Many: {Type: String, Default: '1', AllowedValues: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
Resources:
  A:
    Type: X::Y::Z
    Properties:
      Given: !Ref Given
      Default: !Ref Default
      Open: !Sub 'x-${Open}'
      List: !Ref List
      Second: !Select [1, !Ref List]
      Ids: !Ref Ids
      Ami: !Ref Ami
      Many: !Ref Many
"#);
    stack.parameters.insert("Given".into(), "b".into());
    let resolved = run(vec![stack]);
    let a = resource(&resolved, "A");
    assert_eq!(a.variants.len(), 1);
    assert_eq!(shown(a, "Given"), "b");
    assert_eq!(value(a, "Given").via.as_ref().unwrap()[0].what, "parameter Given (given)");
    assert_eq!(shown(a, "Default"), "d");
    assert_eq!(value(a, "Default").via.as_ref().unwrap()[0].what, "parameter Default (default)");
    assert_eq!(value(a, "Default").via.as_ref().unwrap()[0].loc.start.line, 4);
    assert_eq!(shown(a, "Open"), "x-<?>");
    assert_eq!(why(&resolved, "A", "Open"), Why::Parameter("Open".into()));
    assert_eq!(shown(a, "List.1"), "y");
    assert_eq!(shown(a, "Second"), "y");
    assert_eq!(why(&resolved, "A", "Ids.0"), Why::Parameter("Ids".into()));
    assert_eq!(why(&resolved, "A", "Ami"), Why::DynamicReference("ssm:/aws/ami".into()));
    assert_eq!(why(&resolved, "A", "Many"), Why::Parameter("Many".into()));
}

#[test]
fn conditions_make_variants() {
    let resolved = one(r#"
Parameters:
  Env: {Type: String, Default: prod}
  Encrypt: {Type: String, Default: 'true', AllowedValues: ['true', 'false']}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Equals [!Ref Env, dev]
  Ephemeral: !Or [!Condition IsDev, !Equals [!Ref Env, test]]
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties: {StorageEncrypted: !If [IsDev, false, true]}
  Volume:
    Type: AWS::EC2::Volume
    Properties: {Encrypted: !Ref Encrypt}
  OnlyDev: {Type: AWS::S3::Bucket, Condition: Ephemeral, Properties: {BucketName: !Sub 'b-${Env}'}}
  Never: {Type: AWS::S3::Bucket, Condition: Contradiction}
  Named: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'b-${Env}', Acl: !If [IsProd, x, !Ref 'AWS::NoValue']}}
  Plain: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Env}}
"#.replace("Conditions:", "Conditions:\n  Contradiction: !And [!Condition IsProd, !Condition IsDev]").as_str());
    assert_eq!(
        cases(&resolved, "Db", "StorageEncrypted"),
        [("Env=dev", "false"), ("Env=prod", "true"), ("Env=test", "true"), ("Env≠prod,dev,test", "true")]
    );
    assert_eq!(cases(&resolved, "Volume", "Encrypted"), [("Encrypt=false", "false"), ("Encrypt=true", "true")]);
    assert_eq!(cases(&resolved, "OnlyDev", "BucketName"), [("Env=dev", "b-dev"), ("Env=test", "b-test")]);
    assert!(resource(&resolved, "Never").variants.is_empty());
    // The name stands before the condition, and still agrees with it.
    assert_eq!(
        cases(&resolved, "Named", "BucketName"),
        [("Env=dev", "b-dev"), ("Env=prod", "b-prod"), ("Env=test", "b-test"), ("Env≠prod,dev,test", "b-<?>")]
    );
    // A name alone is no reason to try every environment.
    assert_eq!(cases(&resolved, "Plain", "BucketName"), [("always", "prod")]);
    assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
}

#[test]
fn guards_name_what_decides_and_no_more() {
    let resolved = one(r#"
Parameters: {A: {Type: String, AllowedValues: [x, y]}, B: {Type: String, AllowedValues: [x, y]}}
Conditions: {CA: !Equals [!Ref A, x], CB: !Equals [!Ref B, x]}
Resources:
  R: {Type: X::Y::Z, Properties: {V: !If [CA, 1, !If [CB, 2, 3]]}}
  S: {Type: X::Y::Z, Properties: {V: !If [CA, !If [CB, 1, 1], 3]}}
"#);
    assert_eq!(cases(&resolved, "R", "V"), [("A=x", "1"), ("A=y and B=x", "2"), ("A=y and B=y", "3")]);
    assert_eq!(cases(&resolved, "S", "V"), [("A=x", "1"), ("A=y", "3")]);
}

#[test]
fn regions_and_undecidable_conditions_are_explored() {
    let resolved = one(r#"
Parameters: {Arn: {Type: String, Default: ''}, Tokens: {Type: CommaDelimitedList}}
Conditions:
  East: !Equals [!Ref 'AWS::Region', us-east-1]
  NotEast: !Not [!Condition East]
  HasArn: !Not [!Equals [!Ref Arn, '']]
  Some: !Not [!Equals [!Join ['', !Ref Tokens], '']]
Resources:
  R: {Type: X::Y::Z, Properties: {V: !If [East, !If [NotEast, never, east], other]}}
  S: {Type: X::Y::Z, Properties: {Key: !If [HasArn, !Ref Arn, !Ref 'AWS::NoValue']}}
  T: {Type: X::Y::Z, Properties: {V: !If [Some, a, b]}}
"#);
    assert_eq!(cases(&resolved, "R", "V"), [("AWS::Region=us-east-1", "east"), ("AWS::Region≠us-east-1", "other")]);
    assert_eq!(cases(&resolved, "S", "Key"), [("Arn=", "-"), ("Arn≠", "<?>")]);
    assert_eq!(cases(&resolved, "T", "V"), [("Some=false", "b"), ("Some=true", "a")]);
}

#[test]
fn rules_narrow_parameters_and_hidden_values_stay_hidden() {
    let resolved = one(r#"
Parameters: {Env: {Type: String}, Password: {Type: String, NoEcho: true, Default: hunter2}}
Rules: {R: {Assertions: [{Assert: {Fn::Contains: [[dev, prod], !Ref Env]}}]}}
Conditions: {IsProd: !Equals [!Ref Env, prod], HasPassword: !Not [!Equals [!Ref Password, '']]}
Resources:
  R: {Type: X::Y::Z, Properties: {V: !If [IsProd, 1, 2]}}
  S: {Type: X::Y::Z, Properties: {V: !If [HasPassword, 1, 2]}}
"#);
    assert_eq!(cases(&resolved, "R", "V"), [("Env=dev", "2"), ("Env=prod", "1")]);
    let guards: Vec<String> = resource(&resolved, "S").variants.iter().map(|v| v.when.to_string()).collect();
    assert_eq!(guards, ["Password=(its default)", "Password=", "Password≠(its default),"]);
}

#[test]
fn forty_conditions_stay_bounded_and_never_pass_in_silence() {
    let mut template = String::from("Parameters:\n");
    for i in 0..40 {
        template += &format!("  P{i}: {{Type: String, AllowedValues: [a, b]}}\n");
    }
    template += "Conditions:\n";
    for i in 0..40 {
        template += &format!("  C{i}: !Equals [!Ref P{i}, a]\n");
    }
    template += "Resources:\n  R:\n    Type: X::Y::Z\n    Properties:\n";
    for i in 0..40 {
        template += &format!("      V{i}: !If [C{i}, on, off]\n");
    }
    let resolved = one(&template);
    let r = resource(&resolved, "R");
    assert!((3..=65).contains(&r.variants.len()), "{}", r.variants.len());
    let last = r.variants.last().unwrap();
    assert!(matches!(last.at("V3"), Read::Unknown(why, _) if *why == Why::TooManyConditions(64)));
    assert!(r.variants.iter().any(|v| v.when.to_string().contains("P39=b")), "each is tried alone");
}

#[test]
fn nested_stacks_take_parameters_and_give_outputs() {
    let parent = stack("Parent", r#"
Parameters: {Env: {Type: String, Default: prod}}
Resources:
  Key: {Type: AWS::KMS::Key}
  Data:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: data.yaml, Parameters: {Stage: !Ref Env, KeyArn: !GetAtt Key.Arn, Nets: !Join [',', [a, b]]}}
  User: {Type: X::Y::Z, Properties: {Bucket: !GetAtt Data.Outputs.BucketArn, None: !GetAtt Data.Outputs.Nothing}}
"#);
    let child = nested("Parent/Data", 0, "Data", r#"
Parameters: {Stage: {Type: String}, KeyArn: {Type: String}, Nets: {Type: 'List<AWS::EC2::Subnet::Id>'}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {Key: !Ref KeyArn, Net: !Select [1, !Ref Nets], Lock: !If [IsDev, false, true]}}
Outputs: {BucketArn: {Value: !GetAtt Bucket.Arn}}
"#);
    let resolved = run(vec![parent, child]);
    let user = resource(&resolved, "User");
    assert_eq!(shown(user, "Bucket"), "<Bucket.Arn>");
    assert!(matches!(why(&resolved, "User", "None"), Why::NotGiven(_)));
    let bucket = resource(&resolved, "Bucket");
    assert_eq!(shown(bucket, "Key"), "<Key.Arn>");
    assert_eq!(shown(bucket, "Net"), "b");
    // The constant is the child's, the choice the parent's.
    assert_eq!(cases(&resolved, "Bucket", "Lock"), [("Env=dev", "false"), ("Env=prod", "true"), ("Env≠prod,dev", "true")]);
    assert_eq!(resolved.inventory.stack_of(bucket).parent.map(|p| p.0), Some(0));
}

#[test]
fn imports_are_followed_to_the_nearest_export() {
    let exporter = |name: &str, region: &str, key: &str| {
        let mut stack = stack(name, &format!(r#"{{"Resources": {{"{key}": {{"Type": "AWS::KMS::Key"}}}},
            "Outputs": {{"ExportsOutputFnGetAttKeyArn": {{"Value": {{"Fn::GetAtt": ["{key}", "Arn"]}},
            "Export": {{"Name": "Shop:ExportsOutputFnGetAttKeyArn"}}}}}}}}"#));
        stack.place = place("111111111111", region);
        stack
    };
    let importer = |region: &str| {
        let mut stack = stack("App", r#"{"Resources": {"T": {"Type": "X::Y::Z", "Properties": {
            "Key": {"Fn::ImportValue": "Shop:ExportsOutputFnGetAttKeyArn"},
            "Gone": {"Fn::ImportValue": "Nobody"}}}}}"#);
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
    assert!(matches!(why(&resolved, "T", "Key"), Why::NotGiven(_)), "ambiguous");
}

#[test]
fn outputs_of_other_stacks_are_read_by_name() {
    let keys = |region: &str, key: &str| {
        let text = format!("{{Resources: {{{key}: {{Type: AWS::KMS::Key}}}}, Outputs: {{Arn: {{Value: !GetAtt {key}.Arn}}}}}}");
        let mut stack = stack("Keys", &text);
        stack.place = place("111111111111", region);
        stack
    };
    let mut app = stack("App", r#"
Resources:
  T:
    Type: X::Y::Z
    Properties:
      Key: {Fn::GetStackOutput: {StackName: Keys, OutputName: Arn, Region: eu-central-1}}
      Gone: {Fn::GetStackOutput: {StackName: Keys, OutputName: Nothing}}
      Far: {Fn::GetStackOutput: {StackName: Keys, OutputName: Arn, RoleArn: 'arn:aws:iam::222222222222:role/x'}}
"#);
    app.place = place("111111111111", "us-east-1");
    let resolved = run(vec![keys("us-east-1", "East"), keys("eu-central-1", "Central"), app]);
    assert_eq!(shown(resource(&resolved, "T"), "Key"), "<Central.Arn>");
    for path in ["Gone", "Far"] {
        assert!(matches!(why(&resolved, "T", path), Why::NotGiven(_)), "{path}");
    }
}

#[test]
fn exports_are_known_under_each_name_their_parameters_give() {
    let resolved = run(vec![
        stack("a.yaml", r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Resources: {Key: {Type: AWS::KMS::Key}}
Outputs: {K: {Value: !GetAtt Key.Arn, Export: {Name: !Sub '${Env}-key'}}}
"#),
        stack("b.yaml", "Resources: {T: {Type: X::Y::Z, Properties: {Key: !ImportValue prod-key}}}"),
    ]);
    assert_eq!(shown(resource(&resolved, "T"), "Key"), "<Key.Arn>");
}

#[test]
fn circles_end() {
    let resolved = one(r#"
Conditions: {A: !Condition B, B: !Not [!Condition A]}
Resources: {R: {Type: X::Y::Z, Properties: {V: !If [A, 1, 2]}}}
"#);
    assert!(matches!(why(&resolved, "R", "V"), Why::Cycle(_)));
    assert_eq!(resolved.problems.len(), 1, "{:?}", resolved.problems);

    let resolved = run(vec![
        stack("a", "{Resources: {R: {Type: X::Y::Z, Properties: {V: !ImportValue x}}}, Outputs: {O: {Value: !ImportValue y, Export: {Name: x}}}}"),
        stack("b", "{Resources: {S: {Type: X::Y::Z}}, Outputs: {O: {Value: !Sub ['${a}${a}', {a: !ImportValue x}], Export: {Name: y}}}}"),
    ]);
    assert!(matches!(why(&resolved, "R", "V"), Why::Cycle(_)));
}

#[test]
fn twenty_six_nested_stacks_that_double_stay_small() {
    let mut stacks = vec![stack("Root", r#"
Resources:
  N: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {P: abc}}}
  R: {Type: X::Y::Z, Properties: {V: !GetAtt N.Outputs.O}}
"#)];
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
fn macros_are_named() {
    let resolved = one(r#"
Transform: [AWS::LanguageExtensions, Company::Encrypt]
Resources:
  A: {Type: AWS::S3::Bucket, Properties: {BucketName: x, Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x}}}}
  B: {Type: AWS::S3::Bucket, Properties: {Tags: {Fn::Transform: {Name: Tagger}}, X: !Rain::Embed file}}
"#);
    let a = resource(&resolved, "A");
    assert_eq!(shown(a, "BucketName"), "x");
    assert!(matches!(a.at("BucketEncryption"), Read::Unknown(why, _) if *why == Why::Macro("AWS::Include".into())));
    assert_eq!(why(&resolved, "B", "Tags"), Why::Macro("Tagger".into()));
    assert_eq!(why(&resolved, "B", "X"), Why::Macro("Rain::Embed".into()));
    assert_eq!(resolved.problems.len(), 1);
    assert!(resolved.problems[0].message.contains("Company::Encrypt"));
}

#[test]
fn loops_are_unrolled() {
    let mut looped = stack("s.yaml", r#"
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: 'x,y'}, Open: {Type: CommaDelimitedList}}
Conditions:
  Fn::ForEach::C: [N, [a, b], {'Is${N}': !Equals [!Ref 'AWS::Region', !Ref N]}]
Resources:
  Fn::ForEach::Buckets:
    - Name
    - !Ref Names
    - 'Bucket${Name}':
        Type: AWS::S3::Bucket
        Properties: {BucketName: !Sub 'shop-${Name}', Fn::ForEach::P: [K, [A, B], {'Prop${K}': !Ref K}]}
  Fn::ForEach::Unknown: [Name, !Ref Open, {'U${Name}': {Type: AWS::S3::Bucket}}]
  R: {Type: X::Y::Z, Properties: {Fn::ForEach::P: [K, !Ref Open, {'P${K}': 1}], Known: 1}}
"#);
    looped.parameters.insert("Names".into(), "x,z".into());
    let resolved = run(vec![looped]);
    assert_eq!(shown(resource(&resolved, "Bucketx"), "BucketName"), "shop-x");
    assert_eq!(shown(resource(&resolved, "Bucketz"), "PropB"), "B");
    assert!(matches!(resource(&resolved, "R").at("Anything"), Read::Unknown(..)));
    assert!(resolved.problems.iter().any(|p| p.message.contains("Fn::ForEach::Unknown")));
    assert_eq!(resolved.inventory.resources().len(), 3);
}

#[test]
fn serverless_resources_become_cloudformation_ones() {
    let resolved = one(include_str!("resolve_fixtures/sam.yaml"));
    let f = resource(&resolved, "Orders");
    assert_eq!(&*f.kind, "AWS::Lambda::Function");
    assert_eq!(f.loc.start.line, 15);
    assert_eq!(shown(f, "Environment.Variables.STAGE"), "prod");
    assert_eq!(shown(f, "Environment.Variables.OWN"), "1");
    assert_eq!(shown(f, "KmsKeyArn"), "<Key.Arn>");
    assert_eq!(shown(f, "Role"), "<OrdersRole.Arn>");
    assert_eq!(shown(f, "DeadLetterConfig.TargetArn"), "<Queue.Arn>");
    assert_eq!(shown(f, "Code.ZipFile"), "pass");
    assert_eq!(shown(f, "TracingConfig.Mode"), "Active");
    let role = resource(&resolved, "OrdersRole");
    assert_eq!(shown(role, "Policies.0.PolicyDocument.Statement.0.Action"), "kms:*");
    assert_eq!(&*resource(&resolved, "ServerlessRestApi").kind, "AWS::ApiGateway::RestApi");
    assert_eq!(shown(resource(&resolved, "ServerlessRestApiProdStage"), "RestApiId"), "<ServerlessRestApi>");
    assert_eq!(&*resource(&resolved, "OrdersJobs").kind, "AWS::Lambda::EventSourceMapping");
    let table = resource(&resolved, "Table");
    assert_eq!(&*table.kind, "AWS::DynamoDB::Table");
    assert_eq!(shown(table, "SSESpecification.SSEEnabled"), "true");
    assert_eq!(shown(table, "KeySchema.0.AttributeName"), "id");
    assert_eq!(shown(resource(&resolved, "ShopliveStage"), "MethodSettings.0.CachingEnabled"), "true");
    assert_eq!(shown(resource(&resolved, "ShopDomainName"), "SecurityPolicy"), "TLS_1_2");
    assert_eq!(&*resource(&resolved, "Web").kind, "AWS::ApiGatewayV2::Api");
    assert_eq!(shown(resource(&resolved, "Flow"), "LoggingConfiguration.Level"), "ALL");
    assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
}

#[test]
fn metadata_and_comments_become_directives_and_paths() {
    let resolved = one(r#"
Resources:
  # lockfast: ignore S3-1 reason="public site" owner=web
  Site:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    DependsOn: [Other]
    Metadata:
      aws:cdk:path: Shop/Site/Resource
      Lockfast: {ignore: [{control: x, reason: 'a "b"', owner: me, expires: 2027-01-01}]}
  Other: {Type: AWS::S3::Bucket, DependsOn: Site}
"#);
    let site = resource(&resolved, "Site");
    let texts: Vec<&str> = site.directives.iter().map(|d| &*d.text).collect();
    assert_eq!(texts, [
        r#"ignore S3-1 reason="public site" owner=web"#,
        r#"ignore x reason="a 'b'" owner="me" expires="2027-01-01""#
    ]);
    assert_eq!(site.construct_path.as_deref(), Some("Shop/Site/Resource"));
    assert_eq!(site.deletion_policy.as_deref(), Some("Retain"));
    assert_eq!(site.depends_on, ["Other".into()]);
    assert!(resource(&resolved, "Other").directives.is_empty());
    assert_eq!(site.loc.start.line, 4);
}

#[test]
fn bad_resources_are_problems_and_the_others_are_kept() {
    let resolved = one("Resources: {A: 7, B: {Properties: {}}, C: {Type: X::Y::Z, Properties: !Ref 'AWS::NoValue'}}");
    let messages: Vec<&str> = resolved.problems.iter().map(|p| &*p.message).collect();
    assert_eq!(messages, ["resource A is not an object", "resource B has no Type"]);
    assert_eq!(resource(&resolved, "C").variants.len(), 1);
}

#[test]
fn same_named_parameters_of_two_stacks_are_told_apart() {
    let body = r#"
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Resources: {R: {Type: X::Y::Z, Properties: {V: !Ref Env}}}
"#;
    let resolved = run(vec![stack("a/db.yaml", body), stack("a/web.yaml", body)]);
    let guards: Vec<String> = resolved.inventory.resources().iter().map(|r| r.variants[0].when.to_string()).collect();
    assert_eq!(guards, ["db.Env=dev", "web.Env=dev"]);
}

#[test]
fn deep_nesting_is_followed() {
    // Each join nests three levels; the parser refuses more than 200.
    let mut value = String::from("\"x\"");
    for _ in 0..64 {
        value = format!("{{\"Fn::Join\":[\"\",[{value}]]}}");
    }
    let resolved = one(&format!("{{\"Resources\":{{\"R\":{{\"Type\":\"X::Y::Z\",\"Properties\":{{\"V\":{value}}}}}}}}}"));
    assert_eq!(shown(resource(&resolved, "R"), "V"), "x");
}

#[test]
fn parts_keep_literals_between_references() {
    let resolved = one("Resources: {K: {Type: AWS::KMS::Key}, R: {Type: X::Y::Z, Properties: {V: !Sub 'a${K}b'}}}");
    let Kind::Text(Text::Parts(parts)) = &value(resource(&resolved, "R"), "V").kind else { panic!() };
    assert!(matches!(&**parts, [Part::Literal(_), Part::Reference(_), Part::Literal(_)]));
}
