//! What rules, their parameters and manifest sources may be.

mod schema;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use wob_engine::{FileName, Place, Value, yaml};

use super::{ManifestSource, ParameterSettings, Rule};
use crate::{
    WORKSPACE_SCHEMA, WorkspaceFile,
    decode::{Problems, decode_builtin},
};

/// Reads a rule with these parameters, and says what is wrong with it.
fn read(parameters: &str) -> (Option<Rule>, Vec<String>) {
    let text = format!(
        "apiVersion: wob.dev/v1alpha1\nkind: Rule\nmetadata: {{name: own}}\nspec:\n  type: config\n  \
         description: Of a test.\n  manifests: [own.yaml.j2]\n  parameters:\n    p: {parameters}\n"
    );
    let parsed = yaml::parse(&text, &yaml::Limits::default());
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let mut problems = Problems::default();
    let place = Place::document(&FileName::new("rule.yaml"), 0);
    let rule = decode_builtin(&parsed.documents[0].root, &place, &mut problems);
    (rule, problems.diagnostics.into_iter().map(|it| it.message).collect())
}

#[test]
fn parameters_take_what_they_declare() {
    let cases = [
        ("{type: string, default: a, description: x}", json!("b"), None),
        (
            "{type: string, default: a, description: x}",
            json!(1),
            Some("must be a text, not a number"),
        ),
        (
            "{type: boolean, default: true, description: x}",
            json!("no"),
            Some("must be a boolean, not a text"),
        ),
        ("{type: integer, default: 1, description: x}", json!(-5), None),
        (
            "{type: integer, default: 1, description: x}",
            json!(1.5),
            Some("must be an integer, not a number"),
        ),
        ("{type: list, default: [], description: x}", json!([1, "a"]), None),
        (
            "{type: list, items: string, default: [], description: x}",
            json!(["a", 1]),
            Some("`1` of it must be a text, not a number"),
        ),
        (
            "{type: mapping, items: string, default: {}, description: x}",
            json!({"k": true}),
            Some("`k` of it must be a text, not a boolean"),
        ),
        (
            "{type: mapping, default: {}, description: x}",
            json!(null),
            Some("must be a mapping, not nothing"),
        ),
        (
            "{type: string, allowed: [a, b], default: a, description: x}",
            json!("c"),
            Some("must be one of `a`, `b`, not `c`"),
        ),
        (
            "{type: integer, allowed: [1, 2], default: 1, description: x}",
            json!(3),
            Some("must be one of `1`, `2`, not `3`"),
        ),
        (
            "{type: string, pattern: '^[0-9]+s$', default: 5s, description: x}",
            json!("5m"),
            Some("must match `^[0-9]+s$`, unlike `5m`"),
        ),
        (
            "{type: list, pattern: '^a', default: [], description: x}",
            json!(["ab", "b"]),
            Some("`1` of it must match `^a`, unlike `b`"),
        ),
    ];
    for (declared, value, expected) in cases {
        let (rule, problems) = read(declared);
        assert_eq!(problems, <[String; 0]>::default(), "{declared}");
        let found = rule.unwrap().parameters[0].check(&Value::from(value.clone())).err();
        assert_eq!(found.as_deref(), expected, "{declared}: {value}");
    }
}

#[test]
fn a_complaint_about_a_secret_does_not_say_it() {
    let (rule, _) =
        read("{type: mapping, items: string, pattern: '^a', default: {}, description: x}");
    let parameter = &rule.unwrap().parameters[0];
    let found = parameter.check(&Value::from(json!({"apiToken": "hunter2"}))).unwrap_err();
    assert_eq!(found, "`apiToken` of it must match `^a`");
}

#[test]
fn what_a_rule_declares_wrongly_is_an_error() {
    let cases = [
        ("{default: a, description: x}", "parameter `p` has no `type`"),
        ("{type: text, default: a, description: x}", "`type` of parameter `p` can't be `text`"),
        ("{type: string, description: x}", "parameter `p` has neither `default` nor `required`"),
        (
            "{type: string, default: a, required: true, description: x}",
            "`required` of parameter `p` means nothing: it has a default",
        ),
        ("{type: string, default: a}", "parameter `p` has no `description`"),
        (
            "{type: integer, default: a, description: x}",
            "the default of parameter `p` must be an integer, not a text",
        ),
        (
            "{type: string, default: c, allowed: [a], description: x}",
            "the default of parameter `p` must be one of `a`, not `c`",
        ),
        (
            "{type: string, default: a, pattern: '(', description: x}",
            "`pattern` of parameter `p` is no regular expression",
        ),
        (
            "{type: string, default: a, pattern: '(?=a)', description: x}",
            "`pattern` of parameter `p` is no regular expression",
        ),
        (
            "{type: integer, default: 1, pattern: a, description: x}",
            "`pattern` of parameter `p` means nothing: only texts match patterns",
        ),
        (
            "{type: string, items: string, default: a, description: x}",
            "`items` of parameter `p` means nothing: only lists and mappings have items",
        ),
        (
            "{type: string, default: a, description: x, min: 1}",
            "parameter `p` has an unknown field `min`",
        ),
        ("5", "parameter `p`: it must be a mapping, not a number"),
    ];
    for (declared, expected) in cases {
        let (_, problems) = read(declared);
        assert_eq!(problems, [expected], "{declared}");
    }
}

/// Reads `manifests` of a deployment target, written as `key=value` texts.
fn source(manifests: &str) -> Result<ManifestSource, Vec<String>> {
    let pairs = manifests.split(' ').filter_map(|it| it.split_once('='));
    let manifests: BTreeMap<Arc<str>, Arc<str>> =
        pairs.map(|(key, value)| (key.into(), value.into())).collect();
    let place = Place::document(&FileName::new("workload.yaml"), 0);
    let read = ManifestSource::read(&manifests, &place, "x");
    read.map_err(|it| it.into_iter().map(|it| it.message).collect())
}

#[test]
fn sources_are_of_one_kind() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let cases = [
        ("repo=r branch=b path=./p/q", "git", "b", "p/q"),
        ("repo=r tag=t extra=1", "git", "t", ""),
        ("repo=r commit=c path=.", "git", "c", ""),
        ("repo=r chart=c version=1", "helm", "1", ""),
        ("oci=oci://r/a/ tag=1 path=d/", "oci", "1", "d"),
        (&format!("oci=r/a digest={digest}"), "oci", &*digest, ""),
        ("oci=r/charts/a tag=1 artifact=chart", "oci-chart", "1", ""),
    ];
    for (manifests, kind, revision, folder) in cases {
        let view = source(manifests).unwrap().view();
        let seen = ["kind", "revision", "folder"].map(|it| view[it].as_str().unwrap());
        assert_eq!(seen, [kind, revision, folder], "{manifests}");
        assert!(!view["url"].as_str().unwrap().is_empty());
    }
    let keys = |it: &str| source(it).unwrap().view().keys().cloned().collect::<Vec<_>>();
    for (manifests, ..) in cases {
        assert_eq!(keys(manifests), keys("repo=r branch=b"), "every kind has every key");
    }
    let chart = source("oci=oci://r/charts/a tag=1 artifact=chart").unwrap().view();
    assert_eq!(chart["url"].as_str(), Some("oci://r/charts/a"));
    assert_eq!(
        (chart["registry"].as_str(), chart["chart"].as_str()),
        (Some("r/charts"), Some("a"))
    );
}

#[test]
fn sources_that_contradict_themselves_are_refused() {
    let cases: [(&str, &[&str]); 12] = [
        (
            "",
            &[
                "`manifests` of x has no `repo`",
                "`manifests` of x has none of `branch`, `tag`, `commit`",
            ],
        ),
        ("repo=r branch=b tag=t", &["`manifests` of x has both `branch` and `tag`"]),
        ("repo=r branch=b path=a/../../b", &["`path` of x leads out of its source"]),
        ("repo=r branch=b digest=d", &["`digest` of x says nothing about a git repository"]),
        ("repo=r chart=c", &["`manifests` of x has no `version`"]),
        ("chart=c version=1", &["`manifests` of x has no `repo`"]),
        (
            "repo=r chart=c version=1 branch=b",
            &["`branch` of x says nothing about a chart of a Helm repository"],
        ),
        (
            "repo=oci://r chart=c version=1",
            &["`repo` of x is an OCI registry, not a Helm repository"],
        ),
        ("oci=r/a", &["`manifests` of x has none of `tag`, `digest`"]),
        ("oci=r/a digest=sha256:12", &["`digest` of x is `sha256:12`, which is none"]),
        ("oci=r/a tag=1 artifact=image", &["`artifact` of x can't be `image`"]),
        ("oci=r/a tag=1 artifact=chart path=p", &["`path` of x says nothing about a chart"]),
    ];
    for (manifests, expected) in cases {
        assert_eq!(source(manifests).unwrap_err(), expected, "{manifests}");
    }
}

/// Reads wob.yaml and returns the settings of the environment `live`.
fn settings(text: &str) -> ParameterSettings {
    let (file, problems) = WorkspaceFile::read(&FileName::new("wob.yaml"), text);
    assert_eq!(problems, []);
    file.parameters_of("live")
}

const SETTINGS: &str = "\
parameters: {own: {p: all, q: all, m: {a: 1}}}
clusterTypes:
  small: {parameters: {own: {q: small}}}
environments:
  live:
    path: live
    parameters: {own: {p: live, q: live, m: {b: 2}}}
    clusterTypes:
      small: {parameters: {own: {p: live small}}}
";

#[test]
fn the_more_specific_value_wins_key_by_key() {
    let settings = settings(SETTINGS);
    let (rule, _) = read(
        "{type: string, default: d, description: x}\n    q: {type: string, default: d, description: x}\n    \
         m: {type: mapping, default: {}, description: x}\n    r: {type: string, default: d, description: x}",
    );
    let place = Place::document(&FileName::new("small.yaml"), 0);
    let resolved = |cluster_type| {
        let resolved = settings.resolve(rule.as_ref().unwrap(), cluster_type, &place).unwrap();
        serde_json::Value::from(&Value::Map(resolved)).to_string()
    };
    assert_eq!(resolved("small"), r#"{"m":{"b":2},"p":"live small","q":"small","r":"d"}"#);
    assert_eq!(resolved("large"), r#"{"m":{"b":2},"p":"live","q":"live","r":"d"}"#);
}

#[test]
fn the_schema_of_wob_yaml_and_its_reader_agree() {
    let schema: serde_json::Value = serde_json::from_str(WORKSPACE_SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let cases = [
        SETTINGS,
        "parameters: {flux: {interval: 1m}}",
        "clusterTypes: {small: {}}",
        "parameters: [flux]",
        "parameters: {flux: 5}",
        "clusterTypes: {Small: {}}",
        "clusterTypes: {small: {flux: {}}}",
        "environments: {live: {clusterTypes: {small: {params: {}}}}}",
        "profile: kalypso\nnamespacePattern: '{workload}'\nlimits: {fileBytes: 5}",
        "profile: other",
    ];
    for text in cases {
        let (_, problems) = WorkspaceFile::read(&FileName::new("wob.yaml"), text);
        let value = serde_json::Value::from(&yaml::parse_value(text).unwrap());
        assert_eq!(problems.is_empty(), schema.is_valid(&value), "{text}: {problems:?}");
    }
}
