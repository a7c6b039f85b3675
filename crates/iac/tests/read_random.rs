//! Any tree printed as JSON reads back the same, through the JSON reader and the YAML one alike;
//! any bytes end in a tree or an error.

use lockfast_facts::SourceId;
use lockfast_iac::{Node, NodeKind, parse};
use proptest::prelude::*;
use serde_json::Value;

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-zA-Z0-9:_. -]{0,12}",
        "[ -~éü😀\\n\\t\\\\\"'#{}\\[\\]!&*]{0,8}",
        Just("true".to_owned()),
        Just("012".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn back(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => Value::from(*value),
        NodeKind::Number(written) => written.parse::<i64>().map_or(Value::Null, Value::from),
        NodeKind::String(text) => Value::from(&**text),
        NodeKind::List(items) => items.iter().map(back).collect(),
        NodeKind::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|e| (e.key.to_string(), back(&e.value)))
                .collect(),
        ),
    }
}

/// Places lie inside the text, in order, children within their parents.
fn check_places(node: &Node, lines: u32) -> Result<(), TestCaseError> {
    prop_assert!(node.loc.start <= node.loc.end && node.loc.end.line <= lines + 1);
    for child in node
        .items()
        .iter()
        .chain(node.entries().iter().map(|e| &e.value))
    {
        prop_assert!(
            node.loc.start <= child.loc.start && child.loc.end <= node.loc.end,
            "{node:?}"
        );
        check_places(child, lines)?;
    }
    for entry in node.entries() {
        prop_assert!(
            entry.key_loc.start < entry.key_loc.end && entry.key_loc.end <= entry.value.loc.end
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_and_yaml_read_the_same_tree(value in value()) {
        let json = serde_json::to_string_pretty(&value).unwrap();
        let compact = value.to_string();
        // Under a YAML name the same text goes through the YAML reader, in flow style.
        let yaml = format!("root: {}\n", json.replace('\n', "\n  "));
        for (text, in_yaml) in [(&json, false), (&compact, false), (&yaml, true)] {
            let parsed = parse(text, SourceId(0));
            let root = match parsed {
                Ok(parsed) => parsed.root,
                Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
            };
            check_places(&root, text.lines().count() as u32)?;
            let found = if in_yaml { back(root.get("root").unwrap()) } else { back(&root) };
            prop_assert_eq!(&found, &value, "{}", text);
        }
    }

    #[test]
    fn any_bytes_end_in_a_tree_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&String::from_utf8_lossy(&bytes), SourceId(0)).ok();
    }

    #[test]
    fn any_mix_of_tokens_ends_in_a_tree_or_an_error(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "\"", "'", "- ", "? ", "\n", "\n  ", "\r\n", " ", "a", "é", "!Ref ", "!GetAtt A.B",
                "&a ", "*a", "<<: ", "|", ">-", "# lockfast: x", "%TAG ! !", "---", "...", "\t", "\\", "1", "\u{feff}", "\0", "\u{85}", "\r",
            ]),
            0..40,
        )
    ) {
        let text: String = tokens.concat();
        if let Ok(parsed) = parse(&text, SourceId(0)) {
            for directive in parsed.directives {
                prop_assert!(directive.loc.start < directive.loc.end);
            }
        }
    }
}
