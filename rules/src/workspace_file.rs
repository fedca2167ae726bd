//! `wob.yaml`: the settings of a workspace.
//!
//! Its shape is published as a JSON Schema (`wob schema workspace`); a test holds the two together.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{At, Code, Diagnostic, FileName, Place, Severity, Value, yaml};

mod parameters;
mod publish;
mod wait;

pub use self::{
    parameters::ParameterEntries,
    publish::{FORGE_NAMES, PublishSettings},
    wait::{WaitSettings, WaitSource},
};
use crate::{
    Name, NamespacePattern, ParameterSettings, Precedence, Profile, Settings, ValidateSettings,
    decode::{Fields, Problems, as_text, shown},
    lint,
    name::reserved_name_problem,
    promotion::ChainEntry,
    schedule::{SchedulerSetting, Scheduling, scheduler_setting},
    schemas::validate_settings,
};

/// The JSON Schema of `wob.yaml`.
pub const WORKSPACE_SCHEMA: &str = include_str!("workspace.schema.json");

/// What `wob.yaml` or `wob.local.yaml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceFile {
    /// The folder that every environment shares; `Some` in the folders layout only.
    pub base: Option<String>,
    /// The branch that holds what is promoted, in the branches layout; `main` if it is not said.
    pub base_branch: Option<String>,
    /// The environments of the folders layout, by name; empty in the branches layout.
    pub environments: BTreeMap<Name, EnvironmentEntry>,
    /// Where inputs come from instead of their addresses.
    pub inputs: Vec<InputEntry>,
    /// What shapes every environment's output.
    pub output: OutputSettings,
    /// How rendered files are checked.
    pub validate: ValidateSettings,
    /// Which scheduler decides for environments that name none.
    pub scheduler: Option<SchedulerSetting>,
    /// The parameters of rules in every environment.
    pub parameters: ParameterEntries,
    /// How every environment is published.
    pub publish: PublishSettings,
    /// The largest file that is read, in bytes; the default is 10 MiB.
    pub file_bytes: Option<u64>,
    /// The codes of warnings that are not wanted.
    pub silenced: BTreeSet<Code>,
    /// The order in which environments get a commit; empty if it is not said here.
    pub promotion: Vec<ChainEntry>,
    /// What a commit must have before it gets to the next environment, if it is said.
    pub promotion_gate: Option<PromotionGate>,
    /// How to wait for clusters in every environment.
    pub wait: WaitSettings,
}

/// What a commit must have before it gets to the next environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotionGate {
    /// A good status on the forge, as `wob wait` sets it.
    Status,
    /// A place in the history of the environment before.
    History,
}

/// One of `environments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentEntry {
    /// Its folder; `None` in the branches layout, where an entry only changes settings.
    pub path: Option<String>,
    /// Where the folder is named.
    pub place: Place,
    /// What shapes this environment's output differently.
    pub output: OutputSettings,
    /// What is checked differently in this environment.
    pub validate: ValidateSettings,
    /// Which scheduler decides for this environment.
    pub scheduler: Option<SchedulerSetting>,
    /// The parameters of rules in this environment.
    pub parameters: ParameterEntries,
    /// How this environment is published differently.
    pub publish: PublishSettings,
    /// How to wait for the clusters of this environment.
    pub wait: WaitSettings,
}

/// One of `inputs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputEntry {
    /// The address that registrations use.
    pub url: String,
    /// The folder or repository to use instead, relative to the workspace.
    pub path: String,
    /// Where it is said.
    pub place: Place,
}

/// Settings that may be set for all environments and for one; what is not set is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputSettings {
    /// `profile`.
    pub profile: Option<Profile>,
    /// `namespacePattern`.
    pub namespace_pattern: Option<NamespacePattern>,
    /// `configFile`.
    pub config_file: Option<String>,
    /// `configPrecedence`.
    pub config_precedence: Option<Precedence>,
}

impl OutputSettings {
    /// Joins these settings with those of an environment, which win; `profile` from the command line wins over both.
    pub fn resolve(&self, own: Option<&Self>, profile: Option<Profile>) -> Settings {
        let default = Self::default();
        let own = own.unwrap_or(&default);
        let profile = profile.or(own.profile).or(self.profile).unwrap_or_default();
        let mut settings = Settings::of(profile);
        if let Some(it) = own.namespace_pattern.as_ref().or(self.namespace_pattern.as_ref()) {
            settings.namespace_pattern = it.clone();
        }
        if let Some(it) = own.config_file.as_ref().or(self.config_file.as_ref()) {
            settings.config_file.clone_from(it);
        }
        if let Some(it) = own.config_precedence.or(self.config_precedence) {
            settings.config_precedence = it;
        }
        settings
    }
}

impl WorkspaceFile {
    /// Returns how to wait for the clusters of `environment`.
    pub fn wait_of(&self, environment: &str) -> WaitSettings {
        match self.environments.get(environment) {
            Some(own) => own.wait.or(&self.wait),
            None => self.wait.clone(),
        }
    }

    /// Returns which scheduler decides for the environment `name`; it has not been told anything yet.
    pub fn scheduling(&self, name: &Name) -> Scheduling {
        let own = self.environments.get(name).and_then(|it| it.scheduler.as_ref());
        Scheduling { setting: own.or(self.scheduler.as_ref()).cloned(), answer: None }
    }

    /// Returns how `environment` is published.
    pub fn publish_of(&self, environment: &str) -> PublishSettings {
        self.publish.resolve(self.environments.get(environment).map(|it| &it.publish))
    }

    /// Returns the parameters of rules that hold in `environment`.
    pub fn parameters_of(&self, environment: &str) -> ParameterSettings {
        let own = self.environments.get(environment).map(|it| it.parameters.clone());
        let own = own.unwrap_or_default();
        ParameterSettings {
            workspace: self.parameters.all.clone(),
            environment: own.all,
            cluster_types: self.parameters.cluster_types.clone(),
            environment_cluster_types: own.cluster_types,
        }
    }

    /// Reads `text`, the content of the file called `name`; what is wrong is left out and reported.
    pub fn read(name: &FileName, text: &str) -> (Self, Vec<Diagnostic>) {
        let parsed = yaml::parse(text, &yaml::Limits::default());
        let mut problems = Problems::default();
        for problem in parsed.problems.iter().filter(|it| it.severity == Severity::Error) {
            let place = Place { file: name.clone(), at: At::Bytes(problem.span) };
            let mut diagnostic =
                Diagnostic::error(problem.kind.code(), problem.message.clone()).at(place, "here");
            diagnostic.help.clone_from(&problem.help);
            problems.push(diagnostic);
        }
        if let Some(second) = parsed.documents.get(1) {
            let place = Place { file: name.clone(), at: At::Bytes(second.span) };
            let message = format!("`{name}` holds more than one document");
            let diagnostic = Diagnostic::error("yaml-syntax", message).at(place, "the second one");
            problems.push(diagnostic.help("remove the `---` between them"));
        }
        let place = Place::document(name, 0);
        // Who knows which scheduler was written there.
        let unreadable = Self {
            scheduler: Some(SchedulerSetting::unreadable(place.clone())),
            ..Self::default()
        };
        let root = parsed.documents.first().map(|it| &it.root);
        let fields = root
            .filter(|_| problems.diagnostics.is_empty())
            .and_then(|it| Fields::open(it, place, "", &name.as_str().into(), &mut problems));
        let file = match fields {
            Some(fields) => workspace(fields, &mut problems),
            None if problems.has_errors() => unreadable,
            None => Self::default(),
        };
        (file, problems.into_diagnostics())
    }
}

fn workspace(mut fields: Fields<'_>, problems: &mut Problems) -> WorkspaceFile {
    if let Some((node, place)) = fields.node("version")
        && node.to_value() != Value::Int(1)
    {
        let diagnostic = Diagnostic::error("unknown-value", "`version` must be 1");
        problems.push(
            diagnostic.at(place, "not a version that this wob knows").help("write `version: 1`"),
        );
    }
    let output = output(&mut fields, problems);
    let parameters = parameters::entries(&mut fields, problems);
    let scheduler = scheduler_setting(&mut fields, problems);
    let validate = validate_settings(&mut fields, problems).unwrap_or_default();
    let base = folder(&mut fields, "base", problems);
    let base_branch = fields.optional_text("baseBranch", problems).map(|it| it.to_string());
    let mut environments = BTreeMap::new();
    if let Some(entries) = fields.optional_mapping("environments", problems) {
        for (key, node, place) in entries.entries() {
            match folder_name(key) {
                Ok(name) => {
                    environments.extend(environment(node, place, problems).map(|it| (name, it)));
                }
                Err(reason) => problems.push(
                    Diagnostic::error(
                        "bad-name",
                        format!("environment name `{}` {reason}", key.escape_debug()),
                    )
                    .at(place.on_key(), "here")
                    .help("environment names are DNS names: lower-case letters, digits and `-`"),
                ),
            }
        }
    }
    let inputs = inputs(&mut fields, problems);
    let publish = publish::publish(&mut fields, problems);
    let file_bytes = limits(&mut fields, problems);
    let silenced = lint::silenced(&mut fields, problems);
    let promotion = promotion(&mut fields, problems);
    let promotion_gate = promotion_gate(&mut fields, problems);
    let wait = wait::wait(&mut fields, problems);
    fields.finish(&[], problems);
    WorkspaceFile {
        base,
        base_branch,
        environments,
        inputs,
        output,
        validate,
        scheduler,
        parameters,
        publish,
        file_bytes,
        silenced,
        promotion,
        promotion_gate,
        wait,
    }
}

fn environment(
    node: &yaml::Node,
    place: Place,
    problems: &mut Problems,
) -> Option<EnvironmentEntry> {
    if let Value::String(path) = node.to_value() {
        let path = inside(&path, &place, problems);
        let (output, validate) = (OutputSettings::default(), ValidateSettings::default());
        return Some(EnvironmentEntry {
            path,
            place,
            output,
            validate,
            scheduler: None,
            parameters: ParameterEntries::default(),
            publish: PublishSettings::default(),
            wait: WaitSettings::default(),
        });
    }
    let mut fields =
        Fields::open(node, place.clone(), "environment", &"an environment".into(), problems)?;
    let path = folder(&mut fields, "path", problems);
    let output = output(&mut fields, problems);
    let validate = validate_settings(&mut fields, problems).unwrap_or_default();
    let scheduler = scheduler_setting(&mut fields, problems);
    let parameters = parameters::entries(&mut fields, problems);
    let publish = publish::publish(&mut fields, problems);
    let wait = wait::wait(&mut fields, problems);
    fields.finish(&[], problems);
    Some(EnvironmentEntry { path, place, output, validate, scheduler, parameters, publish, wait })
}

/// Reads a folder of the workspace.
fn folder(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<String> {
    let text = fields.optional_text(key, problems)?;
    inside(&text, &fields.place.key(key), problems)
}

/// Refuses a folder that leads out of the workspace: who clones it would not get the same sources.
fn inside(path: &str, place: &Place, problems: &mut Problems) -> Option<String> {
    let wrong = |it: char| it.is_control() || it == '\\';
    if path.starts_with('/') || path.split('/').any(|it| it == "..") || path.contains(wrong) {
        let message = format!("path `{}` leads out of the workspace", shown(path));
        problems.push(
            Diagnostic::error("bad-path", message)
                .at(place.clone(), "here")
                .help("write a folder below wob.yaml; move wob.yaml up if it must be another one"),
        );
        return None;
    }
    Some(path.to_owned())
}

/// Checks a name that becomes a folder of the output.
fn folder_name(text: &str) -> Result<Name, &'static str> {
    let name = Name::new(text)?;
    reserved_name_problem(text).map_or(Ok(name), Err)
}

/// Checks the name of the config file, beside which every target has two others.
fn config_stem(text: &str) -> Result<Name, &'static str> {
    match text {
        "namespace" | "reconciler" => Err("is the name of another file of every target"),
        _ if text.len() > 63 => Err("has more than 63 characters"),
        _ => folder_name(text),
    }
}

fn inputs(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<InputEntry> {
    let mut inputs = vec![];
    for (node, place) in fields.list("inputs", problems) {
        let Some(mut fields) = Fields::open(node, place.clone(), "", &"an input".into(), problems)
        else {
            continue;
        };
        let (url, path) = (fields.text("url", problems), fields.text("path", problems));
        fields.finish(&[], problems);
        if let (Some(url), Some(path)) = (url, path) {
            inputs.push(InputEntry { url: url.to_string(), path: path.to_string(), place });
        }
    }
    inputs
}

/// Reads the order in which environments get a commit; whether they exist is not known yet.
fn promotion(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<ChainEntry> {
    let mut entries: Vec<ChainEntry> = vec![];
    for (node, place) in fields.list("promotion", problems) {
        let owner: std::sync::Arc<str> = fields.owner().into();
        let Some(text) = as_text(node, place.clone(), "promotion", &owner, problems) else {
            continue;
        };
        let shown = text.escape_debug();
        match Name::new(&text) {
            Ok(name) if entries.iter().any(|it| it.name == name) => problems.push(
                Diagnostic::error("unknown-value", format!("`promotion` names `{shown}` twice"))
                    .at(place, "the second time")
                    .help("a commit gets to each environment once; leave one of them out"),
            ),
            Ok(name) => entries.push(ChainEntry { name, place }),
            Err(reason) => problems.push(
                Diagnostic::error("bad-name", format!("environment name `{shown}` {reason}"))
                    .at(place, "here")
                    .help("write the name of an environment"),
            ),
        }
    }
    entries
}

fn promotion_gate(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<PromotionGate> {
    let help = "write `status` or `history`";
    setting(fields, "promotionGate", help, problems, |text| match text {
        "status" => Ok(PromotionGate::Status),
        "history" => Ok(PromotionGate::History),
        _ => {
            let shown = text.escape_debug();
            Err(("unknown-value", format!("unknown `promotionGate` `{shown}`")))
        }
    })
}

fn limits(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u64> {
    let mut limits = fields.optional_mapping("limits", problems)?;
    let found = limits.node("fileBytes");
    limits.finish(&[], problems);
    let (node, place) = found?;
    let bytes = match node.to_value() {
        Value::Int(it) => u64::try_from(it).ok().filter(|it| *it > 0),
        Value::Null
        | Value::Bool(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => None,
    };
    if bytes.is_none() {
        let message = "`limits.fileBytes` must be a number of bytes above 0";
        problems.push(
            Diagnostic::error("wrong-type", message).at(place, "here").help("write `10485760`"),
        );
    }
    bytes
}

fn output(fields: &mut Fields<'_>, problems: &mut Problems) -> OutputSettings {
    let profile = setting(fields, "profile", "write `standard` or `kalypso`", problems, |text| {
        let unknown = || ("unknown-value", format!("unknown profile `{}`", text.escape_debug()));
        Profile::parse(text).ok_or_else(unknown)
    });
    let known = NamespacePattern::FIELDS.map(|it| format!("{{{it}}}")).join(", ");
    let help = format!("known fields: {known}");
    let namespace_pattern = setting(fields, "namespacePattern", &help, problems, |text| {
        let wrong = |reason| ("unknown-value", format!("`namespacePattern` {reason}"));
        NamespacePattern::parse(text).map_err(wrong)
    });
    let help = "write a stem such as `config`";
    let config_file = setting(fields, "configFile", help, problems, |text| {
        let shown = text.escape_debug();
        let wrong = |reason| ("bad-name", format!("`configFile` `{shown}` {reason}"));
        config_stem(text).map(|it| it.to_string()).map_err(wrong)
    });
    let help = "write `name` or `specificity`";
    let config_precedence =
        setting(fields, "configPrecedence", help, problems, |text| match text {
            "name" => Ok(Precedence::Name),
            "specificity" => Ok(Precedence::Specificity),
            _ => {
                let shown = text.escape_debug();
                Err(("unknown-value", format!("unknown `configPrecedence` `{shown}`")))
            }
        });
    OutputSettings { profile, namespace_pattern, config_file, config_precedence }
}

/// Reads one text setting; what `read` refuses, with a code and a message, is reported at its place.
fn setting<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    help: &str,
    problems: &mut Problems,
    read: impl FnOnce(&str) -> Result<T, (Code, String)>,
) -> Option<T> {
    let text = fields.optional_text(key, problems)?;
    let refused = |(code, message)| {
        let diagnostic = Diagnostic::error(code, message);
        problems.push(diagnostic.at(fields.place.key(key), "here").help(help));
    };
    read(&text).map_err(refused).ok()
}
