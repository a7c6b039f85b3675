//! What a cloud assembly's metadata says of constructs: their logical ids, their nested
//! templates, and where in the user's source they were made.

use crate::nesting::clean;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) type Names = HashMap<Arc<str>, Arc<str>>;

/// What the metadata of a stack comes to.
#[derive(Default)]
pub(super) struct Places {
    /// Creation sites by construct path.
    pub sites: Names,
    /// Construct paths by logical id, of the stack's own resources.
    pub paths: Names,
    /// The same for each nested template, by file name.
    pub nested: BTreeMap<Arc<str>, Names>,
    /// True when it says which construct has which template.
    pub names_templates: bool,
    /// Stack tags, which older assemblies keep here.
    pub tags: Vec<(String, String)>,
    ids: Vec<(Arc<str>, Arc<str>)>,
    /// Construct paths of nested stacks, with the template's file when it is said.
    scopes: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

impl Places {
    /// Logical ids are unique within a template only, and nested templates share the file: sorts
    /// them by the nearest nested stack above each construct.
    pub(super) fn finish(&mut self) {
        for (path, id) in std::mem::take(&mut self.ids) {
            let mut above = &*path;
            let scope = loop {
                match above.rsplit_once('/') {
                    None => break None,
                    Some((parent, _)) => above = parent,
                }
                if let Some(file) = self.scopes.get(above) {
                    break Some(file);
                }
            };
            match scope {
                None => self.paths.insert(id, path),
                Some(Some(file)) => self
                    .nested
                    .entry(file.clone())
                    .or_default()
                    .insert(id, path),
                // Older assemblies do not say the file; their templates hold the path themselves.
                Some(None) => None,
            };
        }
    }
}

/// A metadata file: entries by construct path.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Metadata<'a>(#[serde(borrow)] BTreeMap<Text<'a>, Vec<MetadataEntry<'a>>>);

#[derive(Deserialize)]
struct MetadataEntry<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow, default)]
    data: Data<'a>,
    #[serde(borrow, default)]
    trace: Data<'a>,
}

impl Metadata<'_> {
    pub(super) fn collect(&self, frames: &Frames, places: &mut Places) {
        for (path, entries) in &self.0 {
            let path: Arc<str> = path.0.trim_start_matches('/').into();
            // `Data/Orders.NestedStack/Orders.NestedStackResource` nests what `Data/Orders` holds.
            if let Some(scope) = path
                .rsplit_once('/')
                .and_then(|(parent, _)| parent.strip_suffix(".NestedStack"))
            {
                places.scopes.entry(scope.into()).or_default();
            }
            let (mut made, mut traced) = (None, None);
            for entry in entries {
                match (&*entry.r#type.0, &entry.data) {
                    ("aws:cdk:creationStack", stack) => made = made.or_else(|| frames.first(stack)),
                    ("aws:cdk:logicalId", Data::Text(id)) => {
                        places.ids.push((path.clone(), Arc::from(&**id)));
                        traced = frames.first(&entry.trace);
                    }
                    ("aws:cdk:templateFile", Data::Text(file)) => {
                        let file: Arc<str> = Arc::from(&**file);
                        places.names_templates = true;
                        places.nested.entry(file.clone()).or_default();
                        places.scopes.insert(path.clone(), Some(file));
                    }
                    ("aws:cdk:stack-tags", Data::List(tags)) => {
                        places.tags.extend(tags.iter().filter_map(Data::tag))
                    }
                    _ => {}
                }
            }
            if let Some(site) = made.or(traced) {
                places.sites.insert(path, site);
            }
        }
    }
}

/// The user's own source among stack frames.
pub(super) struct Frames {
    here: PathBuf,
    /// The folder of the app as the user gave it, and where that is.
    app: PathBuf,
    app_is: Option<PathBuf>,
}

impl Frames {
    /// For an app in a folder: that of its `cdk.out`.
    pub(super) fn of_app(app: &Path) -> Self {
        let app_or_here = if app.as_os_str().is_empty() {
            Path::new(".")
        } else {
            app
        };
        Frames {
            here: std::env::current_dir().unwrap_or_default(),
            app: app.to_owned(),
            app_is: app_or_here.canonicalize().ok(),
        }
    }

    fn first(&self, stack: &Data<'_>) -> Option<Arc<str>> {
        let Data::List(frames) = stack else {
            return None;
        };
        frames.iter().find_map(|frame| match frame {
            Data::Text(frame) => self.site(frame),
            _ => None,
        })
    }

    /// `file:line:column` of a stack frame in the user's own code: `new Shop (/app/lib/shop.ts:12:5)`.
    fn site(&self, frame: &str) -> Option<Arc<str>> {
        if frame.starts_with("...") || frame.contains("node_modules") || frame.contains("node:") {
            return None;
        }
        let place = match frame.rsplit_once('(') {
            Some((_, rest)) => rest.strip_suffix(')')?,
            None => frame.trim().trim_start_matches("at "),
        };
        let mut numbers = place.rsplitn(3, ':');
        let (column, line, file) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        // `Array.forEach (:)` and `<anonymous>` have no file.
        if !is_number(column) || !is_number(line) || file.is_empty() || file.starts_with('<') {
            return None;
        }
        Some(
            format!(
                "{}:{line}:{column}",
                self.nearer(file.strip_prefix("file://").unwrap_or(file))
            )
            .into(),
        )
    }

    /// A file as seen from the working folder, when it lies there or in the app. A relative one is
    /// relative to the app.
    fn nearer(&self, file: &str) -> String {
        let path = Path::new(file);
        if path.is_relative() {
            return clean(&self.app.join(path));
        }
        if let Ok(below) = path.strip_prefix(&self.here) {
            return clean(below);
        }
        match self
            .app_is
            .as_ref()
            .and_then(|app| path.strip_prefix(app).ok())
        {
            Some(below) => clean(&self.app.join(below)),
            None => clean(path),
        }
    }
}

/// A string, borrowed from the file when nothing in it is escaped.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Data::deserialize(deserializer)? {
            Data::Text(text) => Ok(Text(text)),
            _ => Err(serde::de::Error::custom("expected a string")),
        }
    }
}

/// What an entry says. Of objects only texts are kept.
#[derive(Default)]
enum Data<'a> {
    Text(Cow<'a, str>),
    List(Vec<Data<'a>>),
    Object(Vec<(Text<'a>, Data<'a>)>),
    #[default]
    Other,
}

impl Data<'_> {
    fn tag(&self) -> Option<(String, String)> {
        let Data::Object(entries) = self else {
            return None;
        };
        let text = |name: &str| {
            entries.iter().find_map(|(key, value)| match value {
                Data::Text(text) if key.0.eq_ignore_ascii_case(name) => {
                    Some(text.clone().into_owned())
                }
                _ => None,
            })
        };
        Some((text("key")?, text("value")?))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Data::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Data::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<Text<'de>>()? {
            match key.0.len() {
                // `key` and `value` of tags are all that anyone asks for.
                0..=5 => object.push((key, entries.next_value()?)),
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Data::Object(object))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Data::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Frames {
        Frames {
            here: "/home".into(),
            app: "app".into(),
            app_is: Some("/mnt/app".into()),
        }
    }

    #[test]
    fn frames_of_user_code_are_told_from_others() {
        let site = |frame: &str| frames().site(frame).map(|site| site.to_string());
        let at = |place: &str| Some(place.to_owned());
        assert_eq!(
            site("new DataStack (/home/lib/data.ts:41:20)"),
            at("lib/data.ts:41:20")
        );
        assert_eq!(
            site("new DataStack (/mnt/app/lib/data.ts:41:20)"),
            at("app/lib/data.ts:41:20")
        );
        assert_eq!(
            site("new DataStack (/ci/lib/data.ts:41:20)"),
            at("/ci/lib/data.ts:41:20")
        );
        assert_eq!(
            site("new DataStack (lib/data.ts:41:20)"),
            at("app/lib/data.ts:41:20")
        );
        assert_eq!(site("file:///home/bin/app.mjs:3:1"), at("bin/app.mjs:3:1"));
        for other in [
            "...new Bucket2 in aws-cdk-lib...",
            "(no user code in 10 frames, use --stack-trace-limit to capture more)",
            "Array.forEach (:)",
            "Object.<anonymous> (<anonymous>:1:2)",
            "new Bucket (/home/node_modules/aws-cdk-lib/aws-s3/lib/bucket.js:1:2)",
            "Module._compile (node:internal/modules/cjs/loader:1:2)",
            "Execute again with CDK_DEBUG=true to capture stack traces",
        ] {
            assert_eq!(site(other), None, "{other}");
        }
    }

    #[test]
    fn logical_ids_of_nested_stacks_are_theirs() {
        let text = r#"{
            "/S/Q": [{"type": "aws:cdk:logicalId", "data": "Q"}],
            "/S/N": [{"type": "aws:cdk:templateFile", "data": "N.nested.template.json"}],
            "/S/N/Q": [{"type": "aws:cdk:logicalId", "data": "Q"}, {"type": "x", "data": {"any": [1, null, true, 1.5]}}],
            "/S/Old.NestedStack/Old.NestedStackResource": [{"type": "aws:cdk:logicalId", "data": "Old"}],
            "/S/Old/Q": [{"type": "aws:cdk:logicalId", "data": "Q", "trace": ["f (/home/a.ts:1:2)"]}]
        }"#;
        let mut places = Places::default();
        serde_json::from_str::<Metadata>(text)
            .unwrap()
            .collect(&frames(), &mut places);
        places.finish();
        assert_eq!(&*places.paths["Q"], "S/Q");
        assert_eq!(
            &*places.paths["Old"],
            "S/Old.NestedStack/Old.NestedStackResource"
        );
        assert_eq!(&*places.nested["N.nested.template.json"]["Q"], "S/N/Q");
        assert_eq!(&*places.sites["S/Old/Q"], "a.ts:1:2");
    }
}
