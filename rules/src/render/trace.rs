//! Traced renders: the files of one assignment, each part with the place of the template and the data that made it.
//!
//! **Invariant:** a traced file has the documents of the rendered one, in its order.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc, sync::Arc};

use wob_engine::{Place, Span, Step, Value, yaml};
use wob_template::{Piece, Template as GoTemplate, Traced};

use super::{
    Inputs, OutputFile,
    compile::{CompiledManifest, CompiledTemplate, CompiledValue},
    data::{Root, Texts, plain},
    manifest::{MAX_ROUNDS, options},
};

/// The text that a template's spans count in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplateText {
    /// The string at this place of a source.
    Source(Place),
    /// A file of a built-in rule.
    Rule {
        /// The rule.
        rule: String,
        /// The file in its folder.
        file: Arc<str>,
    },
}

/// What one manifest of a template gave.
#[derive(Clone, Debug)]
pub(crate) enum TracedManifest {
    /// A text, before it is parsed and emitted again.
    Text {
        /// The text with its history.
        traced: Traced,
        /// What its pieces' spans count in.
        template: TemplateText,
        /// The text, parsed when it is first asked for.
        parsed: OnceCell<yaml::Parsed>,
    },
    /// An object, each text of which was a template.
    Object {
        /// The object.
        value: TracedValue,
    },
}

/// A value of an object template.
#[derive(Clone, Debug)]
pub(crate) enum TracedValue {
    /// It is the template's own, said here.
    Plain(Value, Place),
    /// A template at this place gave it.
    Text(Traced, Place),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(BTreeMap<Arc<str>, Self>),
}

/// A part of a file, found in its history.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What was rendered; a text's is as Kubernetes reads it.
    pub(crate) value: Value,
    /// What made it, in the order of the text.
    pub(crate) pieces: Vec<FoundPiece>,
}

/// A piece that made some of a found part.
#[derive(Clone, Debug)]
pub(crate) struct FoundPiece {
    /// What the spans count in.
    pub(crate) template: TemplateText,
    /// The part of the template that counts here.
    pub(crate) span: Span,
    /// The piece; `None` if the template says the value itself.
    pub(crate) piece: Option<Piece>,
}

/// One document of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'t> {
    manifest: &'t TracedManifest,
    /// Which document of the manifest's text.
    index: usize,
}

/// Traces every manifest of a file; `None` if one fails.
pub(crate) fn trace(output: OutputFile<'_>, inputs: &Inputs) -> Option<Vec<TracedManifest>> {
    let root = wob_template::Value::Object(Rc::new(Root::new(inputs, Texts::Copied)));
    let template = output.template;
    let data = plain(inputs, template, template.names(), &inputs.siblings());
    let tracer = Tracer { template, inputs, root, data };
    let manifests = output.file().manifests.iter().zip(output.places());
    manifests.map(|(it, place)| tracer.manifest(it, place.as_ref())).collect()
}

struct Tracer<'t> {
    template: &'t CompiledTemplate,
    inputs: &'t Inputs,
    root: wob_template::Value,
    /// What jinja templates see.
    data: Value,
}

impl Tracer<'_> {
    fn manifest(
        &self,
        manifest: &CompiledManifest,
        place: Option<&Place>,
    ) -> Option<TracedManifest> {
        Some(match manifest {
            CompiledManifest::Go { template, place } => TracedManifest::Text {
                traced: self.go(template)?,
                template: TemplateText::Source(place.clone()),
                parsed: OnceCell::new(),
            },
            CompiledManifest::Jinja { name, template, place } => TracedManifest::Text {
                traced: template.trace(name, &self.data).ok()?,
                template: place.clone().map_or_else(
                    || TemplateText::Rule {
                        rule: self.template.name().to_owned(),
                        file: name.clone(),
                    },
                    TemplateText::Source,
                ),
                parsed: OnceCell::new(),
            },
            CompiledManifest::Object { value } => {
                TracedManifest::Object { value: self.value(value, place?)? }
            }
        })
    }

    fn go(&self, template: &GoTemplate) -> Option<Traced> {
        let options = options(self.inputs.cluster_type.settings.profile);
        let mut traced = template.trace(&self.root, &options).ok()?;
        let mut round = 1;
        while !self.template.is_raw() && traced.text.contains("{{") && round < MAX_ROUNDS {
            round += 1;
            let functions = self.template.functions();
            let again = GoTemplate::compile(self.template.name(), &traced.text, functions).ok()?;
            traced = again.trace(&self.root, &options).ok()?.after(&traced);
        }
        Some(traced)
    }

    fn value(&self, value: &CompiledValue, place: &Place) -> Option<TracedValue> {
        Some(match value {
            CompiledValue::Plain(it) => plain_value(it, place),
            CompiledValue::Text { template, place } => {
                TracedValue::Text(self.go(template)?, place.clone())
            }
            CompiledValue::List(items) => {
                let items = items.iter().enumerate();
                let item = |(index, it)| self.value(it, &place.index(index));
                TracedValue::List(items.map(item).collect::<Option<_>>()?)
            }
            CompiledValue::Map(entries) => {
                let entry = |(key, it): &(Arc<str>, CompiledValue)| {
                    Some((key.clone(), self.value(it, &place.key(key))?))
                };
                TracedValue::Map(entries.iter().map(entry).collect::<Option<_>>()?)
            }
        })
    }
}

/// A list or mapping is its parts, each of which has a place.
fn plain_value(value: &Value, place: &Place) -> TracedValue {
    match value {
        Value::List(items) if !items.is_empty() => {
            let items = items.iter().enumerate();
            TracedValue::List(items.map(|(at, it)| plain_value(it, &place.index(at))).collect())
        }
        Value::Map(entries) if !entries.is_empty() => {
            let entry =
                |(key, it): (&Arc<str>, &Value)| (key.clone(), plain_value(it, &place.key(key)));
            TracedValue::Map(entries.iter().map(entry).collect())
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => TracedValue::Plain(value.clone(), place.clone()),
    }
}

/// Returns the documents of a file in their order; those that hold nothing do not count.
pub(crate) fn documents(manifests: &[TracedManifest]) -> Vec<Document<'_>> {
    let mut documents = vec![];
    for manifest in manifests {
        match manifest {
            TracedManifest::Object { .. } => documents.push(Document { manifest, index: 0 }),
            TracedManifest::Text { traced, parsed, .. } => {
                let parsed = read(traced, parsed);
                let whole = parsed.documents.iter().enumerate();
                let held = whole.filter(|(_, it)| !it.root.is_null());
                documents.extend(held.map(|(index, _)| Document { manifest, index }));
            }
        }
    }
    documents
}

impl Document<'_> {
    /// Returns what the document holds.
    pub(crate) fn value(&self) -> Value {
        match self.manifest {
            TracedManifest::Object { value } => value.value(),
            TracedManifest::Text { traced, parsed, .. } => {
                let parsed = read(traced, parsed);
                parsed.documents.get(self.index).map_or(Value::Null, |it| it.root.to_value())
            }
        }
    }

    /// Finds the part at `path`, and what made it.
    pub(crate) fn find(&self, path: &[Step]) -> Option<Found> {
        match self.manifest {
            TracedManifest::Object { value } => value.find(path),
            TracedManifest::Text { traced, template, parsed } => {
                let parsed = read(traced, parsed);
                let (node, _) = parsed.documents.get(self.index)?.root.at(path)?;
                Some(Found {
                    value: node.to_value(),
                    pieces: pieces_of(traced, template, node.span),
                })
            }
        }
    }
}

fn read<'p>(traced: &Traced, parsed: &'p OnceCell<yaml::Parsed>) -> &'p yaml::Parsed {
    parsed.get_or_init(|| yaml::parse(&traced.text, &yaml::Limits::default()))
}

/// Returns what made the bytes `span` of a traced text.
pub(crate) fn pieces_of(traced: &Traced, template: &TemplateText, span: Span) -> Vec<FoundPiece> {
    let found = |piece: &Piece| {
        let common = Span {
            start: piece.output.start.max(span.start),
            end: piece.output.end.min(span.end).max(piece.output.start.max(span.start)),
        };
        let span = piece.origin_of(common);
        FoundPiece { template: template.clone(), span, piece: Some(piece.clone()) }
    };
    traced.touching(span).map(found).collect()
}

impl TracedValue {
    fn value(&self) -> Value {
        match self {
            Self::Plain(value, _) => value.clone(),
            Self::Text(traced, _) => Value::from(traced.text.as_str()),
            Self::List(items) => Value::List(items.iter().map(Self::value).collect()),
            Self::Map(entries) => {
                Value::Map(entries.iter().map(|(key, it)| (key.clone(), it.value())).collect())
            }
        }
    }

    fn find(&self, path: &[Step]) -> Option<Found> {
        match (self, path.split_first()) {
            (Self::List(items), Some((Step::Index(index), rest))) => {
                items.get(*index as usize)?.find(rest)
            }
            (Self::Map(entries), Some((Step::Key(key), rest))) => entries.get(key)?.find(rest),
            (Self::Plain(value, place), None) => Some(Found {
                value: value.clone(),
                pieces: vec![FoundPiece {
                    template: TemplateText::Source(place.clone()),
                    span: Span::default(),
                    piece: None,
                }],
            }),
            (Self::Text(traced, place), None) => {
                let span = Span::new(0, traced.text.len());
                let template = TemplateText::Source(place.clone());
                let pieces = pieces_of(traced, &template, span);
                Some(Found { value: Value::from(traced.text.as_str()), pieces })
            }
            (Self::List(_) | Self::Map(_), None) => {
                Some(Found { value: self.value(), pieces: vec![] })
            }
            (Self::List(_) | Self::Map(_) | Self::Plain(..) | Self::Text(..), Some(_)) => None,
        }
    }
}
