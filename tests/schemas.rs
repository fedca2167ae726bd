//! Everything that rules emit is valid: the examples, and each built-in rule with each kind of source.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;
use wob_engine::FileName;
use wob_rules::{KubernetesVersion, WORKSPACE_SCHEMA, WorkspaceFile};

use crate::{
    cli::{copy_example, edit},
    support::{ROOT, contents, record, seen, without_record, wob_command, wob_in, write},
};

#[test]
fn every_example_emits_valid_documents() {
    let mut checked = 0;
    for entry in fs::read_dir(Path::new(ROOT).join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("wob.yaml").exists() {
            continue;
        }
        let temp = TempDir::new().unwrap();
        copy_example(folder.file_name().unwrap().to_str().unwrap(), temp.path());
        for profile in ["standard", "kalypso"] {
            let option = format!("--profile={profile}");
            let seen = wob_in(temp.path(), &["check", "--schemas", "--strict", &option]);
            assert!(seen.starts_with("exit: 0\n"), "{}: {seen}", folder.display());
            assert!(seen.contains(", by their schemas too: no errors"), "{seen}");
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked}");
}

/// What a target's `manifests` may say; a rule takes some of these.
const SOURCES: [(&str, &str); 9] = [
    ("branch", "{repo: 'https://git.example/app', branch: dev, path: ./test}"),
    (
        "commit",
        "{repo: 'https://git.example/app', commit: '0123456789012345678901234567890123456789', path: ./test}",
    ),
    ("tag", "{repo: 'https://git.example/app', tag: v1.2.0, path: ./test}"),
    ("ssh", "{repo: 'ssh://git@git.example/app', branch: dev, path: test}"),
    ("chart", "{chart: app, version: 1.2.0, repo: 'https://charts.example/stable'}"),
    ("oci-chart", "{chart: app, version: 1.2.0, repo: 'oci://registry.example/charts'}"),
    ("oci-tag", "{oci: 'oci://registry.example/app', tag: v1.2.0}"),
    (
        "oci-digest",
        "{oci: 'oci://registry.example/app', digest: 'sha256:0123456789012345678901234567890123456789012345678901234567890123'}",
    ),
    ("oci-path", "{oci: 'oci://registry.example/app', tag: v1.2.0, path: ./test}"),
];

/// Built-in rules by name, with the field of a cluster type that names each; read from their folders.
fn rules() -> BTreeMap<String, &'static str> {
    let mut rules = BTreeMap::new();
    for entry in fs::read_dir(Path::new(ROOT).join("rules/reconcilers")).unwrap() {
        let rule = fs::read_to_string(entry.unwrap().path().join("rule.yaml")).unwrap();
        let rule: BTreeMap<String, serde_yaml::Value> = serde_yaml::from_str(&rule).unwrap();
        let field = match rule["spec"]["type"].as_str().unwrap() {
            "reconciler" => "reconciler",
            "namespace" => "namespaceService",
            "config" => "configType",
            other => {
                panic!("rule.yaml has a new type `{other}`; say here which field names such rules")
            }
        };
        rules.insert(rule["metadata"]["name"].as_str().unwrap().to_owned(), field);
    }
    rules
}

/// A workspace with a cluster type for each rule and a target for each kind of source, all on all.
fn workspace(rules: &BTreeMap<String, &str>) -> TempDir {
    let temp = TempDir::new().unwrap();
    let api = "apiVersion: scheduler.kalypso.io/v1alpha1\n";
    let settings = "version: 1\nbase: base\nvalidate: on\nenvironments: {dev: dev}\n\
                    inputs: [{url: 'https://git.example/app', path: app}]\n";
    let policy = format!(
        "{api}kind: SchedulingPolicy\nmetadata: {{name: all}}\nspec: {{deploymentTargetSelector: \
         {{labelSelector: {{}}}}, clusterTypeSelector: {{labelSelector: {{}}}}}}\n"
    );
    let registration = format!(
        "{api}kind: WorkloadRegistration\nmetadata: {{name: app}}\nspec: {{workload: {{repo: \
         'https://git.example/app', branch: main, path: .}}, workspace: team}}\n"
    );
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: all, labels: {platform-config: 'true'}}\n\
                  data: {PORT: '8080', SWITCH: 'on', LIST: '[a, b]', TEXT: \"two\\nlines\"}\n";
    let targets = SOURCES.map(|(name, manifests)| {
        format!("  - {{name: {name}, environment: dev, manifests: {manifests}}}\n")
    });
    let workload = format!(
        "{api}kind: Workload\nmetadata: {{name: app}}\nspec:\n  deploymentTargets:\n{}",
        targets.concat()
    );
    write(
        temp.path(),
        &[
            ("wob.yaml", settings),
            ("base/app.yaml", &registration),
            ("dev/policy.yaml", &policy),
            ("dev/config.yaml", config),
            ("app/workload.yaml", &workload),
        ],
    );
    for (rule, field) in rules {
        let mut spec = BTreeMap::from([("reconciler", "flux")]);
        spec.insert(field, rule);
        let spec: Vec<String> = spec.iter().map(|(key, it)| format!("{key}: {it}")).collect();
        let spec = spec.join(", ");
        let text =
            format!("{api}kind: ClusterType\nmetadata: {{name: on-{rule}}}\nspec: {{{spec}}}\n");
        write(temp.path(), &[(&format!("dev/{rule}.yaml"), &text)]);
    }
    temp
}

#[test]
fn every_rule_emits_valid_documents_of_every_source_that_it_takes() {
    let rules = rules();
    assert!(rules.len() >= 4, "{rules:?}");
    let temp = workspace(&rules);
    let output = wob_command(temp.path(), &["build", "--output=json", "--keep-going"]).output();
    let output = output.unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    for diagnostic in result["diagnostics"].as_array().unwrap() {
        // A rule says so where it does not take a kind of source.
        let is_of_schemas =
            ["manifest-invalid", "schema-missing"].iter().any(|it| diagnostic["code"] == *it);
        assert!(!is_of_schemas, "{diagnostic:#}\n{}", seen(&output));
    }
    let assignments = result["environments"][0]["assignments"].as_array().unwrap();
    assert_eq!(assignments.len(), rules.len() * SOURCES.len());
    let mut built: BTreeMap<&str, usize> = BTreeMap::new();
    for assignment in assignments.iter().filter(|it| it["failed"] != true) {
        *built.entry(assignment["clusterType"].as_str().unwrap()).or_default() += 1;
    }
    for rule in rules.keys() {
        assert!(built.contains_key(&*format!("on-{rule}")), "{rule} takes no source: {built:?}");
    }
}

#[test]
fn an_invalid_document_fails_its_assignment_alone_and_the_last_good_output_stays() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let at = |path: &str| temp.path().join(path);
    edit(&at("wob.yaml"), "version: 1\n", "version: 1\nvalidate: on\n");
    assert!(wob_in(temp.path(), &["build", "//env:prod"]).starts_with("exit: 0\n"));
    let before = contents(&at("wob-out/prod"));
    let template = fs::read_to_string(at("base/templates/vessel-sync.yaml")).unwrap();
    assert!(template.contains("interval:"), "{template}");
    edit(&at("base/templates/vessel-sync.yaml"), "interval:", "intervall:");
    let seen = wob_in(temp.path(), &["build", "//env:prod"]);
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("`spec.intervall` is an unknown field"),
        "{seen}"
    );
    let after = contents(&at("wob-out/prod"));
    assert_eq!(
        without_record(before),
        without_record(after),
        "what fails stays as it was, and so does the rest"
    );
    // Without the check the same template is built.
    edit(&at("wob.yaml"), "validate: on", "validate: off");
    assert!(wob_in(temp.path(), &["build", "//env:prod"]).starts_with("exit: 0\n"));
}

#[test]
fn schemas_are_inputs_of_what_they_check() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let inputs = |settings: &str| {
        edit(&temp.path().join("wob.yaml"), "version: 1\n", &format!("version: 1\n{settings}"));
        let output = wob_command(temp.path(), &["build", "--output=json"]).output().unwrap();
        edit(&temp.path().join("wob.yaml"), &format!("version: 1\n{settings}"), "version: 1\n");
        assert!(output.status.success(), "{}", seen(&output));
        let record = record(&temp.path().join("wob-out/dev"));
        record["assignments"][0]["inputs"].as_str().unwrap().to_owned()
    };
    write(temp.path(), &[("schemas/a.yaml", "kind: Nothing\n")]);
    let mut all = vec![
        inputs(""),
        inputs("validate: on\n"),
        inputs("validate: {kubernetes: \"1.30\"}\n"),
        inputs("validate: {schemas: [schemas]}\n"),
    ];
    write(temp.path(), &[("schemas/a.yaml", "kind: Something\n")]);
    all.push(inputs("validate: {schemas: [schemas]}\n"));
    for (index, digest) in all.iter().enumerate() {
        assert!(!all[..index].contains(digest), "{index}: {all:?}");
    }
    assert_eq!(inputs(""), inputs("validate: off\n"), "what is not checked depends on no schema");
}

#[test]
fn cluster_types_and_environments_are_checked_as_they_say() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let settings = "version: 1\nvalidate: {mode: off, clusterTypes: {hub: on, depot: {kubernetes: \"1.28\"}}}\n";
    edit(&temp.path().join("wob.yaml"), "version: 1\n", settings);
    let checked = |args: &[&str]| -> Vec<u64> {
        let output = wob_command(temp.path(), args).output().unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let environments = result["environments"].as_array().unwrap();
        environments.iter().map(|it| it["validated"].as_u64().unwrap()).collect()
    };
    let on_hub = checked(&["check", "--output=json"]);
    let all = checked(&["check", "--output=json", "--schemas"]);
    assert!(on_hub.iter().sum::<u64>() > 0, "{on_hub:?}");
    assert!(on_hub.iter().zip(&all).all(|(some, all)| some < all), "{on_hub:?} {all:?}");
}

/// The published schema of wob.yaml takes what wob reads, and nothing else.
#[test]
fn the_settings_of_the_check_and_their_schema_agree() {
    let schema = jsonschema::validator_for(&serde_json::from_str(WORKSPACE_SCHEMA).unwrap());
    let schema = schema.unwrap();
    let takes = |validate: &str| {
        let text = format!("version: 1\nvalidate: {validate}\n");
        let read = WorkspaceFile::read(&FileName::new("wob.yaml"), &text).1.is_empty();
        let by_schema = schema.is_valid(&serde_yaml::from_str(&text).unwrap());
        assert_eq!(read, by_schema, "{validate}");
        read
    };
    for good in [
        "on",
        "off",
        "true",
        "'on'",
        "{mode: off}",
        "{kubernetes: v1.30.2, schemas: [./schemas, b]}",
        "{clusterTypes: {small: off, large: {mode: on, kubernetes: '1.28', schemas: []}}}",
    ] {
        assert!(takes(good), "{good}");
    }
    for bad in [
        "[]",
        "1",
        "maybe",
        "{mode: maybe}",
        "{kubernetes: 1.30}",
        "{schemas: a}",
        "{schemas: [1]}",
        "{schema: [a]}",
        "{clusterTypes: {Large: on}}",
        "{clusterTypes: {large: {clusterTypes: {}}}}",
        "{kubernetes: '1.24'}",
        "{kubernetes: '1.38'}",
    ] {
        assert!(!takes(bad), "{bad}");
    }
    for version in KubernetesVersion::all() {
        assert!(takes(&format!("{{kubernetes: '{version}'}}")), "{version}");
    }
}

#[test]
fn schemas_of_a_workspace_are_used() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let at = |path: &str| temp.path().join(path);
    let template = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: Template\nmetadata: {name: own}\nspec:\n  type: reconciler\n  \
                    manifests:\n  - apiVersion: example.org/v1\n    kind: Sync\n    metadata: {name: a}\n    spec: {every: 5}\n";
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: syncs.example.org}\n\
                      spec:\n  group: example.org\n  names: {kind: Sync, plural: syncs}\n  scope: Namespaced\n  versions:\n  \
                      - name: v1\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {every: {type: integer}}}}}}\n";
    write(temp.path(), &[("base/own.yaml", template), ("schemas/sync.yaml", definition)]);
    edit(&at("environments/dev/cluster-types/small.yaml"), "argocd\n", "own\n");
    let seen = wob_in(temp.path(), &["check", "--schemas"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("schema-missing"), "{seen}");
    edit(&at("wob.yaml"), "version: 1\n", "version: 1\nvalidate: {schemas: [schemas]}\n");
    let seen = wob_in(temp.path(), &["check"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    edit(&at("base/own.yaml"), "every: 5", "every: often");
    let seen = wob_in(temp.path(), &["check"]);
    assert!(seen.contains("Sync `spec.every` is not an integer"), "{seen}");
}

#[test]
fn the_settings_of_publishing_and_their_schema_agree() {
    let schema = jsonschema::validator_for(&serde_json::from_str(WORKSPACE_SCHEMA).unwrap());
    let schema = schema.unwrap();
    for (publish, is_good) in [
        ("{}", true),
        ("{forge: none, repo: '../gitops.git#live', autoMerge: true, issues: false}", true),
        ("{maxDeletions: 0, maxNamespaceDeletions: 3}", true),
        ("{forge: githb}", false),
        ("{forge: 1}", false),
        ("{autoMerge: maybe}", false),
        ("{maxDeletions: -1}", false),
        ("{maxDeletions: '3'}", false),
        ("{maxDeletion: 3}", false),
        ("[]", false),
    ] {
        for text in [
            format!("publish: {publish}\n"),
            format!("environments: {{a: {{publish: {publish}}}}}\n"),
        ] {
            let problems = WorkspaceFile::read(&FileName::new("wob.yaml"), &text).1;
            let by_schema = schema.is_valid(&serde_yaml::from_str(&text).unwrap());
            assert_eq!((problems.is_empty(), by_schema), (is_good, is_good), "{text}{problems:?}");
        }
    }
}
