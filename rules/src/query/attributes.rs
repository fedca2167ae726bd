//! The attributes of nodes: what `attr()` matches, and what `labels()` follows.

use crate::{
    Model, Name,
    graph::{Direction, Graph, Node, NodeId, NodeKind},
    resource::{ClusterType, GitReference, Labels, Language},
};

/// The names that `attr()` knows; those that end with a dot go on with the key of a label, a manifest field or a value.
pub(super) const ATTRIBUTES: [&str; 20] = [
    "name",
    "environment",
    "file",
    "workload",
    "workspace",
    "reconciler",
    "namespaceService",
    "configType",
    "clusterType",
    "target",
    "policies",
    "contentType",
    "language",
    "repo",
    "branch",
    "path",
    "commit",
    "label.",
    "manifests.",
    "data.",
];

/// The names that `labels()` knows, with the kinds that each leads to.
pub(super) const REFERENCES: [(&str, &[NodeKind]); 16] = [
    ("assignments", &[NodeKind::Assignment]),
    ("clusterType", &[NodeKind::ClusterType]),
    ("clusterTypes", &[NodeKind::ClusterType]),
    ("target", &[NodeKind::Target]),
    ("policies", &[NodeKind::Policy]),
    ("workload", &[NodeKind::Workload]),
    ("registration", &[NodeKind::Registration]),
    ("configs", &[NodeKind::Config]),
    ("schemas", &[NodeKind::Schema]),
    ("templates", &TEMPLATES),
    ("reconciler", &TEMPLATES),
    ("namespaceService", &TEMPLATES),
    ("configType", &TEMPLATES),
    ("baseRepo", &[NodeKind::BaseRepo]),
    ("gitopsRepo", &[NodeKind::GitOpsRepo]),
    ("file", &[NodeKind::SourceFile]),
];

const TEMPLATES: [NodeKind; 2] = [NodeKind::Template, NodeKind::Rule];

/// Says whether `attr()` knows `name`.
pub(super) fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.iter().any(|it| match it.strip_suffix('.') {
        Some(_) => name.len() > it.len() && name.starts_with(it),
        None => name == *it,
    })
}

/// Returns what the attribute `name` of a node is; `None` if it has none. Lists are written as `[a, b]`.
pub(super) fn attribute(graph: &Graph<'_>, id: NodeId, name: &str) -> Option<String> {
    let node = graph.node(id);
    match name {
        "name" => return Some(node.name().to_owned()),
        "environment" => {
            let mut names = graph.environments_of(id).map(Name::as_str);
            let first = names.next()?;
            let rest: Vec<&str> = names.collect();
            let all = || format!("[{first}, {}]", rest.join(", "));
            return Some(if rest.is_empty() { first.to_owned() } else { all() });
        }
        "file" => return node.place.as_ref().map(|it| it.file.to_string()),
        "policies" if node.kind == NodeKind::Assignment => {
            let used = graph.neighbours(id, Direction::Dependencies).iter();
            let used = used.map(|it| graph.node(*it)).filter(|it| it.kind == NodeKind::Policy);
            return Some(format!("[{}]", used.map(Node::name).collect::<Vec<_>>().join(", ")));
        }
        _ => {}
    }
    let model = graph.model_of(node)?;
    if let Some(key) = name.strip_prefix("label.") {
        return labels(model, node)?.get(key).cloned();
    }
    match node.kind {
        NodeKind::ClusterType => template_name(model.cluster_types.get(node.name())?, name),
        NodeKind::Assignment => {
            let (cluster_type, target) = node.pair()?;
            match name {
                "clusterType" => Some(cluster_type.to_owned()),
                "target" => Some(target.to_owned()),
                _ => template_name(model.cluster_types.get(cluster_type)?, name)
                    .or_else(|| of_target(model, target, name)),
            }
        }
        NodeKind::Target => of_target(model, node.name(), name),
        NodeKind::Policy => match name {
            "workspace" => model.policies.get(node.name())?.workspace.clone(),
            _ => None,
        },
        NodeKind::Registration => {
            let it = model.registrations.get(node.name())?;
            if name == "workspace" {
                return Some(it.workspace.clone());
            }
            repository(&it.workload, name)
        }
        NodeKind::BaseRepo => repository(&model.base_repos.get(node.name())?.reference, name),
        NodeKind::GitOpsRepo => repository(&model.gitops_repos.get(node.name())?.reference, name),
        NodeKind::Config => {
            let found = model.config_maps.binary_search_by(|it| (*it.name).cmp(node.name()));
            let data = &model.config_maps[found.ok()?].data;
            data.get(name.strip_prefix("data.")?).map(ToString::to_string)
        }
        NodeKind::Template => {
            let it = model.templates.get(node.name())?;
            match (name, it.language) {
                ("contentType", _) => it.content_type.clone(),
                ("language", Language::Go) => Some("go".to_owned()),
                ("language", Language::Jinja) => Some("jinja".to_owned()),
                _ => None,
            }
        }
        NodeKind::Environment
        | NodeKind::Workload
        | NodeKind::Schema
        | NodeKind::Rule
        | NodeKind::SourceFile
        | NodeKind::OutputFile => None,
    }
}

/// Returns the nodes that the attribute `name` of a node refers to; `name` must be one of `REFERENCES`.
pub(super) fn referred<'g>(
    graph: &'g Graph<'_>,
    id: NodeId,
    name: &'g str,
) -> impl Iterator<Item = NodeId> + 'g {
    let kinds = REFERENCES.iter().find(|it| it.0 == name).map_or(&[][..], |it| it.1);
    let is_template = matches!(name, "reconciler" | "namespaceService" | "configType");
    // An environment has cluster types, an assignment is on one.
    let is_environment = graph.node(id).kind == NodeKind::Environment;
    let is_its = match name {
        "clusterType" => !is_environment,
        "clusterTypes" => is_environment,
        _ => true,
    };
    let wanted = if is_template { attribute(graph, id, name) } else { None };
    let all = graph.neighbours(id, Direction::Dependencies).iter().copied();
    all.filter(move |it| {
        let node = graph.node(*it);
        let is_it = !is_template || wanted.as_deref() == Some(node.name());
        is_its && kinds.contains(&node.kind) && is_it
    })
}

/// Returns the labels that select an object or that it selects by.
fn labels<'m>(model: &'m Model, node: &Node) -> Option<&'m Labels> {
    let name = node.name();
    Some(match node.kind {
        NodeKind::ClusterType => &model.cluster_types.get(name)?.meta.labels,
        NodeKind::Policy => &model.policies.get(name)?.meta.labels,
        NodeKind::Target => &model.targets.get(name)?.labels,
        NodeKind::Assignment => &model.targets.get(node.pair()?.1)?.labels,
        NodeKind::Workload => &model.workloads.get(name)?.meta.labels,
        NodeKind::Registration => &model.registrations.get(name)?.meta.labels,
        NodeKind::Template => &model.templates.get(name)?.meta.labels,
        NodeKind::BaseRepo => &model.base_repos.get(name)?.meta.labels,
        NodeKind::GitOpsRepo => &model.gitops_repos.get(name)?.meta.labels,
        NodeKind::Config => {
            let found = model.config_maps.binary_search_by(|it| (*it.name).cmp(name));
            &model.config_maps[found.ok()?].labels
        }
        NodeKind::Schema => {
            let found = model.config_schemas.binary_search_by(|it| (*it.name).cmp(name));
            &model.config_schemas[found.ok()?].labels
        }
        NodeKind::Environment | NodeKind::Rule | NodeKind::SourceFile | NodeKind::OutputFile => {
            return None;
        }
    })
}

fn template_name(cluster_type: &ClusterType, name: &str) -> Option<String> {
    match name {
        "reconciler" => Some(cluster_type.reconciler.clone()),
        "namespaceService" => Some(cluster_type.namespace_service.clone()),
        "configType" => Some(cluster_type.config_type.clone()),
        _ => None,
    }
}

fn of_target(model: &Model, target: &str, name: &str) -> Option<String> {
    let target = model.targets.get(target)?;
    match name {
        "workload" => Some(target.workload.to_string()),
        "workspace" => Some(target.workspace.to_string()),
        _ => target.manifests.get(name.strip_prefix("manifests.")?).map(ToString::to_string),
    }
}

fn repository(reference: &GitReference, name: &str) -> Option<String> {
    match name {
        "repo" => Some(reference.repo.clone()),
        "branch" => Some(reference.branch.clone()),
        "path" => Some(reference.path.clone()),
        "commit" => reference.commit.clone(),
        _ => None,
    }
}
