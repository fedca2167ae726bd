//! The words for values without fields, and the JSON Schemas that they mean.

use serde_json::{Value as Json, json};

/// What API servers take for an amount: `500m`, `1.5Gi`, `1e3`.
const QUANTITY: &str =
    r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";
/// Base64 with padding; line breaks don't count.
const BASE64: &str = r"^(([\r\n]*[A-Za-z0-9+/]){4})*(([\r\n]*[A-Za-z0-9+/]){2}[\r\n]*=[\r\n]*=|([\r\n]*[A-Za-z0-9+/]){3}[\r\n]*=)?[\r\n]*$";

/// Returns the schema of a word such as `boolean`, of `= a | b`, or of `string 1..63 /pattern/`.
pub(super) fn schema(text: &str) -> Json {
    if let Some(values) = text.strip_prefix("= ") {
        let values: Vec<&str> = values.split(" | ").collect();
        return json!({"type": "string", "enum": values});
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut schema = word_schema(word);
    if rest.is_empty() {
        return schema;
    }
    let (range, pattern) = match rest.split_once('/') {
        Some((range, pattern)) => (range.trim_end(), pattern.strip_suffix('/')),
        None => (rest, None),
    };
    if let Some((shortest, longest)) = range.split_once("..") {
        for (keyword, limit) in [("minLength", shortest), ("maxLength", longest)] {
            if !limit.is_empty() {
                schema[keyword] = limit.parse::<u64>().expect("because limits are numbers").into();
            }
        }
    }
    if let Some(pattern) = pattern {
        schema["pattern"] = pattern.into();
    }
    schema
}

/// Returns what people call the texts that a pattern takes, to follow "is not".
pub(super) fn name_of_pattern(pattern: &str) -> Option<&'static str> {
    match pattern {
        QUANTITY => Some("an amount such as `500m` or `1.5Gi`"),
        BASE64 => Some("Base64"),
        _ => None,
    }
}

fn word_schema(word: &str) -> Json {
    match word {
        "any" => json!({}),
        "object" => json!({"type": "object"}),
        "string" => json!({"type": "string"}),
        "boolean" => json!({"type": "boolean"}),
        "number" | "double" => json!({"type": "number"}),
        "integer" | "int64" => json!({"type": "integer"}),
        "int32" => json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX}),
        "int-or-string" => json!({"type": ["integer", "string"]}),
        "quantity" => json!({"type": ["string", "number"], "pattern": QUANTITY}),
        "date-time" => json!({"type": "string", "format": "date-time"}),
        "base64" => json!({"type": "string", "pattern": BASE64}),
        unknown => panic!("a statement has an unknown word `{unknown}`"),
    }
}

/// Returns what a CRD's `format` means for a value of that `type`, where API servers check it.
pub(super) fn of_format(kind: &str, format: &str) -> Option<Json> {
    match (kind, format) {
        ("integer", "int32") => Some(word_schema("int32")),
        ("string", "byte") => Some(word_schema("base64")),
        (
            "string",
            "date-time" | "date" | "email" | "hostname" | "ipv4" | "ipv6" | "uri" | "uuid",
        ) => Some(json!({"type": "string", "format": format})),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(text: &str, value: &Json) -> bool {
        jsonschema::is_valid(&schema(text), value)
    }

    #[test]
    fn words_mean_what_api_servers_take() {
        for good in ["1", "500m", "1.5Gi", ".5", "1e3", "12E", "+2k"] {
            assert!(takes("quantity", &json!(good)), "{good}");
        }
        for bad in ["", "1g", "1 Gi", "500mm", "m"] {
            assert!(!takes("quantity", &json!(bad)), "{bad}");
        }
        assert!(takes("quantity", &json!(2)) && takes("quantity", &json!(0.5)));
        for good in ["", "YQ==", "YWI=", "YWJj", "YWJj\nYWJj\n"] {
            assert!(takes("base64", &json!(good)), "{good}");
        }
        for bad in ["a", "YQ=", "Y Q=", "plain text!", "=YWI"] {
            assert!(!takes("base64", &json!(bad)), "{bad}");
        }
        assert!(!takes("int32", &json!(1_u64 << 31)) && takes("int64", &json!(1_u64 << 31)));
    }

    #[test]
    fn texts_have_lengths_and_patterns() {
        assert_eq!(
            schema("string ..250 /^a/b$/"),
            json!({"type": "string", "maxLength": 250, "pattern": "^a/b$"})
        );
        assert_eq!(schema("string 1.."), json!({"type": "string", "minLength": 1}));
        assert_eq!(schema("= a | b"), json!({"type": "string", "enum": ["a", "b"]}));
    }
}
