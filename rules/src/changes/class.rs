//! Classes: how much a change matters to those who review it.

use serde::Serialize;

use super::{FieldPath, FieldStep, ObjectName};

/// How much a change matters, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// A namespace goes from a cluster type, with everything in it.
    NamespaceDeleted,
    /// Workloads or cluster types come or go.
    WorkloadMoved,
    /// What is pulled into clusters, and from where.
    ReconcilerSource,
    /// Config of a workload.
    ConfigValue,
    /// Labels and annotations.
    Labels,
    /// Any other field or object.
    Other,
    /// Bytes that mean nothing to a cluster.
    Noise,
}

impl Class {
    /// Every class, in order.
    pub const ALL: [Self; 7] = [
        Self::NamespaceDeleted,
        Self::WorkloadMoved,
        Self::ReconcilerSource,
        Self::ConfigValue,
        Self::Labels,
        Self::Other,
        Self::Noise,
    ];

    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::NamespaceDeleted => "namespaces deleted",
            Self::WorkloadMoved => "workloads moved",
            Self::ReconcilerSource => "reconciler sources",
            Self::ConfigValue => "config values",
            Self::Labels => "labels and annotations",
            Self::Other => "other fields and objects",
            Self::Noise => "noise: comments, order, white space",
        }
    }
}

/// Fields that say what a reconciler pulls, by group and kind; an empty kind stands for all of the group. Of a field, what is
/// below it counts too.
///
/// Source: the APIs' own definitions, as rules/schemas/ states them.
const SOURCES: [(&str, &str, &[&str]); 9] = [
    ("source.toolkit.fluxcd.io", "", &["/spec"]),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", &["/spec/path", "/spec/sourceRef"]),
    ("helm.toolkit.fluxcd.io", "HelmRelease", &["/spec/chart", "/spec/chartRef"]),
    ("argoproj.io", "Application", &["/spec/source", "/spec/sources"]),
    (
        "argoproj.io",
        "ApplicationSet",
        &["/spec/generators", "/spec/template/spec/source", "/spec/template/spec/sources"],
    ),
    ("argoproj.io", "AppProject", &["/spec/sourceRepos"]),
    (
        "fleet.cattle.io",
        "GitRepo",
        &["/spec/repo", "/spec/branch", "/spec/revision", "/spec/paths"],
    ),
    ("fleet.cattle.io", "HelmOp", &["/spec/helm/repo", "/spec/helm/chart", "/spec/helm/version"]),
    ("kustomize.config.k8s.io", "", &["/resources", "/bases", "/components", "/helmCharts"]),
];

/// Fields that hold config, as above; those of `ConfigMap` and `Secret` are in `is_config`.
const CONFIG: [(&str, &str, &[&str]); 4] = [
    ("helm.toolkit.fluxcd.io", "HelmRelease", &["/spec/values", "/spec/valuesFrom"]),
    (
        "argoproj.io",
        "Application",
        &[
            "/spec/source/helm/values",
            "/spec/source/helm/valuesObject",
            "/spec/source/helm/parameters",
        ],
    ),
    ("fleet.cattle.io", "GitRepo", &["/spec/helm/values"]),
    ("kustomize.config.k8s.io", "", &["/configMapGenerator", "/secretGenerator"]),
];

/// Returns the class of a field of an object.
pub(super) fn of_field(object: &ObjectName, path: &FieldPath) -> Class {
    let pointer = path.plain();
    let holds = |table: &[(&str, &str, &[&str])]| {
        table.iter().any(|(group, kind, fields)| {
            group_of(&object.api_version) == *group
                && (kind.is_empty() || *kind == &*object.kind)
                && fields.iter().any(|it| is_below(&pointer, it))
        })
    };
    if is_config(object, &pointer) || holds(&CONFIG) {
        Class::ConfigValue
    } else if path.steps().windows(2).any(|it| is_metadata(&it[0], &it[1])) {
        Class::Labels
    } else if holds(&SOURCES) {
        Class::ReconcilerSource
    } else {
        Class::Other
    }
}

/// Returns the class of an object that comes or goes.
pub(super) fn of_object(object: &ObjectName) -> Class {
    let group = group_of(&object.api_version);
    let is_source = |(of, kind, _): &(&str, &str, &[&str])| {
        *of == group && (kind.is_empty() || *kind == &*object.kind)
    };
    if SOURCES.iter().any(is_source) {
        Class::ReconcilerSource
    } else if is_config(object, "/data") {
        Class::ConfigValue
    } else {
        Class::Other
    }
}

fn is_config(object: &ObjectName, pointer: &str) -> bool {
    let fields = ["/data", "/stringData", "/binaryData"];
    &*object.api_version == "v1"
        && matches!(&*object.kind, "ConfigMap" | "Secret")
        && fields.iter().any(|it| is_below(pointer, it))
}

fn is_metadata(above: &FieldStep, step: &FieldStep) -> bool {
    let is = |step: &FieldStep, name: &str| matches!(step, FieldStep::Key(key) if **key == *name);
    is(above, "metadata") && (is(step, "labels") || is(step, "annotations"))
}

fn is_below(pointer: &str, field: &str) -> bool {
    pointer.strip_prefix(field).is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

/// Returns the group of an `apiVersion`; empty for the core.
pub(super) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |it| it.0)
}
