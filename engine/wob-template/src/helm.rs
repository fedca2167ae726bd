//! The functions that Helm's template engine adds to sprig.

use wob_engine::{
    Value as Plain,
    yaml::{Style, parse_value},
};

use crate::{
    FunctionError, Functions, Value, helm_functions,
    kalypso::write,
    sprig::{
        Answer, Arguments, functions as sprig_functions, kind_of, list, plain, pure, read_json,
        refused, text,
    },
    toml,
};

/// Returns the functions of Helm's templates: sprig's, those that render, and those that read and write data.
pub fn functions() -> Functions {
    let mut functions = sprig_functions();
    functions.extend(helm_functions());
    functions.extend([
        ("fromJson", pure(1, 1, |a| Ok(map_or_error(read_json(a.text(0)?))))),
        ("fromJsonArray", pure(1, 1, |a| list_or_error(read_json(a.text(0)?)))),
        ("fromYaml", pure(1, 1, |a| Ok(map_or_error(read_yaml(a.text(0)?))))),
        ("fromYamlArray", pure(1, 1, |a| list_or_error(read_yaml(a.text(0)?)))),
        ("lookup", refused("asks the cluster", "put what it would find into a config value")),
        ("toToml", pure(1, 1, |a| text(toml::write(&plain(a.any(0))?)))),
        ("toYaml", pure(1, 1, |a| write(a.any(0), Style::Helm))),
    ]);
    functions
}

/// Reads YAML as Helm does, by way of JSON: every number is a float.
fn read_yaml(text: &str) -> Answer {
    match parse_value(text) {
        Ok(value) => Ok(Value::from(&floats(value))),
        Err(problem) => {
            Err(FunctionError(format!("error converting YAML to JSON: {}", problem.message)))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "so does Go's JSON decoder")]
fn floats(value: Plain) -> Plain {
    match value {
        Plain::Int(it) => Plain::Float(it as f64),
        Plain::List(items) => Plain::List(items.into_iter().map(floats).collect()),
        Plain::Map(entries) => {
            Plain::Map(entries.into_iter().map(|(key, it)| (key, floats(it))).collect())
        }
        Plain::Null | Plain::Bool(_) | Plain::Float(_) | Plain::String(_) => value,
    }
}

/// Answers a map, or one that tells the error under `Error`: Helm's charts look for it there.
fn map_or_error(read: Answer) -> Value {
    let message = match read {
        Ok(value @ Value::Map(_)) => return value,
        Ok(Value::Nil) => return Value::Map(std::rc::Rc::default()),
        Ok(other) => mistyped(&other, "map[string]interface {}"),
        Err(error) => error.0,
    };
    [("Error".into(), Value::from(message))].into_iter().collect()
}

/// Answers a list, or one that holds the error.
fn list_or_error(read: Answer) -> Answer {
    match read {
        Ok(value @ Value::List(_)) => Ok(value),
        Ok(Value::Nil) => list([]),
        Ok(other) => list([Value::from(mistyped(&other, "[]interface {}"))]),
        Err(error) => list([Value::from(error.0)]),
    }
}

fn mistyped(value: &Value, wanted: &str) -> String {
    let found = match kind_of(value) {
        "map" => "object",
        "slice" => "array",
        "float64" => "number",
        kind => kind,
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Template};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let template = Template::compile("t", text, &functions()).unwrap();
        let rendered = template.render(&Value::Nil, &Options::default()).unwrap();
        assert_eq!(rendered.text, expected);
    }

    #[test]
    fn yaml_is_read_by_way_of_json() {
        check("{{ (fromYaml \"a: {b: 1}\").a.b }}", "1");
        check("{{ typeOf (fromYaml \"a: 1\").a }}", "float64");
        check("{{ fromYaml \"\" }} {{ fromYaml \"yes: 0o7\" }}", "map[] map[true:7]");
        check("{{ fromYamlArray \"[1, a]\" }}", "[1 a]");
    }

    #[test]
    fn errors_are_data() {
        check(
            "{{ (fromYaml \"[1]\").Error }}",
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        );
        check("{{ hasKey (fromYaml \"a: [\") \"Error\" }}", "true");
        check(
            "{{ (fromJson \"{bad\").Error }}",
            "invalid character 'b' looking for beginning of object key string",
        );
        check("{{ len (fromJsonArray \"{}\") }}", "1");
    }

    #[test]
    fn yaml_is_written_as_kubernetes_tools_do() {
        check(
            "{{ toYaml (dict \"a\" \"yes\" \"b\" 1.0 \"c\" (list 1 2)) }}",
            "a: \"yes\"\nb: 1\nc:\n- 1\n- 2",
        );
        check("{{ toYaml nil }}|{{ toYaml \"\" }}|{{ toYaml (list) }}", "null|\"\"|[]");
    }
}
