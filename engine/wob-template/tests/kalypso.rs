//! What Kalypso's own templater gave, and what its functions give here.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]
#![expect(clippy::unwrap_used, reason = "functions of a test may be blunt, too")]

use std::{any::Any, cell::RefCell, fs, path::Path, rc::Rc, sync::Arc};

use serde_json::Value as Json;
use wob_engine::yaml::parse_value;
use wob_template::{
    Map, MapOf, Object, Options, Template, Value,
    kalypso::{self, ToYamlStyle},
};

/// Cases that depend on what we do not follow, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("stringify", "6.4: maps of config become texts, too"),
    ("k020", "6.4: maps of config become texts, too"),
];

#[test]
fn picked_templates_give_what_kalypso_gave() {
    let Some(corpus) = corpus("unit/templater.json") else { return };
    let cases = corpus["cases"].as_array().unwrap();
    let (target, cluster_type) = (&corpus["deploymentTarget"], &corpus["clusterType"]);
    report(cases.iter().map(|case| Case { name: &case["name"], target, cluster_type, json: case }));
}

#[test]
fn generated_templates_give_what_kalypso_gave() {
    let Some(corpus) = corpus("templates.json") else { return };
    let cases = corpus.as_array().unwrap().iter().filter(|it| it["kind"] == "kalypso");
    report(cases.map(|case| {
        let (target, cluster_type) = (&case["deploymentTarget"], &case["clusterType"]);
        Case { name: &case["id"], target, cluster_type, json: case }
    }));
}

struct Case<'a> {
    name: &'a Json,
    target: &'a Json,
    cluster_type: &'a Json,
    json: &'a Json,
}

fn report<'a>(cases: impl Iterator<Item = Case<'a>>) {
    let (mut passed, mut skipped, mut failed) = (0, 0, vec![]);
    for case in cases {
        let name = case.name.as_str().unwrap();
        if let Some((_, reason)) = DIFFERENT.iter().find(|it| it.0 == name) {
            println!("skipped: {name}: {reason}");
            skipped += 1;
            continue;
        }
        let ours = case.manifests();
        let expected = &case.json["expected"]["manifests"];
        match (ours, expected.is_null()) {
            (Ok(ours), false) if Json::from(ours.clone()) == *expected => passed += 1,
            (Err(_), true) => passed += 1,
            (ours, _) => failed.push(format!("{name}: {ours:?}, expected {expected}")),
        }
    }
    println!("{passed} passed, {} failed, {skipped} skipped", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

impl Case<'_> {
    /// Renders as Kalypso does: again as long as there are actions in the text.
    fn manifests(&self) -> Result<Vec<String>, String> {
        let functions = kalypso::functions(ToYamlStyle::GoYamlV3);
        let root = Value::Object(Rc::new(self.root()));
        let mut manifests = vec![];
        for text in self.json["manifests"].as_array().unwrap() {
            let mut text = text.as_str().unwrap().to_owned();
            for round in 0.. {
                let template = Template::compile("template", &text, &functions);
                let rendered = template.and_then(|it| it.render(&root, &Options::default()));
                text = rendered.map_err(|error| error.to_string())?.text;
                if !text.contains("{{") {
                    break;
                }
                if round == 16 {
                    return Err("too many rounds".into());
                }
            }
            if !text.is_empty() {
                manifests.push(text);
            }
        }
        Ok(manifests)
    }

    fn root(&self) -> Root {
        let text = |json: &Json| Value::from(json.as_str().unwrap_or_default());
        let texts = |json: &Json| {
            let entries = json.as_object().into_iter().flatten();
            let entries = entries.map(|(key, it)| (Arc::from(&**key), text(it))).collect();
            Value::Map(Rc::new(Map { entries: RefCell::new(entries), of: MapOf::Strings }))
        };
        let (metadata, spec) = (&self.target["metadata"], &self.target["spec"]);
        let (name, cluster_type) = (&metadata["name"], &self.cluster_type["metadata"]["name"]);
        let environment = spec["environment"].as_str().unwrap();
        let namespace =
            format!("{environment}-{}-{}", cluster_type.as_str().unwrap(), name.as_str().unwrap());
        let config = self.json["config"].as_object().into_iter().flatten();
        let config =
            config.map(|(key, it)| (key.as_str().into(), config_value(it.as_str().unwrap())));
        Root(vec![
            ("DeploymentTargetName", text(name)),
            ("Namespace", Value::from(namespace)),
            ("Environment", Value::from(environment)),
            ("Workspace", text(&metadata["labels"]["workspace"])),
            ("Workload", text(&metadata["labels"]["workload"])),
            ("Labels", texts(&metadata["labels"])),
            ("Manifests", texts(&spec["manifests"])),
            ("ClusterType", text(cluster_type)),
            ("ConfigData", kalypso::config_data(&config.collect())),
        ])
    }
}

/// Quoted texts lose their quotes, lists and maps are read as such, anything else stays as written.
fn config_value(text: &str) -> wob_engine::Value {
    let trimmed = text.trim();
    if trimmed.starts_with('\'') && trimmed.ends_with('\'') {
        return trimmed.trim_matches('\'').into();
    }
    match parse_value(text) {
        Ok(value @ (wob_engine::Value::List(_) | wob_engine::Value::Map(_))) => value,
        _ => text.into(),
    }
}

/// The struct that templates see.
#[derive(Debug)]
struct Root(Vec<(&'static str, Value)>);

impl Object for Root {
    fn type_name(&self) -> &'static str {
        "scheduler.dataType"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|it| it.0 == name).map(|it| it.1.clone())
    }

    fn display(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn corpus(file: &str) -> Option<Json> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/conformance").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
