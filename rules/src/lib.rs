//! What clusters are: resources, scheduling, config composition and rendering. Reads no disk.
#![warn(clippy::disallowed_methods)]

pub mod builtin;
mod compose;
mod decode;
pub mod discover;
mod label;
mod model;
mod name;
mod profile;
pub mod resource;
mod schedule;
mod selector;
mod workspace_file;

pub use compose::{
    Applied, Composed, Composition, ConfigMap, ConfigSchema, InlineSchema, LayerId, Layers,
    Precedence, Provenance, Reading, Schemas, SpecialLabels, Subject, config_value, label_match,
    labels_from_key, merge, select, validate,
};
pub use decode::{API_VERSION, BrokenLayer, Damage, Decoded, decode_file, parse_file};
pub use label::{ObjectKind, Pattern, PatternError};
pub use model::{Doubt, Model, ModelDamage, Target};
pub use name::Name;
pub use profile::{NamespaceFields, NamespacePattern, Profile, Settings};
pub use schedule::{Assignment, Fleet, LabelScheduler, SCHEDULERS, Scheduler};
pub use selector::{LabelSelector, Operator, Requirement};
pub use workspace_file::{
    EnvironmentEntry, InputEntry, OutputSettings, WORKSPACE_SCHEMA, WorkspaceFile,
};
