//! What rendering promises, on inputs made by hand.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{FileName, Map, Place, Value};
use wob_template::{Jinja, JinjaData};

use super::{
    ClusterTypeFields, ClusterTypeInputs, Config, HashedSettings, InputPart, Inputs, Parameters,
    PartGroup, Parts, TargetFields, TargetInputs, compile_builtin, compile_template, data, render,
};
use crate::{
    CompiledTemplate, ManifestSource, Name, ParameterSettings, Profile, Settings, builtin,
    resource::{Labels, Language, Manifest, Meta, Template},
    rule::FileContent,
};

fn settings(profile: Profile) -> Arc<HashedSettings> {
    Arc::new(HashedSettings::new(Arc::new(Settings::of(profile))))
}

pub(super) fn inputs(config: Map) -> Inputs {
    let rule = |name: &str| Arc::new(compile_builtin(builtin::find(name).unwrap()));
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<Arc<str>, Arc<str>> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    };
    let target = TargetFields {
        name: Name::new("app-test").unwrap(),
        environment: "dev".into(),
        workspace: "team".into(),
        workload: "app".into(),
        labels: Arc::default(),
        manifests: Arc::new(texts(&[
            ("repo", "https://example.org/app"),
            ("branch", "dev"),
            ("path", "./test"),
        ])),
        source: None,
    };
    let source = ManifestSource::read(&target.manifests, &place(), "x").unwrap();
    let cluster_type = ClusterTypeFields {
        name: Name::new("large").unwrap(),
        reconciler: rule("flux"),
        namespace_service: rule("default"),
        config_type: rule("configmap"),
        parameters: defaults(&["flux", "namespace", "configmap"]),
        settings: settings(Profile::Standard),
        check: None,
    };
    Inputs {
        cluster_type: Arc::new(ClusterTypeInputs::new(cluster_type)),
        target: Arc::new(TargetInputs::new(TargetFields { source: Some(source), ..target })),
        namespace: "dev-team-app-test".into(),
        config: Arc::new(Config::new(config)),
    }
}

fn change_target(inputs: &mut Inputs, change: impl FnOnce(&mut TargetFields)) {
    let mut fields = (**inputs.target).clone();
    change(&mut fields);
    inputs.target = Arc::new(TargetInputs::new(fields));
}

pub(super) fn change_cluster_type(
    inputs: &mut Inputs,
    change: impl FnOnce(&mut ClusterTypeFields),
) {
    let mut fields = (**inputs.cluster_type).clone();
    change(&mut fields);
    inputs.cluster_type = Arc::new(ClusterTypeInputs::new(fields));
}

fn defaults(rules: &[&str]) -> Arc<Parameters> {
    let resolved = |name: &&str| {
        let rule = &builtin::find(name).unwrap().rule;
        let resolved = ParameterSettings::default().resolve(rule, "large", &place());
        (rule.name().to_owned(), resolved.unwrap())
    };
    Arc::new(Parameters::new(rules.iter().map(resolved).collect()))
}

fn file(inputs: &Inputs, name: &str) -> String {
    let rendered = render(inputs);
    assert_eq!(rendered.diagnostics, []);
    String::from_utf8(rendered.files[name].bytes().to_vec()).unwrap()
}

/// One deployment target's `manifests` for each kind of source, and for each way to name a revision.
const SOURCES: [&[(&str, &str)]; 7] = [
    &[("repo", "https://example.org/app"), ("branch", "dev"), ("path", "./test")],
    &[("repo", "https://example.org/app"), ("tag", "v1")],
    &[("repo", "https://example.org/app"), ("commit", "0123abc"), ("path", "a b/'c'")],
    &[("repo", "https://example.org/charts"), ("chart", "app"), ("version", "1.2.3")],
    &[("oci", "oci://registry.example.org/team/app"), ("tag", "1.2.3"), ("path", "deploy")],
    &[("oci", "registry.example.org/team/app"), ("digest", DIGEST)],
    &[("oci", "registry.example.org/charts/app"), ("tag", "1.2.3"), ("artifact", "chart")],
];
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn with_source(rule: &str, source: &[(&str, &str)]) -> Inputs {
    let mut inputs = inputs(Map::new());
    let builtin = builtin::find(rule).unwrap();
    change_cluster_type(&mut inputs, |it| {
        it.reconciler = Arc::new(compile_builtin(builtin));
        it.parameters = defaults(&[rule, "namespace", "configmap"]);
    });
    let manifests = source.iter().map(|(key, it)| ((*key).into(), (*it).into()));
    change_target(&mut inputs, |it| {
        it.manifests = Arc::new(manifests.collect());
        it.source = Some(ManifestSource::read(&it.manifests, &place(), "x").unwrap());
    });
    inputs
}

fn place() -> Place {
    Place::file(&FileName::new("x"))
}

#[test]
fn every_built_in_rule_renders_every_source_that_it_takes() {
    for builtin in builtin::all() {
        let rule = builtin.rule.name();
        for source in SOURCES {
            let inputs = with_source(rule, source);
            let kind = inputs.target.source.as_ref().unwrap().kind();
            if !builtin.rule.sources.is_empty() && !builtin.rule.sources.contains(&kind) {
                continue;
            }
            let rendered = render(&inputs);
            assert_eq!(rendered.diagnostics, [], "{rule}: {source:?}");
            for (name, blob) in rendered.files.iter() {
                let text = String::from_utf8(blob.bytes().to_vec()).unwrap();
                let is_yaml = name.rsplit('.').next() == Some("yaml");
                assert!(!is_yaml || text.starts_with("apiVersion: "), "{rule} {name}: {text}");
            }
            let is_said = rendered.files.iter().count() > 2 || builtin.rule.sources.is_empty();
            assert!(is_said, "{rule} says nothing of {kind}: {:?}", rendered.files);
        }
    }
}

#[test]
fn no_flux_kustomization_lies_in_a_kustomization_yaml() {
    for builtin in builtin::all() {
        for source in SOURCES {
            let inputs = with_source(builtin.rule.name(), source);
            let files = render(&inputs).files;
            let Some(blob) = files.get("kustomization.yaml") else { continue };
            let text = String::from_utf8(blob.bytes().to_vec()).unwrap();
            assert!(text.starts_with("apiVersion: kustomize.config.k8s.io/v1beta1\n"), "{text}");
        }
    }
}

#[test]
fn fields_that_are_made_when_asked_for_are_those_that_are_shown() {
    let config = serde_json::json!({"A": "x", "N": 5, "F": 1.5, "L": ["a", {"b": null}], "M": {}});
    let Value::Map(config) = Value::from(config) else { unreachable!("because it is one") };
    for source in SOURCES {
        let mut inputs = with_source("flux", source);
        inputs.config = Arc::new(Config::new(config.clone()));
        change_target(&mut inputs, |it| {
            it.labels = Arc::new([("a".into(), "b\n\"".into())].into());
        });
        let template = inputs.cluster_type.reconciler.clone();
        let files = [data::Sibling { name: "x.yaml".into(), content: FileContent::Yaml }];
        let shown = data::plain(&inputs, &template, &data::Names::all(), &files);
        let mut jinja = Jinja::new(&wob_template::Limits::default());
        for name in shown.as_map().unwrap().keys() {
            jinja.add(name, &format!("{{{{ {name} | tojson }}}}")).unwrap();
            let lazily = jinja.render(name, &data::jinja(&inputs, &template, &files)).unwrap();
            assert_eq!(lazily, jinja.render(name, &JinjaData::from(&shown)).unwrap(), "{name}");
            let json = serde_json::Value::from(&shown.as_map().unwrap()[name]).to_string();
            assert_eq!(lazily, json, "{name}");
        }
        jinja.add("other", "{{ other }}").unwrap();
        jinja.render("other", &data::jinja(&inputs, &template, &files)).unwrap_err();
    }
}

#[test]
fn env_files_quote_what_a_shell_would_expand() {
    let config = serde_json::json!({"A": "it's $HOME `id`\nnext", "N": 5, "ON": true, "L": ["a"]});
    let Value::Map(config) = Value::from(config) else { unreachable!("because it is one") };
    let mut inputs = with_source("envfile", SOURCES[0]);
    change_cluster_type(&mut inputs, |it| it.config_type = it.reconciler.clone());
    inputs.config = Arc::new(Config::new(config));
    let expected =
        "export A='it'\\''s $HOME `id`\nnext'\nexport L='- a'\nexport N='5'\nexport ON='true'\n";
    assert_eq!(file(&inputs, "config.sh"), expected);
    inputs.config = Arc::new(Config::new([("A=1; rm".into(), Value::from("x"))].into()));
    let wrong = render(&inputs).diagnostics;
    assert!(wrong[0].message.contains("can't name a shell variable"), "{wrong:?}");
}

#[test]
fn a_rule_refuses_what_its_reconciler_cannot_do() {
    let source = [("oci", "r.example.org/app"), ("digest", DIGEST), ("artifact", "chart")];
    for rule in ["flux-v1beta2", "fleet", "zarf", "kustomize"] {
        let wrong = render(&with_source(rule, &source)).diagnostics;
        assert!(wrong[0].message.contains("by tag, not by digest"), "{rule}: {wrong:?}");
    }
    assert_eq!(render(&with_source("flux", &source)).diagnostics, []);
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
    let changed: [fn(&mut Inputs); 14] = [
        |it| change_cluster_type(it, |it| it.name = Name::new("small").unwrap()),
        |it| change_target(it, |it| it.name = Name::new("app-x").unwrap()),
        |it| it.namespace = "x".into(),
        |it| change_target(it, |it| it.environment = "x".into()),
        |it| change_target(it, |it| it.workspace = "x".into()),
        |it| change_target(it, |it| it.workload = "x".into()),
        |it| {
            change_target(it, |it| it.labels = Arc::new([("a".to_owned(), "b".to_owned())].into()));
        },
        |it| {
            let tag = |it: &mut TargetFields| {
                Arc::make_mut(&mut it.manifests).insert("tag".into(), "v1".into());
            };
            change_target(it, tag);
        },
        |it| it.config = Arc::new(Config::new([("K".into(), Value::Int(1))].into())),
        |it| change_cluster_type(it, |it| it.reconciler = it.config_type.clone()),
        |it| change_cluster_type(it, |it| it.config_type = it.reconciler.clone()),
        |it| change_cluster_type(it, |it| it.settings = settings(Profile::Kalypso)),
        |it| change_cluster_type(it, |it| it.check = Some(wob_engine::Digest::of(b"schemas"))),
        |it| {
            let flux = [("interval".into(), "1m".into())].into();
            let parameters = Arc::new(Parameters::new([("flux".to_owned(), flux)].into()));
            change_cluster_type(it, |it| it.parameters = parameters);
        },
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

/// Returns inputs of which one part each is not that of `base`, and the names of these parts.
pub(super) fn changed_parts(base: &Inputs) -> Vec<(&'static str, Inputs)> {
    let rule = |name: &str| Arc::new(compile_builtin(builtin::find(name).unwrap()));
    let text = |it: &str| Arc::<str>::from(it);
    let mut changed = vec![];
    let mut change = |part, change: &dyn Fn(&mut Inputs)| {
        let mut inputs = base.clone();
        change(&mut inputs);
        changed.push((part, inputs));
    };
    // A new field must be changed below, too.
    let Inputs { cluster_type, target, namespace: _, config: _ } = base;
    let ClusterTypeFields {
        name: _,
        reconciler: _,
        namespace_service: _,
        config_type: _,
        parameters: _,
        settings: _,
        check: _,
    } = &***cluster_type;
    let TargetFields {
        name: _,
        environment: _,
        workspace: _,
        workload: _,
        labels: _,
        manifests: _,
        // It is read from the manifests.
        source: _,
    } = &***target;
    change("namespace", &|it| it.namespace = text("other"));
    for value in [Some(Value::from("b")), None, Some(Value::Int(1))] {
        let config = value.map(|it| ("A".into(), it)).into_iter().collect();
        change("config.A", &|it| it.config = Arc::new(Config::new(Map::clone(&config))));
    }
    let mut change_target = |part, to: &dyn Fn(&mut TargetFields)| {
        change(part, &|it| change_target(it, to));
    };
    change_target("target", &|it| it.name = Name::new("app-other").unwrap());
    change_target("environment", &|it| it.environment = text("other"));
    change_target("workspace", &|it| it.workspace = text("other"));
    change_target("workload", &|it| it.workload = text("other"));
    change_target("label.a", &|it| it.labels = Arc::new([("a".to_owned(), "b".to_owned())].into()));
    change_target("manifests.branch", &|it| {
        Arc::make_mut(&mut it.manifests).insert(text("branch"), text("other"));
    });
    let mut change_cluster_type = |part, to: &dyn Fn(&mut ClusterTypeFields)| {
        change(part, &|it| change_cluster_type(it, to));
    };
    change_cluster_type("clusterType", &|it| it.name = Name::new("small").unwrap());
    change_cluster_type("template.reconciler", &|it| it.reconciler = rule("argocd"));
    change_cluster_type("template.namespaceService", &|it| it.namespace_service = rule("none"));
    change_cluster_type("template.configType", &|it| it.config_type = rule("envfile"));
    change_cluster_type("param.flux.interval", &|it| {
        let set = Map::from([("interval".into(), "7m".into())]);
        it.parameters = Arc::new(Parameters::new([("flux".to_owned(), set)].into()));
    });
    change_cluster_type("settings", &|it| it.settings = settings(Profile::Kalypso));
    change_cluster_type("check", &|it| it.check = Some(wob_engine::Digest::of(b"schemas")));
    changed
}

/// Leaving any field out of the digest would make a stored result be used for inputs that it was not made from.
#[test]
fn every_field_is_part_of_the_key() {
    let base = inputs([("A".into(), Value::from("a"))].into());
    let changed = changed_parts(&base);
    let mut digests = std::collections::BTreeSet::from([base.digest()]);
    for (part, inputs) in &changed {
        let (before, after) = (base.parts(), inputs.parts());
        let of = |parts: &[InputPart]| parts.iter().find(|it| it.name == *part).map(|it| it.digest);
        assert_ne!(of(&before), of(&after), "{part} is not what it was");
        assert!(digests.insert(inputs.digest()), "{part} is not part of the key");
    }
    let named: Vec<&str> = changed.iter().map(|it| it.0).collect();
    for part in base.parts() {
        let kind = part.name.split('.').next().unwrap_or_default();
        let is_changed = named.iter().any(|it| it.split('.').next() == Some(kind));
        assert!(is_changed || kind == "wob", "nobody changes {}", part.name);
    }
}

/// The digest is over the parts by their groups and nothing else: what is explained is what is hashed.
#[test]
fn the_key_is_the_digest_of_the_parts() {
    let inputs = inputs([("A".into(), Value::from("a")), ("B".into(), Value::Int(2))].into());
    let mut hasher = wob_engine::Hasher::new("wob 2026-11 action");
    for (group, digest) in PartGroup::ALL.into_iter().zip(inputs.digests()) {
        hasher.add(digest.as_bytes());
        let (mut parts, mut config) = (vec![], wob_engine::Hasher::new("wob 2026-11 config"));
        inputs.each_part(group, &mut |name, digest| {
            config.add(name.trim_start_matches("config.").as_bytes());
            config.add(digest.as_bytes());
            parts.push(InputPart { name: name.to_owned(), digest });
        });
        let of_parts = match group {
            PartGroup::ClusterType | PartGroup::Target => InputPart::digest_of(&parts),
            PartGroup::Namespace => parts[0].digest,
            PartGroup::Config => config.finish(),
        };
        assert_eq!(digest, of_parts, "{group:?}");
    }
    assert_eq!(hasher.finish(), inputs.digest());
}

/// Templates see only those keys of config that they read, and nobody can tell.
#[test]
fn keys_that_are_not_read_are_not_missed() {
    let texts = [
        "a: {{ .ConfigData.A }}",
        "a: {{ .ConfigData.B | default 1 }}{{ if hasKey .ConfigData \"C\" }}{{ .ConfigData.C }}{{ end }}",
        "a: {{ .ConfigData.NESTED }}",
        "a: {{ .ConfigData.ALL_NESTED }}",
        "a: {{ .ConfigData.BB }}",
        "a: {{ .ConfigData.CCC }}",
        "a: {{ .ConfigData.M.k }}",
        "{{ $_ := set .ConfigData.M \"n\" 1 }}a: {{ .ConfigData.M.n }}{{ .ConfigData.M.o }}",
        "{{ $_ := set .ConfigData.M \"n\" 1 }}a: {{ toJson .ConfigData.M | quote }}{{ .ConfigData.NESTED }}",
        "a: {{ .ConfigData.M.k | fail }}",
        "a: {{ index .ConfigData \"A\" }}",
        "{{ with .ConfigData }}a: {{ .A }}{{ end }}",
        "a: {{ toJson .ConfigData | quote }}",
    ];
    let config = serde_json::json!({
        "A": "x", "B": 5, "CC": "y", "M": {"k": [1, 2]},
        "NESTED": "{{ .ConfigData.A }}{{ .ConfigData.CC }}", "ALL_NESTED": "{{ len .ConfigData }}",
    });
    let Value::Map(config) = Value::from(config) else { unreachable!("because it is one") };
    let base = inputs(config);
    let (mut failed, mut fine) = (0, 0);
    for (first, second) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
        let compiled = || {
            let manifest = |text: &str| Manifest::Text { text: text.into(), place: place() };
            let name = Name::new("x").unwrap();
            let meta = Meta { name, labels: Labels::new(), place: place() };
            let manifests = vec![manifest(first), manifest(second)];
            let language = Language::Go;
            let it = Template { meta, manifests, content_type: None, language, raw: false };
            compile_template(&it, Profile::Standard).unwrap()
        };
        let rendered = |template: CompiledTemplate| {
            let mut inputs = base.clone();
            let template = Arc::new(template);
            change_cluster_type(&mut inputs, |it| it.namespace_service = template.clone());
            render(&inputs)
        };
        let (some, all) = (rendered(compiled()), rendered(compiled().seeing_all()));
        assert_eq!(some, all, "{first} then {second}");
        *(if some.failed() { &mut failed } else { &mut fine }) += 1;
    }
    assert!(failed > 40 && fine > 40, "{failed} failed, {fine} did not");
}
