//! Whatever a template says, resolving it ends, without a panic and the same each time.

mod resolve_support;

use proptest::prelude::*;
use resolve_support::*;
use serde_json::{Value as Json, json};

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "A",
        "B",
        "P",
        "Q",
        "N",
        "AWS::Region",
        "AWS::NoValue",
        "AWS::StackName",
        "Nobody",
        "é",
    ])
    .prop_map(str::to_owned)
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        names(),
        prop::sample::select(vec![
            "",
            "true",
            "0",
            "1",
            "x,y",
            "${A}-${B.Arn}",
            "${P}${Q}",
            "${!L}${",
            "{{resolve:secretsmanager:${A}:SecretString:p}}",
            "{{resolve:",
            "}}",
            "a/b:c",
            "\0P",
            "≠dev",
        ])
        .prop_map(str::to_owned),
    ]
}

const FUNCTIONS: [&str; 26] = [
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::ImportValue",
    "Fn::If",
    "Fn::Equals",
    "Fn::And",
    "Fn::Or",
    "Fn::Not",
    "Condition",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::GetAZs",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Fn::ForEach::L",
    "Fn::GetStackOutput",
    "!Tag",
    "Fn::Nothing",
    "Tags",
    "Parameters",
];

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i16>().prop_map(Json::from),
        words().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            (prop::sample::select(&FUNCTIONS[..]), inner.clone())
                .prop_map(|(f, v)| json!({ f: v })),
            (
                prop::sample::select(&FUNCTIONS[..]),
                prop::collection::vec(inner.clone(), 1..4)
            )
                .prop_map(|(f, v)| json!({ f: v })),
            (names(), inner.clone(), inner)
                .prop_map(|(n, a, b)| json!({ n: a, "Fn::Transform": b })),
        ]
    })
}

prop_compose! {
    fn template()(
        values in prop::collection::vec(tree(), 9),
        kinds in prop::collection::vec(prop::sample::select(vec![
            "AWS::S3::Bucket", "AWS::CloudFormation::Stack", "AWS::Serverless::Function", "AWS::Serverless::Api",
            "AWS::Serverless::HttpApi", "AWS::Serverless::StateMachine",
        ]), 3),
        transform in prop::sample::select(vec!["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "Mine"]),
        allowed in prop::option::of(prop::collection::vec(words(), 0..4)),
    ) -> Json {
        let [a, b, c, d, e, f, g, h, i] = <[Json; 9]>::try_from(values).expect("nine were asked for");
        json!({
            "Transform": transform,
            "Globals": {"Function": g},
            "Parameters": {"P": {"Type": "String", "AllowedValues": allowed}, "Q": {"Type": "List<String>", "Default": "x,y"}, "N": h},
            "Mappings": {"A": {"x": {"y": "z"}}},
            "Conditions": {"A": a, "B": {"Fn::Equals": [{"Ref": "P"}, b.clone()]}},
            "Resources": {
                "A": {"Type": kinds[0], "Condition": "A", "Properties": b},
                "B": {"Type": kinds[1], "Properties": {"V": c, "Parameters": {"P": {"Ref": "P"}, "Q": i}}},
                "N": {"Type": kinds[2], "Properties": d},
            },
            "Outputs": {"A": {"Value": e, "Export": {"Name": f}}},
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resolving_ends_and_is_deterministic(parent in template(), child in template()) {
        let go = || {
            let resolved = run(vec![
                stack("Parent", &parent.to_string()),
                nested("Parent/B", 0, "B", &child.to_string()),
                stack("Other", &child.to_string()),
            ]);
            let variants: Vec<String> = resolved
                .inventory
                .resources()
                .iter()
                .map(|r| format!("{} {:?} {:?}", r.name, r.kind, r.variants))
                .collect();
            (variants, format!("{:?}", resolved.problems))
        };
        let first = go();
        prop_assert!(first.0.iter().all(|text| !text.contains("\\0P\\0") && !text.contains("Parameter(\"\\0")), "a mark got out");
        prop_assert_eq!(first, go());
    }
}
