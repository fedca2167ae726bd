//! The texts of a fleet's files.

use std::fmt::Write as _;

use crate::fleet::ENVIRONMENT;

/// The templates of a fleet, by path.
pub(crate) const TEMPLATES: [(&str, &str); 3] = [
    ("templates/site-sync.yaml", SITE_SYNC),
    ("templates/team-namespace.yaml", TEAM_NAMESPACE),
    ("templates/site-config.yaml", SITE_CONFIG),
];

/// What cluster types use, in turn: reconciler, namespace, config; half of it built in, half templates of the fleet.
const USES: [[&str; 3]; 4] = [
    ["flux", "default", "configmap"],
    ["argocd", "team-namespace", "configmap"],
    ["site-sync", "team-namespace", "configmap"],
    ["site-sync", "team-namespace", "site-config"],
];

/// What a composed config must have.
pub(crate) const SCHEMA: &str = r#"apiVersion: scheduler.kalypso.io/v1alpha1
kind: ConfigSchema
metadata:
  name: common
spec:
  schema: |
    {
      "type": "object",
      "required": ["COMPANY", "LOG_LEVEL", "REGION", "DATABASE_HOST"],
      "properties": {
        "LOG_LEVEL": { "enum": ["debug", "info", "warn"] },
        "REGION": { "type": "string", "minLength": 2 },
        "REPLICAS": { "type": "integer", "minimum": 1, "maximum": 20 },
        "TELEMETRY": { "type": "object", "required": ["endpoint"] }
      }
    }
"#;

const SITE_SYNC: &str = r#"apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata:
  name: site-sync
spec:
  type: reconciler
  manifests:
    - |
      apiVersion: source.toolkit.fluxcd.io/v1
      kind: GitRepository
      metadata:
        name: {{ .DeploymentTargetName }}
        namespace: flux-system
        labels:
          example.org/cluster-type: {{ .ClusterType }}
          example.org/environment: {{ .Environment | lower | trunc 63 | trimSuffix "-" }}
          example.org/workload: {{ .Workload | quote }}
      spec:
        interval: 10m
        timeout: 2m
        url: {{ .Manifests.repo }}
        ref:
          branch: {{ .Manifests.branch }}
        secretRef:
          name: {{ printf "%s-%s" .Workspace .Workload | trunc 63 }}
    - |
      apiVersion: kustomize.toolkit.fluxcd.io/v1
      kind: Kustomization
      metadata:
        name: {{ .DeploymentTargetName }}
        namespace: flux-system
      spec:
        interval: 10m
        retryInterval: 1m
        timeout: 5m
        targetNamespace: {{ .Namespace }}
        serviceAccountName: {{ .Workload }}
        sourceRef:
          kind: GitRepository
          name: {{ .DeploymentTargetName }}
        path: {{ .Manifests.path }}
        prune: true
        wait: true
        postBuild:
          substitute:
            region: {{ .ConfigData.REGION | default "none" | quote }}
            replicas: {{ .ConfigData.REPLICAS | default 1 | quote }}
          substituteFrom:
            - kind: ConfigMap
              name: platform-config
        healthChecks:
          - apiVersion: apps/v1
            kind: Deployment
            name: {{ .Workload }}
            namespace: {{ .Namespace }}
        patches:
          - target:
              kind: Deployment
            patch: |
              - op: add
                path: /spec/template/metadata/labels/region
                value: {{ .ConfigData.REGION | default "none" | quote }}
"#;

const TEAM_NAMESPACE: &str = r#"apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata:
  name: team-namespace
spec:
  type: namespace
  manifests:
    - |
      apiVersion: v1
      kind: Namespace
      metadata:
        name: {{ .Namespace }}
        labels:
          {{- range $key, $value := .Labels }}
          {{ $key }}: {{ $value | quote }}
          {{- end }}
          pod-security.kubernetes.io/enforce: {{ if eq .Environment "dev" }}baseline{{ else }}restricted{{ end }}
    - |
      apiVersion: v1
      kind: ResourceQuota
      metadata:
        name: {{ .Workload }}
        namespace: {{ .Namespace }}
      spec:
        hard:
          pods: {{ mul 10 (.ConfigData.REPLICAS | default 1) | quote }}
          limits.cpu: {{ .ConfigData.CPU_LIMIT | default "2" | quote }}
          limits.memory: {{ .ConfigData.MEMORY_LIMIT | default "1Gi" }}
    - |
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: {{ .Workload }}
        namespace: {{ .Namespace }}
      spec:
        podSelector: {}
        policyTypes:
          - Ingress
        ingress:
          - from:
              - namespaceSelector:
                  matchLabels:
                    kubernetes.io/metadata.name: {{ .Namespace }}
              - namespaceSelector:
                  matchLabels:
                    example.org/team: {{ .Workspace }}
    - |
      apiVersion: v1
      kind: LimitRange
      metadata:
        name: {{ .Workload }}
        namespace: {{ .Namespace }}
      spec:
        limits:
          - type: Container
            default:
              cpu: 500m
              memory: {{ .ConfigData.MEMORY_LIMIT | default "512Mi" }}
            defaultRequest:
              cpu: 100m
              memory: 128Mi
    - |
      apiVersion: rbac.authorization.k8s.io/v1
      kind: RoleBinding
      metadata:
        name: {{ .Workload }}-deployer
        namespace: {{ .Namespace }}
      roleRef:
        apiGroup: rbac.authorization.k8s.io
        kind: ClusterRole
        name: edit
      subjects:
        - kind: ServiceAccount
          name: {{ .Workload }}
          namespace: {{ .Namespace }}
        - kind: Group
          name: {{ printf "%s-deployers" .Workspace | quote }}
          apiGroup: rbac.authorization.k8s.io
"#;

const SITE_CONFIG: &str = r#"apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata:
  name: site-config
spec:
  type: config
  contentType: configMap
  manifests:
    - |
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: site-config
        namespace: {{ .Namespace }}
        labels:
          example.org/cluster-type: {{ .ClusterType }}
      data:
        {{- range $key, $value := .ConfigData }}
        {{ $key }}: {{ if kindIs "string" $value }}{{ $value | quote }}{{ else }}{{ toJson $value | quote }}{{ end }}
        {{- end }}
"#;

/// Returns the address of a team's repository.
pub(crate) fn repository(team: &str) -> String {
    format!("https://git.example.org/{team}/workloads")
}

/// Returns the name of a workload's target number `index`, without the workload's.
pub(crate) fn target_name(index: usize) -> String {
    const NAMES: [&str; 5] = ["live", "canary", "batch", "edge", "reports"];
    NAMES.get(index).map_or_else(|| format!("part-{index}"), |it| (*it).to_owned())
}

/// Returns a config layer for what has `labels`.
pub(crate) fn layer(name: &str, labels: &[(&str, &str)], values: &[(&str, String)]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    platform-config: \"true\"\n"
    );
    for (label, value) in labels {
        line(&mut text, &format!("    {label}: {value}"));
    }
    line(&mut text, "data:");
    for (key, value) in values {
        // A ConfigMap holds texts: what looks like a number or a boolean is quoted.
        let bare = value.parse::<f64>().is_ok() || value == "true";
        let value = if bare { format!("\"{value}\"") } else { value.clone() };
        line(&mut text, &format!("  {key}: {value}"));
    }
    text
}

/// Returns the registration of a team's workloads.
pub(crate) fn registration(team: &str) -> String {
    let repository = repository(team);
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: WorkloadRegistration\nmetadata:\n  name: {team}\n  \
         labels:\n    type: application\nspec:\n  workload:\n    repo: {repository}\n    branch: main\n    path: .\n  \
         workspace: {team}\n"
    )
}

/// Returns cluster type number `index`.
pub(crate) fn cluster_type(name: &str, index: usize, group: usize, regions: usize) -> String {
    let size = size(index);
    let [reconciler, namespace, config] = uses(index);
    let region = index % regions;
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ClusterType\nmetadata:\n  name: {name}\n  labels:\n    \
         region: region-{region:02}\n    size: {size}\n    group: group-{group}\nspec:\n  reconciler: {reconciler}\n  \
         namespaceService: {namespace}\n  configType: {config}\n"
    )
}

/// Returns the size of cluster type number `index`.
pub(crate) fn size(index: usize) -> &'static str {
    ["small", "medium", "large"][index % 3]
}

/// Returns the reconciler, namespace and config template of cluster type number `index`.
pub(crate) fn uses(index: usize) -> [&'static str; 3] {
    // Neither by group nor by size, so that every kind of template meets every kind of target.
    USES[index / 3 % USES.len()]
}

/// Returns the name and text of a group's policy; that of a `size` adds no assignments, but a second reason for some.
pub(crate) fn policy(group: usize, size: Option<&str>) -> (String, String) {
    let name = size.map_or_else(|| format!("group-{group}"), |it| format!("group-{group}-{it}"));
    let mut text = format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata:\n  name: {name}\nspec:\n  \
         deploymentTargetSelector:\n    labelSelector:\n      matchLabels:\n        purpose: group-{group}\n  \
         clusterTypeSelector:\n    labelSelector:\n      matchLabels:\n        group: group-{group}\n"
    );
    if let Some(size) = size {
        line(&mut text, &format!("        size: {size}"));
    }
    (name, text)
}

/// Returns a workload with `targets` targets of the measured environment and one of another.
pub(crate) fn workload(name: &str, group: usize, targets: usize) -> String {
    let mut text = format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: Workload\nmetadata:\n  name: {name}\n  labels:\n    \
         type: application\nspec:\n  deploymentTargets:\n"
    );
    for index in 0..=targets {
        let (target, environment) = match index {
            0 => ("test".to_owned(), "dev"),
            _ => (target_name(index - 1), ENVIRONMENT),
        };
        let item = format!(
            "    - name: {target}\n      environment: {environment}\n      labels:\n        purpose: group-{group}\n        \
             tier: {target}\n      manifests:\n        repo: https://git.example.org/apps/{name}\n        \
             branch: {environment}\n        path: ./deploy/{target}"
        );
        line(&mut text, &item);
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("because writing to a text cannot fail");
}
