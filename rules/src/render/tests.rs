//! What rendering promises, on inputs made by hand.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Map, Value};

use super::{Config, HashedSettings, Inputs, compile_builtin, render};
use crate::{Name, Profile, Settings, builtin};

fn settings(profile: Profile) -> Arc<HashedSettings> {
    Arc::new(HashedSettings::new(Arc::new(Settings::of(profile))))
}

fn inputs(config: Map) -> Inputs {
    let rule = |name: &str| Arc::new(compile_builtin(builtin::find(name).unwrap()));
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<Arc<str>, Arc<str>> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    };
    Inputs {
        cluster_type: Name::new("large").unwrap(),
        target: Name::new("app-test").unwrap(),
        namespace: "dev-team-app-test".into(),
        environment: "dev".into(),
        workspace: "team".into(),
        workload: "app".into(),
        labels: Arc::default(),
        manifests: Arc::new(texts(&[
            ("repo", "https://example.org/app"),
            ("branch", "dev"),
            ("path", "./test"),
        ])),
        config: Arc::new(Config::new(config)),
        reconciler: rule("flux"),
        namespace_service: rule("default"),
        config_type: rule("configmap"),
        settings: settings(Profile::Standard),
        check: None,
    }
}

fn file(inputs: &Inputs, name: &str) -> String {
    let rendered = render(inputs);
    assert_eq!(rendered.diagnostics, []);
    String::from_utf8(rendered.files[name].bytes().to_vec()).unwrap()
}

#[test]
fn every_built_in_rule_renders() {
    for rule in builtin::all() {
        let mut inputs = inputs(Map::new());
        inputs.reconciler = Arc::new(compile_builtin(rule));
        assert!(file(&inputs, "reconciler.yaml").starts_with("apiVersion: "), "{}", rule.name);
    }
}

#[test]
fn the_built_in_config_map_is_the_first_schedulers() {
    let empty = "apiVersion: v1\ndata: {}\nkind: ConfigMap\nmetadata:\n  name: platform-config\n  namespace: dev-team-app-test\n";
    assert_eq!(file(&inputs(Map::new()), "config.yaml"), empty);
    let config = Value::from(serde_json::json!({"ON": "on", "LIST": ["a"], "URL": "http://x:80"}));
    let Value::Map(config) = config else { unreachable!("because it is written as one") };
    let text = file(&inputs(config), "config.yaml");
    assert!(
        text.contains("data:\n  LIST: '- a'\n  \"ON\": \"on\"\n  URL: http://x:80\n"),
        "{text}"
    );
}

#[test]
fn every_part_of_the_inputs_is_in_the_digest() {
    let base = inputs(Map::new());
    let changed: [fn(&mut Inputs); 13] = [
        |it| it.cluster_type = Name::new("small").unwrap(),
        |it| it.target = Name::new("app-x").unwrap(),
        |it| it.namespace = "x".into(),
        |it| it.environment = "x".into(),
        |it| it.workspace = "x".into(),
        |it| it.workload = "x".into(),
        |it| it.labels = Arc::new([("a".to_owned(), "b".to_owned())].into()),
        |it| drop(Arc::make_mut(&mut it.manifests).insert("tag".into(), "v1".into())),
        |it| it.config = Arc::new(Config::new([("K".into(), Value::Int(1))].into())),
        |it| it.reconciler = it.config_type.clone(),
        |it| it.config_type = it.reconciler.clone(),
        |it| it.settings = settings(Profile::Kalypso),
        |it| it.check = Some(wob_engine::Digest::of(b"schemas")),
    ];
    let mut digests = vec![base.digest()];
    for change in changed {
        let mut inputs = base.clone();
        change(&mut inputs);
        assert!(!digests.contains(&inputs.digest()), "{:?}", inputs.parts());
        digests.push(inputs.digest());
    }
    let typed = |value| {
        let mut inputs = base.clone();
        inputs.config = Arc::new(Config::new([("K".into(), value)].into()));
        inputs.digest()
    };
    assert_ne!(typed(Value::Int(1)), typed(Value::from("1")), "a number is not its text");
    assert_ne!(typed(Value::Int(1)), typed(Value::Float(1.0)), "nor a float");
}
