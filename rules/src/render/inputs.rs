//! The inputs of a render: little of its own, and what it shares with the others of its cluster type, target and config.
//!
//! **Invariant:** whatever follows from shared fields (digests, names of files) is made once, in their only constructor.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::{Arc, OnceLock},
};

use wob_engine::{Digest, Hasher, Value};
use wob_template::JinjaData;

use super::{
    CompiledTemplate, Config, HashedSettings, OutputFile, Parameters, Slot, is_file_of_config,
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
    /// The digests of the texts: name, environment, workspace and workload.
    texts: [Digest; 4],
    /// Those of labels and manifests.
    parts: Vec<InputPart>,
    labels_digest: Digest,
    manifests_digest: Digest,
}

/// One named part of an action's inputs: what is hashed, and what is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InputPart {
    /// What it is: `config.DATABASE_URL`, `template.reconciler`.
    pub name: String,
    /// The digest of its value.
    pub digest: Digest,
}

impl InputPart {
    /// Returns the digest of some parts.
    pub(super) fn digest_of(parts: &[Self]) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 parts of inputs");
        for it in parts {
            hasher.add(it.name.as_bytes());
            hasher.add(it.digest.as_bytes());
        }
        hasher.finish()
    }
}

impl Inputs {
    /// Lists the parts, in a fixed order.
    pub fn parts(&self) -> Vec<InputPart> {
        let mut parts = vec![];
        self.each_part(&mut |name, digest| parts.push(InputPart { name: name.to_owned(), digest }));
        parts
    }

    /// Returns the digest over [`Inputs::parts`]: the key of the action.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 action");
        self.each_part(&mut |name, digest| {
            hasher.add(name.as_bytes());
            hasher.add(digest.as_bytes());
        });
        hasher.finish()
    }

    /// Says whether these are the names and digests of [`Inputs::parts`].
    pub fn has_parts<'p>(&self, mut parts: impl Iterator<Item = (&'p str, Digest)>) -> bool {
        let mut is_same = true;
        self.each_part(&mut |name, digest| is_same &= parts.next() == Some((name, digest)));
        is_same && parts.next().is_none()
    }

    /// Returns the names of the parts that are not among those of `before`, which are in the same order, with the same digests, and
    /// of those that are there no more.
    pub fn changes_since<'p>(
        &self,
        before: impl Iterator<Item = (&'p str, Digest)>,
    ) -> BTreeSet<String> {
        let before: Vec<(&str, Digest)> = before.collect();
        let mut rest = &*before;
        let mut changed = BTreeSet::new();
        self.each_part(&mut |name, digest| {
            let at = rest.iter().position(|it| it.0 == name);
            if let Some(at) = at {
                changed.extend(rest[..at].iter().map(|it| it.0.to_owned()));
                rest = &rest[at..];
            }
            match at.and_then(|_| rest.split_first()) {
                Some(((_, other), behind)) => {
                    rest = behind;
                    if *other != digest {
                        changed.insert(name.to_owned());
                    }
                }
                None => drop(changed.insert(name.to_owned())),
            }
        });
        changed.extend(rest.iter().map(|it| it.0.to_owned()));
        changed
    }

    /// Hands over the name and digest of each part, in a fixed order: what is hashed is what is explained.
    pub fn each_part(&self, part: &mut dyn FnMut(&str, Digest)) {
        static WOB: OnceLock<Digest> = OnceLock::new();
        let wob = WOB.get_or_init(|| Digest::of(env!("CARGO_PKG_VERSION").as_bytes()));
        let (cluster_type, target) = (&self.cluster_type, &self.target);
        let [name, environment, workspace, workload] = target.texts;
        part("wob", *wob);
        part("settings", cluster_type.settings.digest());
        part("clusterType", cluster_type.digest);
        part("target", name);
        part("namespace", Digest::of(self.namespace.as_bytes()));
        part("environment", environment);
        part("workspace", workspace);
        part("workload", workload);
        if let Some(digest) = cluster_type.check {
            part(CHECK, digest);
        }
        part("template.reconciler", cluster_type.reconciler.digest());
        part("template.namespaceService", cluster_type.namespace_service.digest());
        part("template.configType", cluster_type.config_type.digest());
        // `source` says nothing that `manifests` and the templates don't.
        for it in &target.parts {
            part(&it.name, it.digest);
        }
        let mut name = String::new();
        for (key, digest) in self.config.digests() {
            name.clear();
            name.push_str("config.");
            name.push_str(key);
            part(&name, digest);
        }
        for it in cluster_type.parameters.parts() {
            part(&it.name, it.digest);
        }
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
        let digest = Digest::of(fields.name.as_str().as_bytes());
        Self { digest, names: fields.names(), fields }
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
        let texts = [name.as_str(), environment, workspace, workload];
        let part = |kind: &str, key: &str, text: &str| InputPart {
            name: format!("{kind}.{key}"),
            digest: Digest::of(text.as_bytes()),
        };
        let labels: Vec<InputPart> =
            labels.iter().map(|(key, it)| part("label", key, it)).collect();
        let manifests: Vec<InputPart> =
            manifests.iter().map(|(key, it)| part("manifests", key, it)).collect();
        Self {
            texts: texts.map(|it| Digest::of(it.as_bytes())),
            labels_digest: InputPart::digest_of(&labels),
            manifests_digest: InputPart::digest_of(&manifests),
            parts: labels.into_iter().chain(manifests).collect(),
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
