//! How many manifests one core renders in a second.
#![expect(clippy::print_stdout, reason = "the rate is what a bench is for")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::time::{Duration, Instant};

use wob_template::{Options, Template, Value, sprig};

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Workload }}-{{ .DeploymentTargetName }}
  namespace: {{ .Namespace }}
  labels:
    app: {{ .Workload | quote }}
    environment: {{ .Environment | lower | trunc 63 | trimSuffix "-" }}
    {{- range $key, $value := .Labels }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
spec:
  replicas: {{ .ConfigData.replicas | default 2 }}
  selector:
    matchLabels:
      app: {{ .Workload | quote }}
  template:
    spec:
      {{- if eq .Manifests.type "kustomize" }}
      serviceAccountName: {{ .Workload }}-kustomize
      {{- else }}
      serviceAccountName: {{ printf "%s-%s" .Workspace .Workload }}
      {{- end }}
      containers:
        - name: {{ .Workload }}
          image: {{ .ConfigData.image.repository }}:{{ .ConfigData.image.tag }}
          ports:
            - containerPort: {{ .ConfigData.port }}
          env:
            - name: REGION
              value: {{ .ConfigData.REGION | upper | quote }}
"#;

fn main() {
    let data = Value::from(&wob_engine::Value::from(serde_json::json!({
        "DeploymentTargetName": "functional-test",
        "Namespace": "dev-drone-functional-test",
        "Environment": "Dev",
        "Workspace": "team-a",
        "Workload": "hello-world",
        "Labels": {"purpose": "functional-test", "edge": "true", "team": "a"},
        "Manifests": {"repo": "https://example.com/r", "branch": "dev", "path": "./x", "type": "helm"},
        "ConfigData": {
            "REGION": "east-us", "port": 8080, "image": {"repository": "nginx", "tag": "1.27"},
        },
    })));
    let functions = sprig::functions();
    report("compile", || {
        std::hint::black_box(Template::compile("deployment", DEPLOYMENT, &functions).is_ok());
    });
    let template = Template::compile("deployment", DEPLOYMENT, &functions)
        .expect("because the template is correct");
    let options = Options::default();
    let rendered = template.render(&data, &options).expect("because the data is complete");
    println!("{}", rendered.text);
    report("render", || {
        std::hint::black_box(template.render(&data, &options).is_ok());
    });
}

/// Prints how often `work` runs in a second, from the best of several rounds.
fn report(name: &str, work: impl Fn()) {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        for _ in 0..5_000 {
            work();
        }
        best = best.min(start.elapsed());
    }
    let micros = best.as_nanos() / 5_000;
    println!("{name}: {} per core-second, {micros} ns each", 1_000_000_000 / micros.max(1));
}
