//! Lists whose order does not count: the API server takes them for mappings by some fields of their items, or for sets.

use std::collections::BTreeMap;

use wob_engine::Value;

use super::{ObjectName, class::group_of};

/// Lists that are mappings: the field, and the fields of an item that name it.
///
/// Source: `x-kubernetes-list-map-keys` in the OpenAPI definitions of Kubernetes 1.37, of everything but statuses. In its own
/// APIs none of these names stands for another kind of list, except where [`order`] says so.
const MAPS: [(&str, &[&str]); 20] = [
    ("claims", &["name"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("matchConditions", &["name"]),
    ("ownerReferences", &["uid"]),
    ("ports", &["containerPort", "protocol"]),
    ("ports", &["port", "protocol"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("secrets", &["name"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
    ("webhooks", &["name"]),
    ("x-kubernetes-validations", &["rule"]),
];

/// Lists that are sets, by the same source.
const SETS: [&str; 3] = ["finalizers", "validationActions", "volumeLifecycleModes"];

/// What the order of a list is to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It counts.
    Counts,
    /// Items are named by these fields.
    Map(&'static [&'static str]),
    /// Items are named by themselves.
    Set,
}

/// Returns what the order of the list at `path` of `object` is; `path` has `*` for items.
pub(super) fn order(object: &ObjectName, path: &str) -> Order {
    if !is_kubernetes(object) {
        return Order::Counts;
    }
    let field = path.rsplit('/').next().unwrap_or_default();
    let is_service = &*object.kind == "Service" && path == "/spec/ports";
    let is_map = |(name, keys): &&(&str, &[&str])| {
        // The ports of policies and slices have no names; without a `containerPort`, the order of others counts anyway.
        *name == field && (field != "ports" || (keys[0] == "port") == is_service)
    };
    match MAPS.iter().find(is_map) {
        Some(_) if &*object.kind == "ServiceAccount" && field == "imagePullSecrets" => {
            Order::Counts
        }
        Some((_, keys)) => Order::Map(keys),
        None if path == "/spec/finalizers" => Order::Counts,
        None if SETS.contains(&field) => Order::Set,
        None => Order::Counts,
    }
}

/// Says whether the object is of Kubernetes' own APIs; custom ones may use the same names for other things.
pub(super) fn is_kubernetes(object: &ObjectName) -> bool {
    let group = group_of(&object.api_version);
    !object.kind.is_empty()
        && (!group.contains('.') || group.ends_with(".k8s.io"))
        && group != "kustomize.config.k8s.io"
}

/// An item of a list whose order does not count.
#[derive(Clone, Debug)]
pub(super) struct Item<'v> {
    /// What names it.
    pub(super) keys: Vec<(&'static str, Value)>,
    /// Where it is in its list.
    pub(super) index: usize,
    /// What it is.
    pub(super) value: &'v Value,
}

/// Returns the items of a list by what names them; `None` if some cannot be told apart by it, so that the order must count.
pub(super) fn keyed(items: &[Value], order: Order) -> Option<BTreeMap<String, Item<'_>>> {
    let mut found = BTreeMap::new();
    for (index, value) in items.iter().enumerate() {
        let keys = match order {
            Order::Counts => return None,
            Order::Set => vec![("", scalar(value)?)],
            Order::Map(names) => {
                let fields = value.as_map()?;
                let key = |name: &&'static str| match fields.get(*name) {
                    Some(value) => Some((*name, scalar(value)?)),
                    // The API server fills it in.
                    None if *name == "protocol" => Some((*name, Value::from("TCP"))),
                    None => None,
                };
                names.iter().map(key).collect::<Option<Vec<_>>>()?
            }
        };
        let name =
            keys.iter().map(|(_, it)| serde_json::Value::from(it).to_string() + ",").collect();
        if found.insert(name, Item { keys, index, value }).is_some() {
            return None;
        }
    }
    Some(found)
}

fn scalar(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => None,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the tables say of a field must be about a list of Kubernetes' own APIs.
    #[test]
    fn every_field_is_a_list_in_the_schemas() {
        let schemas = include_str!("../../schemas/core.yaml");
        let fields = MAPS.iter().map(|it| it.0).chain(SETS);
        for field in fields {
            let is_field = |line: &str| {
                let line = line.trim().trim_start_matches('"');
                line.strip_prefix(field)
                    .is_some_and(|it| it.starts_with("[]") || it.starts_with("![]"))
            };
            assert!(schemas.lines().any(is_field), "{field}");
        }
    }

    #[test]
    fn order_counts_by_the_place_of_a_list() {
        let object = |api_version: &str, kind: &str| ObjectName {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: "".into(),
            name: "x".into(),
        };
        let pod = "/spec/template/spec/containers";
        for (api_version, kind, path, expected) in [
            ("apps/v1", "Deployment", pod, Order::Map(&["name"])),
            (
                "apps/v1",
                "Deployment",
                "/spec/template/spec/containers/*/ports",
                Order::Map(&["containerPort", "protocol"]),
            ),
            ("v1", "Service", "/spec/ports", Order::Map(&["port", "protocol"])),
            ("v1", "ServiceAccount", "/secrets", Order::Map(&["name"])),
            ("v1", "ServiceAccount", "/imagePullSecrets", Order::Counts),
            ("v1", "Namespace", "/spec/finalizers", Order::Counts),
            ("v1", "ConfigMap", "/metadata/finalizers", Order::Set),
            ("networking.k8s.io/v1", "Ingress", "/spec/rules", Order::Counts),
            ("example.org/v1", "Deployment", pod, Order::Counts),
            ("kustomize.config.k8s.io/v1beta1", "Kustomization", "/env", Order::Counts),
        ] {
            assert_eq!(order(&object(api_version, kind), path), expected, "{kind} {path}");
        }
    }
}
