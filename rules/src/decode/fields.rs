//! Reads the fields of one mapping: required, optional, of a type; and says which fields nobody asked for.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{
    Diagnostic, Place, Value, did_you_mean,
    yaml::{Entry, Node, NodeKind},
};

use crate::{
    Name,
    name::{label_key_problem, label_value_problem},
    resource::Labels,
};

/// How many problems of one object are told.
const MOST: usize = 100;

/// Where problems of one object are gathered.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// Those that make the object unusable if they are errors.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Those of parts that are left out, so that the rest of the object stays usable.
    pub(crate) of_parts: Vec<Diagnostic>,
    /// How many were passed over.
    more: usize,
}

impl Problems {
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Adds a problem, or only counts it if there are more than anyone would read.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        // Errors come first, lest a hundred warnings hide that the object can't be used.
        if self.diagnostics.len() < MOST || (diagnostic.is_error() && !self.has_errors()) {
            self.diagnostics.push(diagnostic);
        } else {
            self.more += 1;
        }
    }

    /// Returns the problems of the object as a whole; the last one says how many more there are.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if self.more > 0
            && let Some(last) = self.diagnostics.pop()
        {
            self.diagnostics.push(last.note(format!("and {} more problems here", self.more)));
        }
        self.diagnostics.append(&mut self.of_parts);
        self.diagnostics
    }
}

/// The fields of one mapping, consumed one by one.
#[derive(Debug)]
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    /// The mapping itself.
    pub(crate) place: Place,
    /// What the mapping is called in messages: `spec`, `spec.workload`; empty for the object.
    name: String,
    /// The object: ``ClusterType `drone` ``.
    owner: Arc<str>,
    known: Vec<&'static str>,
    /// Keys that were reported as misspelt, and so are not reported as unknown again.
    misspelt: Vec<&'n str>,
}

impl<'n> Fields<'n> {
    /// Opens `node`; `None`, with an error, if it is not a mapping.
    pub(crate) fn open(
        node: &'n Node,
        place: Place,
        name: &str,
        owner: &Arc<str>,
        problems: &mut Problems,
    ) -> Option<Self> {
        match &node.kind {
            NodeKind::Mapping(entries) => Some(Self {
                entries,
                place,
                name: name.to_owned(),
                owner: owner.clone(),
                known: vec![],
                misspelt: vec![],
            }),
            NodeKind::Scalar(_) | NodeKind::List(_) => {
                problems.push(wrong_type(owner, name, "a mapping", &node.to_value(), place));
                None
            }
        }
    }

    /// Returns what messages call the object.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the value of `key` and its place; `None` if it is absent or null.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<(&'n Node, Place)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let entry = self.entries.iter().find(|it| &*it.key.text == key)?;
        (!entry.value.is_null()).then(|| (&entry.value, self.place.key(key)))
    }

    /// Returns a text that must be there.
    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<Arc<str>> {
        let Some((node, place)) = self.node(key) else {
            self.missing(key, problems);
            return None;
        };
        as_text(node, place, &self.path(key), &self.owner, problems)
    }

    /// Returns a text that may be absent.
    pub(crate) fn optional_text(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Arc<str>> {
        let (node, place) = self.node(key)?;
        as_text(node, place, &self.path(key), &self.owner, problems)
    }

    /// Returns a truth value; false if it is absent.
    pub(crate) fn flag(&mut self, key: &'static str, problems: &mut Problems) -> bool {
        self.optional_flag(key, problems).unwrap_or(false)
    }

    /// Returns a truth value that may be absent.
    pub(crate) fn optional_flag(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<bool> {
        let (node, place) = self.node(key)?;
        match node.to_value() {
            Value::Bool(it) => Some(it),
            other @ (Value::Null
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)) => {
                problems.push(wrong_type(&self.owner, &self.path(key), "a boolean", &other, place));
                None
            }
        }
    }

    /// Opens a mapping that must be there.
    pub(crate) fn mapping(&mut self, key: &'static str, problems: &mut Problems) -> Option<Self> {
        if self.node(key).is_none() {
            self.missing(key, problems);
            return None;
        }
        self.optional_mapping(key, problems)
    }

    /// Opens a mapping that may be absent.
    pub(crate) fn optional_mapping(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (node, place) = self.node(key)?;
        Self::open(node, place, &self.path(key), &self.owner, problems)
    }

    /// Returns the items of a list that may be absent, with their places.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<(&'n Node, Place)> {
        let Some((node, place)) = self.node(key) else { return vec![] };
        if let NodeKind::List(items) = &node.kind {
            items.iter().enumerate().map(|(index, it)| (it, place.index(index))).collect()
        } else {
            problems.push(wrong_type(
                &self.owner,
                &self.path(key),
                "a list",
                &node.to_value(),
                place,
            ));
            vec![]
        }
    }

    /// Returns a mapping of texts that may be absent, without checking what they say.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> BTreeMap<Arc<str>, Arc<str>> {
        let Some(fields) = self.optional_mapping(key, problems) else { return BTreeMap::new() };
        let mut texts = BTreeMap::new();
        for entry in fields.entries {
            let place = fields.place.key(&entry.key.text);
            let path = format!("{}.{}", fields.name, entry.key.text);
            if let Some(text) = as_text(&entry.value, place, &path, &fields.owner, problems) {
                texts.insert(entry.key.text.clone(), text);
            }
        }
        texts
    }

    /// Returns labels that may be absent, checked against Kubernetes' syntax.
    pub(crate) fn labels(&mut self, key: &'static str, problems: &mut Problems) -> Labels {
        let place = self.place.key(key);
        let texts = self.texts(key, problems);
        for (key, value) in &texts {
            if let Some(reason) = label_key_problem(key) {
                let message = format!("label key `{}` of {} {reason}", shown(key), self.owner);
                problems.push(
                    Diagnostic::error("bad-label", message)
                        .at(place.key(key).on_key(), "not a label key that Kubernetes takes")
                        .help("write at most 63 letters, digits, `-`, `_` and `.`, after an optional `example.com/`"),
                );
            }
            if let Some(reason) = label_value_problem(value) {
                let at = place.key(key);
                let (key, value) = (shown(key), shown(value));
                let message =
                    format!("label `{key}` of {} is `{value}`, which {reason}", self.owner);
                problems.push(
                    Diagnostic::error("bad-label", message)
                        .at(at, "not a label value that Kubernetes takes")
                        .help("write at most 63 letters, digits, `-`, `_` and `.`"),
                );
            }
        }
        texts.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    /// Returns a name that must be there.
    pub(crate) fn name(&mut self, key: &'static str, problems: &mut Problems) -> Option<Name> {
        let text = self.text(key, problems)?;
        match Name::new(&text) {
            Ok(name) => Some(name),
            Err(reason) => {
                let field = self.path(key);
                let message = format!("`{field}` of {} {reason}", self.owner);
                problems.push(
                    Diagnostic::error("bad-name", message)
                        .at(self.place.key(key), "not a name that Kubernetes takes")
                        .help(better_name(&text)),
                );
                None
            }
        }
    }

    /// Lists every entry with its place, for mappings whose keys are free.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'n str, &'n Node, Place)> {
        self.entries.iter().map(|it| (&*it.key.text, &it.value, self.place.key(&it.key.text)))
    }

    /// Warns about fields that nobody asked for; `also` are known but not used.
    pub(crate) fn finish(self, also: &[&'static str], problems: &mut Problems) {
        for entry in self.entries {
            let key = &*entry.key.text;
            let is_said = self.misspelt.contains(&key);
            if is_said || self.known.contains(&key) || also.contains(&key) {
                continue;
            }
            let known = || self.known.iter().chain(also).copied();
            let path = if self.name.is_empty() {
                shown(key)
            } else {
                format!("{}.{}", self.name, shown(key))
            };
            let message = format!("{} has an unknown field `{path}`", self.owner);
            let help = did_you_mean(key, known()).map_or_else(
                || {
                    format!(
                        "known fields: {}",
                        known().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
                    )
                },
                |guess| format!("did you mean `{guess}`?"),
            );
            let place = self.place.key(key).on_key();
            problems.push(
                Diagnostic::warning("unknown-field", message).at(place, "not used").help(help),
            );
        }
    }

    /// Reports that `key` is not there, has no value, or is misspelt.
    fn missing(&mut self, key: &'static str, problems: &mut Problems) {
        let path = self.path(key);
        let keys = || self.entries.iter().map(|it| &*it.key.text);
        let stranger = |it: &&str| !self.known.contains(it) || *it == key;
        let near = keys().filter(stranger).find(|it| did_you_mean(it, [key]).is_some());
        let missing = Diagnostic::error("missing-field", format!("{} has no `{path}`", self.owner));
        let diagnostic = match near {
            Some(it) if it == key => missing
                .at(self.place.key(key).on_key(), "has no value")
                .help(format!("write a value after `{key}:`")),
            Some(typo) => missing
                .at(self.place.key(typo).on_key(), "this field is unknown")
                .help(format!("did you mean `{key}`?")),
            None => missing
                .at(self.place.clone(), format!("`{key}` is missing here"))
                .help(format!("add `{key}:`")),
        };
        self.misspelt.extend(near);
        problems.push(diagnostic);
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// Returns the text of `node`; an error if Kubernetes reads it as anything else.
pub(crate) fn as_text(
    node: &Node,
    place: Place,
    path: &str,
    owner: &str,
    problems: &mut Problems,
) -> Option<Arc<str>> {
    match node.to_value() {
        Value::String(text) => Some(text),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_)) => {
            let quoted = match &node.kind {
                NodeKind::Scalar(it) => Some(format!("quote it: `\"{}\"`", shown(&it.text))),
                NodeKind::List(_) | NodeKind::Mapping(_) => None,
            };
            let diagnostic = wrong_type(owner, path, "a text", &other, place);
            problems.push(match (quoted, only_scalar(node)) {
                (Some(help), _) => diagnostic.help(help),
                (None, Some(only)) => diagnostic.help(format!("write `{only}` without the list")),
                (None, None) => {
                    diagnostic.help("write one text; text of many lines begins with `|`")
                }
            });
            None
        }
    }
}

/// Returns the only item of a list, if it is a scalar: the brackets or the hyphen are then the slip.
fn only_scalar(node: &Node) -> Option<String> {
    let NodeKind::List(items) = &node.kind else { return None };
    let [Node { kind: NodeKind::Scalar(only), .. }] = items.as_slice() else { return None };
    Some(shown(&only.text))
}

/// Returns the help for a name that is none: the same name in lower case and with hyphens, if that is one.
fn better_name(text: &str) -> String {
    let better = text.to_lowercase().replace(['_', ' '], "-");
    if Name::new(&better).is_ok() {
        return format!("write `{better}`");
    }
    "write a DNS name: at most 253 lower-case letters, digits, `-` and `.`, the first and the last a letter or digit"
        .to_owned()
}

fn wrong_type(owner: &str, path: &str, wanted: &str, found: &Value, place: Place) -> Diagnostic {
    let what = if path.is_empty() { "it".to_owned() } else { format!("`{}`", shown(path)) };
    let message = format!("{owner}: {what} must be {wanted}, not {}", found.kind());
    let diagnostic =
        Diagnostic::error("wrong-type", message).at(place, format!("read as {}", found.kind()));
    match wanted {
        "a mapping" => {
            diagnostic.help("write its fields as `key: value`, each on a line of its own")
        }
        "a list" => diagnostic.help("begin each item with `- `, on a line of its own"),
        "a boolean" => diagnostic.help("write `true` or `false`, without quotes"),
        _ => diagnostic,
    }
}

/// Returns `text` fit for a message: escaped, and cut after 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().count() > 80 {
        shown.push('…');
    }
    shown
}
