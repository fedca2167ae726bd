//! The tree of a YAML document: every node keeps its bytes, every mapping its written order.

use std::sync::Arc;

use super::scalar::{self, Reading};
use crate::{Map, Span, Step, Value};

/// One document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it holds; an empty document holds a null.
    pub root: Node,
    /// From its `---`, or else its first node, to the end of its last node.
    pub span: Span,
}

/// A node of a document. Anchors, aliases and merge keys are resolved: a node that came through an alias has the span
/// of its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its bytes: quotes and brackets included, tags and anchors of scalars and the comments around it not. A block
    /// scalar's bytes begin with its first line of content. A missing value is empty, right after its key.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in written order.
    ///
    /// **Invariant:** no two keys have the same text.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its bytes, as written.
    pub span: Span,
    /// The text that Kubernetes reads: `on` is `true`, `0x10` is `16`.
    pub text: Arc<str>,
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Its content: unquoted, unfolded, unindented.
    pub text: Arc<str>,
    /// How it is written.
    pub style: ScalarStyle,
    /// Its tag, if it has one that changes how it is read.
    pub tag: Option<Tag>,
}

/// The ways to write a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// In `'`.
    Single,
    /// In `"`.
    Double,
    /// A block after `|`.
    Literal,
    /// A block after `>`.
    Folded,
}

/// The tags that change how a scalar is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// `!!str`, and every tag that is not of YAML itself.
    Text,
    /// `!!null`
    Null,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!binary`: the content is Base64.
    Binary,
}

impl Node {
    /// Returns the value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key.text == key)
    }

    /// Returns the entries in written order; none if this is not a mapping.
    pub fn entries(&self) -> &[Entry] {
        if let NodeKind::Mapping(entries) = &self.kind { entries } else { &[] }
    }

    /// Returns the items; none if this is not a list.
    pub fn items(&self) -> &[Self] {
        if let NodeKind::List(items) = &self.kind { items } else { &[] }
    }

    /// Returns the scalar, if this is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        if let NodeKind::Scalar(scalar) = &self.kind { Some(scalar) } else { None }
    }

    /// Returns the node at `path`, and the bytes of its key if it is the value of one.
    pub fn at(&self, path: &[Step]) -> Option<(&Self, Option<Span>)> {
        path.iter().try_fold((self, None), |(node, _), step| node.down(step))
    }

    /// Returns the node one step down, and the bytes of its key.
    pub(super) fn down(&self, step: &Step) -> Option<(&Self, Option<Span>)> {
        match step {
            Step::Key(key) => self.entry(key).map(|it| (&it.value, Some(it.key.span))),
            Step::Index(index) => self.items().get(*index as usize).map(|item| (item, None)),
        }
    }

    /// Returns the plain data that Kubernetes reads here.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.to_value(),
            NodeKind::List(items) => Value::List(items.iter().map(Self::to_value).collect()),
            NodeKind::Mapping(entries) => {
                let pairs = entries.iter().map(|it| (it.key.text.clone(), it.value.to_value()));
                Value::Map(pairs.collect::<Map>())
            }
        }
    }

    /// Says whether this is a null, written or missing.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|it| it.reading() == Reading::Null)
    }

    /// Returns what a person calls this kind of value: `a list`, `a text`, …
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(scalar) => match scalar.reading() {
                Reading::Null => "nothing",
                Reading::Bool(_) => "a boolean",
                Reading::Int(_) | Reading::Float(_) => "a number",
                Reading::Text => "a text",
            },
            NodeKind::List(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }
}

impl Scalar {
    /// Returns what Kubernetes reads: a null, boolean, number or text.
    ///
    /// A tag that does not fit its content counts for nothing here; the parser has reported it.
    pub fn to_value(&self) -> Value {
        match self.reading() {
            Reading::Null => Value::Null,
            Reading::Bool(it) => Value::Bool(it),
            Reading::Int(it) => Value::Int(it),
            Reading::Float(it) => Value::Float(it),
            Reading::Text if self.tag == Some(Tag::Binary) => scalar::decode_base64(&self.text)
                .map_or(Value::String(self.text.clone()), Value::from),
            Reading::Text => Value::String(self.text.clone()),
        }
    }

    pub(super) fn reading(&self) -> Reading {
        match self.tag {
            None if self.style == ScalarStyle::Plain => scalar::read(&self.text),
            None | Some(Tag::Text | Tag::Binary) => Reading::Text,
            Some(tag) => scalar::read_as(&self.text, tag).unwrap_or(Reading::Text),
        }
    }
}
