//! Resolution of one template: each intrinsic, macros, loops, SAM, and what stands beside a resource.

mod resolve_support;

use lockfast_facts::{Instruction, Kind, Part, Read, Text, Why};
use resolve_support::*;

#[test]
fn pseudo_parameters_come_from_the_place() {
    let mut stack = stack(
        "Prod",
        r#"
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: !Sub '${AWS::Region} ${AWS::AccountId} ${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName}'
      Id: !Ref AWS::StackId
"#,
    );
    stack.place = place("111111111111", "cn-north-1");
    let resolved = run(vec![stack]);
    assert_eq!(
        text(&resolved, "Key", "Description"),
        "cn-north-1 111111111111 aws-cn amazonaws.com.cn Prod"
    );
    assert_eq!(
        why(&resolved, "Key", "Id"),
        Why::Runtime("AWS::StackId".into())
    );
    let unknown = one(
        "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Ref 'AWS::Region'}}}",
    );
    assert_eq!(
        why(&unknown, "B", "BucketName"),
        Why::Runtime("AWS::Region".into())
    );
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
    assert!(
        matches!(a.at("Partly.3").string(), Read::Unknown(..)),
        "what follows an unknown part is not known"
    );
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
    assert_eq!(
        value(a, "Size")
            .via
            .as_ref()
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .what,
        "mapping Sizes.prod.storage"
    );
    assert_eq!(shown(a, "Zones.1"), "b");
    assert_eq!(shown(a, "Default"), "7");
    assert!(matches!(why(&resolved, "A", "Missing"), Why::NotGiven(_)));
    // A parameter can only have a key of the mapping.
    assert_eq!(
        cases(&resolved, "B", "Size"),
        [("Stage=dev", "10"), ("Stage=prod", "100")]
    );
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
    assert_eq!(
        why(&resolved, "A", "Plain"),
        Why::DynamicReference("ssm-secure:/db/password:1".into())
    );
    for path in ["Joined", "Sub"] {
        let Kind::Text(text) = &value(a, path).kind else {
            panic!("{path}")
        };
        let dynamic = text.dynamic_references().next().unwrap();
        assert_eq!(&*dynamic.service, "secretsmanager");
        assert_eq!(
            dynamic.target.as_ref().unwrap().target,
            resource(&resolved, "Secret").id
        );
    }
    assert_eq!(shown(a, "Joined"), "postgres://app:<?>@db/shop");
}

#[test]
fn parameters_are_given_or_default_or_unknown() {
    let mut stack = stack(
        "s.yaml",
        r#"
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
"#,
    );
    stack.parameters.insert("Given".into(), "b".into());
    let resolved = run(vec![stack]);
    let a = resource(&resolved, "A");
    assert_eq!(a.variants.len(), 1);
    assert_eq!(shown(a, "Given"), "b");
    assert_eq!(
        value(a, "Given")
            .via
            .as_ref()
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .what,
        "parameter Given (given)"
    );
    assert_eq!(shown(a, "Default"), "d");
    assert_eq!(
        value(a, "Default")
            .via
            .as_ref()
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .what,
        "parameter Default (default)"
    );
    assert_eq!(
        value(a, "Default")
            .via
            .as_ref()
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .loc
            .start
            .line,
        4
    );
    assert_eq!(shown(a, "Open"), "x-<?>");
    assert_eq!(why(&resolved, "A", "Open"), Why::Parameter("Open".into()));
    assert_eq!(shown(a, "List.1"), "y");
    assert_eq!(shown(a, "Second"), "y");
    assert_eq!(why(&resolved, "A", "Ids.0"), Why::Parameter("Ids".into()));
    assert_eq!(
        why(&resolved, "A", "Ami"),
        Why::DynamicReference("ssm:/aws/ami".into())
    );
    assert_eq!(why(&resolved, "A", "Many"), Why::Parameter("Many".into()));
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
    assert!(
        matches!(a.at("BucketEncryption"), Read::Unknown(why, _) if *why == Why::Macro("AWS::Include".into()))
    );
    assert_eq!(why(&resolved, "B", "Tags"), Why::Macro("Tagger".into()));
    assert_eq!(why(&resolved, "B", "X"), Why::Macro("Rain::Embed".into()));
    assert_eq!(resolved.problems.len(), 1);
    assert!(resolved.problems[0].message.contains("Company::Encrypt"));
}

#[test]
fn loops_are_unrolled() {
    let mut looped = stack(
        "s.yaml",
        r#"
Transform: AWS::LanguageExtensions
Mappings: {Envs: {dev: {Buckets: [d]}, prod: {Buckets: [p, q]}}}
Parameters: {Env: {Type: String, Default: dev}, Names: {Type: CommaDelimitedList, Default: 'x,y'}, Open: {Type: CommaDelimitedList}}
Conditions:
  Fn::ForEach::C: [N, [a, b], {'Is${N}': !Equals [!Ref 'AWS::Region', !Ref N]}]
Resources:
  Fn::ForEach::Buckets:
    - Name
    - !Ref Names
    - 'Bucket${Name}':
        Type: AWS::S3::Bucket
        Properties: {BucketName: !Sub 'shop-${Name}', Fn::ForEach::P: [K, [A, B], {'Prop${K}': !Ref K}]}
  Fn::ForEach::Mapped: [Name, !FindInMap [Envs, !Ref Env, Buckets], {'Mapped${Name}': {Type: AWS::S3::Bucket}}]
  Fn::ForEach::Unknown: [Name, !Ref Open, {'U${Name}': {Type: AWS::S3::Bucket}}]
  R: {Type: X::Y::Z, Properties: {Fn::ForEach::P: [K, !Ref Open, {'P${K}': 1}], Known: 1}}
"#,
    );
    looped.parameters.insert("Names".into(), "x,z".into());
    looped.parameters.insert("Env".into(), "prod".into());
    let resolved = run(vec![looped]);
    assert_eq!(
        shown(resource(&resolved, "Bucketx"), "BucketName"),
        "shop-x"
    );
    assert_eq!(shown(resource(&resolved, "Bucketz"), "PropB"), "B");
    assert!(matches!(
        resource(&resolved, "R").at("Anything"),
        Read::Unknown(..)
    ));
    assert!(
        resolved
            .problems
            .iter()
            .any(|p| p.message.contains("Fn::ForEach::Unknown"))
    );
    assert_eq!(&*resource(&resolved, "Mappedq").kind, "AWS::S3::Bucket");
    assert_eq!(resolved.inventory.resources().len(), 5);
}

#[test]
fn what_is_made_of_long_text_is_bounded() {
    let long = "x".repeat(1 << 20);
    let mut template = format!(
        "Transform: AWS::LanguageExtensions\nParameters: {{Long: {{Type: String, Default: {long}}}}}\nResources:\n  Fn::ForEach::Loop: [I, [{long}], {{'A': {{Type: X::Y::Z, Properties: {{P: '{}'}}}}}}]\n",
        "${I}".repeat(1000)
    );
    for i in 0..500 {
        template += &format!("  R{i}: {{Type: X::Y::Z, Properties: {{P: !Sub 'a${{Long}}'}}}}\n");
    }
    let resolved = one(&template);
    assert!(
        resolved
            .problems
            .iter()
            .any(|p| p.message.contains("more than a template can hold"))
    );
    assert!(matches!(why(&resolved, "R499", "P"), Why::Unsupported(_)));
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
    assert_eq!(
        shown(role, "Policies.0.PolicyDocument.Statement.0.Action"),
        "kms:*"
    );
    assert_eq!(
        &*resource(&resolved, "ServerlessRestApi").kind,
        "AWS::ApiGateway::RestApi"
    );
    assert_eq!(
        shown(
            resource(&resolved, "ServerlessRestApiProdStage"),
            "RestApiId"
        ),
        "<ServerlessRestApi>"
    );
    assert_eq!(
        &*resource(&resolved, "OrdersJobs").kind,
        "AWS::Lambda::EventSourceMapping"
    );
    let table = resource(&resolved, "Table");
    assert_eq!(&*table.kind, "AWS::DynamoDB::Table");
    assert_eq!(shown(table, "SSESpecification.SSEEnabled"), "true");
    assert_eq!(shown(table, "KeySchema.0.AttributeName"), "id");
    assert_eq!(
        shown(
            resource(&resolved, "ShopliveStage"),
            "MethodSettings.0.CachingEnabled"
        ),
        "true"
    );
    assert_eq!(
        shown(resource(&resolved, "ShopDomainName"), "SecurityPolicy"),
        "TLS_1_2"
    );
    assert_eq!(&*resource(&resolved, "Web").kind, "AWS::ApiGatewayV2::Api");
    assert_eq!(
        shown(resource(&resolved, "Flow"), "LoggingConfiguration.Level"),
        "ALL"
    );
    assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
}

#[test]
fn globals_do_not_mix_with_functions() {
    let resolved = one(r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    KmsKeyArn: !GetAtt Shared.Arn
    Environment: {Variables: {STAGE: prod}}
Conditions: {IsProd: !Equals [!Ref AWS::Region, eu-central-1]}
Resources:
  Shared: {Type: AWS::KMS::Key}
  Key: {Type: AWS::KMS::Key}
  Own:
    Type: AWS::Serverless::Function
    Properties:
      KmsKeyArn: !GetAtt Key.Arn
      Environment: {Variables: !If [IsProd, {A: b}, {A: c}]}
"#);
    assert_eq!(
        cases(&resolved, "Own", "Environment.Variables.A"),
        [
            ("AWS::Region=eu-central-1", "b"),
            ("AWS::Region≠eu-central-1", "c")
        ]
    );
    assert_eq!(text(&resolved, "Own", "KmsKeyArn"), "<Key.Arn>");
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
    let said: Vec<&Instruction> = site.written().directives.iter().map(|d| &d.said).collect();
    let metadata = [
        ("control", "x"),
        ("reason", "a \"b\""),
        ("owner", "me"),
        ("expires", "2027-01-01"),
    ];
    assert_eq!(
        said,
        [
            &Instruction::Comment(r#"ignore S3-1 reason="public site" owner=web"#.into()),
            &Instruction::Ignore(
                metadata
                    .map(|(name, value)| (name.into(), Some(value.into())))
                    .to_vec()
            ),
        ]
    );
    assert_eq!(
        site.written().construct_path.as_deref(),
        Some("Shop/Site/Resource")
    );
    let [(when, policy)] = site.written().deletion_policy.as_slice() else {
        panic!("one deletion policy");
    };
    assert!(when.is_always());
    assert_eq!(policy.at("").string().found().as_deref(), Some("Retain"));
    assert_eq!(site.written().depends_on, ["Other".into()]);
    assert!(resource(&resolved, "Other").written().directives.is_empty());
    assert_eq!(site.loc.start.line, 4);
}

#[test]
fn a_comment_belongs_to_one_resource() {
    let resolved = one(r#"
Resources:
# lockfast: above Public
  Public:
    Type: AWS::S3::Bucket
    # lockfast: end of Public
  Secret:
    Type: AWS::S3::Bucket
  Trail:
    Type: AWS::S3::Bucket # lockfast: last line of Trail
  # lockfast: above Next
  # lockfast: also above Next
  Next: # lockfast: name of Next
    Type: AWS::S3::Bucket

    # lockfast: after Next
  Flow: {Type: AWS::S3::Bucket} # lockfast: line of Flow
  # lockfast: nobody's, with an empty line below

  Two: {Type: AWS::S3::Bucket,
# lockfast: in Two
    Properties: {}}
  Last:
    Type: AWS::S3::Bucket
    # lockfast: end of Last
Outputs: # lockfast: no resource
  # lockfast: no resource either
  Name: {Value: x}
"#);
    let of = |name: &str| -> Vec<String> {
        let comments = resource(&resolved, name).written().directives.iter();
        comments
            .map(|directive| match &directive.said {
                Instruction::Comment(text) => text.clone(),
                other => format!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(of("Public"), ["above Public", "end of Public"]);
    assert!(of("Secret").is_empty());
    assert_eq!(of("Trail"), ["last line of Trail"]);
    assert_eq!(
        of("Next"),
        [
            "above Next",
            "also above Next",
            "name of Next",
            "after Next"
        ]
    );
    assert_eq!(of("Flow"), ["line of Flow"]);
    assert_eq!(of("Two"), ["in Two"]);
    assert_eq!(of("Last"), ["end of Last"]);
}

#[test]
fn bad_resources_are_problems_and_the_others_are_kept() {
    let resolved = one(
        "Resources: {A: 7, B: {Properties: {}}, C: {Type: X::Y::Z, Properties: !Ref 'AWS::NoValue'}, D: {Type: X::Y::Z, Properties: [{P: 1}]}}",
    );
    let messages: Vec<&str> = resolved.problems.iter().map(|p| &*p.message).collect();
    assert_eq!(
        messages,
        [
            "resource A is not an object",
            "resource B has no Type",
            "the Properties of resource D are not an object"
        ]
    );
    assert_eq!(resource(&resolved, "C").variants.len(), 1);
}

#[test]
fn deep_nesting_is_followed() {
    // Each join nests three levels; the parser refuses more than 200.
    let mut value = String::from("\"x\"");
    for _ in 0..64 {
        value = format!("{{\"Fn::Join\":[\"\",[{value}]]}}");
    }
    let resolved = one(&format!(
        "{{\"Resources\":{{\"R\":{{\"Type\":\"X::Y::Z\",\"Properties\":{{\"V\":{value}}}}}}}}}"
    ));
    assert_eq!(shown(resource(&resolved, "R"), "V"), "x");
}

#[test]
fn parts_keep_literals_between_references() {
    let resolved = one(
        "Resources: {K: {Type: AWS::KMS::Key}, R: {Type: X::Y::Z, Properties: {V: !Sub 'a${K}b'}}}",
    );
    let Kind::Text(Text::Parts(parts)) = &value(resource(&resolved, "R"), "V").kind else {
        panic!()
    };
    assert!(matches!(
        &**parts,
        [Part::Literal(_), Part::Reference(_), Part::Literal(_)]
    ));
}
