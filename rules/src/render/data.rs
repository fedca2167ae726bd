//! What a template sees: the fields of an assignment, in Go's and in jinja's terms.

use std::{any::Any, collections::BTreeMap, rc::Rc, sync::Arc};

use wob_template::{Map, MapOf, Object, Value, kalypso};

use super::Inputs;
use crate::Profile;

/// The root of a Go template's data: a struct, so that an unknown field is an error (design rule 6.1).
#[derive(Debug)]
pub(super) struct Root {
    fields: [(&'static str, Value); FIELDS.len()],
}

/// The fields of a template's data, in the order messages list them; the last three are era A's.
pub(super) const FIELDS: [&str; 12] = [
    "DeploymentTargetName",
    "Namespace",
    "Environment",
    "Workspace",
    "Workload",
    "Labels",
    "Manifests",
    "ClusterType",
    "ConfigData",
    "Repo",
    "Branch",
    "Path",
];

impl Root {
    pub(super) fn new(inputs: &Inputs) -> Self {
        let text = |it: &str| Value::String(it.into());
        let manifest = |key: &str| text(inputs.manifests.get(key).map_or("", |it| it));
        let labels = inputs.labels.iter().map(|(key, value)| (&**key, &**value));
        let manifests = inputs.manifests.iter().map(|(key, value)| (&**key, &**value));
        let config = match inputs.settings.profile {
            Profile::Standard => {
                let entries = inputs.config.iter();
                entries.map(|(key, value)| (Rc::from(&**key), Value::from(value))).collect()
            }
            Profile::Kalypso => kalypso::config_data(&inputs.config),
        };
        let values = [
            text(inputs.target.as_str()),
            text(&inputs.namespace),
            text(&inputs.environment),
            text(&inputs.workspace),
            text(&inputs.workload),
            strings(labels),
            strings(manifests),
            text(inputs.cluster_type.as_str()),
            config,
            manifest("repo"),
            manifest("branch"),
            manifest("path"),
        ];
        let mut values = values.into_iter();
        Self { fields: FIELDS.map(|name| (name, values.next().unwrap_or_default())) }
    }
}

/// Go's `map[string]string`, which most functions of sprig refuse.
fn strings<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let entries: BTreeMap<Rc<str>, Value> =
        entries.map(|(key, value)| (key.into(), Value::String(value.into()))).collect();
    Value::Map(Rc::new(Map { entries: entries.into(), of: MapOf::Strings }))
}

impl Object for Root {
    fn type_name(&self) -> &'static str {
        "the template's data"
    }

    fn noun(&self) -> String {
        self.type_name().to_owned()
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    fn field_names(&self) -> &'static [&'static str] {
        &FIELDS
    }

    fn display(&self) -> String {
        "{…}".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Turns lists and mappings into YAML text: a ConfigMap holds texts only.
fn texts_of(config: &wob_engine::Map) -> wob_engine::Map {
    use wob_engine::{Value as Plain, yaml};
    let text = |it: &Plain| match it {
        Plain::List(_) | Plain::Map(_) => {
            Plain::from(yaml::emit(it, yaml::Style::Canonical).trim_end_matches('\n'))
        }
        Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::String(_) => {
            it.clone()
        }
    };
    config.iter().map(|(key, it)| (key.clone(), text(it))).collect()
}

/// The same fields as plain data, for jinja.
///
/// Two more: `ConfigTexts` is `ConfigData` with lists and mappings as YAML text; `params` are those of a built-in rule.
pub(super) fn plain(inputs: &Inputs, params: &wob_engine::Map) -> wob_engine::Value {
    use wob_engine::Value as Plain;
    let text = |it: &str| Plain::from(it);
    let texts = |entries: &mut dyn Iterator<Item = (&str, &str)>| {
        Plain::Map(entries.map(|(key, value)| (Arc::from(key), text(value))).collect())
    };
    let manifest = |key: &str| text(inputs.manifests.get(key).map_or("", |it| it));
    let fields = [
        ("DeploymentTargetName", text(inputs.target.as_str())),
        ("Namespace", text(&inputs.namespace)),
        ("Environment", text(&inputs.environment)),
        ("Workspace", text(&inputs.workspace)),
        ("Workload", text(&inputs.workload)),
        ("Labels", texts(&mut inputs.labels.iter().map(|(key, it)| (&**key, &**it)))),
        ("Manifests", texts(&mut inputs.manifests.iter().map(|(key, it)| (&**key, &**it)))),
        ("ClusterType", text(inputs.cluster_type.as_str())),
        ("ConfigData", Plain::Map((*inputs.config).clone())),
        ("Repo", manifest("repo")),
        ("Branch", manifest("branch")),
        ("Path", manifest("path")),
        ("ConfigTexts", Plain::Map(texts_of(&inputs.config))),
        ("params", Plain::Map(params.clone())),
    ];
    Plain::Map(fields.into_iter().map(|(key, value)| (Arc::from(key), value)).collect())
}
