//! Schemas of a workspace, read from folders of custom resource definitions and JSON Schemas.

use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};

use super::super::{Check, CheckMode, KubernetesVersion, own_schemas};

const WIDGETS: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 0, exclusiveMinimum: true}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              colour: {type: string, enum: [red, blue], nullable: true}
              extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
  - {name: v2, served: true, storage: false}
";

fn folder(db: &Database, files: &[(&str, &str)]) -> Source {
    let file = |(path, text): &(&str, &str)| {
        let content = Content::Text { text: (*text).into(), digest: Digest::of(text.as_bytes()) };
        let path = FilePath::new(path).unwrap();
        SourceFile::new(db, FileName::new(&format!("schemas/{path}")), path, content)
    };
    Source::new(db, Origin::default(), files.iter().map(file).collect(), vec![])
}

/// Returns what is wrong with `manifest` by the schemas of `files`.
fn wrong(files: &[(&str, &str)], manifest: &str, version: &str) -> String {
    let db = Database::default();
    let check = Check {
        mode: CheckMode::On,
        kubernetes: KubernetesVersion::parse(version).unwrap(),
        folders: vec![folder(&db, files)],
    };
    let findings = check.checker(&db).unwrap().file("a.yaml", manifest);
    let shown: Vec<String> =
        findings.iter().map(|it| format!("{} {}\n", it.code, it.message())).collect();
    shown.concat()
}

fn widget(spec: &str) -> String {
    format!("apiVersion: example.org/v1\nkind: Widget\nmetadata: {{name: a}}\nspec: {spec}\n")
}

#[test]
fn a_definition_is_a_schema_that_refuses_what_it_does_not_name() {
    let files = [("crds/widgets.yaml", WIDGETS)];
    for good in [
        "{size: 1}",
        "{size: 1, port: 80}",
        "{size: 1, port: http, colour: null}",
        "{size: 1, extra: {any: [thing]}, labels: {a: b}}",
    ] {
        assert_eq!(wrong(&files, &widget(good), "1.37"), "", "{good}");
    }
    let bad = [
        "{}",
        "{size: 0}",
        "{size: 1, port: [80]}",
        "{size: 1, colour: green}",
        "{size: 1, labels: {a: 1}}",
        "{size: 1, sise: 2}",
    ];
    let seen: String = bad.map(|it| wrong(&files, &widget(it), "1.37")).concat();
    insta::assert_snapshot!(seen, @r#"
    manifest-invalid Widget `spec.size` is missing
    manifest-invalid Widget `spec.size` is not more than 0
    manifest-invalid Widget `spec.port` is neither an integer nor a text
    manifest-invalid Widget `spec.colour` is none of ["red","blue",null]
    manifest-invalid Widget `spec.labels.a` is not a text
    manifest-invalid Widget `spec.sise` is an unknown field
    "#);
}

#[test]
fn what_a_definition_cannot_check_is_no_silent_pass() {
    let files = [("widgets.yaml", WIDGETS)];
    let manifest = "apiVersion: example.org/v2\nkind: Widget\nmetadata: {name: a}\n";
    insta::assert_snapshot!(wrong(&files, manifest, "1.37"), @"manifest-invalid Widget cannot be checked: its schema cannot be used");
    let db = Database::default();
    let own = own_schemas(&db, folder(&db, &files));
    let seen: Vec<&str> = own.diagnostics.iter().map(|it| &*it.message).collect();
    insta::assert_debug_snapshot!(seen, @r#"
    [
        "the definition of `example.org/v2` `Widget` cannot be used: it has no schema",
    ]
    "#);
}

#[test]
fn json_schemas_are_found_by_their_names_and_versions() {
    let strict = r#"{"type": "object", "required": ["strict"]}"#;
    let loose = r#"{"$schema": "http://json-schema.org/schema#", "type": ["object", "null"]}"#;
    let files =
        [("v1.30.0-standalone/widget-example-v1.json", strict), ("widget-example-v1.json", loose)];
    let manifest = widget("{}");
    assert_eq!(wrong(&files, &manifest, "1.31"), "");
    insta::assert_snapshot!(wrong(&files, &manifest, "1.30"), @"manifest-invalid Widget `strict` is missing");
    let catalogue = [("example.org/widget_v1.json", strict)];
    insta::assert_snapshot!(wrong(&catalogue, &manifest, "1.31"), @"manifest-invalid Widget `strict` is missing");
}

#[test]
fn an_own_schema_wins_over_the_one_that_comes_with_wob() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n";
    let files = [("configmap-v1.json", r#"{"properties": {"data": {"maxProperties": 0}}}"#)];
    insta::assert_snapshot!(wrong(&files, manifest, "1.37"), @"manifest-invalid ConfigMap `data` has more than 0 keys");
}

#[test]
fn broken_schemas_are_reported_where_they_are_broken() {
    let db = Database::default();
    let files = [
        ("a-b-v1.json", r#"{"type": "strnig"}"#),
        ("b-b-v1.json", "{not json"),
        ("c-b-v1.json", r#"{"$ref": "_definitions.json#/a"}"#),
        ("notes.yaml", "just: data\n"),
        ("package.json", "{}"),
    ];
    let own = own_schemas(&db, folder(&db, &files));
    let seen: Vec<String> = own
        .diagnostics
        .iter()
        .map(|it| {
            format!(
                "{} {} ({})",
                it.labels[0].place.file,
                it.message,
                it.help.as_deref().unwrap_or_default()
            )
        })
        .collect();
    insta::assert_debug_snapshot!(seen, @r#"
    [
        "schemas/a-b-v1.json schema file `schemas/a-b-v1.json` cannot be used: there is no type `strnig` (did you mean `string`?)",
        "schemas/b-b-v1.json schema file `schemas/b-b-v1.json` is broken: a comma or `}` is missing here (write it, or quote the text that holds a `{`)",
        "schemas/c-b-v1.json schema file `schemas/c-b-v1.json` cannot be used: its reference `_definitions.json#/a` leads nowhere (refer only to parts of the schema itself: `#/...`)",
    ]
    "#);
}
