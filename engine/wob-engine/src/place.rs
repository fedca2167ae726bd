//! Where a thing was said: a node of a YAML document, named so that comments and white space do not move it.
//!
//! **Invariant:** a place holds no byte offset unless the file could not be parsed. Spans are looked up when a
//! diagnostic is drawn, so that an edited comment changes no value that carries a place.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Span;

/// The name of a file as people see it, unique in one run: `clusters/drone.yaml`, `dev:clusters/drone.yaml`,
/// `https://github.com/org/app@main:workload/workload.yaml`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileName(Arc<str>);

impl FileName {
    /// Wraps the text that people will see.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: FileName,
    /// Where in the file.
    pub at: At,
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum At {
    /// The file as a whole: its name, its encoding, its absence.
    File,
    /// A byte range; only for files that are not well-formed YAML, or no YAML at all.
    Bytes(Span),
    /// A node of a document.
    Node {
        /// Which document of the file, from 0.
        document: u32,
        /// The way from the document's root; empty for the root.
        path: Arc<[Step]>,
        /// Which side of a mapping entry is meant; for list items and roots always the value.
        part: Part,
    },
    /// A byte range of a string's *content* (after unquoting and unindenting): a position in a template.
    Text {
        /// Which document of the file, from 0.
        document: u32,
        /// The way to the string.
        path: Arc<[Step]>,
        /// The range in the content.
        span: Span,
    },
}

/// One step down from a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// The value of this key.
    Key(Arc<str>),
    /// The list item of this index, from 0.
    Index(u32),
}

/// A side of a mapping entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Place {
    /// Returns the place of a file as a whole.
    pub fn file(file: &FileName) -> Self {
        Self { file: file.clone(), at: At::File }
    }

    /// Returns the place of a document's root.
    pub fn document(file: &FileName, document: u32) -> Self {
        let at = At::Node { document, path: [].into(), part: Part::Value };
        Self { file: file.clone(), at }
    }

    /// Returns the place of `key`'s value below this node.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.down(Step::Key(key.into()))
    }

    /// Returns the place of item `index` below this node.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.down(Step::Index(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// Returns the place of this entry's key instead of its value.
    #[must_use]
    pub fn on_key(&self) -> Self {
        let mut place = self.clone();
        if let At::Node { part, .. } = &mut place.at {
            *part = Part::Key;
        }
        place
    }

    /// Returns a place inside the content of the string at this node, or inside of the file as a whole.
    #[must_use]
    pub fn text(&self, span: Span) -> Self {
        match &self.at {
            At::Node { document, path, .. } => Self {
                file: self.file.clone(),
                at: At::Text { document: *document, path: path.clone(), span },
            },
            At::File => Self { file: self.file.clone(), at: At::Bytes(span) },
            At::Bytes(_) | At::Text { .. } => self.clone(),
        }
    }

    /// Returns the last step, and the place of the node around this one; `None` for a root or a place without a path.
    pub fn parent(&self) -> Option<(Step, Self)> {
        let At::Node { document, path, .. } = &self.at else { return None };
        let (last, before) = path.split_last()?;
        let at = At::Node { document: *document, path: before.into(), part: Part::Value };
        Some((last.clone(), Self { file: self.file.clone(), at }))
    }

    fn down(&self, step: Step) -> Self {
        match &self.at {
            At::Node { document, path, .. } => {
                let path = path.iter().cloned().chain([step]).collect();
                let at = At::Node { document: *document, path, part: Part::Value };
                Self { file: self.file.clone(), at }
            }
            At::File | At::Bytes(_) | At::Text { .. } => self.clone(),
        }
    }
}
