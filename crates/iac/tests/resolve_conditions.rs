//! Conditions and the variants they make, within bounds.

mod resolve_support;

use lockfast_facts::{Read, Why};
use resolve_support::*;

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
        [
            ("Env=dev", "false"),
            ("Env=prod", "true"),
            ("Env=test", "true"),
            ("Env≠prod,dev,test", "true")
        ]
    );
    assert_eq!(
        cases(&resolved, "Volume", "Encrypted"),
        [("Encrypt=false", "false"), ("Encrypt=true", "true")]
    );
    assert_eq!(
        cases(&resolved, "OnlyDev", "BucketName"),
        [("Env=dev", "b-dev"), ("Env=test", "b-test")]
    );
    assert!(resource(&resolved, "Never").variants.is_empty());
    // The name stands before the condition, and still agrees with it.
    assert_eq!(
        cases(&resolved, "Named", "BucketName"),
        [
            ("Env=dev", "b-dev"),
            ("Env=prod", "b-prod"),
            ("Env=test", "b-test"),
            ("Env≠prod,dev,test", "b-<?>")
        ]
    );
    // A name alone is no reason to try every environment.
    assert_eq!(
        cases(&resolved, "Plain", "BucketName"),
        [("always", "prod")]
    );
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
    assert_eq!(
        cases(&resolved, "R", "V"),
        [("A=x", "1"), ("A=y and B=x", "2"), ("A=y and B=y", "3")]
    );
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
    assert_eq!(
        cases(&resolved, "R", "V"),
        [
            ("AWS::Region=us-east-1", "east"),
            ("AWS::Region≠us-east-1", "other")
        ]
    );
    assert_eq!(
        cases(&resolved, "S", "Key"),
        [("Arn=\"\"", "-"), ("Arn≠\"\"", "<?>")]
    );
    assert_eq!(
        cases(&resolved, "T", "V"),
        [("Some=false", "b"), ("Some=true", "a")]
    );
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
    assert_eq!(
        cases(&resolved, "R", "V"),
        [("Env=dev", "2"), ("Env=prod", "1")]
    );
    let guards: Vec<String> = resource(&resolved, "S")
        .variants
        .iter()
        .map(|v| v.when.to_string())
        .collect();
    assert_eq!(
        guards,
        [
            "Password=(its default)",
            "Password=\"\"",
            "Password≠(its default),\"\""
        ]
    );
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
    assert!(
        r.variants
            .iter()
            .any(|v| v.when.to_string().contains("P39=b")),
        "each is tried alone"
    );
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
        stack(
            "a",
            "{Resources: {R: {Type: X::Y::Z, Properties: {V: !ImportValue x}}}, Outputs: {O: {Value: !ImportValue y, Export: {Name: x}}}}",
        ),
        stack(
            "b",
            "{Resources: {S: {Type: X::Y::Z}}, Outputs: {O: {Value: !Sub ['${a}${a}', {a: !ImportValue x}], Export: {Name: y}}}}",
        ),
    ]);
    assert!(matches!(why(&resolved, "R", "V"), Why::Cycle(_)));
}

#[test]
fn any_other_combination_takes_no_default_that_conditions_compare() {
    let mut template = String::from("Parameters:\n  Key: {Type: String, Default: ''}\n");
    for i in 0..7 {
        template += &format!("  P{i}: {{Type: String, Default: a}}\n");
    }
    template += "Conditions:\n  HasKey: !Not [!Equals [!Ref Key, '']]\n";
    for i in 0..7 {
        template += &format!("  C{i}: !Equals [!Ref P{i}, a]\n");
    }
    template += "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      KmsMasterKeyId: !Ref Key\n      HasKey: !If [HasKey, a, b]\n";
    for i in 0..7 {
        template += &format!("      T{i}: !If [C{i}, a, b]\n");
    }
    let resolved = one(&template);
    let topic = resource(&resolved, "Topic");
    let last = topic.variants.last().expect("it has variants");
    assert!(
        last.when.to_string().contains("any other combination"),
        "{}",
        last.when
    );
    let key = last.at("KmsMasterKeyId").string();
    assert!(matches!(key, Read::Unknown(..)), "{key:?}");
}

#[test]
fn a_condition_that_is_missing_is_named_where_it_is_asked_for() {
    let resolved = one("Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Condition: Gone\n");
    let problem = &resolved.problems[0];
    assert_eq!(problem.message, "condition Gone is not in the template");
    assert_eq!(problem.at.map(|at| (at.line, at.column)), Some((4, 16)));
}
