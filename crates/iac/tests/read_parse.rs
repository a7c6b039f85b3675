//! The parser alone: trees, places, directives, and errors that name their place.

use lockfast_facts::{Loc, Pos, SourceId};
use lockfast_iac::{Node, NodeKind, ParseError, Parsed, parse};

fn tree(text: &str) -> Parsed {
    parse(text, SourceId(0)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn error(text: &str) -> ParseError {
    match parse(text, SourceId(0)) {
        Ok(parsed) => panic!("parsed: {}\n{text}", show(&parsed.root)),
        Err(error) => error,
    }
}

fn failure(text: &str) -> (u32, u32, String) {
    let ParseError { at, message } = error(text);
    (at.line, at.column, message)
}

/// A tree as compact text; numbers bare, strings in quotes.
fn show(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".into(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Number(value) => value.to_string(),
        NodeKind::String(value) => format!("{value:?}"),
        NodeKind::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
        }
        NodeKind::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|e| format!("{:?}:{}", &*e.key, show(&e.value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn shown(text: &str) -> String {
    show(&tree(text).root)
}

/// The text a place covers; the places are in lines and columns, so this checks both ends.
fn at(text: &str, loc: Loc) -> String {
    let byte = |pos: Pos| {
        let line_start = text
            .split_inclusive('\n')
            .take(pos.line as usize - 1)
            .map(str::len)
            .sum::<usize>();
        let line = &text[line_start..];
        line_start
            + line
                .char_indices()
                .nth(pos.column as usize - 1)
                .map_or(line.len(), |(at, _)| at)
    };
    text[byte(loc.start)..byte(loc.end)].to_owned()
}

fn get<'n>(node: &'n Node, path: &str) -> &'n Node {
    path.split('.')
        .fold(node, |node, name| match name.parse::<usize>() {
            Ok(index) => &node.items()[index],
            Err(_) => node
                .get(name)
                .unwrap_or_else(|| panic!("no {name} in {}", show(node))),
        })
}

fn value_at(text: &str, path: &str) -> String {
    at(text, get(&tree(text).root, path).loc)
}

fn name_at(text: &str, parent: &str, name: &str) -> String {
    let parsed = tree(text);
    let parent = if parent.is_empty() {
        &parsed.root
    } else {
        get(&parsed.root, parent)
    };
    at(text, parent.entry(name).expect("the name is there").key_loc)
}

#[test]
fn json_names_and_values_have_exact_places() {
    let text = "{\n  \"é\": {\"b\\n\": [1.50, \"ü\", true]},\r\n\t\"z\": null, \"k\": -2e+3 }\n";
    assert_eq!(
        shown(text),
        r#"{"é":{"b\n":[1.50,"ü",true]},"z":null,"k":-2e+3}"#
    );
    assert_eq!(name_at(text, "", "é"), "\"é\"");
    assert_eq!(value_at(text, "é.b\n"), "[1.50, \"ü\", true]");
    assert_eq!(value_at(text, "é.b\n.1"), "\"ü\"");
    assert_eq!(value_at(text, "é.b\n.2"), "true");
    assert_eq!(name_at(text, "", "k"), "\"k\"");
    assert_eq!(value_at(text, "k"), "-2e+3");
    assert_eq!(tree(text).root.loc.start, Pos { line: 1, column: 1 });
    assert_eq!(
        get(&tree(text).root, "z").loc.start,
        Pos { line: 3, column: 7 }
    );
}

#[test]
fn json_escapes_are_resolved() {
    assert_eq!(
        shown(r#"["\u0041\ud83d\ude00\/\"\\\b\f\r\t"]"#),
        format!("[{:?}]", "A😀/\"\\\u{8}\u{c}\r\t")
    );
    assert_eq!(shown(r#"["\ud83d x"]"#), "[\"\u{fffd} x\"]");
}

#[test]
fn broken_json_is_told_where() {
    for (text, line, column, message) in [
        ("{\"a\": 1,\n \"b\": }", 2, 7, "expected a value"),
        (
            "{\"a\": 1,\n \"b\": [1, 2",
            2,
            12,
            "expected `,` or `]`, but the file ends here",
        ),
        (
            "{\"a\": \"x",
            1,
            9,
            "expected the string's closing quote, but the file ends here",
        ),
        (
            "{\"a\": \"x\\",
            1,
            10,
            "expected the string's closing quote, but the file ends here",
        ),
        ("{\"a\": \"é\nx\"}", 1, 9, "a line break inside a string"),
        (
            "{\"a\": \"é\\q\"}",
            1,
            9,
            "an escape sequence that JSON does not know",
        ),
        (
            "{\"a\": \"\\u00é\"}",
            1,
            8,
            "an escape sequence that JSON does not know",
        ),
        ("{\"a\": 1,}", 1, 9, "expected a name in double quotes"),
        ("{\"a\" 1}", 1, 6, "expected `:` after the name"),
        ("{\"a\": 012}", 1, 8, "not a number as JSON writes it"),
        ("{\"a\": -}", 1, 8, "expected a digit"),
        ("{\"a\": 1.}", 1, 9, "expected a digit"),
        ("{\"a\": 1} x", 1, 10, "expected the end of the file"),
        (
            "{\"é\": 1, \"b\": 2,\n\"é\": 3}",
            2,
            1,
            "the name \"é\" stands twice; first on line 1, column 2",
        ),
        (
            "{",
            1,
            2,
            "expected a name in double quotes, but the file ends here",
        ),
        ("", 1, 1, ""),
    ] {
        if text.is_empty() {
            assert_eq!(shown(text), "null");
            continue;
        }
        assert_eq!(failure(text), (line, column, message.to_owned()), "{text}");
    }
}

#[test]
fn a_large_object_finds_its_duplicate_too() {
    let mut names: Vec<String> = (0..50).map(|i| format!("\"n{i}\": {i}")).collect();
    names.push("\"n7\": 0".into());
    assert!(
        failure(&format!("{{{}}}", names.join(",")))
            .2
            .starts_with("the name \"n7\" stands twice; first on line 1, column 58")
    );
    let yaml: Vec<String> = names.iter().map(|line| line.replace('"', "")).collect();
    assert_eq!(
        failure(&yaml.join("\n")),
        (
            51,
            1,
            "the name \"n7\" stands twice; first on line 8, column 1".into()
        )
    );
}

#[test]
fn short_intrinsics_become_long_ones() {
    for (short, long) in [
        ("!Ref A", r#"{"Ref":"A"}"#),
        ("!Condition A", r#"{"Condition":"A"}"#),
        ("!GetAtt A.B", r#"{"Fn::GetAtt":["A","B"]}"#),
        ("!GetAtt A.Outputs.B", r#"{"Fn::GetAtt":["A","Outputs.B"]}"#),
        ("!GetAtt [A, B]", r#"{"Fn::GetAtt":["A","B"]}"#),
        ("!GetAtt [A, !Ref B]", r#"{"Fn::GetAtt":["A",{"Ref":"B"}]}"#),
        ("!Sub '${A}'", r#"{"Fn::Sub":"${A}"}"#),
        ("!Join [',', [a, 1]]", r#"{"Fn::Join":[",",["a",1]]}"#),
        (
            "!If [A, !Ref B, !Ref 'AWS::NoValue']",
            r#"{"Fn::If":["A",{"Ref":"B"},{"Ref":"AWS::NoValue"}]}"#,
        ),
        (
            "!Transform {Name: AWS::Include}",
            r#"{"Fn::Transform":{"Name":"AWS::Include"}}"#,
        ),
        (
            "!Select [0, !GetAZs '']",
            r#"{"Fn::Select":[0,{"Fn::GetAZs":""}]}"#,
        ),
        ("!Length [a]", r#"{"Fn::Length":["a"]}"#),
        ("!ToJsonString {a: b}", r#"{"Fn::ToJsonString":{"a":"b"}}"#),
        (
            "!GetStackOutput {StackName: s}",
            r#"{"Fn::GetStackOutput":{"StackName":"s"}}"#,
        ),
        ("!Rain::Module ./m.yaml", r#"{"!Rain::Module":"./m.yaml"}"#),
        ("!Rain::Embed", r#"{"!Rain::Embed":""}"#),
        ("!<!Ref> A", r#"{"Ref":"A"}"#),
        ("! 5", r#""5""#),
        ("!!str 5", r#""5""#),
        ("!!int '5'", "5"),
        ("!!bool 'true'", "true"),
        ("!!map {a: 1}", r#"{"a":1}"#),
        ("!<tag:yaml.org,2002:str> true", r#""true""#),
        (
            "!Base64\n    Fn::Sub: |\n      x",
            r#"{"Fn::Base64":{"Fn::Sub":"x\n"}}"#,
        ),
    ] {
        assert_eq!(
            shown(&format!("v:\n  {short}\n")),
            format!("{{\"v\":{long}}}"),
            "{short}"
        );
    }
}

#[test]
fn yaml_scalars_are_read_as_cloudformation_does() {
    for (plain, value) in [
        ("true", "true"),
        ("False", "false"),
        ("yes", "true"),
        ("OFF", "false"),
        ("on", "true"),
        ("y", "\"y\""),
        ("n", "\"n\""),
        ("'yes'", "\"yes\""),
        ("2010-09-09", "\"2010-09-09\""),
        ("012345678901", "012345678901"),
        ("10.0.0.0/16", "\"10.0.0.0/16\""),
        ("1.5", "1.5"),
        ("1.2.3", "\"1.2.3\""),
        ("~", "null"),
        ("", "null"),
        ("''", "\"\""),
        ("\"a\\tb\"", "\"a\\tb\""),
        ("a b#c", "\"a b#c\""),
    ] {
        assert_eq!(
            shown(&format!("k: {plain}\n")),
            format!("{{\"k\":{value}}}"),
            "{plain}"
        );
    }
    // Names stay as written, whatever they look like.
    assert_eq!(
        shown("On: 1\nyes: 2\n443: 3\ntrue: 4"),
        r#"{"On":1,"yes":2,"443":3,"true":4}"#
    );
}

#[test]
fn yaml_names_and_values_have_exact_places() {
    let text = concat!(
        "é: \"ü\"   # c\n",
        "k: {a: [1, 'it''s'], \"b\": !Ref  C}\n",
        "l:\n",
        "  - x: y\n",
        "    z: !GetAtt Key.Arn # d\n",
        "  - !If\n",
        "    - a\n",
        "    - &n \"q\\\"\" \n",
        "  # e\n",
        "s: !Sub |\n",
        "  one\n",
        "  two\n",
        "\n",
        "# f\n",
        "b: >-\n",
        "  three\n",
        "e: !Ref\n",
        "f: last\n",
    );
    assert_eq!(name_at(text, "", "é"), "é");
    assert_eq!(value_at(text, "é"), "\"ü\"");
    assert_eq!(value_at(text, "k"), "{a: [1, 'it''s'], \"b\": !Ref  C}");
    assert_eq!(value_at(text, "k.a.1"), "'it''s'");
    assert_eq!(name_at(text, "k", "b"), "\"b\"");
    assert_eq!(value_at(text, "k.b"), "!Ref  C");
    assert_eq!(name_at(text, "k.b", "Ref"), "!Ref");
    assert_eq!(value_at(text, "k.b.Ref"), "C");
    assert_eq!(value_at(text, "l.0"), "x: y\n    z: !GetAtt Key.Arn");
    assert_eq!(value_at(text, "l.0.z.Fn::GetAtt"), "Key.Arn");
    assert_eq!(value_at(text, "l.0.z.Fn::GetAtt.0"), "Key");
    assert_eq!(value_at(text, "l.0.z.Fn::GetAtt.1"), "Arn");
    assert_eq!(value_at(text, "l.1.Fn::If.1"), "\"q\\\"\"");
    assert_eq!(value_at(text, "l.1"), "!If\n    - a\n    - &n \"q\\\"\"");
    assert_eq!(value_at(text, "s"), "!Sub |\n  one\n  two");
    assert_eq!(value_at(text, "b"), "three");
    assert_eq!(value_at(text, "e"), "!Ref");
    assert_eq!(value_at(text, "f"), "last");
    assert_eq!(
        tree(text).root.loc.end,
        Pos {
            line: 18,
            column: 8
        }
    );
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let text = "a:\n  b: \"x\"\n  c: |\n    t\nd: [1,\n  2]\n";
    let crlf = text.replace('\n', "\r\n");
    let marked = format!("\u{feff}{text}");
    let places = |text: &str| {
        let root = tree(text).root;
        ["a.b", "d", "d.1", "a.c"].map(|path| {
            (
                get(&root, path).loc,
                show(get(&root, path)).replace("\\r", ""),
            )
        })
    };
    assert_eq!(places(&crlf), places(text));
    assert_eq!(places(&marked), places(text));
    let json = "{\"a\":\n [1,\n  {\"b\": 2}]}";
    assert_eq!(
        get(&tree(&json.replace('\n', "\r\n")).root, "a.1.b").loc,
        get(&tree(json).root, "a.1.b").loc
    );
    assert_eq!(shown("\u{feff}{\"a\": 1}"), "{\"a\":1}");
}

#[test]
fn flow_style_yaml_is_no_broken_json() {
    assert_eq!(shown("{a: b, c: [d]}"), r#"{"a":"b","c":["d"]}"#);
    assert_eq!(
        shown("{Resources: {A: {Type: x}}}"),
        r#"{"Resources":{"A":{"Type":"x"}}}"#
    );
}

#[test]
fn anchors_aliases_and_merges() {
    let text =
        "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 0\nw: *x\nv: {<<: *y}\n";
    assert_eq!(
        shown(text),
        r#"{"x":{"a":1,"b":2},"y":{"b":3,"c":4},"z":{"a":0,"b":2,"c":4},"w":{"a":1,"b":2},"v":{"b":3,"c":4}}"#
    );
    assert_eq!(
        failure("a: &a 1\nb: {<<: *a}").2,
        "`<<` merges objects only"
    );
    assert!(failure("a: &a [*a]").2.contains("alias"));
    assert!(failure("a: *nowhere").2.contains("anchor"));
}

#[test]
fn alias_bombs_are_bounded() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let below = vec![format!("*a{}", i - 1); 9].join(", ");
        text += &format!("a{i}: &a{i} [{below}]\n");
    }
    let (line, _, message) = failure(&text);
    assert!(
        (5..9).contains(&line) && message.contains("200000"),
        "{line}: {message}"
    );
    // Aliases that deepen the tree step by step are stopped by its depth.
    let mut text = format!("a0: &a0 {}x{}\n", "[".repeat(90), "]".repeat(90));
    for i in 1..5 {
        text += &format!(
            "a{i}: &a{i} {}*a{}{}\n",
            "[".repeat(90),
            i - 1,
            "]".repeat(90)
        );
    }
    assert!(failure(&text).2.starts_with("nested deeper than 200"));
    // So are anchors within anchors, each of which keeps a copy of all the others.
    let items = "x, ".repeat(5000);
    let text = (0..100).fold(String::new(), |text, i| format!("{text}[&b{i} "))
        + "["
        + &items
        + "]"
        + &"]".repeat(100);
    assert!(
        failure(&format!("a: {text}"))
            .2
            .starts_with("anchors name more than")
    );
}

#[test]
fn deep_nesting_is_refused_where_it_becomes_too_deep() {
    let deep = 10_000;
    for text in [
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("{}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a: {}", "[".repeat(deep)),
        format!("a: {}", "{b: ".repeat(deep)),
        (0..2_000).fold(String::new(), |text, i| text + &" ".repeat(i) + "a:\n"),
        "- ".repeat(deep),
        "? ".repeat(deep),
        format!("a: {}", "!Ref [".repeat(deep)),
    ] {
        let (_, _, message) = failure(&text);
        assert!(
            message.starts_with("nested deeper than 200")
                || message == "a name must be a string"
                || message.contains("recursion"),
            "{}…: {message}",
            &text[..20]
        );
    }
    assert_eq!(failure(&"[".repeat(deep)).1, 202);
    let fits = format!("{}1{}", "[".repeat(199), "]".repeat(199));
    assert_eq!(shown(&fits), fits);
}

#[test]
fn broken_yaml_is_told_where() {
    for (text, line, message) in [
        (
            "a: 1\na: 2\n",
            2,
            "the name \"a\" stands twice; first on line 1, column 1",
        ),
        (
            "a:\n  b: 1\n  'b': 2\n",
            3,
            "the name \"b\" stands twice; first on line 2, column 3",
        ),
        (
            "a: 1\n---\nb: 2\n",
            2,
            "a second YAML document; a template is one",
        ),
        ("? [a]\n: b\n", 1, "a name must be a string"),
        ("a: [1, 2\nb: 3\n", 2, ""),
        ("a: \"x\n", 1, ""),
        ("a: b: c\n", 1, ""),
        ("a:\n\t- b\n", 2, ""),
    ] {
        let found = failure(text);
        assert_eq!(found.0, line, "{text}: {found:?}");
        assert!(found.2.contains(message), "{text}: {found:?}");
    }
}

#[test]
fn directives_are_comments_and_nothing_else() {
    let text = concat!(
        "# lockfast: first\n",
        "a: \"# lockfast: no\" #lockfast: second \"x\"\n",
        "b: |\n",
        "  # lockfast: no\n",
        "  text # lockfast: no\n",
        "# lockfast: third\n",
        "c: !Sub | # lockfast: fourth\n",
        "  # lockfast: no\n",
        "\n",
        "  more\n",
        "  ##   lockfast:   fifth  \n",
        "d: 'it''s # lockfast: no'   # lockfast: sixth\n",
        "e: plain#lockfast:no\n",
        "é: ü # lockfast: seventh # lockfast: of it\n",
        "f: \"two\n",
        "  # lockfast: no\n",
        "  lines\" # see lockfast: docs\n",
        "g: [a, # lockfast: eighth\n",
        "  b]\n",
        "h: &x !Ref \"# lockfast: no\" # lockfast: ninth\n",
    );
    let found = |text: &str| -> Vec<(String, u32, u32)> {
        tree(text)
            .directives
            .iter()
            .map(|d| (d.text.clone(), d.loc.start.line, d.loc.start.column))
            .collect()
    };
    let expected: Vec<(String, u32, u32)> = [
        ("first", 1, 1),
        ("second \"x\"", 2, 21),
        ("third", 6, 1),
        ("fourth", 7, 11),
        ("sixth", 12, 29),
        ("seventh # lockfast: of it", 14, 6),
        ("eighth", 18, 8),
        ("ninth", 20, 29),
    ]
    .map(|(text, line, column)| (text.to_owned(), line, column))
    .into();
    assert_eq!(found(text), expected);
    assert_eq!(found(&text.replace('\n', "\r\n")), expected);
    let directive = tree(text).directives.remove(1);
    assert_eq!(at(text, directive.loc), "#lockfast: second \"x\"");
}

#[test]
fn brackets_and_quotes_may_close_at_the_indentation_of_their_name() {
    let text = concat!(
        "r:\n",
        "  k: [\n",
        "    \"a\", # lockfast: in\n",
        "  b, {\n",
        "  c: 'd\n",
        "e'\n",
        "}\n",
        "  ] # lockfast: out\n",
        "  l:\n",
        "  - m: {\n",
        "  n: !Ref o\n",
        "  }\n",
        "  p: \"q\n",
        "  s\"\n",
        "z: 1\n",
    );
    assert_eq!(
        shown(text),
        r#"{"r":{"k":["a","b",{"c":"d e"}],"l":[{"m":{"n":{"Ref":"o"}}}],"p":"q s"},"z":1}"#
    );
    assert_eq!(value_at(text, "r.k.0"), "\"a\"");
    assert_eq!(value_at(text, "r.k.1"), "b");
    assert_eq!(value_at(text, "r.k.2.c"), "'d\ne'");
    assert_eq!(value_at(text, "r.l.0.m.n"), "!Ref o");
    assert_eq!(value_at(text, "r.p"), "\"q\n  s\"");
    assert_eq!(name_at(text, "", "z"), "z");
    let places: Vec<(u32, u32)> = tree(text)
        .directives
        .iter()
        .map(|d| (d.loc.start.line, d.loc.start.column))
        .collect();
    assert_eq!(places, [(3, 10), (8, 5)]);
    // What is broken otherwise stays broken, at its own place.
    let (line, ..) = failure("a:\n  b: [\n  c\n  ]\nd: e: f\n");
    assert_eq!(line, 5);
    failure("a:\n  b: [\n  c\nd: 1\n");
}
