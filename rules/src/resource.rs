//! The kinds that wob understands, as typed values that hold places instead of byte offsets.
//!
//! Source of every field: the custom resource definitions of `scheduler.kalypso.io/v1alpha1`; see docs/kalypso.md.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{FileName, Place, Value};

use crate::{
    ConfigMap, ConfigSchema, InlineSchema, Name, Rule,
    schedule::{Placement, Taint, Toleration},
    selector::LabelSelector,
};

/// Labels, by key.
pub type Labels = BTreeMap<String, String>;

/// What every object has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.labels`.
    pub labels: Labels,
    /// The object's document.
    pub place: Place,
}

/// An object of a known kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Where an environment's control plane lies.
    Environment(Environment),
    /// The promoted commit of the shared base.
    BaseRepo(Repository),
    /// Where the rendered tree goes.
    GitOpsRepo(Repository),
    /// A kind of cluster.
    ClusterType(ClusterType),
    /// Which targets run on which cluster types.
    SchedulingPolicy(SchedulingPolicy),
    /// Where a workload is described.
    WorkloadRegistration(WorkloadRegistration),
    /// A workload with its deployment targets.
    Workload(Workload),
    /// A deployment target that stands alone.
    DeploymentTarget(DeploymentTarget),
    /// A template for manifests.
    Template(Template),
    /// A schema for configs.
    ConfigSchema(ConfigSchema),
    /// A core ConfigMap.
    ConfigMap(ConfigMap),
    /// A rule of the workspace; `wob.dev/v1alpha1`.
    Rule(Rule),
}

/// A folder of a branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitReference {
    /// The repository's address.
    pub repo: String,
    /// The branch; empty if the object leaves it out.
    pub branch: String,
    /// The folder, normalized: no `./`, no leading or trailing slash; empty for the root.
    pub path: String,
    /// The commit, which wins over the branch.
    pub commit: Option<String>,
}

/// `Environment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.controlPlane`.
    pub control_plane: GitReference,
    /// The environment that gets a commit after this one, by the annotation `wob.dev/next-environment`; and where it says so.
    pub next: Option<(Arc<str>, Place)>,
}

/// `BaseRepo` and `GitOpsRepo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec`.
    pub reference: GitReference,
    /// `spec.autoMerge` of a GitOpsRepo: whether pull requests are merged once their checks have passed.
    pub auto_merge: Option<bool>,
}

/// `ClusterType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterType {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.reconciler`: the name of a template.
    pub reconciler: String,
    /// `spec.namespaceService`, or `default`.
    pub namespace_service: String,
    /// `spec.configType`, or `configmap`.
    pub config_type: String,
    /// `spec.taints`, in written order.
    pub taints: Vec<Taint>,
}

/// `SchedulingPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulingPolicy {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.deploymentTargetSelector.workspace`; `None` selects every workspace.
    pub workspace: Option<String>,
    /// `spec.deploymentTargetSelector.labelSelector`.
    pub targets: LabelSelector,
    /// `spec.clusterTypeSelector.labelSelector`.
    pub cluster_types: LabelSelector,
    /// `spec.placement`.
    pub placement: Option<Placement>,
}

/// `WorkloadRegistration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRegistration {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.workload`.
    pub workload: GitReference,
    /// `spec.workspace`.
    pub workspace: String,
}

/// `Workload`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.deploymentTargets`, in written order.
    pub targets: Vec<TargetSpec>,
    /// `spec.configSchemas`: JSON Schemas as text, with their places.
    pub config_schemas: Vec<InlineSchema>,
}

/// One of `Workload.spec.deploymentTargets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// The name within the workload.
    pub name: Name,
    /// Where its name stands.
    pub place: Place,
    /// Its labels.
    pub labels: Labels,
    /// The environment it is meant for.
    pub environment: String,
    /// Where the manifests are: a free mapping of texts.
    pub manifests: BTreeMap<Arc<str>, Arc<str>>,
    /// Where that mapping stands, or the target itself if it has none.
    pub manifests_place: Place,
    /// JSON Schemas as text.
    pub config_schemas: Vec<InlineSchema>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Toleration>,
}

/// `DeploymentTarget`, for targets that are written without a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentTarget {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec`.
    pub spec: TargetSpec,
}

/// `Template`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.manifests`.
    pub manifests: Vec<Manifest>,
    /// `spec.contentType`; what a missing one means depends on the use.
    pub content_type: Option<String>,
    /// `spec.language`.
    pub language: Language,
    /// `spec.raw`: the result is not rendered again where it holds `{{`.
    pub raw: bool,
}

/// The language of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Go's text/template with sprig.
    #[default]
    Go,
    /// Jinja, by minijinja.
    Jinja,
}

/// One of `Template.spec.manifests`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// A template text.
    Text {
        /// The text.
        text: Arc<str>,
        /// Where it stands.
        place: Place,
    },
    /// An object whose texts are templates.
    Object {
        /// The object.
        value: Value,
        /// Where it stands.
        place: Place,
    },
}

/// An object that wob does not use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IgnoredObject {
    /// The file.
    pub file: FileName,
    /// Which document of the file, from 0.
    pub document: u32,
    /// `apiVersion`, if it has one.
    pub api_version: Option<String>,
    /// `kind`, if it has one.
    pub kind: Option<String>,
    /// `metadata.name`, if it has one.
    pub name: Option<String>,
}

impl ClusterType {
    /// Returns the names of the templates that it uses: reconciler, namespace service, config type.
    pub fn templates(&self) -> [&str; 3] {
        [&self.reconciler, &self.namespace_service, &self.config_type]
    }
}

impl Resource {
    /// Returns name, labels and place; `None` for a ConfigMap or ConfigSchema, which carry their own.
    pub fn meta(&self) -> Option<&Meta> {
        match self {
            Self::Environment(it) => Some(&it.meta),
            Self::BaseRepo(it) | Self::GitOpsRepo(it) => Some(&it.meta),
            Self::ClusterType(it) => Some(&it.meta),
            Self::SchedulingPolicy(it) => Some(&it.meta),
            Self::WorkloadRegistration(it) => Some(&it.meta),
            Self::Workload(it) => Some(&it.meta),
            Self::DeploymentTarget(it) => Some(&it.meta),
            Self::Template(it) => Some(&it.meta),
            Self::Rule(it) => Some(&it.meta),
            Self::ConfigSchema(_) | Self::ConfigMap(_) => None,
        }
    }
}
