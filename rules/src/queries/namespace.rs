//! The namespace of an assignment, made from names alone.

use wob_engine::Diagnostic;

use crate::{Name, Settings, model::Target, profile::NamespaceFields, resource::ClusterType};

/// Fills the pattern.
pub(crate) fn namespace_text(
    settings: &Settings,
    cluster_type: &ClusterType,
    target: &Target,
) -> String {
    settings.namespace_pattern.fill(&NamespaceFields {
        environment: &target.environment,
        workspace: &target.workspace,
        workload: &target.workload,
        cluster_type: cluster_type.meta.name.as_str(),
        deployment_target: target.name.as_str(),
    })
}

/// Fills the pattern and checks the result: Kubernetes takes a DNS label of at most 63 characters.
pub(super) fn namespace(
    settings: &Settings,
    cluster_type: &ClusterType,
    target: &Target,
) -> Result<String, Box<Diagnostic>> {
    let namespace = namespace_text(settings, cluster_type, target);
    let reason = match Name::new(&namespace) {
        Err(reason) => Some(reason),
        Ok(_) if namespace.len() > 63 => Some("has more than 63 characters"),
        Ok(_) => None,
    };
    let Some(reason) = reason else { return Ok(namespace) };
    let shown: String = namespace.chars().take(300).flat_map(char::escape_debug).collect();
    Err(Box::new(
        Diagnostic::error("bad-namespace", format!("namespace `{shown}` {reason}"))
            .at(target.place.clone(), "made from this target")
            .at(cluster_type.meta.place.key("metadata").key("name"), "and this cluster type")
            .help("shorten a name, or set `namespacePattern` in wob.yaml"),
    ))
}
