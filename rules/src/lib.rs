//! What clusters are: resources, scheduling, config composition and rendering. Reads no disk.
#![warn(clippy::disallowed_methods)]

mod compose;

pub use compose::{
    ConfigMap, Precedence, Reading, SpecialLabels, Subject, label_match, labels_from_key,
};
