//! What random workspaces are made of.

use serde_json::{Value, json};

pub(crate) const WORKSPACES: &[&str] = &["red", "blue"];

pub(crate) const LABELS: &[(&str, &[&str])] = &[
    ("region", &["east", "west"]),
    ("size", &["small", "large"]),
    ("edge", &["true", "false"]),
    ("purpose", &["test", "perf", ""]),
];

pub(crate) const KEYS: &[&str] = &["K1", "K2", "K3", "PORT", "REGION", "on", "key10", "key9"];

/// Texts of config values; the last ones are structures.
pub(crate) const VALUES: &[&str] = &[
    "plain",
    "",
    " spaced ",
    "12",
    "8080",
    "007",
    "1e3",
    "true",
    "false",
    "yes",
    "null",
    "~",
    "0755",
    "1.50",
    "2023-01-01",
    "'quoted'",
    " '12' ",
    "'a' and 'b'",
    "Note: see docs",
    "one: line\n",
    "- one line",
    "a: b: c",
    "# no comment",
    "*.yaml",
    "@x",
    "http://host:80/path",
    "two\nlines",
    "trailing\n\n",
    "KEY=1\nB=2",
    "{{ .Namespace }}-x",
    "{{ .ClusterType }}",
    "{{ .ConfigData.K2 }}",
    "{bad",
    "{}",
    "[]",
    "[1, two, 3.5]",
    "[two, four]",
    "- a\n- b\n",
    "{x: 1, z: {p: 1}}",
    "{w: 2, z: {q: [1]}}",
    "x: 2\nz:\n  q: [2]\n",
    "on: off\nyes: 0755\n",
    "- {name: n1, v: 1}\n- {name: n2, l: [1]}\n",
    "- {name: n1, w: 2}\n- {name: n3}\n",
    "- {v: 1}\n- plain\n",
    "text: |\n  two\n  lines\nempty: \"\"\nnull: ~\n",
];

pub(crate) const SCHEMAS: &[&str] = &[
    r#"{"type": "object", "required": ["K1"]}"#,
    r#"{"type": "object", "properties": {"PORT": {"type": "integer", "minimum": 10}}}"#,
    r#"{"type": "object", "properties": {"PORT": {"type": "string"}, "K2": {"type": ["boolean", "string"]}}}"#,
    r#"{"type": "object", "properties": {"K3": {"type": "object", "required": ["x"]}}}"#,
    r#"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"REGION": {"enum": ["plain", "12", 8080]}}}"#,
    r#"{"type": "object", "maxProperties": 5}"#,
];

pub(crate) const ENV_FILE: &str =
    "{{ range $key, $value := .ConfigData }}export {{ $key }}=\"{{ $value }}\"\n{{ end }}";

pub(crate) const CONFIG_TEMPLATES: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: platform-config\n  namespace: {{ .Namespace }}\ndata: {{ toJson .ConfigData }}\n",
    "kind: ConfigMap\ndata:\n{{ toYaml .ConfigData | indent 2 }}\n",
    "{{ if .ConfigData }}kind: ConfigMap\ndata:\n{{ range $key, $value := .ConfigData }}  {{ $key | quote }}: {{ toJson $value }}\n{{ end }}{{ end }}",
    "kind: Values\nhash: {{ toJson .ConfigData | sha256sum | quote }}\n",
];

pub(crate) const TEMPLATES: &[&str] = &[
    "apiVersion: source/v1\nkind: GitRepository\nmetadata:\n  name: {{ .DeploymentTargetName }}\n  namespace: flux-system\nspec:\n  url: {{ .Manifests.repo }}\n  ref: {branch: {{ .Manifests.branch | quote }}}\n",
    "kind: Namespace\nmetadata:\n  name: \"{{ .Namespace }}\" # why\n  labels:\n{{ range $key, $value := .Labels }}    {{ $key }}: {{ $value | quote }}\n{{ end }}",
    "{{- /* a comment */ -}}\nkind: Conditional\n{{- if and (eq .Environment \"dev\") (ne .Workspace \"blue\") }}\nred: yes\n{{- else if hasKey .ConfigData \"K1\" }}\nk1: {{ .ConfigData.K1 | toJson }}\n{{- else }}\nneither: 0755\n{{- end }}\n",
    "kind: Dump\nlabels: {{ toYaml .Labels | nindent 2 }}\nconfig:\n  {{- toYaml .ConfigData | nindent 2 }}\n",
    "kind: Old\nrepo: {{ .Repo }}\nbranch: {{ .Branch | quote }}\npath: {{ .Path }}\nworkload: {{ .Workload | upper }}\n",
    "{{ if eq .ClusterType \"ct0\" }}\nkind: OnlyThere\n{{ end }}\n",
    "{{ define \"name\" }}{{ .DeploymentTargetName }}.{{ .ClusterType }}{{ end }}kind: Defined\nname: {{ template \"name\" . }}\n---\nkind: Second\nport: {{ .ConfigData.PORT | default \"none\" | toJson }}\n",
    "kind: Keyed\nregion: {{ get .ConfigData \"REGION\" | toJson }}\ntext: |\n  {{ .Namespace }}\n  trailing  \n",
    "kind: NoNewline\nvalue: {{ index .Manifests \"type\" | quote }}",
    // Where nobody sets the key, it fails by one profile, and is warned of by the other.
    "{{ if hasKey .ConfigData \"PORT\" }}kind: Found{{ else }}kind: Missed\nport: {{ .ConfigData.PORT }}{{ end }}\n",
];

/// Templates that fail, always or for some configs.
pub(crate) const BAD_TEMPLATES: &[&str] = &[
    "kind: A\nname: {{ .Namespace\n",
    "kind: A\nname: {{ .Nmespace }}\n",
    "kind: A\nname: {{ nope .Namespace }}\n",
    "kind: A\nname: {{ now }}\n",
    "kind: A\nk1: {{ .ConfigData.K1 }}\n",
    "kind: A\ntype: {{ .Manifests.type }}\n",
    "kind: A\nname: {{ fail \"never\" }}\n",
    "kind: A\n bad: indentation\n",
    "kind: A\ntwice: 1\ntwice: 2\n",
];

/// A template that is an object: every string in it is a template, list items too, keys not.
pub(crate) fn object_template() -> Value {
    json!({
        "kind": "Object",
        "metadata": {"name": "{{ .DeploymentTargetName }}", "{{ key }}": 5},
        "spec": {
            "list": ["{{ .Namespace }}", {"deep": "{{ .Manifests.branch }}"}, 1.5, null],
            "on": true,
            "quoted": "yes",
        },
    })
}
