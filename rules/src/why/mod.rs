//! Why a result is as it is: every value back to the files that said it, and every file on to the results it shapes.
//!
//! **Invariant:** an explanation is made of the same inputs, layers and templates as the render that it explains. It
//! names too much rather than too little: what it leaves out has no influence.

mod address;
mod case;
mod cause;
mod config;
mod descent;
mod moved;
mod scalar;
#[cfg(test)]
mod tests;
mod used;

use std::sync::Arc;

use wob_engine::{Database, Place, Step, Value};
use wob_template::DataPath;

use self::case::Case;
pub use self::{
    address::{Address, Part, Which},
    cause::{Cause, CauseKey, Causes, Told},
    moved::{Deciding, moved},
    used::{How, Thing, Use, thing_at, things_named, uses},
};
pub use crate::compose::Fate;
use crate::{Assignment, EnvironmentInput, Name};

/// A config value, or a part of one, with everything that was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWhy {
    /// The key.
    pub key: Arc<str>,
    /// The part of its value; empty for all of it.
    pub path: Vec<Step>,
    /// What it is.
    pub value: Value,
    /// What each layer says that says anything about it, in order of precedence: later wins.
    pub says: Vec<LayerSay>,
}

/// What one layer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSay {
    /// The layer: the name of its config map, with the dotted labels if they make it.
    pub layer: Arc<str>,
    /// Where it is said.
    pub place: Place,
    /// Why the layer applies; empty if it applies to everybody.
    pub labels: Vec<Matched>,
    /// What it says.
    pub value: Value,
    /// What became of that.
    pub fate: Fate,
}

/// A layer that applies to an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerWhy {
    /// The layer: the name of its config map, with the dotted labels if they make it.
    pub layer: Arc<str>,
    /// The config map.
    pub place: Place,
    /// Why the layer applies; empty if it applies to everybody.
    pub labels: Vec<Matched>,
}

/// A label of a layer that holds for an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The label.
    pub label: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
    /// What it matches.
    pub side: Side,
    /// Where that is said.
    pub place: Option<Place>,
}

/// What the label of a layer matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The name of the cluster type.
    ClusterTypeName,
    /// The full name of the deployment target.
    TargetName,
    /// The name of the workload.
    WorkloadName,
    /// A label of the cluster type.
    ClusterTypeLabel,
    /// A label of the deployment target.
    TargetLabel,
}

/// A value that a template read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The way to it from the root of the template's data.
    pub path: DataPath,
    /// What it is; `None` if it is not set.
    pub value: Option<Value>,
    /// Where it comes from.
    pub descent: Descent,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Descent {
    /// The composed config.
    Config(ConfigWhy),
    /// It is said here.
    Said(Place),
    /// It is made of these, by this pattern if there is one.
    Made {
        /// The pattern of the settings.
        pattern: Option<String>,
        /// What it is made of.
        of: Vec<Input>,
    },
    /// A parameter of the rule.
    Parameter {
        /// The rule.
        rule: String,
        /// Where the workspace sets it; `None` if it has its default.
        set: Option<Place>,
    },
    /// A mapping or list, the parts of which are said in several places.
    Several,
    /// Nothing says it.
    Unset,
}

/// A place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePlace {
    /// In a source.
    Source(Place),
    /// In a file of a built-in rule.
    Rule {
        /// The rule.
        rule: String,
        /// The file in its folder.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
        /// The line as it stands in the file.
        text: String,
    },
}

/// A decision that let something be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionWhy {
    /// Where the template decides.
    pub place: TemplatePlace,
    /// What it depends on.
    pub inputs: Vec<Input>,
}

/// A scalar of a rendered file, or a line of a file that is no YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarWhy {
    /// The file.
    pub file: String,
    /// Which document of it, from 0; `None` for a line.
    pub document: Option<usize>,
    /// The way to the scalar; `None` for a line.
    pub path: Option<Vec<Step>>,
    /// The line, if that was asked for.
    pub line: Option<u32>,
    /// What is there.
    pub value: Value,
    /// The name of the template.
    pub template: String,
    /// The places of the template that wrote it, in order.
    pub places: Vec<TemplatePlace>,
    /// The values that went in.
    pub inputs: Vec<Input>,
    /// The decisions that let it be written.
    pub conditions: Vec<ConditionWhy>,
}

/// An assignment as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Its namespace.
    pub namespace: Input,
    /// The policies that made it.
    pub policies: Vec<(Name, Place)>,
    /// The files, with the templates that give them.
    pub files: Vec<FileWhy>,
    /// The layers of config that apply, in order of precedence: later wins.
    pub layers: Vec<LayerWhy>,
    /// The config values.
    pub config: Vec<ConfigWhy>,
}

/// A file of an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileWhy {
    /// Its name.
    pub file: String,
    /// The name of its template.
    pub template: String,
    /// Where the cluster type names it.
    pub chosen: Place,
    /// The template; `None` if it is a built-in rule.
    pub place: Option<Place>,
}

/// What was asked for is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong.
    pub reason: String,
    /// The way out.
    pub help: String,
}

/// Explains an assignment as a whole; `None` if its inputs cannot be put together.
pub fn overview(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> Option<Overview> {
    Some(Case::new(db, environment, assignment)?.overview())
}

/// Explains the part at `pointer` (JSON pointer; empty for all) of the config value `key`.
///
/// # Errors
/// There is no such key, or no such part of its value.
pub fn config(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
    key: &str,
    pointer: &str,
) -> Result<ConfigWhy, Unknown> {
    Case::without_inputs(db, environment, assignment).asked_config(key, pointer)
}

/// Explains a part of a file; `None` if the assignment has no files.
///
/// # Errors
/// There is no such file, or nothing at that address in it.
pub fn scalar(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
    address: &Address,
) -> Option<Result<ScalarWhy, Unknown>> {
    Some(Case::new(db, environment, assignment)?.scalar(address))
}

/// Returns the address of every scalar of a file's YAML documents, in order; `None` if the assignment has no files.
pub fn addresses(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
    file: &str,
) -> Option<Vec<Address>> {
    Some(Case::new(db, environment, assignment)?.addresses(file))
}

/// Returns the names of the files that an assignment has; `None` if it has none.
pub fn file_names(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> Option<Vec<String>> {
    let case = Case::new(db, environment, assignment)?;
    Some(case.files().into_iter().map(|it| it.name).collect())
}

/// Returns a path as a JSON pointer.
pub fn pointer(path: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    path.iter().map(step).collect()
}
