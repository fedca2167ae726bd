//! What the schemas take and refuse.

mod laws;
mod own;

use super::{Checker, KubernetesVersion};

/// Returns what is wrong with a file: the message, the note and the help of each problem.
fn wrong_in(name: &str, text: &str, version: &str) -> String {
    let kubernetes = KubernetesVersion::parse(version).unwrap();
    let findings = Checker { own: vec![], kubernetes }.file(name, text);
    let shown = findings
        .iter()
        .map(|it| format!("{} {}\n  {}\n  help: {}\n", it.code, it.message(), it.note, it.help));
    shown.collect()
}

fn wrong(text: &str) -> String {
    wrong_in("reconciler.yaml", text, "1.37")
}

#[test]
fn objects_as_people_write_them_are_valid() {
    let text = include_str!("good.yaml");
    for version in KubernetesVersion::all() {
        assert_eq!(wrong_in("good.yaml", text, &version.to_string()), "", "{version}");
    }
}

#[test]
fn a_typo_is_found_and_guessed() {
    let text = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: flux-system}
spec:
  intervall: 5m
  interval: 5 minutes
  url: https://example.org/app
  ref: {brunch: main}
";
    insta::assert_snapshot!(wrong(text), @r#"
    manifest-invalid GitRepository `spec.interval` does not match `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
      `/spec/interval` on line 6 of reconciler.yaml: `interval: 5 minutes`
      help: change the template, or the value that it prints
    manifest-invalid GitRepository `spec.intervall` is an unknown field
      `/spec/intervall` on line 5 of reconciler.yaml: `intervall: 5m`
      help: did you mean `interval`?
    manifest-invalid GitRepository `spec.ref.brunch` is an unknown field
      `/spec/ref/brunch` on line 8 of reconciler.yaml: `ref: {brunch: main}`
      help: did you mean `branch`?
    "#);
}

#[test]
fn what_is_missing_or_of_a_wrong_type_is_found() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: two
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        imagePullPolicy: Allways
        ports: [{name: http}]
        resources: {limits: {memory: 1 GB}}
        env: [{name: PORT, value: 80}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
";
    insta::assert_snapshot!(wrong(text), @r#"
    manifest-invalid Deployment `spec.template.spec.containers.0.ports.0.containerPort` is missing
      `/spec/template/spec/containers/0/ports/0/containerPort` on line 14 of reconciler.yaml: `ports: [{name: http}]`
      help: set `spec.template.spec.containers.0.ports.0.containerPort`
    manifest-invalid Deployment `spec.template.spec.containers.0.imagePullPolicy` is none of ["Always","IfNotPresent","Never"]
      `/spec/template/spec/containers/0/imagePullPolicy` on line 13 of reconciler.yaml: `imagePullPolicy: Allways`
      help: did you mean `Always`?
    manifest-invalid Deployment `spec.template.spec.containers.0.env.0.value` is not a text
      `/spec/template/spec/containers/0/env/0/value` on line 16 of reconciler.yaml: `env: [{name: PORT, value: 80}]`
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    manifest-invalid Deployment `spec.template.spec.containers.0.resources.limits.memory` is not an amount such as `500m` or `1.5Gi`
      `/spec/template/spec/containers/0/resources/limits/memory` on line 15 of reconciler.yaml: `resources: {limits: {memory: 1 GB}}`
      help: change the template, or the value that it prints
    manifest-invalid Deployment `spec.replicas` is not an integer
      `/spec/replicas` on line 5 of reconciler.yaml: `replicas: two`
      help: change the template, or the value that it prints
    manifest-invalid Application `spec` is missing
      `/spec` on line 18 of reconciler.yaml: `apiVersion: argoproj.io/v1alpha1`
      help: set `spec`
    "#);
}

#[test]
fn a_kind_without_a_schema_is_an_error_with_a_way_out() {
    let text = "\
apiVersion: example.org/v1
kind: Widget
---
apiVersion: extensions/v1beta1
kind: Deployment
---
apiVersion: apps/v1
kind: Deploymnet
---
apiVersion: autoscaling/v2beta2
kind: HorizontalPodAutoscaler
---
kind: Deployment
---
- a list
";
    insta::assert_snapshot!(wrong(text), @r"
    schema-missing Widget of `example.org/v1` has no schema, so it cannot be checked
      line 1 of reconciler.yaml: `apiVersion: example.org/v1`
      help: put its CustomResourceDefinition into a folder that `validate.schemas` in wob.yaml names
    schema-missing Deployment of `extensions/v1beta1` has no schema, so it cannot be checked
      line 4 of reconciler.yaml: `apiVersion: extensions/v1beta1`
      help: `Deployment` is known as `apps/v1`
    schema-missing Deploymnet of `apps/v1` has no schema, so it cannot be checked
      line 7 of reconciler.yaml: `apiVersion: apps/v1`
      help: did you mean `Deployment`?
    schema-missing HorizontalPodAutoscaler of `autoscaling/v2beta2` has no schema, so it cannot be checked
      line 10 of reconciler.yaml: `apiVersion: autoscaling/v2beta2`
      help: Kubernetes has it up to 1.25, and the check is for 1.37; set `validate.kubernetes` in wob.yaml
    manifest-invalid a document has no `apiVersion`
      line 13 of reconciler.yaml: `kind: Deployment`
      help: write `apiVersion:`; what is no manifest belongs into another kind of file
    manifest-invalid a document is no object
      line 15 of reconciler.yaml: `- a list`
      help: write a mapping with `apiVersion` and `kind`
    ");
}

#[test]
fn names_labels_and_namespaces_are_checked() {
    let text = "\
apiVersion: v1
kind: Namespace
metadata: {name: team.app, labels: {a b: c, ok: 'not ok!'}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: App_Config, namespace: team.app, annotations: {example.org/note: 'any text!'}}
---
apiVersion: v1
kind: ConfigMap
metadata: {labels: {a: b}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:view'}
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: run-}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
";
    insta::assert_snapshot!(wrong(text), @r"
    manifest-invalid Namespace `metadata.labels.a b` has a key that may only hold letters, digits, `-`, `_` and `.`
      `/metadata/labels/a b` on line 3 of reconciler.yaml: `metadata: {name: team.app, labels: {a b: c, ok: 'not ok!'}}`
      help: write at most 63 letters, digits, `-`, `_` and `.`, after an optional `example.com/`
    manifest-invalid Namespace `metadata.name` holds a `.`
      `/metadata/name` on line 3 of reconciler.yaml: `metadata: {name: team.app, labels: {a b: c, ok: 'not ok!'}}`
      help: shorten a name, or change the template
    manifest-invalid Namespace `metadata.labels.ok` may only hold letters, digits, `-`, `_` and `.`
      `/metadata/labels/ok` on line 3 of reconciler.yaml: `metadata: {name: team.app, labels: {a b: c, ok: 'not ok!'}}`
      help: write at most 63 letters, digits, `-`, `_` and `.`
    manifest-invalid ConfigMap `metadata.namespace` holds a `.`
      `/metadata/namespace` on line 7 of reconciler.yaml: `metadata: {name: App_Config, namespace: team.app, annotations: {example.org/note: 'any text!'}}`
      help: shorten a name, or set `namespacePattern` in wob.yaml
    manifest-invalid ConfigMap `metadata.name` may only hold lower-case letters, digits, `-` and `.`
      `/metadata/name` on line 7 of reconciler.yaml: `metadata: {name: App_Config, namespace: team.app, annotations: {example.org/note: 'any text!'}}`
      help: shorten a name, or change the template
    manifest-invalid ConfigMap `metadata` has no `name`
      `/metadata` on line 11 of reconciler.yaml: `metadata: {labels: {a: b}}`
      help: set `metadata.name`
    ");
}

#[test]
fn secrets_are_not_shown() {
    let text = "\
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {key: not base64 at all}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  DB_PASSWORD: 12345
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {token: '12345 67890'}}
spec:
  containers:
  - {name: a, image: a, env: [{name: PORT, value: 80}, {name: API_KEY, value: 12345}]}
  - name: b
    env:
    - name: API_KEY
      value: 12345
";
    let seen = wrong(text);
    insta::assert_snapshot!(seen, @r"
    manifest-invalid Secret `data.key` is not Base64
      `/data/key` on line 4 of reconciler.yaml
      help: change the template, or the value that it prints
    manifest-invalid ConfigMap `data.DB_PASSWORD` is not a text
      `/data/DB_PASSWORD` on line 10 of reconciler.yaml
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    manifest-invalid Pod `spec.containers.0.env.0.value` is not a text
      `/spec/containers/0/env/0/value` on line 17 of reconciler.yaml
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    manifest-invalid Pod `spec.containers.0.env.1.value` is not a text
      `/spec/containers/0/env/1/value` on line 17 of reconciler.yaml
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    manifest-invalid Pod `spec.containers.1.env.0.value` is not a text
      `/spec/containers/1/env/0/value` on line 21 of reconciler.yaml
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    manifest-invalid Pod `metadata.labels.token` may only hold letters, digits, `-`, `_` and `.`
      `/metadata/labels/token` on line 14 of reconciler.yaml
      help: write at most 63 letters, digits, `-`, `_` and `.`
    ");
    assert!(!seen.contains("not base64") && !seen.contains("12345"), "{seen}");
}

#[test]
fn the_items_of_lists_are_checked() {
    let text = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: good}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: bad}, datum: {}}
- {apiVersion: v1, kind: List, items: []}
";
    insta::assert_snapshot!(wrong(text), @r"
    manifest-invalid ConfigMap `items.1.datum` is an unknown field
      `/items/1/datum` on line 5 of reconciler.yaml: `- {apiVersion: v1, kind: ConfigMap, metadata: {name: bad}, datum: {}}`
      help: known fields: `apiVersion`, `binaryData`, `data`, `immutable`, `kind`, `metadata`
    manifest-invalid List `items.2.kind` is a list in a list
      `/items/2/kind` on line 6 of reconciler.yaml: `- {apiVersion: v1, kind: List, items: []}`
      help: put the items into one list
    ");
}

#[test]
fn files_are_known_by_their_names_and_scripts_are_passed_over() {
    assert_eq!(wrong_in("config.sh", "export A=1\n", "1.37"), "");
    assert_eq!(wrong_in("kustomization.yaml", "resources: [a.yaml]\n", "1.37"), "");
    assert_eq!(wrong_in("kustomization.yaml", "kind: Component\n", "1.37"), "");
    let package = "kind: ZarfPackageConfig\nmetadata: {name: a}\ncomponents: [{name: a}]\n";
    assert_eq!(wrong_in("zarf.yaml", package, "1.37"), "");
    assert_ne!(wrong_in("other.yaml", package, "1.37"), "");
    assert_eq!(wrong_in("fleet.yaml", "defaultNamespace: app\nhelm: {chart: app}\n", "1.37"), "");
    let text = "resource: [a.yaml]\nimages: [{name: a, newTag: 2}]\n";
    insta::assert_snapshot!(wrong_in("kustomization.yaml", text, "1.37"), @r"
    manifest-invalid a document `resource` is an unknown field
      `/resource` on line 1 of kustomization.yaml: `resource: [a.yaml]`
      help: did you mean `resources`?
    manifest-invalid a document `images.0.newTag` is not a text
      `/images/0/newTag` on line 2 of kustomization.yaml: `images: [{name: a, newTag: 2}]`
      help: quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja
    ");
    insta::assert_snapshot!(wrong_in("other.yaml", "resources: [a.yaml]\n", "1.37"), @r"
    manifest-invalid a document has no `apiVersion`
      line 1 of other.yaml: `resources: [a.yaml]`
      help: write `apiVersion:`; what is no manifest belongs into another kind of file
    ");
    insta::assert_snapshot!(wrong_in("other.yaml", "a: [\n", "1.37"), @r"
    manifest-invalid a document is not YAML: the bracket `[` is never closed
      line 1 of other.yaml
      help: quote values that come from outside, and indent blocks with `nindent`
    ");
}

#[test]
fn fields_come_and_go_with_versions_of_kubernetes() {
    let pod = |line: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  {line}\n  containers: [{{name: a, image: a}}]\n"
        )
    };
    let text = pod("resourceClaims: [{name: gpu}]");
    let is_wrong = |text: &str, version| !wrong_in("pod.yaml", text, version).is_empty();
    assert!(is_wrong(&text, "1.25") && !is_wrong(&text, "1.26") && !is_wrong(&text, "1.37"));
    let hpa = "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n\
               spec: {maxReplicas: 2, scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}}\n";
    assert!(!is_wrong(hpa, "1.25") && is_wrong(hpa, "1.26"));
}

#[test]
fn null_counts_as_absent_where_api_servers_say_so() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: a, creationTimestamp: null}
spec: {ports: null, clusterIP: null}
status: {loadBalancer: {}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: a, creationTimestamp: null}
spec: {interval: 5m, prune: true, path: null, sourceRef: {kind: GitRepository, name: a}}
";
    insta::assert_snapshot!(wrong(text), @r"
    manifest-invalid Kustomization `spec.path` is not a text
      `/spec/path` on line 10 of reconciler.yaml: `spec: {interval: 5m, prune: true, path: null, sourceRef: {kind: GitRepository, name: a}}`
      help: change the template, or the value that it prints
    ");
}
