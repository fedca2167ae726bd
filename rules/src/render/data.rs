//! What a template sees: the fields of an assignment, in Go's and in jinja's terms.

use std::{
    any::Any,
    cell::{Cell, OnceCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use wob_template::{
    JinjaData, JinjaFields, JinjaMap, Map, MapOf, Object, TemplateReads, Value, kalypso,
};

use super::{CompiledTemplate, Config, Inputs};
use crate::{Profile, rule::FileContent};

/// The root of a Go template's data: a struct, so that an unknown field is an error (design rule 6.1).
///
/// A field is made when it is asked for first, and is then the same for whoever asks: functions may change maps.
#[derive(Debug)]
pub(super) struct Root {
    inputs: Inputs,
    texts: Texts,
    /// The keys of config that are in the data, until it is completed; all if there are none.
    few: Option<Arc<TemplateReads>>,
    is_complete: Cell<bool>,
    fields: [OnceCell<Value>; FIELDS.len()],
}

/// Whether the texts of the data are shared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    Shared,
    /// Each value has an address of its own, by which a trace knows it.
    Copied,
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
    pub(super) fn new(inputs: &Inputs, texts: Texts) -> Self {
        Self {
            inputs: inputs.clone(),
            texts,
            few: None,
            is_complete: Cell::new(false),
            fields: FIELDS.map(|_| OnceCell::new()),
        }
    }

    /// Returns the data of a template that reads no more keys of config than `reads`: many use three of fifty.
    pub(super) fn of_few(inputs: &Inputs, reads: &Arc<TemplateReads>) -> Self {
        Self { few: Some(reads.clone()), ..Self::new(inputs, Texts::Shared) }
    }

    /// Adds the keys of config that were left out; says whether there can have been any.
    pub(super) fn complete(&self) -> bool {
        let Some(few) = &self.few else { return false };
        if self.is_complete.replace(true) {
            return false;
        }
        if let Some(Value::Map(map)) = self.cell("ConfigData").and_then(OnceCell::get) {
            let left_out = self.inputs.config.iter().filter(|(key, _)| !few.has(key));
            let left_out = left_out.map(|(key, it)| (Arc::clone(key), Value::sharing(it)));
            map.entries.borrow_mut().extend(left_out);
        }
        true
    }

    /// Returns the values of config that are in the data.
    fn config(&self) -> Value {
        let shared = |(key, it): (&Arc<str>, _)| (Arc::clone(key), Value::sharing(it));
        let config = &self.inputs.config;
        match self.few.as_deref().filter(|_| !self.is_complete.get()) {
            Some(TemplateReads::Keys(keys)) => {
                keys.iter().filter_map(|it| config.entry(it)).map(shared).collect()
            }
            Some(TemplateReads::All) | None => config.iter().map(shared).collect(),
        }
    }

    fn cell(&self, name: &str) -> Option<&OnceCell<Value>> {
        let index = FIELDS.iter().position(|field| *field == name)?;
        Some(&self.fields[index])
    }

    fn make(&self, name: &str) -> Value {
        let Inputs { cluster_type, target, namespace, config } = &self.inputs;
        let manifest =
            |key: &str| target.manifests.get(key).map_or(Value::from(""), |it| self.text(it));
        match name {
            "DeploymentTargetName" => self.text(target.name.shared()),
            "Namespace" => self.text(namespace),
            "Environment" => self.text(&target.environment),
            "Workspace" => self.text(&target.workspace),
            "Workload" => self.text(&target.workload),
            "ClusterType" => self.text(cluster_type.name.shared()),
            "Repo" => manifest("repo"),
            "Branch" => manifest("branch"),
            "Path" => manifest("path"),
            "Labels" => {
                let entries = target.labels.iter();
                strings(entries.map(|(key, it)| (Arc::from(&**key), Value::from(&**it))))
            }
            "Manifests" => {
                let entries = target.manifests.iter();
                strings(entries.map(|(key, it)| (Arc::clone(key), self.text(it))))
            }
            "ConfigData" => match (cluster_type.settings.profile, self.texts) {
                (Profile::Kalypso, _) => kalypso::config_data(&config.to_map()),
                (Profile::Standard, Texts::Shared) => self.config(),
                (Profile::Standard, Texts::Copied) => {
                    let entries = config.iter();
                    entries.map(|(key, it)| (Arc::clone(key), Value::from(it))).collect()
                }
            },
            _ => unreachable!("because `field` knows the names"),
        }
    }

    fn text(&self, text: &Arc<str>) -> Value {
        match self.texts {
            Texts::Shared => Value::String(Arc::clone(text)),
            Texts::Copied => Value::from(&**text),
        }
    }
}

/// Go's `map[string]string`, which most functions of sprig refuse.
fn strings(entries: impl Iterator<Item = (Arc<str>, Value)>) -> Value {
    let entries: BTreeMap<Arc<str>, Value> = entries.collect();
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
        Some(self.cell(name)?.get_or_init(|| self.make(name)).clone())
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

/// The config as jinja templates see it.
#[derive(Debug)]
struct ConfigData(Arc<Config>);

impl JinjaMap for ConfigData {
    fn get(&self, key: &str) -> Option<JinjaData> {
        self.0.get(key).map(JinjaData::from)
    }

    fn entries(&self) -> Box<dyn Iterator<Item = (Arc<str>, JinjaData)> + Send + Sync + '_> {
        Box::new(self.0.iter().map(|(key, it)| (key.clone(), JinjaData::from(it))))
    }
}

/// The config with lists and mappings as YAML text.
#[derive(Debug)]
struct ConfigTexts(Arc<Config>);

impl JinjaMap for ConfigTexts {
    fn get(&self, key: &str) -> Option<JinjaData> {
        self.0.get_text(key).map(JinjaData::from)
    }

    fn entries(&self) -> Box<dyn Iterator<Item = (Arc<str>, JinjaData)> + Send + Sync + '_> {
        Box::new(self.0.texts().map(|(key, it)| (key.clone(), JinjaData::from(it))))
    }
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

/// The fields that jinja templates see; see [`plain`] for those that Go templates don't.
pub(super) const JINJA_FIELDS: [&str; 16] = [
    "DeploymentTargetName",
    "Namespace",
    "Environment",
    "Workspace",
    "Workload",
    "Labels",
    "Manifests",
    "ClusterType",
    "Repo",
    "Branch",
    "Path",
    "params",
    "source",
    "files",
    "ConfigData",
    "ConfigTexts",
];

/// What a jinja template sees, made when it asks; the same as [`plain`] with all names.
pub(super) fn jinja(inputs: &Inputs, template: &CompiledTemplate, files: &[Sibling]) -> JinjaData {
    let parameters = inputs.cluster_type.parameters.data_of(template.name());
    JinjaData::lazy(Fields { inputs: inputs.clone(), parameters, files: files.into() })
}

#[derive(Debug)]
struct Fields {
    inputs: Inputs,
    parameters: JinjaData,
    files: Box<[Sibling]>,
}

impl JinjaFields for Fields {
    fn names(&self) -> &'static [&'static str] {
        &JINJA_FIELDS
    }

    fn field(&self, name: &str) -> JinjaData {
        use wob_engine::Value as Plain;
        let Inputs { cluster_type, target, namespace, config } = &self.inputs;
        let text = |it: &Arc<str>| JinjaData::from(Arc::clone(it));
        let manifest = |key: &str| text(&target.manifests.get(key).cloned().unwrap_or_default());
        match name {
            "DeploymentTargetName" => text(target.name.shared()),
            "Namespace" => text(namespace),
            "Environment" => text(&target.environment),
            "Workspace" => text(&target.workspace),
            "Workload" => text(&target.workload),
            "Labels" => JinjaData::texts(target.labels.iter().map(|(key, it)| (&**key, &**it))),
            "Manifests" => {
                JinjaData::texts(target.manifests.iter().map(|(key, it)| (&**key, &**it)))
            }
            "ClusterType" => text(cluster_type.name.shared()),
            "Repo" => manifest("repo"),
            "Branch" => manifest("branch"),
            "Path" => manifest("path"),
            "params" => self.parameters.clone(),
            "source" => self.inputs.source_data(),
            "files" => JinjaData::from(&Plain::List(self.files.iter().map(sibling).collect())),
            "ConfigData" => JinjaData::mapping(ConfigData(config.clone())),
            "ConfigTexts" => JinjaData::mapping(ConfigTexts(config.clone())),
            _ => unreachable!("because these are all names"),
        }
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
    let Inputs { cluster_type, target, namespace, config } = inputs;
    let manifest = |key: &str| text(target.manifests.get(key).map_or("", |it| it));
    let parameters = cluster_type.parameters.of(template.name()).cloned().unwrap_or_default();
    let mut fields = vec![
        ("DeploymentTargetName", text(target.name.as_str())),
        ("Namespace", text(namespace)),
        ("Environment", text(&target.environment)),
        ("Workspace", text(&target.workspace)),
        ("Workload", text(&target.workload)),
        ("Labels", texts(&mut target.labels.iter().map(|(key, it)| (&**key, &**it)))),
        ("Manifests", texts(&mut target.manifests.iter().map(|(key, it)| (&**key, &**it)))),
        ("ClusterType", text(cluster_type.name.as_str())),
        ("Repo", manifest("repo")),
        ("Branch", manifest("branch")),
        ("Path", manifest("path")),
        ("params", Plain::Map(parameters)),
        ("source", inputs.source().map_or(Plain::Null, |it| Plain::Map(it.view()))),
        ("files", Plain::List(files.iter().map(sibling).collect())),
    ];
    if names.have("ConfigData") {
        fields.push(("ConfigData", Plain::Map(config.to_map())));
    }
    if names.have("ConfigTexts") {
        let texts = config.texts().map(|(key, it)| (key.clone(), it.clone()));
        fields.push(("ConfigTexts", Plain::Map(texts.collect())));
    }
    Plain::Map(fields.into_iter().map(|(key, value)| (Arc::from(key), value)).collect())
}
