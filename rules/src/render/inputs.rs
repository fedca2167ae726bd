//! The inputs of a render: little of its own, and what it shares with the others of its cluster type, target and config.
//!
//! **Invariant:** whatever follows from shared fields (digests, names of files) is made once, in their only constructor.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use wob_engine::{Digest, Hasher, Value};
use wob_template::JinjaData;

use super::{
    CompiledTemplate, Config, HashedSettings, OutputFile, Parameters, Slot, is_file_of_config,
    parts::{GroupDigests, InputPart, PartGroup, Parts},
};
use crate::{ManifestSource, Name, resource::Labels};

/// The part of the inputs that says what files are checked against.
pub(crate) const CHECK: &str = "check";

/// Everything that the files of one assignment depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The cluster type, and what it uses.
    pub cluster_type: Arc<ClusterTypeInputs>,
    /// The target.
    pub target: Arc<TargetInputs>,
    /// The namespace, by the settings' pattern.
    pub namespace: Arc<str>,
    /// The composed config.
    pub config: Arc<Config>,
}

/// What is the same for all assignments of a cluster type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTypeFields {
    /// Its name.
    pub name: Name,
    /// The template of `reconciler.yaml`.
    pub reconciler: Arc<CompiledTemplate>,
    /// The template of `namespace.yaml`.
    pub namespace_service: Arc<CompiledTemplate>,
    /// The template of the config file.
    pub config_type: Arc<CompiledTemplate>,
    /// The parameters of those that are rules.
    pub parameters: Arc<Parameters>,
    /// The conventions of the output.
    pub settings: Arc<HashedSettings>,
    /// What the files are checked against; none if they are not checked.
    pub check: Option<Digest>,
}

/// [`ClusterTypeFields`], and what follows from them.
#[derive(Debug)]
pub struct ClusterTypeInputs {
    fields: ClusterTypeFields,
    parts: Vec<InputPart>,
    /// Of the parts.
    digest: Digest,
    /// The names of the files that there may be.
    names: Vec<Arc<str>>,
}

/// What is the same for all assignments of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFields {
    /// The target's full name.
    pub name: Name,
    /// The environment.
    pub environment: Arc<str>,
    /// The workspace.
    pub workspace: Arc<str>,
    /// The workload.
    pub workload: Arc<str>,
    /// The target's labels.
    pub labels: Arc<Labels>,
    /// Where the workload's manifests are.
    pub manifests: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The same, read; none if it cannot be. Only rules that look at it see it.
    pub source: Option<ManifestSource>,
}

/// [`TargetFields`], and what follows from them.
#[derive(Debug)]
pub struct TargetInputs {
    fields: TargetFields,
    parts: Vec<InputPart>,
    /// Of the parts.
    digest: Digest,
    labels_digest: Digest,
    manifests_digest: Digest,
}

impl Inputs {
    /// Returns the digest of the groups of [`Parts`]: the key of the action.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 action");
        for it in self.digests() {
            hasher.add(it.as_bytes());
        }
        hasher.finish()
    }

    /// Lists the files that there may be; the reconciler's come last, because it may list the others.
    pub(crate) fn output_files(&self) -> impl Iterator<Item = OutputFile<'_>> {
        self.cluster_type.output_files()
    }

    /// Returns where the manifests are, if the cluster type uses a rule that looks at it.
    pub(super) fn source(&self) -> Option<&ManifestSource> {
        self.target.fields.source.as_ref().filter(|_| self.cluster_type.looks_at_sources())
    }

    /// Returns [`Inputs::source`] as jinja templates see it.
    pub(super) fn source_data(&self) -> JinjaData {
        match self.source() {
            Some(source) => JinjaData::mapping(source.clone()),
            None => JinjaData::from(&Value::Null),
        }
    }
}

impl Parts for Inputs {
    fn digests(&self) -> GroupDigests {
        let namespace = Digest::of(self.namespace.as_bytes());
        [self.cluster_type.digest, self.target.digest, namespace, self.config.digest()]
    }

    fn each_part(&self, group: PartGroup, part: &mut dyn FnMut(&str, Digest)) {
        let mut all = |parts: &[InputPart]| parts.iter().for_each(|it| part(&it.name, it.digest));
        match group {
            PartGroup::ClusterType => all(&self.cluster_type.parts),
            // `source` says nothing that `manifests` and the templates don't.
            PartGroup::Target => all(&self.target.parts),
            PartGroup::Namespace => part("namespace", Digest::of(self.namespace.as_bytes())),
            PartGroup::Config => {
                let mut name = String::new();
                for (key, digest) in self.config.digests() {
                    name.clear();
                    name.push_str("config.");
                    name.push_str(key);
                    part(&name, digest);
                }
            }
        }
    }
}

impl ClusterTypeFields {
    /// Returns each use with its template, in the order in which files are made.
    fn slots(&self) -> [(Slot, &Arc<CompiledTemplate>); 3] {
        [
            (Slot::Namespace, &self.namespace_service),
            (Slot::Config, &self.config_type),
            (Slot::Reconciler, &self.reconciler),
        ]
    }

    /// Returns the templates: of reconciler, namespace and config.
    pub(crate) fn templates(&self) -> [&Arc<CompiledTemplate>; 3] {
        [&self.reconciler, &self.namespace_service, &self.config_type]
    }

    /// Returns the template that is used for `slot`.
    pub(super) fn template(&self, slot: Slot) -> &Arc<CompiledTemplate> {
        match slot {
            Slot::Namespace => &self.namespace_service,
            Slot::Config => &self.config_type,
            Slot::Reconciler => &self.reconciler,
        }
    }

    /// Says whether a rule among the templates looks at manifest sources.
    pub(crate) fn looks_at_sources(&self) -> bool {
        self.slots().iter().any(|(_, it)| !it.sources().is_empty())
    }

    fn parts(&self) -> Vec<InputPart> {
        let part = |name: &str, digest| InputPart { name: name.to_owned(), digest };
        let mut parts = vec![
            InputPart::of("wob", env!("CARGO_PKG_VERSION")),
            part("settings", self.settings.digest()),
            InputPart::of("clusterType", self.name.as_str()),
        ];
        parts.extend(self.check.map(|it| part(CHECK, it)));
        parts.extend([
            part("template.reconciler", self.reconciler.digest()),
            part("template.namespaceService", self.namespace_service.digest()),
            part("template.configType", self.config_type.digest()),
        ]);
        parts.extend_from_slice(self.parameters.parts());
        parts
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names = vec![];
        for (slot, template) in self.slots() {
            // Of Templates, only the config's content type counts (rule 3.3).
            let content_type = template.content_type();
            names.extend(template.files().iter().map(|file| match slot {
                Slot::Config if is_file_of_config(template, file) => {
                    self.settings.config_file(content_type).clone()
                }
                Slot::Reconciler if file.name.is_standard() => {
                    self.settings.reconciler_file().clone()
                }
                Slot::Namespace if file.name.is_standard() => {
                    self.settings.namespace_file().clone()
                }
                Slot::Reconciler => file.name.fill("reconciler").into(),
                Slot::Namespace => file.name.fill("namespace").into(),
                Slot::Config => file.name.fill(&self.settings.config_file).into(),
            }));
        }
        names
    }
}

impl ClusterTypeInputs {
    /// Takes digests, and works out the names of files.
    pub fn new(fields: ClusterTypeFields) -> Self {
        let parts = fields.parts();
        Self { digest: InputPart::digest_of(&parts), parts, names: fields.names(), fields }
    }

    fn output_files(&self) -> impl Iterator<Item = OutputFile<'_>> {
        let files = self.fields.slots().into_iter().flat_map(|(slot, template)| {
            (0..template.files().len()).map(move |index| (slot, &**template, index))
        });
        files.zip(&self.names).map(|((slot, template, index), name)| OutputFile {
            template,
            slot,
            index,
            name,
        })
    }

    /// Returns the names of files that two templates, or two files of one, would write; sorted, each once.
    pub(crate) fn contested_names(&self) -> Vec<String> {
        let mut names: Vec<&str> = self.names.iter().map(|it| &**it).collect();
        names.sort_unstable();
        let twice = names.windows(2).filter(|it| it[0] == it[1]).map(|it| it[0].to_owned());
        let mut contested: Vec<String> = twice.collect();
        contested.dedup();
        contested
    }
}

impl Deref for ClusterTypeInputs {
    type Target = ClusterTypeFields;

    fn deref(&self) -> &ClusterTypeFields {
        &self.fields
    }
}

impl PartialEq for ClusterTypeInputs {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for ClusterTypeInputs {}

impl TargetInputs {
    /// Takes digests.
    pub fn new(fields: TargetFields) -> Self {
        let TargetFields { name, environment, workspace, workload, labels, manifests, .. } =
            &fields;
        let mut parts = vec![
            InputPart::of("target", name.as_str()),
            InputPart::of("environment", environment),
            InputPart::of("workspace", workspace),
            InputPart::of("workload", workload),
        ];
        let own = parts.len();
        parts.extend(labels.iter().map(|(key, it)| InputPart::of(format!("label.{key}"), it)));
        let labelled = parts.len();
        let manifests = manifests.iter();
        parts.extend(manifests.map(|(key, it)| InputPart::of(format!("manifests.{key}"), it)));
        Self {
            digest: InputPart::digest_of(&parts),
            labels_digest: InputPart::digest_of(&parts[own..labelled]),
            manifests_digest: InputPart::digest_of(&parts[labelled..]),
            parts,
            fields,
        }
    }

    /// Returns the digest of all labels.
    pub(super) fn labels_digest(&self) -> Digest {
        self.labels_digest
    }

    /// Returns the digest of all that says where the manifests are.
    pub(super) fn manifests_digest(&self) -> Digest {
        self.manifests_digest
    }
}

impl Deref for TargetInputs {
    type Target = TargetFields;

    fn deref(&self) -> &TargetFields {
        &self.fields
    }
}

impl PartialEq for TargetInputs {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for TargetInputs {}
