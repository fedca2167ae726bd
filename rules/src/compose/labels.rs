//! Label matching: whether the labels of a piece of config hold for a cluster type and target.

use std::collections::BTreeMap;

use super::Subject;

/// Labels that mean something else than "the cluster type or the target has this label".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialLabels<'a> {
    /// Must equal the name of the cluster type.
    pub cluster_type: &'a str,
    /// Must equal the full name of the deployment target.
    pub deployment_target: &'a str,
    /// Must equal the name of the workload.
    pub workload: &'a str,
    /// Marks a `ConfigMap` as platform config when it is `true`; never compared.
    pub platform_config: &'a str,
    /// Never compared: other tools put them on everything.
    pub ignored: &'a [&'a str],
}

/// One side of the pair that config is composed for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side<'a> {
    /// A cluster type.
    ClusterType {
        /// Its name.
        name: &'a str,
        /// Its labels.
        labels: &'a BTreeMap<String, String>,
    },
    /// A deployment target.
    Target {
        /// Its full name.
        name: &'a str,
        /// The name of its workload.
        workload: &'a str,
        /// Its labels, with those that it has from its workload.
        labels: &'a BTreeMap<String, String>,
    },
}

impl SpecialLabels<'static> {
    /// The labels that Kalypso's scheduler knows.
    pub const KALYPSO: Self = Self {
        cluster_type: "cluster-type",
        deployment_target: "deployment-target",
        workload: "workload",
        platform_config: "platform-config",
        ignored: &["kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"],
    };
}

impl SpecialLabels<'_> {
    /// Says whether `label` takes part in matching, and so in how specific a layer is.
    pub(crate) fn counts(&self, label: &str) -> bool {
        label != self.platform_config && !self.ignored.contains(&label)
    }

    /// Says whether `label` with `value` holds for `subject`: by one of its sides.
    pub(crate) fn holds(&self, label: &str, value: &str, subject: &Subject<'_>) -> bool {
        subject.sides().into_iter().any(|side| self.holds_by(label, value, side))
    }

    /// Says whether `label` with `value` holds by one side of a pair, whatever the other one is.
    ///
    /// A label that neither side has never holds, not even with an empty value: otherwise a
    /// forgotten label would hand out config that was meant for somebody else.
    pub(crate) fn holds_by(&self, label: &str, value: &str, side: Side<'_>) -> bool {
        if label == self.cluster_type {
            return matches!(side, Side::ClusterType { name, .. } if name == value);
        }
        if label == self.deployment_target {
            return matches!(side, Side::Target { name, .. } if name == value);
        }
        if label == self.workload {
            return matches!(side, Side::Target { workload, .. } if workload == value);
        }
        side.labels().get(label).is_some_and(|it| it == value)
    }
}

impl<'a> Subject<'a> {
    /// Returns the cluster type, then the target.
    pub(crate) fn sides(&self) -> [Side<'a>; 2] {
        let (name, labels) = (self.cluster_type, self.cluster_labels);
        let cluster_type = Side::ClusterType { name, labels };
        let (name, labels) = (self.target, self.target_labels);
        [cluster_type, Side::Target { name, workload: self.workload, labels }]
    }
}

impl<'a> Side<'a> {
    pub(super) fn labels(self) -> &'a BTreeMap<String, String> {
        match self {
            Self::ClusterType { labels, .. } | Self::Target { labels, .. } => labels,
        }
    }
}

/// Says whether all of `labels` hold for `subject`; no labels hold for everybody.
pub fn label_match(
    labels: &BTreeMap<String, String>,
    subject: &Subject<'_>,
    special: SpecialLabels<'_>,
) -> bool {
    let mut counted = labels.iter().filter(|(label, _)| special.counts(label));
    counted.all(|(label, value)| special.holds(label, value, subject))
}

/// Splits a key of an `azure-app-config*` map, `label1.value1.label2.value2.KEY`, into labels and key.
///
/// A part before the key that has no partner is dropped; of a repeated label the last value counts.
pub fn labels_from_key(dotted: &str) -> (BTreeMap<&str, &str>, &str) {
    let Some((prefix, key)) = dotted.rsplit_once('.') else {
        return (BTreeMap::new(), dotted);
    };
    let mut labels = BTreeMap::new();
    let mut parts = prefix.split('.');
    while let (Some(label), Some(value)) = (parts.next(), parts.next()) {
        labels.insert(label, value);
    }
    (labels, key)
}
