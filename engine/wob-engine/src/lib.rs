//! Text, spanned YAML, digests, trees and the query database: a build engine that has never heard of a cluster.
//!
//! This crate is pure: it reads no disk, clock, environment or network. The host pushes bytes in, and values come out.
#![warn(clippy::disallowed_methods)]

mod blob;
mod db;
mod diagnostic;
mod digest;
mod folder;
mod layout;
mod naming;
mod place;
mod secret;
mod source;
mod text;
mod tree;
mod value;
pub mod yaml;

pub use blob::{Blob, GitObjectId, Recipe, WeakBlob, git_blob_id, git_tree_id};
pub use db::{Database, Source, SourceFile};
pub use diagnostic::{Code, Diagnostic, Label, Severity, did_you_mean};
pub use digest::{Digest, Hasher};
pub use folder::{Folder, Node};
pub use layout::{JOURNAL_PATH, OWN_FOLDER, PARTS_FOLDER, RECORD_PATH, folder_of_part, part_path};
pub use naming::{FolderIds, Outline};
pub use place::{At, FileName, Part, Place, Step};
pub use secret::{looks_secret, mask_line, mask_text};
pub use source::{Content, FilePath, Origin, PathError, Refusal};
pub use text::{LineColumn, LineIndex, Span};
pub use tree::Tree;
pub use value::{Map, Value};
