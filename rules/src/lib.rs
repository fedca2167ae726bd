//! What clusters are: resources, scheduling, config composition and rendering. Reads no disk.
//!
//! The command pushes [`EnvironmentInput`]s; [`build`] answers with a [`Built`] tree and every diagnostic. Which
//! sources an environment needs is asked in turn: [`discover::environments`], [`discover::base_repos`],
//! [`discover::registrations`].
#![warn(clippy::disallowed_methods)]

mod built;
pub mod builtin;
pub mod causes;
pub mod changes;
mod compose;
mod decode;
pub mod discover;
mod frame;
pub mod graph;
mod known;
mod label;
pub mod lint;
mod model;
mod name;
mod problems;
mod profile;
pub mod promotion;
mod queries;
pub mod query;
mod reads;
mod record;
mod render;
pub mod resource;
pub mod rule;
mod rule_files;
mod said;
mod schedule;
mod schemas;
mod selector;
pub mod why;
mod workspace_file;

pub use built::{
    Built, BuiltAssignment, Made, PROMOTED_COMMIT, part_folder, promoted_commit, readme,
};
pub(crate) use compose::Layer;
pub use compose::{
    Applied, Composed, Composition, ConfigMap, ConfigSchema, InlineSchema, LayerId, Layers,
    Precedence, Provenance, Reading, Schemas, SpecialLabels, Subject, config_value, label_match,
    labels_from_key, merge, select, validate,
};
pub use decode::{API_VERSION, BrokenLayer, Damage, Decoded, decode_file, refused};
pub use frame::{Edit, Extent, Frame, NotedObjects, Reassigned, concerned, fails_alone};
pub use known::{Before, Kept, Known, KnownFile, KnownFiles, Subtree, subtrees};
pub use label::{ObjectKind, Pattern, PatternError};
pub use model::{Definition, Doubt, Model, ModelDamage, Target};
pub use name::Name;
pub use problems::{Said, problems};
pub use profile::{NamespaceFields, NamespacePattern, Profile, Settings};
pub use queries::{
    BaseSource, EnvironmentInput, Memory, Unavailable, WorkloadSource, answer_scheduler,
    assignments, build, build_some, build_with, check_always, decode_all, decode_source,
    environment_model, fleet, inputs_of, prepare, scheduled, scheduler_call,
};
pub use reads::{Reads, reads};
pub use record::{
    AssignmentRecord, Head, Part, PartAssignment, PartEntry, PartText, Record, RecordError,
    RecordTexts, SourceRecord, SourceRole,
};
pub use render::{
    ClusterTypeFields, ClusterTypeInputs, CompiledTemplate, Config, Files, Grain, GroupDigests,
    HashedSettings, InputPart, Inputs, MissedKey, Parameters, PartGroup, Parts, Rendered,
    TargetFields, TargetInputs, render,
};
pub use rule::{ManifestSource, Parameter, ParameterSettings, RULE_SCHEMA, Rule, SourceKind};
pub use rule_files::{unknown_validations, unused_parameters};
pub use said::{SaidParts, Warning, said_of_subtree};
pub use schedule::{
    Answer, Assignment, Candidate, Candidates, Clause, Effect, ExecScheduler, Explanation, Fate,
    Fleet, LabelScheduler, Nearest, Needs, Placement, PlacementScheduler, PolicyView, Preference,
    ProgramCall, ProgramSetting, Ranking, SCHEDULER_REQUEST_SCHEMA, SCHEDULER_RESPONSE_SCHEMA,
    SCHEDULERS, Schedule, Scheduler, SchedulerRecord, SchedulerSetting, Scheduling, Side,
    SpreadConstraint, Taint, Tolerance, Tolerated, Toleration, Unassigned, WhenUnsatisfiable,
    explain, unassigned,
};
pub use schemas::{
    Check, CheckMode, KubernetesVersion, SchemaFolder, ValidateSettings, Validation,
    custom_schemas, stated_schema,
};
pub use selector::{LabelSelector, Operator, Requirement};
pub use workspace_file::{
    EnvironmentEntry, FORGE_NAMES, InputEntry, OutputSettings, ParameterEntries, PromotionGate,
    PublishSettings, WORKSPACE_SCHEMA, WaitSettings, WaitSource, WorkspaceFile,
};
