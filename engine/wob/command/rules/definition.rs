//! One rule as people and programs read it, with what the workspace makes of it.

use std::{borrow::Cow, fmt};

use serde::Serialize;
use wob_engine::{Place, Value, looks_secret};
use wob_rules::{
    EnvironmentInput, Model, Rule, builtin, environment_model,
    rule::{FileContent, Parameter, ParameterLevel, ParameterType, Presence, RuleKind},
};

use crate::{
    report::{place_name, printable},
    session::Session,
};

/// A rule, where it holds.
pub(super) struct Definition<'s> {
    pub(super) rule: &'s Rule,
    /// Other names for it.
    aliases: &'static [&'static str],
    /// Its README; of rules of the workspace if it lies in the checkout.
    readme: Option<Cow<'static, str>>,
    /// The built-in rule that it hides.
    pub(super) hides: Option<&'s str>,
    /// The environments in which it holds; all of them if it is built in and nothing hides it.
    environments: Vec<&'s str>,
    /// `wob.yaml:7`, or `built into wob`.
    place: Option<String>,
    settings: Vec<Setting<'s>>,
}

/// Where the workspace sets a parameter.
struct Setting<'s> {
    parameter: &'s str,
    level: ParameterLevel,
    environment: Option<&'s str>,
    cluster_type: Option<String>,
    value: Value,
    place: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonRule<'r> {
    name: &'r str,
    aliases: &'r [&'r str],
    #[serde(rename = "type")]
    kind: RuleKind,
    description: &'r str,
    builtin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'r str>,
    environments: &'r [&'r str],
    sources: Vec<&'static str>,
    parameters: Vec<JsonParameter<'r>>,
    files: Vec<JsonFile<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readme: Option<&'r str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonParameter<'r> {
    name: &'r str,
    #[serde(rename = "type")]
    kind: ParameterType,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<ParameterType>,
    description: &'r str,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'r str>,
    set: Vec<JsonSetting<'r>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonSetting<'r> {
    level: ParameterLevel,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_type: Option<&'r str>,
    value: serde_json::Value,
    place: &'r str,
}

#[derive(Debug, Serialize)]
struct JsonFile<'r> {
    name: String,
    content: FileContent,
    templates: Vec<&'r str>,
}

/// Returns every rule that holds somewhere: those of the workspace by name, then the built-in ones in their own order.
pub(super) fn definitions<'s>(session: Option<&'s Session<'_>>) -> Vec<Definition<'s>> {
    let mut all: Vec<Definition<'s>> = vec![];
    let environments: Vec<(&str, &Model, EnvironmentInput)> = session
        .iter()
        .flat_map(|it| it.loaded.environments.iter().map(|environment| (*it, environment)))
        .filter_map(|(session, it)| {
            let input = it.input?;
            Some((it.name.as_str(), environment_model(&session.loaded.db, input), input))
        })
        .collect();
    for (environment, model, _) in &environments {
        for rule in model.rules.values() {
            match all.iter_mut().find(|it| it.rule == rule) {
                Some(known) => known.environments.push(environment),
                None => all.push(Definition {
                    rule,
                    aliases: &[],
                    readme: session.and_then(|it| readme(it, rule)).map(Cow::Owned),
                    hides: builtin::find(rule.name())
                        .map(|it| it.rule.name())
                        .filter(|it| *it == rule.name()),
                    environments: vec![environment],
                    place: session.map(|it| place_of(it, &rule.meta.place)),
                    settings: vec![],
                }),
            }
        }
    }
    all.sort_by(|a, b| a.rule.name().cmp(b.rule.name()));
    for builtin in builtin::all() {
        let name = builtin.rule.name();
        let holds = |model: &Model| !model.rules.contains_key(name);
        let own: Vec<&str> = environments.iter().filter(|it| holds(it.1)).map(|it| it.0).collect();
        if own.is_empty() && !environments.is_empty() {
            continue;
        }
        all.push(Definition {
            rule: &builtin.rule,
            aliases: builtin.aliases,
            readme: Some(Cow::Borrowed(builtin.readme)),
            hides: None,
            environments: own,
            place: None,
            settings: vec![],
        });
    }
    if let Some(session) = session {
        for it in &mut all {
            it.settings = settings(session, it.rule);
        }
    }
    all
}

fn settings<'s>(session: &'s Session<'_>, rule: &'s Rule) -> Vec<Setting<'s>> {
    let mut settings = vec![];
    let file = &session.workspace.settings;
    let all = [(None, file.parameters_of(""))].into_iter();
    let own =
        file.environments.keys().map(|it| (Some(it.as_str()), file.parameters_of(it.as_str())));
    for (environment, set) in all.chain(own) {
        for (level, cluster_type, values) in set.all() {
            let inner = matches!(
                level,
                ParameterLevel::Environment | ParameterLevel::EnvironmentClusterType
            );
            let Some(values) = values.0.get(rule.name()).filter(|_| inner == environment.is_some())
            else {
                continue;
            };
            let known = rule.parameters.iter();
            settings.extend(known.filter_map(|parameter| {
                let set = values.values.get(&parameter.name)?;
                Some(Setting {
                    parameter: &parameter.name,
                    level,
                    environment,
                    cluster_type: cluster_type.map(ToString::to_string),
                    value: masked(&parameter.name, &set.value),
                    place: place_of(session, &set.place),
                })
            }));
        }
    }
    settings
}

/// Hides what looks like a secret; none should stand in wob.yaml, but one that does need not be shown.
fn masked(name: &str, value: &Value) -> Value {
    match value {
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, it)| (key.clone(), masked(key, it))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(|it| masked(name, it)).collect()),
        Value::String(_) if looks_secret(name) => Value::from("•••"),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            value.clone()
        }
    }
}

/// Reads the README beside a rule of the workspace, if that part of it is checked out.
fn readme(session: &Session<'_>, rule: &Rule) -> Option<String> {
    const LONGEST: u64 = 1 << 20;
    let path = session.workspace.root.join(rule.beside("README.md").as_str());
    let size = std::fs::metadata(&path).ok()?.len();
    if size > LONGEST {
        return None;
    }
    std::fs::read_to_string(&path).ok()
}

fn place_of(session: &Session<'_>, place: &Place) -> String {
    place_name(place, &session.loaded.texts)
}

impl<'s> Definition<'s> {
    /// Says whether cluster types may call it so.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.names().any(|it| it == name)
    }

    /// Lists its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'s str> {
        std::iter::once(self.rule.name()).chain(self.aliases.iter().copied())
    }

    /// Returns where it is, and in which environments it holds.
    pub(super) fn origin(&self) -> String {
        let place = self.place.as_deref().unwrap_or("built into wob");
        match self.environments.as_slice() {
            [] => place.to_owned(),
            names => format!("{place}, in {}", names.join(", ")),
        }
    }

    pub(super) fn json(&self) -> JsonRule<'_> {
        let rule = self.rule;
        JsonRule {
            name: rule.name(),
            aliases: self.aliases,
            kind: rule.kind,
            description: &rule.description,
            builtin: rule.is_builtin(),
            place: self.place.as_deref(),
            environments: &self.environments,
            sources: rule.sources.iter().map(|it| it.as_str()).collect(),
            parameters: rule.parameters.iter().map(|it| self.json_parameter(it)).collect(),
            files: rule
                .files
                .iter()
                .map(|it| JsonFile {
                    name: it.name.as_str().to_owned(),
                    content: it.content,
                    templates: it.templates.iter().map(|it| &*it.name).collect(),
                })
                .collect(),
            readme: self.readme.as_deref(),
        }
    }

    fn json_parameter<'d>(&'d self, parameter: &'d Parameter) -> JsonParameter<'d> {
        let set = self.settings.iter().filter(|it| *it.parameter == *parameter.name);
        JsonParameter {
            name: &parameter.name,
            kind: parameter.kind,
            items: parameter.items,
            description: &parameter.description,
            required: parameter.presence == Presence::Required,
            default: match &parameter.presence {
                Presence::Default(it) => Some(it.into()),
                Presence::Required => None,
            },
            allowed: parameter.allowed.iter().map(Into::into).collect(),
            pattern: parameter.pattern.as_deref(),
            set: set
                .map(|it| JsonSetting {
                    level: it.level,
                    environment: it.environment,
                    cluster_type: it.cluster_type.as_deref(),
                    value: (&it.value).into(),
                    place: &it.place,
                })
                .collect(),
        }
    }
}

impl fmt::Display for Definition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        let names: Vec<&str> = self.names().collect();
        writeln!(f, "{} ({}): {}", names.join(", "), rule.kind, rule.description)?;
        writeln!(f, "  {}", self.origin())?;
        if let Some(name) = self.hides {
            writeln!(f, "  hides the built-in rule `{name}`")?;
        }
        let sources: Vec<&str> = rule.sources.iter().map(|it| it.as_str()).collect();
        if !sources.is_empty() {
            writeln!(f, "  takes manifests from: {}", sources.join(", "))?;
        }
        let files: Vec<String> = rule.files.iter().map(|it| self.file(it.name.as_str())).collect();
        let files = if files.is_empty() { "nothing".to_owned() } else { files.join(", ") };
        writeln!(f, "  emits: {files}")?;
        if !rule.parameters.is_empty() {
            writeln!(f, "\nparameters:")?;
        }
        for it in &rule.parameters {
            writeln!(f, "  {}: {}", it.name, type_of(it))?;
            writeln!(f, "      {}", it.description)?;
            for set in self.settings.iter().filter(|set| *set.parameter == *it.name) {
                let value = json(&set.value);
                writeln!(f, "      set to {value} {} at {}", set.scope(), set.place)?;
            }
        }
        match &self.readme {
            // That of a workspace is somebody else's text.
            Some(readme) => write!(f, "\n{}", printable(readme)),
            None => Ok(()),
        }
    }
}

impl Definition<'_> {
    fn file(&self, name: &str) -> String {
        let stem = match self.rule.kind {
            RuleKind::Reconciler => "reconciler",
            RuleKind::Namespace => "namespace",
            RuleKind::Config => "config",
        };
        name.replacen(wob_rules::rule::OutputName::STEM, stem, 1)
    }
}

impl Setting<'_> {
    fn scope(&self) -> String {
        let environment =
            self.environment.map_or(String::new(), |it| format!("in the environment `{it}`"));
        match (&self.cluster_type, environment.is_empty()) {
            (None, true) => "for all".to_owned(),
            (None, false) => environment,
            (Some(it), true) => format!("for the cluster type `{it}`"),
            (Some(it), false) => format!("for the cluster type `{it}` {environment}"),
        }
    }
}

/// Says on one line what a parameter takes: `list of strings, default []`.
fn type_of(parameter: &Parameter) -> String {
    let kind = parameter.kind.as_str();
    let mut parts = vec![match parameter.items {
        Some(items) => format!("{kind} of {}s", items.as_str()),
        None => kind.to_owned(),
    }];
    parts.push(match &parameter.presence {
        Presence::Default(it) => format!("default {}", json(it)),
        Presence::Required => "required".to_owned(),
    });
    if !parameter.allowed.is_empty() {
        let words: Vec<String> = parameter.allowed.iter().map(json).collect();
        parts.push(format!("one of {}", words.join(" ")));
    }
    parts.extend(parameter.pattern.as_ref().map(|it| format!("matches {it}")));
    parts.join(", ")
}

fn json(value: &Value) -> String {
    serde_json::Value::from(value).to_string()
}
