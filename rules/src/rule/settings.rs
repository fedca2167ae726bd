//! Parameters that a workspace sets: per workspace, environment and cluster type; the more specific wins, key by key.
//!
//! A value replaces the less specific one as a whole, lists and mappings too.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Diagnostic, Map, Place, Value, did_you_mean};

use super::{Parameter, Presence, Rule, parameter::plain};
use crate::{Name, decode::shown};

/// What one `parameters:` of wob.yaml says, by rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterValues(pub BTreeMap<Arc<str>, SetParameters>);

/// What one `parameters:` says of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetParameters {
    /// Where the rule is named.
    pub place: Place,
    /// The values, by parameter.
    pub values: BTreeMap<Arc<str>, SetParameter>,
}

/// A value that a workspace sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetParameter {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// All parameters that hold in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSettings {
    /// `parameters`.
    pub workspace: ParameterValues,
    /// `environments.<name>.parameters`.
    pub environment: ParameterValues,
    /// `clusterTypes.<name>.parameters`, by cluster type.
    pub cluster_types: BTreeMap<Name, ParameterValues>,
    /// `environments.<name>.clusterTypes.<name>.parameters`, by cluster type.
    pub environment_cluster_types: BTreeMap<Name, ParameterValues>,
}

/// Where a parameter is set; the later wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterLevel {
    /// For all.
    Workspace,
    /// For an environment.
    Environment,
    /// For a cluster type of this name in every environment.
    ClusterType,
    /// For a cluster type of an environment.
    EnvironmentClusterType,
}

impl ParameterSettings {
    /// Returns what applies to a cluster type, the most specific first.
    fn levels(&self, cluster_type: &str) -> impl Iterator<Item = &ParameterValues> {
        let own = [
            self.environment_cluster_types.get(cluster_type),
            self.cluster_types.get(cluster_type),
        ];
        own.into_iter().flatten().chain([&self.environment, &self.workspace])
    }

    /// Returns every place that sets parameters: its level, the cluster type if it is one's, and what it says.
    pub fn all(&self) -> impl Iterator<Item = (ParameterLevel, Option<&Name>, &ParameterValues)> {
        let shared = [
            (ParameterLevel::Workspace, None, &self.workspace),
            (ParameterLevel::Environment, None, &self.environment),
        ];
        let own = self.cluster_types.iter().map(|it| (ParameterLevel::ClusterType, it));
        let inner = self
            .environment_cluster_types
            .iter()
            .map(|it| (ParameterLevel::EnvironmentClusterType, it));
        let own = own.chain(inner).map(|(level, (name, values))| (level, Some(name), values));
        shared.into_iter().chain(own)
    }

    /// Says whether any parameter of the rule with this name is set anywhere.
    pub(crate) fn names(&self, rule: &str) -> bool {
        self.all().any(|(_, _, values)| values.0.contains_key(rule))
    }

    /// Returns where a parameter of `rule` is set for a cluster type; `None` if it has its default.
    pub(crate) fn place(&self, rule: &str, parameter: &str, cluster_type: &str) -> Option<&Place> {
        let mut levels = self.levels(cluster_type).filter_map(|it| it.0.get(rule));
        levels.find_map(|it| it.values.get(parameter)).map(|it| &it.place)
    }

    /// Returns the values of all parameters of `rule` for a cluster type, which stands at `user`.
    ///
    /// # Errors
    /// What is set wrongly, or not at all.
    pub(crate) fn resolve(
        &self,
        rule: &Rule,
        cluster_type: &str,
        user: &Place,
    ) -> Result<Map, Vec<Diagnostic>> {
        let name = rule.name();
        let levels: Vec<&SetParameters> =
            self.levels(cluster_type).filter_map(|it| it.0.get(name)).collect();
        let mut diagnostics: Vec<Diagnostic> = vec![];
        let mut resolved = Map::new();
        for parameter in &rule.parameters {
            let set = levels.iter().find_map(|it| it.values.get(&parameter.name));
            let value = match (set, &parameter.presence) {
                (Some(set), _) => {
                    diagnostics.extend(wrong_value(rule, parameter, set));
                    &set.value
                }
                (None, Presence::Default(it)) => it,
                (None, Presence::Required) => {
                    diagnostics.push(missing(rule, parameter, user));
                    continue;
                }
            };
            resolved.insert(parameter.name.clone(), value.clone());
        }
        diagnostics.extend(levels.iter().flat_map(|it| unknown(rule, it)));
        if diagnostics.is_empty() { Ok(resolved) } else { Err(diagnostics) }
    }

    /// Returns everything that is wrong with what is set for `rule`, whether it is used or not.
    pub(crate) fn problems(&self, rule: &Rule) -> Vec<Diagnostic> {
        let mut diagnostics = vec![];
        for (_, _, values) in self.all() {
            let Some(set) = values.0.get(rule.name()) else { continue };
            let known = rule.parameters.iter();
            let pairs = known.filter_map(|it| Some((it, set.values.get(&it.name)?)));
            diagnostics
                .extend(pairs.filter_map(|(parameter, set)| wrong_value(rule, parameter, set)));
            diagnostics.extend(unknown(rule, set));
        }
        diagnostics
    }
}

fn wrong_value(rule: &Rule, parameter: &Parameter, set: &SetParameter) -> Option<Diagnostic> {
    let reason = parameter.check(&set.value).err()?;
    let message = format!("parameter `{}` of rule `{}` {reason}", parameter.name, rule.name());
    let help = match (&parameter.presence, parameter.allowed.as_slice()) {
        (_, allowed) if !allowed.is_empty() => {
            let words: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
            let guess = set.value.as_str().and_then(|it| did_you_mean(it, words));
            guess.map_or_else(
                || format!("write `{}`", plain(&allowed[0])),
                |it| format!("did you mean `{it}`?"),
            )
        }
        (Presence::Default(value), _) => format!("write a value such as `{}`", plain(value)),
        (Presence::Required, _) => format!("`wob rules show {}` explains it", rule.name()),
    };
    let diagnostic = Diagnostic::error("bad-parameter", message).at(set.place.clone(), "set here");
    Some(declared(diagnostic, rule, parameter).help(help))
}

fn unknown<'d>(rule: &'d Rule, set: &'d SetParameters) -> impl Iterator<Item = Diagnostic> + 'd {
    let known = || rule.parameters.iter().map(|it| &*it.name);
    let strangers = set.values.iter().filter(move |it| !known().any(|known| known == &**it.0));
    strangers.map(move |(name, it)| {
        let message = format!("rule `{}` has no parameter `{}`", rule.name(), shown(name));
        let list = known().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let help = match did_you_mean(name, known()) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None if list.is_empty() => "it takes none; remove this".to_owned(),
            None => format!("known parameters: {list}"),
        };
        Diagnostic::error("bad-parameter", message).at(it.place.on_key(), "unknown").help(help)
    })
}

fn missing(rule: &Rule, parameter: &Parameter, user: &Place) -> Diagnostic {
    let (name, own) = (rule.name(), &parameter.name);
    let message = format!("rule `{name}` needs its parameter `{own}`, which nothing sets");
    let diagnostic = Diagnostic::error("missing-parameter", message)
        .at(user.clone(), format!("uses `{name}`"))
        .help(format!("set `parameters: {{{name}: {{{own}: …}}}}` in wob.yaml"));
    declared(diagnostic, rule, parameter)
}

/// Points at the declaration, if it is in the sources.
fn declared(diagnostic: Diagnostic, rule: &Rule, parameter: &Parameter) -> Diagnostic {
    if rule.is_builtin() {
        return diagnostic;
    }
    diagnostic.at(parameter.place.clone(), "declared here")
}
