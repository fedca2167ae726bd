//! What clusters are: resources, scheduling, config composition and rendering. Reads no disk.
#![warn(clippy::disallowed_methods)]

mod compose;

pub use compose::{
    Applied, Composed, Composition, ConfigMap, ConfigSchema, InlineSchema, LayerId, Layers,
    Precedence, Provenance, Reading, Schemas, SpecialLabels, Subject, config_value, label_match,
    labels_from_key, merge, select, validate,
};
