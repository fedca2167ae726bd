//! Which layers of config an assignment has: those that its cluster type brings, and those that its target does.

use super::{ClusterTypeKey, EnvironmentInput, TargetKey, environment_model};
use crate::{
    Reading, Subject,
    compose::{Brought, LayerId, Layers, Side},
    model::Target,
    profile::Profile,
    resource::ClusterType,
    schedule::Assignment,
};

/// The config layers of an environment, indexed.
#[salsa::tracked(returns(ref))]
pub(crate) fn layers(db: &dyn salsa::Database, environment: EnvironmentInput) -> Layers {
    let reading = match environment.settings(db).profile {
        Profile::Standard => Reading::Standard,
        Profile::Kalypso => Reading::Kalypso,
    };
    Layers::new(&environment_model(db, environment).config_maps, reading)
}

/// The layers that a cluster type brings to each of its assignments.
#[salsa::tracked(returns(ref))]
fn brought_by_cluster_type<'db>(db: &'db dyn salsa::Database, key: ClusterTypeKey<'db>) -> Brought {
    let environment = key.environment(db);
    let cluster_type = &environment_model(db, environment).cluster_types[key.name(db)];
    Brought::by(layers(db, environment), cluster_side(cluster_type))
}

/// The layers that a target brings to each of its assignments.
#[salsa::tracked(returns(ref))]
fn brought_by_target<'db>(db: &'db dyn salsa::Database, key: TargetKey<'db>) -> Brought {
    let environment = key.environment(db);
    let target = &environment_model(db, environment).targets[key.name(db)];
    Brought::by(layers(db, environment), target_side(target))
}

/// Returns the layers that a cluster type and a target have together; `sides` are only asked for if the labels of both decide.
pub(super) fn chosen<'s, 'db>(
    db: &'db dyn salsa::Database,
    (cluster_type, target): (ClusterTypeKey<'db>, TargetKey<'db>),
    sides: impl FnOnce() -> [Side<'s>; 2],
) -> Vec<LayerId> {
    brought_by_cluster_type(db, cluster_type).join(brought_by_target(db, target), sides)
}

/// Returns the layers that apply to an assignment, in the order of their precedence by name.
pub(crate) fn layer_ids(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    Assignment { cluster_type, target, policies: _ }: &Assignment,
) -> Vec<LayerId> {
    let keys = (
        ClusterTypeKey::new(db, environment, cluster_type.clone()),
        TargetKey::new(db, environment, target.clone()),
    );
    chosen(db, keys, || {
        let model = environment_model(db, environment);
        [cluster_side(&model.cluster_types[cluster_type]), target_side(&model.targets[target])]
    })
}

/// Returns the layers of an environment, and those that apply to an assignment.
pub(crate) fn layers_of<'db>(
    db: &'db dyn salsa::Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> (&'db Layers, Vec<LayerId>) {
    (layers(db, environment), layer_ids(db, environment, assignment))
}

/// Returns the pair that config is composed for.
pub(crate) fn subject<'m>(cluster_type: &'m ClusterType, target: &'m Target) -> Subject<'m> {
    Subject {
        cluster_type: cluster_type.meta.name.as_str(),
        cluster_labels: &cluster_type.meta.labels,
        target: target.name.as_str(),
        target_labels: &target.labels,
        workload: &target.workload,
    }
}

/// Returns a cluster type as one side of its pairs.
pub(crate) fn cluster_side(cluster_type: &ClusterType) -> Side<'_> {
    let meta = &cluster_type.meta;
    Side::ClusterType { name: meta.name.as_str(), labels: &meta.labels }
}

/// Returns a target as one side of its pairs.
pub(crate) fn target_side(target: &Target) -> Side<'_> {
    let (name, workload) = (target.name.as_str(), &*target.workload);
    Side::Target { name, workload, labels: &target.labels }
}
