//! What the emitters promise: Go's own bytes, and texts that every reader reads alike.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::*;
use crate::yaml::{Limits, parse, parse_value};

const STYLES: [Style; 3] = [Style::Canonical, Style::Helm, Style::GoYamlV3];

fn emitted(json: &serde_json::Value, style: Style) -> String {
    emit(&Value::from(json.clone()), style)
}

/// Returns a file or folder of the corpus, which lies beside the repository or is not there at all.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn corpus(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let path = root.join(path);
    let exists = fs::exists(&path).unwrap();
    if !exists {
        eprintln!("skipped: {} is not there", path.display());
    }
    exists.then_some(path)
}

#[expect(clippy::disallowed_methods, reason = "tests read the corpus")]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests read the corpus")]
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn cases(file: &str) -> Vec<serde_json::Value> {
    let Some(path) = corpus(file) else { return vec![] };
    let file: serde_json::Value = serde_json::from_str(&read(&path)).unwrap();
    file.as_array().or_else(|| file["cases"].as_array()).unwrap().clone()
}

#[test]
fn to_yaml_of_the_corpus_is_what_go_wrote() {
    let cases = cases("templates.json");
    let simple = cases.iter().filter(|it| it["template"] == "{{ toYaml .v }}|");
    let mut count = 0;
    for case in simple {
        let expected = case["expected"].as_str().unwrap().strip_suffix('|').unwrap();
        let found = emitted(&case["data"]["v"], Style::GoYamlV3);
        assert_eq!(found.strip_suffix('\n').unwrap(), expected, "{}", case["id"]);
        count += 1;
    }
    assert!(cases.is_empty() || count >= 5, "only {count} cases");
}

#[test]
fn configs_of_the_corpus_are_written_as_go_wrote_them() {
    let cases = cases("unit/templater.json");
    let mut count = 0;
    for case in &cases {
        let prefix = match case["manifests"][0].as_str() {
            Some("{{ toYaml .ConfigData }}") => "",
            Some("data:\n{{ toYaml .ConfigData | indent 2 }}") => "  ",
            _ => continue,
        };
        // Config values that are lists or mappings are read before they are written.
        let mut config = case["config"].clone();
        for value in config.as_object_mut().unwrap().values_mut() {
            let read = parse_value(value.as_str().unwrap());
            if let Ok(read @ (Value::List(_) | Value::Map(_))) = read {
                *value = (&read).into();
            }
        }
        let found = emitted(&config, Style::GoYamlV3);
        let lines: Vec<String> = found.lines().map(|line| format!("{prefix}{line}")).collect();
        let expected = case["expected"]["joined"].as_str().unwrap();
        assert_eq!(lines.join("\n"), expected.trim_start_matches("data:\n"));
        count += 1;
    }
    assert!(cases.is_empty() || count == 2, "only {count} cases");
}

#[test]
fn config_values_of_the_corpus_are_read_as_go_read_them() {
    for case in cases("unit/config_value.json") {
        let text = case["text"].as_str().unwrap();
        let read = parse_value(text).ok();
        let structure = read.filter(|it| matches!(it, Value::List(_) | Value::Map(_)));
        let expected = (case["expected"]["kind"] != "string").then_some(&case["expected"]["value"]);
        assert_eq!(structure.as_ref().map(serde_json::Value::from).as_ref(), expected, "{text:?}");
    }
}

/// The scheduler of that time printed objects with yaml.v2: our canonical form must give the same bytes.
#[test]
fn manifests_of_the_tutorial_are_canonical() {
    let Some(root) = corpus("cases") else { return };
    let mut count = 0;
    for path in files_below(&root) {
        let name = path.to_string_lossy();
        let expected = name.contains("tutorial-a6") && name.contains("/expected/");
        if !expected || path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let text = read(&path);
        let parsed = parse(&text, &Limits::default());
        assert_eq!(parsed.problems, [], "{name}");
        let documents = parsed.documents.iter();
        let documents = documents.map(|it| emit(&it.root.to_value(), Style::Canonical));
        assert_eq!(documents.collect::<Vec<_>>().join("---\n"), text, "{name}");
        count += 1;
    }
    assert!(count >= 24, "only {count} files");
}

#[test]
fn layouts_differ_only_in_indentation_and_width() {
    let long = "word ".repeat(20) + "end";
    let key = "x".repeat(129);
    let value = serde_json::json!({
        "list": [[1, [2]], {"a": [{"b": null}], "c": "x\ny\n"}, "|\n z", []],
        "long": [long, format!("'{long}"), format!("é\u{7}{long}")],
        "mapping": {"empty": {}, "float": 1e6, "block": "a\n\n", "spaces": " a\nb"},
        (key.clone()): {"k": [1]},
    });
    let helm = r#"list:
- - 1
  - - 2
- a:
  - b: null
  c: |
    x
    y
- |-
  |
   z
- []
long:
- word word word word word word word word word word word word word word word word
  word word word word end
- '''word word word word word word word word word word word word word word word word
  word word word word end'
- "é\aword word word word word word word word word word word word word word word word
  word word word word end"
mapping:
  block: |+
    a

  empty: {}
  float: 1000000
  spaces: |2-
     a
    b
"#;
    assert_eq!(emitted(&value, Style::Helm), format!("{helm}? {key}\n: k:\n  - 1\n"));
    let canonical = emitted(&value, Style::Canonical);
    assert!(canonical.contains(&format!("\n- {long}\n- '''{long}'\n")), "{canonical}");
    assert!(canonical.contains("float: 1e+06"), "{canonical}");
    let three = r"list:
    - - 1
      - - 2
    - a:
        - b: null
      c: |
        x
        y
    - |-
      |
       z
    - []
";
    let found = emitted(&value, Style::GoYamlV3);
    assert!(found.starts_with(three), "{found}");
    assert!(found.contains("    spaces: |4-\n         a\n        b\n"), "{found}");
    for style in STYLES {
        assert_eq!(emitted(&serde_json::json!("a\nb"), style).lines().count(), 3);
        assert_eq!(emitted(&serde_json::json!({}), style), "{}\n");
    }
}

#[test]
fn keys_come_in_natural_order() {
    let sorted = |style: Style, keys: &[&str]| {
        let map = keys.iter().map(|key| ((*key).into(), Value::Int(0))).collect();
        let text = emit(&Value::Map(map), style);
        text.lines().map(|it| it.trim_end_matches(": 0").replace('"', "")).collect::<Vec<_>>()
    };
    let keys = ["1", "A", "Key", "a", "key", "key-1", "key_1", "key9", "key10", "key010", "keya"];
    for style in STYLES {
        assert_eq!(sorted(style, &keys), keys);
    }
    assert_eq!(sorted(Style::Helm, &["a1b", "a12"]), ["a12", "a1b"]);
    assert_eq!(sorted(Style::GoYamlV3, &["a1b", "a12"]), ["a1b", "a12"]);
    let huge =
        ["v99999999999999999999998", "v99999999999999999999999", "v100000000000000000000000"];
    assert_eq!(sorted(Style::Canonical, &huge), huge);
    assert_eq!(sorted(Style::Helm, &["a1b", "a2", "a12"]).len(), 3);
}

#[test]
fn only_what_a_reader_misreads_is_quoted() {
    let plain = [
        "a",
        "a b",
        "a#b",
        "a:b",
        "-a",
        "--",
        "10.0.0.1",
        "1.2.3",
        "a, b",
        "http://x:80/y",
        "é",
        "x\u{a0}y",
        "yEs",
        "0x",
        "1_a",
        "e5",
        "12:99",
        "2001-13-40",
        "/a/*",
        "a'b",
        "a\"b",
        "100m",
        "1Gi",
        "<",
        "=a",
        "_1",
        "-x",
    ];
    for text in plain {
        assert_eq!(emit(&Value::from(text), Style::Canonical), format!("{text}\n"));
    }
    let double = [
        "",
        "~",
        "null",
        "yes",
        "N",
        "off",
        "true",
        "1",
        "-1",
        "+1",
        "0777",
        "0o7",
        "0xF",
        "1_000",
        "1.5",
        ".5",
        "1.",
        "1e3",
        "12e03",
        ".inf",
        "-.INF",
        ".nan",
        "12:30",
        "12:30:45.5",
        "2001-12-14",
        "2001-12-14T21:59:43Z",
        "<<",
        "=",
        "12345678901234567890123",
        "1e999",
        "0xffffffffffffffffffffff",
        "tab\t",
        "\u{1f600}",
        "\u{2028}",
        "\r",
    ];
    for text in double {
        assert!(emit(&Value::from(text), Style::Canonical).starts_with('"'), "{text:?}");
    }
    let single = [
        "*.yaml", "a: b", "a #b", " a", "a ", "- a", "{a}", "[a]", "'", "@a", "%a", "!a", "---",
        "? a", "-", "|", "a:",
    ];
    for text in single {
        assert!(emit(&Value::from(text), Style::Canonical).starts_with('\''), "{text:?}");
    }
}

/// Words that some reader takes for something else, and characters that mean something somewhere.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9_]{0,4}[.:]?[0-9_]{0,3}([eE][-+]?[0-9]{0,2})?",
        "[-+]?0[xob]?[0-9a-f_]{0,20}",
        "(?i)y|n|yes|no|on|off|true|false|null|~|[-+]?\\.inf|\\.nan|<<|=",
        "[-a-c0-1 \\n\\t\\r:{}\\[\\],&*!|>'\"%@#?<~.`\\\\é\u{feff}\u{85}\u{2028}\u{1f600}\u{a0}]{0,12}",
        "([a-z]{1,9}[ \\n]{1,2}){0,30}",
        any::<String>(),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let entry = (texts().prop_map(Into::into), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::List),
            prop::collection::vec(entry, 0..5).prop_map(|it| Value::Map(it.into_iter().collect())),
        ]
    })
}

/// Go prints whole floats without a dot, so they come back as integers: compares numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => {
            int.to_string().parse() == Ok(*float)
        }
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b).is_eq() || a.is_nan() && b.is_nan(),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((ak, av), (bk, bv))| ak == bk && same(av, bv))
        }
        _ => a == b,
    }
}

fn from_serde(value: &serde_yaml::Value) -> Value {
    match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(it) => Value::Bool(*it),
        serde_yaml::Value::Number(it) => {
            it.as_i64().map_or_else(|| Value::Float(it.as_f64().unwrap()), Value::Int)
        }
        serde_yaml::Value::String(it) => Value::from(it.as_str()),
        serde_yaml::Value::Sequence(items) => Value::List(items.iter().map(from_serde).collect()),
        serde_yaml::Value::Mapping(entries) => {
            let pair =
                |(key, it): (&serde_yaml::Value, _)| (key.as_str().unwrap().into(), from_serde(it));
            Value::Map(entries.iter().map(pair).collect())
        }
        serde_yaml::Value::Tagged(_) => panic!("no tags are written"),
    }
}

/// yaml.v3 loses a line break at the beginning of a block, and so do we in its style.
fn without_first_breaks(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.trim_start_matches('\n')),
        Value::List(items) => Value::List(items.iter().map(without_first_breaks).collect()),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, it)| (key.clone(), without_first_breaks(it)));
            Value::Map(entries.collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_)) => other.clone(),
    }
}

#[test]
fn yaml_v3_loses_the_first_line_break() {
    let value = Value::from(serde_json::json!({"k": "\nlead"}));
    assert_eq!(emit(&value, Style::GoYamlV3), "k: |4-\n    lead\n");
    assert_eq!(emit(&value, Style::Canonical), "k: |2-\n\n  lead\n");
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in values()) {
        for style in STYLES {
            let text = emit(&value, style);
            let read = parse_value(&text);
            let fits = read.as_ref().is_ok_and(|read| match style {
                Style::Canonical | Style::Helm => same(&value, read),
                Style::GoYamlV3 => same(&without_first_breaks(&value), &without_first_breaks(read)),
            });
            prop_assert!(fits, "{style:?}\n{text}\n{value:?}\n{read:?}");
        }
    }

    #[test]
    fn other_readers_read_the_same(value in values()) {
        let text = emit(&value, Style::Canonical);
        let read = serde_yaml::from_str::<serde_yaml::Value>(&text);
        let fits = read.as_ref().is_ok_and(|read| same(&value, &from_serde(read)));
        prop_assert!(fits, "{text}\n{value:?}\n{read:?}");
    }

    #[test]
    fn canonical_text_is_a_fixed_point(value in values()) {
        let text = emit(&value, Style::Canonical);
        prop_assert_eq!(emit(&parse_value(&text).unwrap(), Style::Canonical), text);
    }
}
