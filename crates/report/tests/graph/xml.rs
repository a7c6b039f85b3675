//! A strict reader of the part of XML 1.0 that a picture needs: whatever is not plainly well-formed fails a test.

/// An element: name, attributes, text within.
#[derive(Debug, Clone, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
}

impl Element {
    pub fn get(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn number(&self, name: &str) -> i64 {
        self.get(name).parse().expect("a whole number")
    }
}

/// All elements, in the order in which they begin.
pub fn elements(document: &str) -> Vec<Element> {
    assert!(
        document.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)),
        "a character that XML forbids"
    );
    let mut all: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        let (text, after) = (&rest[..at], &rest[at + 1..]);
        match open.last() {
            Some(element) => all[*element].text.push_str(&resolved(text)),
            None => assert_eq!(text.trim(), "", "text outside of the root"),
        }
        let end = after.find('>').expect("a tag that ends");
        let tag = &after[..end];
        rest = &after[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().expect("an element that is open");
            assert_eq!(all[element].name, name);
            continue;
        }
        assert!(
            !tag.starts_with(['!', '?']),
            "only elements are expected: {tag}"
        );
        assert!(all.is_empty() || !open.is_empty(), "a second root");
        let (tag, empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        if !empty {
            open.push(all.len());
        }
        all.push(element(tag));
    }
    assert_eq!(rest.trim(), "");
    assert!(open.is_empty(), "elements left open");
    all
}

fn element(tag: &str) -> Element {
    let name_end = tag.find(' ').unwrap_or(tag.len());
    let name = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
        assert!(
            !text.is_empty() && text.chars().all(good),
            "no name: {text}"
        );
        text.to_owned()
    };
    let mut element = Element {
        name: name(&tag[..name_end]),
        ..Element::default()
    };
    let mut rest = tag[name_end..].trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"").expect("an attribute");
        let (value, after) = after.split_once('"').expect("a value that ends");
        let key = name(key);
        assert!(
            !element.attributes.iter().any(|(other, _)| *other == key),
            "twice: {key}"
        );
        element.attributes.push((key, resolved(value)));
        assert!(
            after.is_empty() || after.starts_with(' '),
            "no space: {after}"
        );
        rest = after.trim_start();
    }
    element
}

fn resolved(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..].split_once(';').expect("an entity that ends");
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("an entity nobody declared: {other}"),
        });
        rest = after;
    }
    assert!(
        !text.contains("]]>"),
        "the end of a section that never began"
    );
    out + rest
}
