//! The form in which rules/schemas/ states what objects look like, and the JSON Schema that a statement means.
//!
//! rules/schemas/README.md explains the form. It is ours, so a statement that cannot be read is a bug, not a diagnostic.

use std::collections::BTreeMap;

use serde_json::{Map as JsonMap, Value as Json, json};
use wob_engine::{Map, Value, yaml};

use super::{KubernetesVersion, expression, nullable, schema::Nulls};

/// What one file of rules/schemas/ states.
#[derive(Debug)]
pub(super) struct Stated {
    /// What `apiVersion` and `kind` say, and the structure behind both; each name may have several, of other versions.
    pub(super) kinds: Vec<StatedKind>,
    /// Files that are known by their names: `fleet.yaml`.
    pub(super) files: Map,
    types: Map,
    /// `nulls`: what a field that is null is.
    pub(super) nulls: Nulls,
}

/// A kind of object in some versions of Kubernetes.
#[derive(Debug)]
pub(super) struct StatedKind {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) versions: Versions,
    structure: Value,
}

/// The versions of Kubernetes in which a field or kind is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    first: KubernetesVersion,
    last: KubernetesVersion,
}

/// A key of a statement: a field's name and what is said of it.
#[derive(Debug, PartialEq, Eq)]
struct Field<'k> {
    name: &'k str,
    required: bool,
    /// Whether the value, or the outermost list or mapping around it, may be null.
    null: Null,
    /// Lists and mappings around the value, the outermost first.
    layers: Vec<Layer>,
    versions: Versions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    List { at_least: Option<u64> },
    Mapping,
}

impl Versions {
    /// Says whether `version` is one of them.
    pub(super) fn hold(self, version: KubernetesVersion) -> bool {
        (self.first..=self.last).contains(&version)
    }

    /// Says in words since or until when: `from 1.30 on`.
    pub(super) fn words(self) -> String {
        match (self.first, self.last) {
            (first, KubernetesVersion::LAST) => format!("from {first} on"),
            (KubernetesVersion::FIRST, last) => format!("up to {last}"),
            (first, last) => format!("from {first} to {last}"),
        }
    }

    /// Splits `name @1.27..1.30`; either end may be left out.
    fn split(key: &str) -> (&str, Self) {
        let all = Self { first: KubernetesVersion::FIRST, last: KubernetesVersion::LAST };
        let Some((name, range)) = key.split_once(" @") else { return (key, all) };
        let (first, last) = range.split_once("..").expect("because a range has `..`");
        let read = |text: &str, otherwise| match text {
            "" => otherwise,
            text => KubernetesVersion::parse(text).expect("because statements name versions"),
        };
        (name, Self { first: read(first, all.first), last: read(last, all.last) })
    }
}

impl<'k> Field<'k> {
    /// Reads `name!?[]{} @1.27..`: required, or null, a list or mapping of it, the versions that have it.
    fn read(key: &'k str) -> Self {
        let (key, versions) = Versions::split(key);
        let end = key.find(['!', '?', '[', '{']).unwrap_or(key.len());
        let (name, mut rest) = key.split_at(end);
        let mut take = |mark: char| match rest.strip_prefix(mark) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        };
        let required = take('!');
        let null = if take('?') { Null::Allowed } else { Null::No };
        let mut layers = vec![];
        while !rest.is_empty() {
            let end = rest.find([']', '}']).expect("because every layer is closed") + 1;
            let (layer, after) = rest.split_at(end);
            layers.push(match layer {
                "{}" => Layer::Mapping,
                list => Layer::List {
                    at_least: list[1..end - 1]
                        .strip_suffix("..")
                        .map(|it| it.parse().expect("because a list's size is a number")),
                },
            });
            rest = after;
        }
        Self { name, required, null, layers, versions }
    }
}

impl Stated {
    /// Reads a file of rules/schemas/.
    pub(super) fn read(text: &str) -> Self {
        let root = yaml::parse_value(text).expect("because a test reads every statement");
        let section = |key: &str| -> Map {
            let section = root.as_map().and_then(|it| it.get(key)).and_then(Value::as_map);
            section.cloned().unwrap_or_default()
        };
        let mut kinds = vec![];
        for (api_version, of_version) in section("kinds") {
            for (key, structure) in of_version.as_map().into_iter().flatten() {
                let (kind, versions) = Versions::split(key);
                let (api_version, kind) = (api_version.to_string(), kind.to_owned());
                kinds.push(StatedKind {
                    api_version,
                    kind,
                    versions,
                    structure: structure.clone(),
                });
            }
        }
        let nulls = root.as_map().and_then(|it| it.get("nulls")).and_then(Value::as_str);
        Self {
            kinds,
            files: section("files"),
            types: section("types"),
            nulls: if nulls == Some("dropped") { Nulls::Dropped } else { Nulls::Kept },
        }
    }
}

/// Turns statements into JSON Schemas for one version of Kubernetes.
pub(super) struct Translator<'s> {
    /// The file that is translated.
    stated: &'s Stated,
    /// The one that states `ObjectMeta`.
    core: &'s Stated,
    version: KubernetesVersion,
    definitions: BTreeMap<String, Json>,
}

impl<'s> Translator<'s> {
    pub(super) fn new(stated: &'s Stated, core: &'s Stated, version: KubernetesVersion) -> Self {
        Self { stated, core, version, definitions: BTreeMap::new() }
    }

    /// Returns the schema of a kind: its structure, with `apiVersion`, `kind` and `metadata`.
    pub(super) fn kind(mut self, kind: &StatedKind) -> Json {
        let mut schema = self.structure(self.structure_of(&kind.structure));
        let fields = schema["properties"].as_object_mut().expect("because kinds have fields");
        fields.insert("apiVersion".to_owned(), json!({"const": kind.api_version}));
        fields.insert("kind".to_owned(), json!({"const": kind.kind}));
        let own_metadata = fields.contains_key("metadata");
        if !own_metadata {
            fields.insert("metadata".to_owned(), json!({"$ref": "#/definitions/ObjectMeta"}));
            self.define_metadata();
        }
        let required = schema["required"].as_array_mut().expect("because structures list them");
        required.extend(["apiVersion", "kind"].map(Json::from));
        if !own_metadata {
            required.push(Json::from("metadata"));
        }
        self.finish(schema)
    }

    /// Returns the schema of a file that has no kind.
    pub(super) fn file(mut self, structure: &Value) -> Json {
        let schema = self.structure(self.structure_of(structure));
        self.finish(schema)
    }

    /// Returns the definitions that `ObjectMeta` needs, it included.
    pub(super) fn metadata(mut self) -> BTreeMap<String, Json> {
        self.define_metadata();
        self.definitions
    }

    fn finish(self, mut schema: Json) -> Json {
        schema["definitions"] = self.definitions.into_iter().collect::<JsonMap<_, _>>().into();
        schema
    }

    fn define_metadata(&mut self) {
        let mut core = Translator::new(self.core, self.core, self.version);
        core.reference("ObjectMeta", Null::No);
        self.definitions.append(&mut core.definitions);
    }

    /// A structure may be said by the name of its type.
    fn structure_of<'v>(&self, value: &'v Value) -> &'v Map
    where
        's: 'v,
    {
        let value = match value {
            Value::String(name) => &self.stated.types[&**name],
            Value::Map(_) => value,
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
                unreachable!("because a structure is a mapping or a type's name")
            }
        };
        value.as_map().expect("because this type is a structure")
    }

    /// Returns the schema of a mapping with exactly these fields; `required` is there even if empty.
    fn structure(&mut self, fields: &Map) -> Json {
        let mut schema = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
        for (key, value) in fields.iter().filter(|(key, _)| &***key == "+") {
            debug_assert_eq!(&**key, "+");
            schema = self.structure(self.structure_of(value));
        }
        for (key, value) in fields.iter().filter(|(key, _)| &***key != "+") {
            if let Some(pattern) = key.strip_prefix('/').and_then(|it| it.strip_suffix('/')) {
                schema["patternProperties"][pattern] = self.value(value, Null::No);
                continue;
            }
            let field = Field::read(key);
            if !field.versions.hold(self.version) {
                continue;
            }
            schema["properties"][field.name] = self.field(&field, value);
            let required = schema["required"].as_array_mut().expect("because it is put there");
            required.retain(|it| it != field.name);
            if field.required {
                required.push(Json::from(field.name));
            }
        }
        schema
    }

    fn field(&mut self, field: &Field<'_>, value: &Value) -> Json {
        let innermost = if field.layers.is_empty() { field.null } else { Null::No };
        let mut schema = self.value(value, innermost);
        for (depth, layer) in field.layers.iter().enumerate().rev() {
            schema = match layer {
                Layer::List { at_least: None } => json!({"type": "array", "items": schema}),
                Layer::List { at_least: Some(size) } => {
                    json!({"type": "array", "items": schema, "minItems": size})
                }
                Layer::Mapping => json!({"type": "object", "additionalProperties": schema}),
            };
            if depth == 0 && field.null == Null::Allowed {
                nullable(&mut schema);
            }
        }
        schema
    }

    fn value(&mut self, value: &Value, null: Null) -> Json {
        let (mut schema, null) = match value {
            Value::Map(fields) => (self.structure(fields), null),
            Value::String(text) => {
                let (text, null) = match text.strip_suffix(" or null") {
                    Some(text) => (text, Null::Allowed),
                    None => (&**text, null),
                };
                if text.starts_with(|it: char| it.is_ascii_uppercase()) {
                    return self.reference(text, null);
                }
                (expression::schema(text), null)
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
                unreachable!("because a value is a structure or a text")
            }
        };
        if null == Null::Allowed {
            nullable(&mut schema);
        }
        schema
    }

    /// Returns a reference to a type, and defines it.
    fn reference(&mut self, name: &str, null: Null) -> Json {
        let defined = match null {
            Null::No => name.to_owned(),
            Null::Allowed => format!("{name}OrNull"),
        };
        if !self.definitions.contains_key(&defined) {
            // Types may name themselves.
            self.definitions.insert(defined.clone(), Json::Bool(true));
            let stated = self.stated;
            let value = stated.types.get(name);
            let value = value.unwrap_or_else(|| panic!("a statement names no type `{name}`"));
            let schema = self.value(value, null);
            self.definitions.insert(defined.clone(), schema);
        }
        json!({"$ref": format!("#/definitions/{defined}")})
    }
}

/// Whether a value may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Null {
    No,
    Allowed,
}
