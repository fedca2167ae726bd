//! `wob why`: from values back to the lines that said them, and from lines on to what they shape.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{branches::OVERRIDE, check, copy_example, edit};
use crate::support::{ROOT, with_snapshots_in, wob_command, wob_in};

const HUB: &str = "//env/prod/hub:ticketing-live";
const KIOSK: &str = "//env/prod/kiosk:ticketing-live";
const VESSEL: &str = "//env/prod/vessel:telemetry-agent-prod";

fn fleet() -> std::path::PathBuf {
    Path::new(ROOT).join("examples/fleet")
}

/// Compares what a user sees of several runs with one snapshot.
fn check_all(name: &str, at: &Path, runs: &[&[&str]]) {
    let seen = runs.iter().map(|args| format!("$ wob {}\n{}", args.join(" "), wob_in(at, args)));
    let seen = seen.collect::<Vec<_>>().join("\n");
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}

/// Returns the results of a run that must succeed.
fn told(at: &Path, args: &[&str]) -> String {
    let output = wob_command(at, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(at: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&told(at, &[args, &["--output=json"]].concat())).unwrap()
}

#[test]
fn an_assignment_is_told_as_a_whole() {
    check("why", &fleet(), &["why", HUB]);
    check("why-json", &fleet(), &["why", "//env/dev/lab:telemetry-agent", "--output=json"]);
}

#[test]
fn config_values_know_every_layer() {
    check_all(
        "why-config",
        &fleet(),
        &[
            &["why", HUB, "REPLICAS"],
            &["why", HUB, "DATABASE"],
            &["why", VESSEL, "TELEMETRY/sampling"],
            &["why", VESSEL, "TELEMETRY#/endpoint"],
        ],
    );
    check("why-config-json", &fleet(), &["why", HUB, "DATABASE/host", "--output=json"]);
}

#[test]
fn values_of_files_know_their_template_and_what_went_in() {
    check_all(
        "why-value",
        &fleet(),
        &[
            &["why", VESSEL, "reconciler.yaml#/spec/ref/branch"],
            &["why", VESSEL, "reconciler.yaml#Kustomization/metadata/name"],
            &["why", VESSEL, "namespace.yaml#/metadata/labels/pod-security.kubernetes.io~1enforce"],
            &["why", VESSEL, "config.yaml#/data/TELEMETRY"],
            &["why", VESSEL, "config.yaml:7"],
            &["why", KIOSK, "config.sh:5"],
            &["why", KIOSK, "reconciler.yaml#/spec/syncPolicy/syncOptions/1"],
            &["why", "//env/prod/kiosk:ticketing-live/reconciler.yaml", "#/spec/source/path"],
            &["why", HUB, "reconciler.yaml#0/spec/interval"],
            &["why", HUB, "namespace.yaml"],
        ],
    );
    let enforce = "namespace.yaml#0/metadata/labels/pod-security.kubernetes.io~1enforce";
    check("why-value-json", &fleet(), &["why", HUB, enforce, "--output=json"]);
}

#[test]
fn what_is_not_there_is_a_usage_error() {
    check_all(
        "why-errors",
        &fleet(),
        &[
            &["why", "//env/prod/hub:ticketing-lve", "REPLICAS"],
            &["why", "//env:prod", "REPLICAS"],
            &["why", HUB, "REPLICA"],
            &["why", VESSEL, "TELEMETRY/sampling/x"],
            &["why", VESSEL, "confg.yaml#/data"],
            &["why", VESSEL, "config.yaml#/data/REGON"],
            &["why", VESSEL, "config.yaml#/data"],
            &["why", VESSEL, "config.yaml#3/data"],
            &["why", VESSEL, "config.yaml:99"],
            &["why", VESSEL, "reconciler.yaml#/metadata/name"],
            &["why", KIOSK, "config.sh"],
            &["why", "--where-used", "prod/LOG_LEVL"],
            &["why", "--where-used", "environments/prod/config/prod.yml:10"],
            &["why", "--where-used", "environments/prod/config/prod.yaml:1"],
            &["why"],
        ],
    );
}

#[test]
fn lines_know_what_they_shape() {
    check_all(
        "why-where-used",
        &fleet(),
        &[
            &["why", "--where-used", "environments/prod/config/prod.yaml:10"],
            &["why", "--where-used", "environments/prod/config/region-sea.yaml:12"],
            &["why", "--where-used", "base/config/company.yaml:13", "//env:prod"],
            &["why", "--where-used", "base/templates/kiosk-app.yaml:22"],
            &["why", "--where-used", "base/templates/default.yaml:18", "//env/prod/kiosk:all"],
            &["why", "--where-used", "workloads/ticketing/workload.yaml:42"],
            &["why", "--where-used", "environments/prod/cluster-types/kiosk.yaml:10"],
            &["why", "--where-used", "environments/prod/scheduling/tickets-at-kiosks.yaml:6"],
            &["why", "--where-used", "base/registrations/night-audit.yaml:12"],
            &["why", "--where-used", "prod-size-large/REPLICAS"],
            &["why", "--where-used", "vessel-sync"],
            &["why", "--where-used", "prod-type-kiosk"],
            &["why", "--where-used", "configmap", "//env/prod/hub:all"],
            &["why", "--where-used", "wob.yaml:9", "//env/prod/vessel:all"],
            &["why", "--where-used", "base/schemas/common.yaml:12", "//env:prod"],
            &["why", "--where-used", "common", "//env/prod/vessel:all"],
        ],
    );
    let args = ["why", "--where-used", "prod-size-large/REPLICAS", "--output=json"];
    check("why-where-used-json", &fleet(), &args);
}

/// Labels choose a schema's assignments, and a workload or a target may carry one for itself alone.
#[test]
fn a_schema_is_used_where_it_checks() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let at = |path: &str| temp.path().join(path);
    let schema = |name: &str, labels: &str| {
        format!(
            "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ConfigSchema\nmetadata:\n  name: {name}\n  \
             labels: {labels}\nspec:\n  schema: |\n    {{\"type\":\n     \"object\"}}\n"
        )
    };
    fs::write(at("base/schemas/kiosks.yaml"), schema("kiosks", "{cluster-type: kiosk}")).unwrap();
    fs::write(at("base/schemas/nobody.yaml"), schema("nobody", "{cluster-type: nobody}")).unwrap();
    let workload = "workloads/ticketing/workload.yaml";
    edit(&at(workload), "spec:\n", "spec:\n  configSchemas:\n    - '{\"type\": \"object\"}'\n");
    let text = fs::read_to_string(at(workload)).unwrap();
    let line = 1 + text.lines().position(|it| it.contains("configSchemas")).unwrap();
    let users = |thing: &str| -> Vec<(String, String)> {
        let uses = json(temp.path(), &["why", "--where-used", thing, "//env:prod"])["uses"].clone();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        uses.as_array().unwrap().iter().map(|it| (text(&it["label"]), text(&it["how"]))).collect()
    };
    let list = json(temp.path(), &["list", "//env:prod"]);
    let assigned = |is_one: &dyn Fn(&str) -> bool| -> Vec<(String, String)> {
        let all = list["environments"][0]["assignments"].as_array().unwrap().iter();
        let labels = all.map(|it| it["label"].as_str().unwrap().to_owned());
        let mut labels: Vec<String> = labels.filter(|it| is_one(it)).collect();
        labels.sort();
        assert!(!labels.is_empty());
        labels.into_iter().map(|it| (it, "schema".to_owned())).collect()
    };
    let on_kiosk = assigned(&|it| it.contains("/kiosk:"));
    assert_eq!(users("kiosks"), on_kiosk);
    for line in [4, 9] {
        assert_eq!(users(&format!("base/schemas/kiosks.yaml:{line}")), on_kiosk, "{line}");
    }
    assert_eq!(users("base/schemas/nobody.yaml:8"), []);
    assert_eq!(
        users(&format!("{workload}:{}", line + 1)),
        assigned(&|it| it.contains(":ticketing-"))
    );
}

/// Every value of every file of every example leads to a line of a template.
#[test]
fn every_value_of_every_example_is_explained() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(ROOT).join("examples")).unwrap() {
        let at = entry.unwrap().path();
        if !at.join("wob.yaml").exists() {
            continue;
        }
        let list = json(&at, &["list"]);
        for environment in list["environments"].as_array().unwrap() {
            for assignment in environment["assignments"].as_array().unwrap() {
                let label = assignment["label"].as_str().unwrap();
                for file in json(&at, &["why", label])["assignment"]["files"].as_array().unwrap() {
                    count += explained(&at, label, file["file"].as_str().unwrap());
                }
            }
        }
    }
    assert!(count > 500, "{count} values");
}

fn explained(at: &Path, label: &str, file: &str) -> usize {
    let is_yaml = Path::new(file).extension().is_some_and(|it| it == "yaml");
    if !is_yaml {
        let text = told(at, &["render", &format!("{label}/{file}")]);
        for line in 1..=text.lines().count() {
            let why = json(at, &["why", label, &format!("{file}:{line}")]);
            assert_ne!(why["value"]["places"], Value::Array(vec![]), "{label} {file}:{line}");
        }
        return text.lines().count();
    }
    let values = json(at, &["why", label, file])["values"].as_array().unwrap().clone();
    for it in &values {
        let place = &it["places"][0];
        assert!(place["line"].is_u64() && place["text"].is_string(), "{label} {file}: {it}");
    }
    values.len()
}

#[test]
fn secrets_are_masked_everywhere() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let secrets = "debug\n  DB_PASSWORD: hunter2\n  URL: mysql://root:hunter2@db/x\n  \
                   ACCESS: |\n    token: hunter2\n    port: 1";
    edit(&temp.path().join("environments/dev/config/dev-config.yaml"), "debug", secrets);
    let label = "//env/dev/small:hello-test";
    let asked: [&[&str]; 7] = [
        &[label],
        &[label, "DB_PASSWORD"],
        &[label, "URL"],
        &[label, "ACCESS"],
        &[label, "ACCESS/token"],
        &[label, "config.yaml"],
        &[label, "config.yaml#/data/DB_PASSWORD"],
    ];
    for args in asked {
        for output in ["--output=text", "--output=json"] {
            let told = told(temp.path(), &[&["why"], args, &[output]].concat());
            assert!(!told.contains("hunter2") && told.contains('•'), "{args:?} {told}");
        }
    }
}

#[test]
fn a_value_that_holds_a_template_leads_to_what_that_reads() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let config = temp.path().join("environments/prod/config/kiosk.yaml");
    edit(&config, "/dev/usb/lp0", "\"{{ .Environment }} of {{ .ConfigData.REGION }}\"");
    for profile in ["standard", "kalypso"] {
        let file = if profile == "kalypso" { "platform-config.sh:6" } else { "config.sh:6" };
        let why = json(temp.path(), &["why", KIOSK, file, "--profile", profile]);
        assert_eq!(why["value"]["value"], "export PRINTER='prod of Coast'");
        let inputs = why["value"]["inputs"].as_array().unwrap();
        let paths: Vec<&str> = inputs.iter().map(|it| it["path"].as_str().unwrap()).collect();
        assert_eq!(paths, [".ConfigData.PRINTER", ".ConfigData.REGION", ".Environment"]);
        let place = &why["value"]["places"][0];
        assert_eq!(place["file"], "base/templates/env-file.yaml", "{place}");
        assert_eq!(place["line"], 13);
    }
}

#[test]
fn a_jinja_template_of_the_workspace_is_told_by_its_lines() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let template = "apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata:
  name: env-file
spec:
  type: config
  language: jinja
  manifests:
    - |
      kind: Values
      values:
      {% for key, value in ConfigData | items %}
        {{ key }}: {{ value | tojson }}
      {% endfor %}
      {% if ClusterType == 'kiosk' %}
      kiosk: yes
      {% endif %}
";
    fs::write(temp.path().join("base/templates/env-file.yaml"), template).unwrap();
    check_all(
        "why-jinja",
        temp.path(),
        &[
            &["why", KIOSK, "config.yaml#/values/REPLICAS"],
            &["why", KIOSK, "config.yaml#/kiosk"],
            &["why", "--where-used", "base/templates/env-file.yaml:16"],
            &["why", "--where-used", "prod/REPLICAS", "//env/prod/kiosk:all"],
        ],
    );
}

#[test]
fn an_assignment_that_fails_is_reported() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    edit(&temp.path().join("environments/dev/cluster-types/small.yaml"), "argocd\n", "argcd\n");
    check("why-failed", temp.path(), &["why", "//env/dev/small:hello-test", "config.yaml:3"]);
}

/// In the branches layout files of other branches and repositories have those in front.
#[test]
fn branches_and_repositories_are_named() {
    let temp = TempDir::new().unwrap();
    super::branches::fill(temp.path());
    let app = "//env/dev/small:app-test";
    check_all(
        "why-branches",
        &temp.path().join("fleet"),
        &[
            &["why", app, "VERSION", OVERRIDE],
            &["why", app, "reconciler.yaml#0/spec/url", OVERRIDE],
            &["why", app, "namespace.yaml#/metadata/labels/workspace", OVERRIDE],
            &["why", "--where-used", "config.yaml:7", OVERRIDE],
            &["why", "--where-used", "../app/deploy/workload.yaml:8", OVERRIDE],
            &["why", "--where-used", ".environments/dev.yaml:3", OVERRIDE],
            &["why", "--where-used", "base.yaml:5", OVERRIDE],
        ],
    );
}
