//! The functions that Kalypso adds to sprig.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use wob_engine::{
    Value as Plain,
    yaml::{Style, emit},
};

use crate::{
    Function, Functions, Map, MapOf, Value,
    sprig::{Answer, Arguments, functions as sprig_functions, plain, pure, text},
};

/// How `toYaml` and `stringify` write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToYamlStyle {
    /// As Helm does: two spaces, lists not indented.
    Helm,
    /// As Kalypso does, by yaml.v3: four spaces, lists indented.
    GoYamlV3,
}

/// Returns the functions of Kalypso's templates: sprig's, `toYaml`, `stringify`, `hash` and `unquote`.
pub fn functions(style: ToYamlStyle) -> Functions {
    let (to_yaml, stringify): (Function, Function) = match style {
        ToYamlStyle::Helm => (
            pure(1, 1, |a| write(a.any(0), Style::Helm)),
            pure(1, 1, |a| stringify(a.any(0), Style::Helm)),
        ),
        ToYamlStyle::GoYamlV3 => (
            pure(1, 1, |a| write(a.any(0), Style::GoYamlV3)),
            pure(1, 1, |a| stringify(a.any(0), Style::GoYamlV3)),
        ),
    };
    let mut functions = sprig_functions();
    functions.extend([
        ("hash", pure(1, 1, |a| text(hash(&plain(a.any(0))?).to_string()))),
        ("stringify", stringify),
        ("toYaml", to_yaml),
        ("unquote", pure(1, 1, |a| text(unquote(a.any(0))))),
    ]);
    functions
}

/// Returns config values as Kalypso's scheduler gives them to templates: mappings inside them are of the type that
/// yaml.v2 reads, `map[interface {}]interface {}`.
pub fn config_data(config: &wob_engine::Map) -> Value {
    config.iter().map(|(key, value)| (Arc::from(&**key), as_read(value))).collect()
}

fn as_read(value: &Plain) -> Value {
    match value {
        Plain::List(items) => items.iter().map(as_read).collect(),
        Plain::Map(entries) => {
            let entries: BTreeMap<Arc<str>, Value> =
                entries.iter().map(|(key, it)| (Arc::from(&**key), as_read(it))).collect();
            Value::Map(Rc::new(Map { entries: entries.into(), of: MapOf::Interfaces }))
        }
        Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::String(_) => {
            Value::from(value)
        }
    }
}

/// Writes a value as YAML without the line break at its end.
pub(crate) fn write(value: &Value, style: Style) -> Answer {
    written(&plain(value)?, style)
}

fn written(value: &Plain, style: Style) -> Answer {
    let yaml = emit(value, style);
    text(yaml.strip_suffix('\n').unwrap_or(&yaml))
}

/// Writes a map whose lists and maps are YAML texts; anything else as `toYaml` does.
///
/// Kalypso leaves the maps that it read from config alone, by accident of their Go type; that makes invalid config
/// maps, so here all become texts.
fn stringify(value: &Value, style: Style) -> Answer {
    let mut value = plain(value)?;
    if let Plain::Map(entries) = &mut value {
        for entry in entries.values_mut() {
            if matches!(entry, Plain::List(_) | Plain::Map(_)) {
                *entry = Plain::from(emit(entry, style));
            }
        }
    }
    written(&value, style)
}

fn unquote(value: &Value) -> &str {
    if let Value::String(text) = value {
        text.trim().trim_matches('"').trim_matches('\'')
    } else {
        ""
    }
}

/// Hashes as version 1 of Go's hashstructure does: FNV-1 of scalars, chained for lists, mixed without order for maps.
fn hash(value: &Plain) -> u64 {
    match value {
        // Nothing hashes as the integer 0.
        Plain::Null => fnv(&0_i64.to_le_bytes()),
        Plain::Bool(it) => fnv(&[u8::from(*it)]),
        Plain::Int(it) => fnv(&it.to_le_bytes()),
        Plain::Float(it) => fnv(&it.to_bits().to_le_bytes()),
        Plain::String(it) => fnv(it.as_bytes()),
        Plain::List(items) => items.iter().fold(0, |all, it| chain(all, hash(it))),
        Plain::Map(entries) => {
            entries.iter().fold(0, |all, (key, it)| all ^ chain(fnv(key.as_bytes()), hash(it)))
        }
    }
}

fn chain(before: u64, next: u64) -> u64 {
    let [before, next] = [before, next].map(u64::to_le_bytes);
    fnv(&[before, next].concat())
}

fn fnv(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| hash.wrapping_mul(PRIME) ^ u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Template};

    fn render(text: &str, data: serde_json::Value, style: ToYamlStyle) -> String {
        let data = Value::from(&wob_engine::Value::from(data));
        let template = Template::compile("t", text, &functions(style)).unwrap();
        template.render(&data, &Options::default()).unwrap().text
    }

    #[test]
    fn a_hash_is_that_of_go() {
        let data = serde_json::json!({"A": "1", "B": [1, 2], "m": {
            "a": 1, "b": [true, null, 1.5, "s"], "c": {"d": -1}
        }});
        let text = r#"{{ hash "x" }} {{ hash .A }} {{ hash .B }} {{ hash .m }} {{ hash (dict) }} {{ hash 5 }}"#;
        assert_eq!(
            render(text, data, ToYamlStyle::Helm),
            "12638153115695167399 12638153115695167470 7476045177263584794 17269116893682705141 0 14856124470027295614"
        );
    }

    #[test]
    fn nested_values_become_texts() {
        let data = serde_json::json!({"l": [1, {"a": "b"}], "m": {"a": {"b": "c"}}, "s": "5"});
        assert_eq!(
            render("{{ stringify . }}", data, ToYamlStyle::GoYamlV3),
            "l: |\n    - 1\n    - a: b\nm: |\n    a:\n        b: c\ns: \"5\""
        );
    }

    #[test]
    fn each_profile_has_its_style() {
        let data = serde_json::json!({"a": [{"b": 1}]});
        let text = "{{ toYaml . }}";
        assert_eq!(render(text, data.clone(), ToYamlStyle::Helm), "a:\n- b: 1");
        assert_eq!(render(text, data, ToYamlStyle::GoYamlV3), "a:\n    - b: 1");
    }

    #[test]
    fn quotes_are_taken_off_once_per_kind() {
        let data = serde_json::json!({"q": " \"'q'\" ", "l": []});
        assert_eq!(render("[{{ unquote .q }}{{ unquote .l }}]", data, ToYamlStyle::Helm), "[q]");
    }
}
