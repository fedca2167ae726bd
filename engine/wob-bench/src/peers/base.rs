//! What all peers start from: three manifests of about 1.2 KiB with their configs, and the config layers of the fleet.

use std::{collections::BTreeMap, io};

use wob_engine::yaml;

use crate::fleet::{Fleet, Pair};

/// The manifests that every assignment has, by name; the last one holds its config.
pub(super) const MANIFESTS: [(&str, &str); 3] =
    [("sync", SYNC), ("network-policy", NETWORK_POLICY), ("config", CONFIG)];

const SYNC: &str = r"apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: sync
  labels:
    example.org/owner: platform
spec:
  interval: 10m
  retryInterval: 1m
  timeout: 5m
  serviceAccountName: deployer
  sourceRef:
    kind: GitRepository
    name: workloads
  path: ./deploy
  prune: true
  wait: true
  postBuild:
    substitute:
      region: none
      replicas: '1'
    substituteFrom:
    - kind: ConfigMap
      name: platform-config
  healthChecks:
  - apiVersion: apps/v1
    kind: Deployment
    name: server
    namespace: default
  - apiVersion: apps/v1
    kind: Deployment
    name: worker
    namespace: default
  patches:
  - target:
      kind: Deployment
    patch: |
      - op: add
        path: /spec/template/metadata/labels/region
        value: none
      - op: add
        path: /spec/template/spec/priorityClassName
        value: platform
      - op: add
        path: /spec/template/spec/automountServiceAccountToken
        value: false
";

const NETWORK_POLICY: &str = r"apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: network-policy
  labels:
    example.org/owner: platform
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: ingress
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: monitoring
      podSelector:
        matchLabels:
          app.kubernetes.io/name: prometheus
    ports:
    - port: 8080
      protocol: TCP
    - port: 9090
      protocol: TCP
  egress:
  - to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  - to:
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
        - 10.96.0.0/12
    ports:
    - port: 5432
      protocol: TCP
    - port: 6379
      protocol: TCP
";

const CONFIG: &str = r"apiVersion: v1
kind: ConfigMap
metadata:
  name: config
  labels:
    example.org/owner: platform
data: {}
";

/// Returns the data of the fleet's config layers, by name, as texts.
///
/// # Errors
/// If a layer is no ConfigMap.
pub(super) fn layers(fleet: &Fleet) -> io::Result<BTreeMap<String, serde_json::Value>> {
    let all = fleet.base.iter().chain(&fleet.control_plane);
    let layers = all.filter_map(|(path, text)| {
        let name = path.strip_prefix("config/")?.strip_suffix(".yaml")?;
        Some((name, text))
    });
    let data = |text: &str| -> io::Result<serde_json::Value> {
        let object = yaml::parse_value(text).map_err(|it| io::Error::other(it.message))?;
        let mut object = serde_json::Value::from(&object);
        Ok(object["data"].take())
    };
    layers.map(|(name, text)| Ok((name.to_owned(), data(text)?))).collect()
}

/// Returns the name of an assignment, which is its namespace, too.
pub(super) fn name(pair: &Pair) -> String {
    format!("{}-{}-{}", pair.cluster_type, pair.workload, pair.target)
}

/// Returns the layers of an assignment that there are, the weakest first.
pub(super) fn layers_of(pair: &Pair, all: &BTreeMap<String, serde_json::Value>) -> Vec<String> {
    let names = [
        "company".to_owned(),
        format!("region-{}", pair.region),
        format!("size-{}", pair.size),
        format!("type-{}", pair.cluster_type),
        format!("workload-{}", pair.workload),
        format!("target-{}-{}", pair.workload, pair.target),
    ];
    names.into_iter().filter(|it| all.contains_key(it)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fleet::Shape;

    /// The peers get as many pairs as wob has assignments, and every layer of config that there is.
    #[test]
    fn every_assignment_and_every_layer_is_there() {
        for assignments in [100, 1_000] {
            let shape = Shape::of(assignments);
            let fleet = Fleet::generate(shape, 1);
            let pairs: BTreeSet<Pair> = shape.pairs().collect();
            assert_eq!(pairs.len(), shape.assignments());
            let all = layers(&fleet).unwrap();
            let used: BTreeSet<_> = pairs.iter().flat_map(|it| layers_of(it, &all)).collect();
            assert_eq!(used, all.keys().cloned().collect());
        }
    }
}
