//! Stacks from text, and short questions about what they come to.
#![allow(dead_code)]

use lockfast_facts::{
    Kind, Part, Place, Read, Resource, Source, SourceId, Text, Value, Variant, Why,
};
use lockfast_iac::{Resolved, Template, parse, resolve};
use std::collections::HashMap;
use std::sync::Arc;

thread_local! {
    static RESOLVED_NAMES: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

pub struct Stack {
    pub name: String,
    pub text: String,
    pub place: Place,
    pub parent: Option<(usize, Arc<str>)>,
    pub parameters: HashMap<String, String>,
}

pub fn stack(name: &str, text: &str) -> Stack {
    Stack {
        name: name.into(),
        text: text.into(),
        place: Place::default(),
        parent: None,
        parameters: HashMap::new(),
    }
}

pub fn nested(name: &str, parent: usize, resource: &str, text: &str) -> Stack {
    Stack {
        parent: Some((parent, resource.into())),
        ..stack(name, text)
    }
}

pub fn place(account: &str, region: &str) -> Place {
    Place {
        account: Some(account.into()),
        region: Some(region.into()),
    }
}

pub fn one(text: &str) -> Resolved {
    run(vec![stack("s.yaml", text)])
}

pub fn run(stacks: Vec<Stack>) -> Resolved {
    let mut sources = Vec::new();
    let mut templates = Vec::new();
    for stack in stacks {
        let source = SourceId(sources.len() as u32);
        let parsed = parse(&stack.text, source).unwrap_or_else(|e| panic!("{e}\n{}", stack.text));
        let path = if stack.name.contains('.') {
            stack.name.clone()
        } else {
            format!("{}.template.json", stack.name)
        };
        sources.push(Source::File {
            path,
            text: stack.text.into(),
        });
        templates.push(Template {
            stack_name: stack.name.clone(),
            stack_path: stack.name,
            place: stack.place,
            source,
            root: Arc::new(parsed.root),
            parent: stack.parent,
            tags: Vec::new(),
            parameters: stack.parameters,
            creation_sites: Arc::default(),
            construct_paths: Arc::default(),
            directives: parsed.directives,
        });
    }
    let resolved = resolve(sources, templates);
    let names = resolved
        .inventory
        .resources()
        .iter()
        .map(|r| r.name.to_string())
        .collect();
    RESOLVED_NAMES.with(|cell| *cell.borrow_mut() = names);
    resolved
}

pub fn resource<'r>(resolved: &'r Resolved, name: &str) -> &'r Resource {
    resolved
        .inventory
        .resources()
        .iter()
        .find(|r| &*r.name == name)
        .unwrap_or_else(|| panic!("no resource {name}"))
}

pub fn value<'r>(resource: &'r Resource, path: &str) -> &'r Value {
    match resource.at(path) {
        Read::Found(value, _) => value,
        other => panic!("{path}: {other:?}"),
    }
}

/// A value as text: `<Name.Attribute>` for references, `<?>` for what is unknown, `-` when absent.
pub fn shown(resource: &Resource, path: &str) -> String {
    show(resource.at(path))
}

fn show(read: Read<&Value>) -> String {
    match read.text() {
        Read::Found(text, _) => render(&text),
        Read::Absent(_) => "-".into(),
        Read::Unknown(..) => "<?>".into(),
    }
}

fn render(text: &Text) -> String {
    RESOLVED_NAMES.with(|names| {
        text.render(|part| match part {
            Part::Reference(r) => {
                let name = &names.borrow()[r.target.0 as usize];
                match &r.attribute {
                    Some(attribute) => format!("<{name}.{attribute}>"),
                    None => format!("<{name}>"),
                }
            }
            _ => "<?>".into(),
        })
    })
}

pub fn text(resolved: &Resolved, name: &str, path: &str) -> String {
    shown(resource(resolved, name), path)
}

/// Why a value is unknown.
pub fn why(resolved: &Resolved, name: &str, path: &str) -> Why {
    match resource(resolved, name).at(path) {
        Read::Unknown(why, _) => (*why).clone(),
        Read::Found(
            Value {
                kind: Kind::Text(text),
                ..
            },
            _,
        ) => match text.first_unknown() {
            Some(why) => (**why).clone(),
            None => panic!("{path} is known: {text:?}"),
        },
        other => panic!("{path}: {other:?}"),
    }
}

/// `(guard, value)` of each variant, sorted.
pub fn cases(resolved: &Resolved, name: &str, path: &str) -> Vec<(&'static str, &'static str)> {
    let case = |variant: &Variant| -> (&'static str, &'static str) {
        (
            variant.when.to_string().leak(),
            show(variant.at(path)).leak(),
        )
    };
    let mut cases: Vec<_> = resource(resolved, name).variants.iter().map(case).collect();
    cases.sort_unstable();
    cases
}
