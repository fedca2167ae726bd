//! Plain data to TOML, as Helm's `toToml` lays it out: sorted keys, tables last and indented.

use wob_engine::{Map, Value};

/// Writes a map; anything else is answered with a sentence, as Helm does.
pub(crate) fn write(value: &Value) -> String {
    let Value::Map(root) = value else {
        return "top-level values must be Go maps or structs".into();
    };
    let mut writer = Writer { out: String::new() };
    match writer.table(root, &[]) {
        Ok(()) => writer.out,
        Err(Unwritable) => "toml: cannot encode array with nil element".into(),
    }
}

/// A list holds nothing: TOML has no word for that.
struct Unwritable;

struct Writer {
    out: String,
}

impl Writer {
    fn table(&mut self, table: &Map, path: &[&str]) -> Result<(), Unwritable> {
        let mut tables = vec![];
        for (key, value) in table {
            match value {
                // What is nothing is left out.
                Value::Null => {}
                Value::Map(_) => tables.push((key, value)),
                Value::List(items) if is_list_of_tables(items) => tables.push((key, value)),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::String(_)
                | Value::List(_) => {
                    self.indent(path.len());
                    self.key(key);
                    self.out.push_str(" = ");
                    self.value(value)?;
                    self.out.push('\n');
                }
            }
        }
        for (key, value) in tables {
            let path = [path, &[key]].concat();
            if let Value::Map(table) = value {
                if path.len() == 1 {
                    self.blank_line();
                }
                self.header("[", &path, "]");
                self.table(table, &path)?;
            } else if let Value::List(items) = value {
                for item in items.iter().filter_map(Value::as_map) {
                    self.blank_line();
                    self.header("[[", &path, "]]");
                    self.table(item, &path)?;
                }
            }
        }
        Ok(())
    }

    fn header(&mut self, open: &str, path: &[&str], close: &str) {
        self.indent(path.len() - 1);
        self.out.push_str(open);
        for (i, key) in path.iter().enumerate() {
            if i > 0 {
                self.out.push('.');
            }
            self.key(key);
        }
        self.out.push_str(close);
        self.out.push('\n');
    }

    fn value(&mut self, value: &Value) -> Result<(), Unwritable> {
        match value {
            Value::Null => return Err(Unwritable),
            Value::Bool(it) => self.out.push_str(&it.to_string()),
            Value::Int(it) => self.out.push_str(&it.to_string()),
            Value::Float(it) => self.float(*it),
            Value::String(it) => self.text(it),
            Value::List(items) => {
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.value(item)?;
                }
                self.out.push(']');
            }
            Value::Map(entries) => {
                self.out.push('{');
                let entries = entries.iter().filter(|(_, it)| !matches!(it, Value::Null));
                for (i, (key, item)) in entries.enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.key(key);
                    self.out.push_str(" = ");
                    self.value(item)?;
                }
                self.out.push('}');
            }
        }
        Ok(())
    }

    /// Whole floats keep a point, so that they stay floats.
    fn float(&mut self, number: f64) {
        let mut digits = number.to_string().to_ascii_lowercase();
        if number.is_finite() && !digits.contains('.') {
            digits.push_str(".0");
        }
        self.out.push_str(&digits);
    }

    fn key(&mut self, key: &str) {
        let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !key.is_empty() && key.bytes().all(is_bare) {
            self.out.push_str(key);
        } else {
            self.text(key);
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                '\0'..='\u{1f}' | '\u{7f}' => {
                    let escape = format!("\\u{:04x}", u32::from(c));
                    self.out.push_str(&escape);
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn blank_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, levels: usize) {
        self.out.push_str(&"  ".repeat(levels));
    }
}

fn is_list_of_tables(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|it| matches!(it, Value::Map(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_come_last_and_are_indented() {
        let value = Value::from(json!({
            "title": "a \"b\"\n", "f": 1.0, "n": 2, "none": null, "a.b": [1, [true], {"x": "y"}],
            "owner": {"name": "me", "deep": {"k": 1}}, "servers": [{"ip": 1}, {"ip": 2}],
        }));
        let expected = "\"a.b\" = [1, [true], {x = \"y\"}]\nf = 1.0\nn = 2\ntitle = \"a \\\"b\\\"\\n\"\n\n\
            [owner]\n  name = \"me\"\n  [owner.deep]\n    k = 1\n\n\
            [[servers]]\n  ip = 1\n\n[[servers]]\n  ip = 2\n";
        assert_eq!(write(&value), expected);
    }

    #[test]
    fn what_toml_cannot_say_is_a_sentence() {
        assert!(write(&Value::from("x")).starts_with("top-level"));
        assert!(write(&Value::from(json!({"a": [null]}))).starts_with("toml: cannot encode"));
    }
}
