//! What a template sees: the fields of an assignment, in Go's and in jinja's terms.

use std::{any::Any, cell::OnceCell, collections::BTreeMap, rc::Rc, sync::Arc};

use wob_template::{Map, MapOf, Object, Value, kalypso};

use super::{CompiledTemplate, Config, Inputs};
use crate::{Profile, resource::Labels, rule::FileContent};

/// The root of a Go template's data: a struct, so that an unknown field is an error (design rule 6.1).
///
/// A field is made when it is asked for first, and is then the same for whoever asks: functions may change maps.
#[derive(Debug)]
pub(super) struct Root {
    inputs: Shared,
    fields: [OnceCell<Value>; FIELDS.len()],
}

/// What the fields are made of.
#[derive(Debug)]
struct Shared {
    texts: [(&'static str, Arc<str>); 9],
    labels: Arc<Labels>,
    manifests: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    config: Arc<Config>,
    profile: Profile,
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
        let manifest = |key: &str| inputs.manifests.get(key).cloned().unwrap_or_default();
        let texts = [
            ("DeploymentTargetName", inputs.target.as_str().into()),
            ("Namespace", inputs.namespace.clone()),
            ("Environment", inputs.environment.clone()),
            ("Workspace", inputs.workspace.clone()),
            ("Workload", inputs.workload.clone()),
            ("ClusterType", inputs.cluster_type.as_str().into()),
            ("Repo", manifest("repo")),
            ("Branch", manifest("branch")),
            ("Path", manifest("path")),
        ];
        let inputs = Shared {
            texts,
            labels: inputs.labels.clone(),
            manifests: inputs.manifests.clone(),
            config: inputs.config.clone(),
            profile: inputs.settings.profile,
        };
        Self { inputs, fields: FIELDS.map(|_| OnceCell::new()) }
    }
}

impl Shared {
    fn field(&self, name: &str) -> Value {
        match name {
            "Labels" => strings(self.labels.iter().map(|(key, it)| (&**key, &**it))),
            "Manifests" => strings(self.manifests.iter().map(|(key, it)| (&**key, &**it))),
            "ConfigData" => match self.profile {
                Profile::Standard => {
                    let entries = self.config.iter();
                    entries.map(|(key, value)| (Rc::from(&**key), Value::from(value))).collect()
                }
                Profile::Kalypso => kalypso::config_data(&self.config),
            },
            _ => {
                let text = self.texts.iter().find(|(field, _)| *field == name);
                text.map_or(Value::Nil, |(_, it)| Value::String((&**it).into()))
            }
        }
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
        let index = FIELDS.iter().position(|field| *field == name)?;
        Some(self.fields[index].get_or_init(|| self.inputs.field(name)).clone())
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

/// A file that the reconciler of an assignment comes with, and so may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sibling {
    /// Its name.
    pub(super) name: Arc<str>,
    /// What it holds.
    pub(super) content: FileContent,
}

fn sibling(it: &Sibling) -> wob_engine::Value {
    let yaml = wob_engine::Value::Bool(it.content == FileContent::Yaml);
    let fields = [("name".into(), (*it.name).into()), ("yaml".into(), yaml)];
    wob_engine::Value::Map(fields.into())
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

/// The fields that are dear to make.
const DEAR: [&str; 3] = ["ConfigData", "ConfigTexts", "files"];

/// Which of the fields that are dear to make a jinja template names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<&'static str>);

impl Names {
    /// Every name, for whoever shows the data rather than renders with it.
    pub(super) fn all() -> Self {
        Self(DEAR.into())
    }

    /// Looks for the names anywhere in `text`: jinja has no other way to a variable.
    pub(super) fn note(&mut self, text: &str) {
        let new = DEAR.into_iter().filter(|it| text.contains(it) && !self.have(it));
        let new: Vec<&str> = new.collect();
        self.0.extend(new);
    }

    /// Says whether a template names the files that it comes with.
    pub(super) fn have_files(&self) -> bool {
        self.have("files")
    }

    fn have(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

/// The same fields as plain data, for jinja.
///
/// Four more: `ConfigTexts` is `ConfigData` with lists and mappings as YAML text; `params` are those of the rule called
/// `template`, `source` is where the workload's manifests are, and `files` are those that the reconciler comes with.
/// Those that are dear to make are left out unless they are among `names`.
pub(super) fn plain(
    inputs: &Inputs,
    template: &CompiledTemplate,
    names: &Names,
    files: &[Sibling],
) -> wob_engine::Value {
    use wob_engine::Value as Plain;
    let text = |it: &str| Plain::from(it);
    let texts = |entries: &mut dyn Iterator<Item = (&str, &str)>| {
        Plain::Map(entries.map(|(key, value)| (Arc::from(key), text(value))).collect())
    };
    let manifest = |key: &str| text(inputs.manifests.get(key).map_or("", |it| it));
    let mut fields = vec![
        ("DeploymentTargetName", text(inputs.target.as_str())),
        ("Namespace", text(&inputs.namespace)),
        ("Environment", text(&inputs.environment)),
        ("Workspace", text(&inputs.workspace)),
        ("Workload", text(&inputs.workload)),
        ("Labels", texts(&mut inputs.labels.iter().map(|(key, it)| (&**key, &**it)))),
        ("Manifests", texts(&mut inputs.manifests.iter().map(|(key, it)| (&**key, &**it)))),
        ("ClusterType", text(inputs.cluster_type.as_str())),
        ("Repo", manifest("repo")),
        ("Branch", manifest("branch")),
        ("Path", manifest("path")),
        ("params", Plain::Map(inputs.parameters.of(template.name()).cloned().unwrap_or_default())),
        ("source", inputs.source.as_ref().map_or(Plain::Null, |it| Plain::Map(it.view()))),
        ("files", Plain::List(files.iter().map(sibling).collect())),
    ];
    if names.have("ConfigData") {
        fields.push(("ConfigData", Plain::Map((**inputs.config).clone())));
    }
    if names.have("ConfigTexts") {
        fields.push(("ConfigTexts", Plain::Map(texts_of(&inputs.config))));
    }
    Plain::Map(fields.into_iter().map(|(key, value)| (Arc::from(key), value)).collect())
}
