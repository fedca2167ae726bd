//! The oracle's reading of YAML: saphyr-parser's events, and the scalars as Kubernetes (yaml.v2, YAML 1.1) reads them.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Returns the documents of `text`, empty ones as null.
///
/// # Errors
/// What is wrong with the first document that is not well-formed, has a key twice, or a key that is no scalar.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut events = vec![];
    let length = text.chars().count();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|it| it.to_string())?;
        let is_last = span.end.index() >= length && !text.ends_with('\n');
        events.push(if is_last { without_line_break(event) } else { event });
    }
    let mut reader = Reader { events: events.into_iter(), anchors: BTreeMap::new() };
    let mut documents = vec![];
    while let Some(event) = reader.events.next() {
        if matches!(event, Event::DocumentStart(_)) {
            documents.push(reader.node()?);
        }
    }
    Ok(documents)
}

/// A block scalar has a final line break only if the text has one; saphyr-parser adds it.
fn without_line_break(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Scalar(text, style @ (ScalarStyle::Literal | ScalarStyle::Folded), anchor, tag) => {
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            Event::Scalar(text.into(), style, anchor, tag)
        }
        other => other,
    }
}

struct Reader<'text> {
    events: std::vec::IntoIter<Event<'text>>,
    anchors: BTreeMap<usize, Value>,
}

impl Reader<'_> {
    fn node(&mut self) -> Result<Value, String> {
        let event = self.events.next().ok_or("the events end early")?;
        self.node_from(event)
    }

    fn node_from(&mut self, event: Event<'_>) -> Result<Value, String> {
        let (anchor, value) = match event {
            Event::Alias(id) => {
                return self.anchors.get(&id).cloned().ok_or_else(|| "unknown alias".to_owned());
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|it| it.suffix.clone());
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list()?),
            Event::MappingStart(anchor, _) => (anchor, self.map()?),
            other => return Err(format!("unexpected {other:?}")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, String> {
        let mut items = vec![];
        loop {
            match self.events.next().ok_or("a list without end")? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.node_from(event)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, String> {
        let mut entries = Map::new();
        let mut merged = Map::new();
        loop {
            let event = self.events.next().ok_or("a mapping without end")?;
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            if event == Event::MappingEnd {
                break;
            }
            let key = key_text(&self.node_from(event)?)?;
            let value = self.node()?;
            if is_merge {
                merge_into(&mut merged, &value)?;
            } else if entries.insert(key.clone(), value).is_some() {
                return Err(format!("duplicate key {key}"));
            }
        }
        for (key, value) in merged {
            entries.entry(key).or_insert(value);
        }
        Ok(Value::Object(entries))
    }
}

/// Earlier mappings of a merge list win.
fn merge_into(merged: &mut Map<String, Value>, value: &Value) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                merged.entry(key.clone()).or_insert_with(|| value.clone());
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|it| merge_into(merged, it)),
        _ => Err("a merge key wants mappings".to_owned()),
    }
}

fn key_text(key: &Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(it) => Ok(it.to_string()),
        Value::Number(it) => Ok(it.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("a key that Kubernetes cannot read".to_owned())
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    match tag {
        Some("str") => Value::String(text.to_owned()),
        _ if style == ScalarStyle::Plain => resolve(text),
        _ => Value::String(text.to_owned()),
    }
}

/// Returns what yaml.v2 makes of a plain scalar.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn integer(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|it| it.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value)
        .map(Number::from)
        .or_else(|_| u64::try_from(value).map(Number::from))
        .ok()
        .map(Value::Number)
}

fn float(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let unsigned = text.trim_start_matches(['+', '-']);
    if text.len() > unsigned.len() + 1
        || !unsigned.starts_with(|it: char| it.is_ascii_digit() || it == '.')
    {
        return None;
    }
    let digits = unsigned.trim_start_matches('.');
    if !digits.starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    if !text.chars().all(|it| it.is_ascii_digit() || matches!(it, '.' | 'e' | 'E' | '+' | '-')) {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::documents;

    #[test]
    fn plain_words_are_read_as_kubernetes_reads_them() {
        let text = "{a: yes, b: 'yes', c: 0755, d: 12:30, e: 1.50, f: 1_000, on: off, g: 2023-01-01, h: ~}";
        let expected = json!({
            "a": true, "b": "yes", "c": 493, "d": "12:30", "e": 1.5, "f": 1000, "true": false, "g": "2023-01-01", "h": null
        });
        assert_eq!(documents(text), Ok(vec![expected]));
    }

    #[test]
    fn anchors_merges_and_several_documents() {
        let text = "a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n---\n- 1\n";
        let expected = vec![json!({"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}), json!([1])];
        assert_eq!(documents(text), Ok(expected));
        assert!(documents("a: 1\na: 2\n").is_err());
        assert!(documents("{{ .Namespace }}").is_err());
        assert_eq!(documents("- |\n  a"), Ok(vec![json!(["a"])]));
        assert_eq!(documents("- |\n  a\n"), Ok(vec![json!(["a\n"])]));
    }
}
