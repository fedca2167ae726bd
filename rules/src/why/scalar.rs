//! Why a scalar of a rendered file is as it is.

use std::collections::BTreeSet;

use wob_engine::{LineIndex, Severity, Span, Step, Value, yaml};
use wob_template::{DataPath, Reads};

use super::{
    Address, ConditionWhy, Input, Part, ScalarWhy, TemplatePlace, Unknown, Which,
    address::{self, guess_or_list},
    case::{Case, File},
    config::is_container,
    pointer,
};
use crate::{
    builtin,
    compose::value_at,
    render::trace::{
        Document, Found, FoundPiece, TemplateText, TracedManifest, documents, pieces_of,
    },
};

/// A document that was chosen, and the way into it.
struct Chosen {
    document: usize,
    path: Vec<Step>,
}

impl Case<'_> {
    /// Explains a part of a file.
    pub(super) fn scalar(&self, address: &Address) -> Result<ScalarWhy, Unknown> {
        let files = self.files();
        let Some(file) = files.iter().find(|it| it.name == address.file) else {
            let names: Vec<&str> = files.iter().map(|it| &*it.name).collect();
            return Err(Unknown {
                reason: format!("there is no file `{}`", address.file.escape_debug()),
                help: guess_or_list(&address.file, &names, "files"),
            });
        };
        let traced = self.traced(file);
        let documents = documents_of(file, &traced);
        let (chosen, line) = match &address.part {
            Part::Whole => {
                let name = &file.name;
                let help = if documents.is_empty() {
                    format!("say which line: `{name}:1`")
                } else {
                    format!("say which: `{name}#/metadata/name`, or `{name}:LINE`")
                };
                return Err(Unknown { reason: format!("`{name}` has many values"), help });
            }
            Part::Line(line) => match self.node_at(file, *line) {
                LineOf::Node(chosen) => (chosen, Some(*line)),
                LineOf::Text(span, text) => {
                    return Ok(self.text_line(file, *line, &text, &pieces_at(&traced, span)));
                }
                LineOf::Nothing(unknown) => return Err(unknown),
            },
            Part::Node { document, pointer } => {
                (choose(&file.name, &documents, document, pointer)?, None)
            }
        };
        let found = documents[chosen.document].find(&chosen.path);
        let found = found.expect("because the way was found in the same document");
        if is_container(&found.value) {
            return Err(not_a_scalar(&file.name, &chosen, &found.value));
        }
        Ok(self.explain(file, chosen, line, &found))
    }

    /// Returns the address of every scalar of a file's documents.
    pub(super) fn addresses(&self, name: &str) -> Vec<Address> {
        let files = self.files();
        let Some(file) = files.iter().find(|it| it.name == name) else { return vec![] };
        let traced = self.traced(file);
        let mut addresses = vec![];
        for (index, document) in documents_of(file, &traced).iter().enumerate() {
            for path in scalars(&document.value()) {
                let document = Which::Index(index);
                let part = Part::Node { document, pointer: pointer(&path) };
                addresses.push(Address { file: name.to_owned(), part });
            }
        }
        addresses
    }

    fn explain(
        &self,
        file: &File<'_>,
        chosen: Chosen,
        line: Option<u32>,
        found: &Found,
    ) -> ScalarWhy {
        let history = self.history(file, &found.pieces, Some((&chosen.path, &found.value)));
        ScalarWhy {
            file: file.name.clone(),
            document: Some(chosen.document),
            path: Some(chosen.path),
            line,
            value: found.value.clone(),
            template: file.template.name().to_owned(),
            places: history.0,
            inputs: history.1,
            conditions: history.2,
        }
    }

    fn text_line(
        &self,
        file: &File<'_>,
        line: u32,
        text: &str,
        pieces: &[FoundPiece],
    ) -> ScalarWhy {
        let history = self.history(file, pieces, None);
        ScalarWhy {
            file: file.name.clone(),
            document: None,
            path: None,
            line: Some(line),
            value: Value::from(text),
            template: file.template.name().to_owned(),
            places: history.0,
            inputs: history.1,
            conditions: history.2,
        }
    }

    /// Returns what wrote some pieces: places, values and decisions, each once.
    fn history(
        &self,
        file: &File<'_>,
        pieces: &[FoundPiece],
        at: Option<(&[Step], &Value)>,
    ) -> (Vec<TemplatePlace>, Vec<Input>, Vec<ConditionWhy>) {
        let mut places: Vec<TemplatePlace> = vec![];
        let mut reads = Reads::new();
        let mut conditions: Vec<ConditionWhy> = vec![];
        for found in pieces {
            let place = place(&found.template, found.span);
            let Some(piece) = &found.piece else {
                places.push(place);
                continue;
            };
            let is_written = !piece.output.is_empty() || pieces.len() == 1;
            if is_written && !places.contains(&place) {
                places.push(place);
            }
            reads.extend(piece.reads.iter().map(|it| self.narrowed(file, it, at)));
            for it in &piece.conditions {
                let condition = ConditionWhy {
                    place: self::place(&found.template, it.template),
                    inputs: it.reads.iter().map(|it| self.input(it, file.template)).collect(),
                };
                if !condition.inputs.is_empty() && !conditions.contains(&condition) {
                    conditions.push(condition);
                }
            }
        }
        let inputs = reads.iter().map(|it| self.input(it, file.template)).collect();
        (places, inputs, conditions)
    }

    /// Of a mapping that was printed as a whole, returns the part that gave the scalar.
    fn narrowed(
        &self,
        file: &File<'_>,
        read: &DataPath,
        at: Option<(&[Step], &Value)>,
    ) -> DataPath {
        let Some((path, scalar)) = at else { return read.clone() };
        let Some(whole) = self.value(read, file.template).filter(is_container) else {
            return read.clone();
        };
        for start in 0..path.len() {
            let rest = &path[start..];
            if value_at(&whole, rest).is_some_and(|it| is_printed_as(it, scalar)) {
                return read.iter().chain(rest).cloned().collect();
            }
        }
        read.clone()
    }

    /// Finds the scalar that stands on a line of the file as it is written.
    fn node_at(&self, file: &File<'_>, line: u32) -> LineOf {
        let text = crate::render::file_text(self.inputs(), file.output).unwrap_or_default();
        let index = LineIndex::new(&text);
        let Some(shown) = index.line(&text, line).filter(|_| !text.is_empty()) else {
            let lines = text.lines().count();
            return LineOf::Nothing(Unknown {
                reason: format!("`{}` has no line {line}", file.name),
                help: format!("it has {lines} lines; `wob render` prints it"),
            });
        };
        let parsed = yaml::parse(&text, &yaml::Limits::default());
        let is_yaml = file.output.is_yaml()
            && parsed.problems.iter().all(|it| it.severity != Severity::Error);
        if !is_yaml {
            let start = shown.as_ptr().addr() - text.as_ptr().addr();
            return LineOf::Text(Span::new(start, start + shown.len()), shown.to_owned());
        }
        let held = parsed.documents.iter().filter(|it| !it.root.is_null());
        for (document, it) in held.enumerate() {
            let mut path = vec![];
            if scalar_on(&it.root, &text, &index, line, &mut path) {
                return LineOf::Node(Chosen { document, path });
            }
        }
        LineOf::Nothing(Unknown {
            reason: format!("line {line} of `{}` holds no value: `{shown}`", file.name),
            help: "name the line of a scalar".to_owned(),
        })
    }
}

/// Returns the documents of a file; one that is no YAML has none.
fn documents_of<'t>(file: &File<'_>, traced: &'t [TracedManifest]) -> Vec<Document<'t>> {
    if file.output.is_yaml() { documents(traced) } else { vec![] }
}

/// What is on a line of a file.
enum LineOf {
    Node(Chosen),
    /// It is no YAML: the bytes of the line, and its text.
    Text(Span, String),
    Nothing(Unknown),
}

/// Looks for the scalar on `line`; leaves the way to it in `path`.
fn scalar_on(
    node: &yaml::Node,
    text: &str,
    index: &LineIndex,
    line: u32,
    path: &mut Vec<Step>,
) -> bool {
    let lines = |span: Span| {
        let last = span.end.saturating_sub(u32::from(!span.is_empty()));
        index.line_column(text, span.start).line..=index.line_column(text, last).line
    };
    match &node.kind {
        yaml::NodeKind::Scalar(_) => lines(node.span).contains(&line),
        yaml::NodeKind::List(items) => (0..).zip(items).any(|(at, item)| {
            path.push(Step::Index(at));
            let found = scalar_on(item, text, index, line, path);
            if !found {
                path.pop();
            }
            found
        }),
        yaml::NodeKind::Mapping(entries) => entries.iter().any(|entry| {
            path.push(Step::Key(entry.key.text.clone()));
            let is_scalar = entry.value.scalar().is_some();
            // The `key: |` of a text block stands on a line of its own.
            let found = is_scalar && lines(entry.key.span).contains(&line)
                || scalar_on(&entry.value, text, index, line, path);
            if !found {
                path.pop();
            }
            found
        }),
    }
}

/// Returns the pieces of the bytes `span` of a file whose manifests are joined as they are.
fn pieces_at(manifests: &[TracedManifest], span: Span) -> Vec<FoundPiece> {
    let mut start = 0_u32;
    let mut is_first = true;
    let mut ends_a_line = true;
    for manifest in manifests {
        let TracedManifest::Text { traced, template, .. } = manifest else { continue };
        if traced.text.trim().is_empty() {
            continue;
        }
        if !is_first {
            start += if ends_a_line { 4 } else { 5 };
        }
        is_first = false;
        ends_a_line = traced.text.ends_with('\n');
        let end = start + Span::new(0, traced.text.len()).end;
        if span.start >= start && span.end <= end {
            let inside = Span { start: span.start - start, end: span.end - start };
            return pieces_of(traced, template, inside);
        }
        start = end;
    }
    vec![]
}

/// Finds the document that is meant, and the way into it.
fn choose(
    file: &str,
    documents: &[Document<'_>],
    which: &Which,
    asked: &str,
) -> Result<Chosen, Unknown> {
    let values: Vec<Value> = documents.iter().map(Document::value).collect();
    let known: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(index, it)| format!("`{file}#{index}` ({})", object(it)))
        .collect();
    let meant: Vec<usize> = (0..values.len())
        .filter(|index| match which {
            Which::Any => true,
            Which::Index(it) => it == index,
            Which::Object(kind, name) => {
                text(&values[*index], &["kind"]) == Some(kind)
                    && name.as_ref().is_none_or(|it| {
                        text(&values[*index], &["metadata", "name"]) == Some(it.as_str())
                    })
            }
        })
        .collect();
    if meant.is_empty() {
        let help = match known.len() {
            0 => "it is no YAML, or empty; name a line of it: `FILE:LINE`".to_owned(),
            _ => format!("there are {}", known.join(", ")),
        };
        return Err(Unknown { reason: format!("`{file}` has no such document"), help });
    }
    let (mut found, mut errors) = (vec![], vec![]);
    for document in meant {
        match address::steps(&values[document], asked) {
            Ok(path) => found.push(Chosen { document, path }),
            Err(error) => errors.push((document, error)),
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(chosen), true) => Ok(chosen),
        (Some(another), false) => {
            found.push(another);
            let list: Vec<String> = found
                .iter()
                .map(|it| {
                    format!("`{file}#{}{asked}` ({})", it.document, object(&values[it.document]))
                })
                .collect();
            let reason = format!("several documents of `{file}` have `{asked}`");
            Err(Unknown { reason, help: format!("say which: {}", list.join(", ")) })
        }
        (None, _) => {
            // The document that goes along furthest knows best what was meant.
            let guessed = errors.iter().position(|it| it.1.help.starts_with("did you mean"));
            let (document, error) = errors.swap_remove(guessed.unwrap_or(0));
            let reason = format!("`{file}#{document}`: {}", error.reason);
            Err(Unknown { reason, help: error.help })
        }
    }
}

fn object(value: &Value) -> String {
    let kind = text(value, &["kind"]).unwrap_or("no kind");
    match text(value, &["metadata", "name"]) {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_owned(),
    }
}

fn text<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    let path: Vec<Step> = keys.iter().map(|it| Step::Key((*it).into())).collect();
    value_at(value, &path)?.as_str()
}

fn not_a_scalar(file: &str, chosen: &Chosen, value: &Value) -> Unknown {
    const SHOWN: usize = 8;
    let inside = scalars(value);
    let base = format!("{file}#{}{}", chosen.document, pointer(&chosen.path));
    let list: Vec<String> =
        inside.iter().take(SHOWN).map(|it| format!("`{base}{}`", pointer(it))).collect();
    let more = inside.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let help = match list.len() {
        0 => "it is empty".to_owned(),
        _ => format!("name a scalar in it: {}{more}", list.join(", ")),
    };
    Unknown { reason: format!("`{base}` is {}", value.kind()), help }
}

/// Returns the way to every scalar, and to every empty list and mapping, in order.
fn scalars(value: &Value) -> Vec<Vec<Step>> {
    fn visit(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
        match value {
            Value::Map(entries) => {
                for (key, it) in entries {
                    path.push(Step::Key(key.clone()));
                    visit(it, path, found);
                    path.pop();
                }
            }
            Value::List(items) => {
                for (index, it) in (0..).zip(items) {
                    path.push(Step::Index(index));
                    visit(it, path, found);
                    path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                found.push(path.clone());
            }
        }
    }
    let mut found = vec![];
    visit(value, &mut vec![], &mut found);
    found
}

/// Says whether a value of the data may have been printed as this scalar.
fn is_printed_as(value: &Value, scalar: &Value) -> bool {
    if value == scalar {
        return true;
    }
    let Some(text) = scalar.as_str() else {
        return value
            .as_str()
            .is_some_and(|it| yaml::parse_value(it).is_ok_and(|it| it == *scalar));
    };
    match value {
        Value::List(_) | Value::Map(_) => yaml::parse_value(text).is_ok_and(|it| it == *value),
        Value::String(it) => it.trim() == text.trim(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            let printed = serde_json::Value::from(value).to_string();
            printed == text
        }
    }
}

/// Returns the place of a part of a template.
pub(super) fn place(template: &TemplateText, span: Span) -> TemplatePlace {
    match template {
        TemplateText::Source(place) if span == Span::default() => {
            TemplatePlace::Source(place.clone())
        }
        TemplateText::Source(place) => TemplatePlace::Source(place.text(span)),
        TemplateText::Rule { rule, file } => {
            let text = builtin::find(rule)
                .and_then(|it| it.templates.iter().find(|it| *it.0 == **file))
                .map_or("", |it| it.1);
            let index = LineIndex::new(text);
            let at = index.line_column(text, span.start);
            TemplatePlace::Rule {
                rule: rule.clone(),
                file: file.to_string(),
                line: at.line,
                column: at.column,
                text: index.line(text, at.line).unwrap_or_default().to_owned(),
            }
        }
    }
}

/// Returns everything that the pieces of a file read.
pub(super) fn all_reads(manifests: &[TracedManifest]) -> BTreeSet<DataPath> {
    let mut reads = BTreeSet::new();
    for_each_trace(manifests, &mut |traced| {
        for piece in &traced.pieces {
            reads.extend(piece.reads.iter().cloned());
            reads.extend(piece.conditions.iter().flat_map(|it| &it.reads).cloned());
        }
    });
    reads
}

fn for_each_trace(manifests: &[TracedManifest], see: &mut impl FnMut(&wob_template::Traced)) {
    use crate::render::trace::TracedValue;
    fn visit(value: &TracedValue, see: &mut impl FnMut(&wob_template::Traced)) {
        match value {
            TracedValue::Plain(..) => {}
            TracedValue::Text(traced, _) => see(traced),
            TracedValue::List(items) => items.iter().for_each(|it| visit(it, see)),
            TracedValue::Map(entries) => entries.values().for_each(|it| visit(it, see)),
        }
    }
    for manifest in manifests {
        match manifest {
            TracedManifest::Text { traced, .. } => see(traced),
            TracedManifest::Object { value } => visit(value, see),
        }
    }
}
