//! The templates of a fleet alone, with data that was built before.

use std::{collections::BTreeMap, error::Error, hint::black_box, sync::Arc};

use minijinja::Environment;
use wob_engine::{Value, yaml};
use wob_rules::Inputs;
use wob_template::{Options, Template, kalypso};

use crate::texts;

/// The templates that cluster types use, and data that fits each.
pub(crate) struct Templates {
    jinja: Environment<'static>,
    go: BTreeMap<String, Vec<Template>>,
    go_data: wob_template::Value,
    jinja_data: minijinja::Value,
    options: Options,
}

impl Templates {
    /// Compiles all, and builds the data of the first assignment.
    pub(crate) fn new(inputs: &[Arc<Inputs>]) -> Result<Self, Box<dyn Error>> {
        let functions = kalypso::functions(kalypso::ToYamlStyle::Helm);
        let mut go = BTreeMap::new();
        for (_, text) in texts::TEMPLATES {
            let object =
                serde_json::Value::from(&yaml::parse_value(text).map_err(|it| it.message)?);
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let manifests = object["spec"]["manifests"].as_array().into_iter().flatten();
            let compiled = manifests
                .filter_map(serde_json::Value::as_str)
                .map(|it| Template::compile(name, it, &functions).map_err(|error| error.message));
            go.insert(name.to_owned(), compiled.collect::<Result<Vec<_>, _>>()?);
        }
        let mut jinja = Environment::new();
        for (name, text) in BUILT_IN {
            jinja.add_template(name, text)?;
        }
        let data = data(inputs.first().ok_or("the fleet is empty")?);
        Ok(Self {
            jinja,
            go,
            go_data: wob_template::Value::from(&Value::from(data.clone())),
            jinja_data: minijinja::value::Serde(&data).into(),
            options: Options::default(),
        })
    }

    /// Renders as many texts of the same templates as the assignments have.
    pub(crate) fn render(&self, inputs: &[Arc<Inputs>]) {
        for it in inputs {
            let uses = &it.cluster_type;
            for used in [&uses.reconciler, &uses.namespace_service, &uses.config_type] {
                match self.go.get(used.name()) {
                    Some(manifests) => manifests.iter().for_each(|it| self.go(it)),
                    None => self.jinja(used.name()),
                }
            }
        }
    }

    fn go(&self, template: &Template) {
        let rendered = template.render(&self.go_data, &self.options);
        black_box(rendered.expect("because the data is complete").text);
    }

    fn jinja(&self, name: &str) {
        let template = self.jinja.get_template(name).expect("because every rule has its like here");
        black_box(template.render(&self.jinja_data).expect("because the data is complete"));
    }
}

fn data(inputs: &Inputs) -> serde_json::Value {
    let texts = |entries: &mut dyn Iterator<Item = (&str, &str)>| -> serde_json::Value {
        entries.map(|(key, it)| (key.to_owned(), serde_json::Value::from(it))).collect()
    };
    serde_json::json!({
        "DeploymentTargetName": inputs.target.name.as_str(),
        "Namespace": &*inputs.namespace,
        "Environment": &*inputs.target.environment,
        "Workspace": &*inputs.target.workspace,
        "Workload": &*inputs.target.workload,
        "ClusterType": inputs.cluster_type.name.as_str(),
        "Labels": texts(&mut inputs.target.labels.iter().map(|(key, it)| (&**key, &**it))),
        "Manifests": texts(&mut inputs.target.manifests.iter().map(|(key, it)| (&**key, &**it))),
        "ConfigData": serde_json::Value::from(&Value::Map(inputs.config.to_map())),
    })
}

/// What the built-in rules that a fleet uses come to, in plain jinja.
const BUILT_IN: [(&str, &str); 4] = [
    (
        "flux",
        "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: {{ DeploymentTargetName | tojson }}
  namespace: flux-system
spec:
  interval: 5m
  url: {{ Manifests.repo | tojson }}
  ref:
    branch: {{ Manifests.branch | tojson }}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {{ DeploymentTargetName | tojson }}
  namespace: flux-system
spec:
  interval: 5m
  targetNamespace: {{ Namespace | tojson }}
  sourceRef:
    kind: GitRepository
    name: {{ DeploymentTargetName | tojson }}
  path: {{ Manifests.path | tojson }}
  prune: true
",
    ),
    (
        "argocd",
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{ DeploymentTargetName | tojson }}
  namespace: argocd
spec:
  destination:
    namespace: {{ Namespace | tojson }}
    server: https://kubernetes.default.svc
  project: default
  source:
    path: {{ Manifests.path | tojson }}
    repoURL: {{ Manifests.repo | tojson }}
    targetRevision: {{ Manifests.branch | tojson }}
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
",
    ),
    (
        "namespace",
        "apiVersion: v1
kind: Namespace
metadata:
  name: {{ Namespace | tojson }}
  labels:
    environment: {{ Environment | tojson }}
    workspace: {{ Workspace | tojson }}
    workload: {{ Workload | tojson }}
    deploymentTarget: {{ DeploymentTargetName | tojson }}
",
    ),
    (
        "configmap",
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: platform-config
  namespace: {{ Namespace | tojson }}
data: {{ ConfigData | tojson }}
",
    ),
];
