//! Which type a top-level text has: the schema decides.
//!
//! A `ConfigMap` holds only texts, so `"8080"` may mean the text or the number. A value passes if either does.
//! Readings change only where the schema complains, so the work grows with the number of complaints and not
//! with the number of combinations.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Number, Value};

/// How many times one schema may be run for one config beyond the first few.
const MAX_TRIES: usize = 64;

/// A config whose texts may mean something else.
pub(super) struct Readings {
    texts: Map<String, Value>,
    /// By key: the number or boolean that the text may mean.
    other: BTreeMap<String, Value>,
}

/// The keys that are read the other way.
type Switched = BTreeSet<String>;

impl Readings {
    /// Finds the keys of `texts`, a config, whose text may also mean something else.
    pub(super) fn of(texts: Map<String, Value>) -> Self {
        let other = texts.iter().filter_map(|(key, value)| {
            let text = value.as_str()?;
            Some((key.clone(), boolean(text).or_else(|| number(text))?))
        });
        Self { other: other.collect(), texts }
    }

    /// Returns the config with the readings that `validator` complains about least.
    pub(super) fn decide(&self, validator: &Validator) -> Value {
        let texts = self.read(&Switched::new());
        if self.other.is_empty() || validator.is_valid(&texts) {
            return texts;
        }
        let complaints = Complaints::about(&texts, validator);
        // Most complaints are about one key each, and so those keys can be tried all at once.
        let tried: Switched =
            self.other.keys().filter(|key| complaints.by_key.contains_key(*key)).cloned().collect();
        let after = Complaints::about(&self.read(&tried), validator);
        let helped = |key: &&String| after.weight_of(key) < complaints.weight_of(key);
        let helpful: Switched = tried.iter().filter(helped).cloned().collect();
        let mut best = (complaints, Switched::new());
        if helpful != tried {
            self.keep_better(&mut best, helpful, validator);
        }
        if after.weight < best.0.weight {
            best = (after, tried);
        }
        self.try_one_by_one(&mut best, validator);
        self.read(&best.1)
    }

    /// Switches single keys as long as that helps: for schemas that tie several keys to each other.
    fn try_one_by_one(&self, best: &mut (Complaints, Switched), validator: &Validator) {
        let mut tries = MAX_TRIES;
        loop {
            let before = best.0.weight;
            let suspect = |key: &&String| best.0.is_vague || best.0.by_key.contains_key(*key);
            let suspects: Vec<&String> = self.other.keys().filter(suspect).collect();
            for key in suspects {
                if best.0.weight == 0 || tries == 0 {
                    return;
                }
                tries -= 1;
                let mut candidate = best.1.clone();
                if !candidate.remove(key) {
                    candidate.insert(key.clone());
                }
                self.keep_better(best, candidate, validator);
            }
            if best.0.weight >= before {
                return;
            }
        }
    }

    fn keep_better(
        &self,
        best: &mut (Complaints, Switched),
        candidate: Switched,
        validator: &Validator,
    ) {
        let complaints = Complaints::about(&self.read(&candidate), validator);
        if complaints.weight < best.0.weight {
            *best = (complaints, candidate);
        }
    }

    fn read(&self, switched: &Switched) -> Value {
        let mut config = self.texts.clone();
        for key in switched {
            if let (Some(other), Some(slot)) = (self.other.get(key), config.get_mut(key)) {
                *slot = other.clone();
            }
        }
        Value::Object(config)
    }
}

/// What a schema has against one reading of a config.
#[derive(Default)]
struct Complaints {
    weight: usize,
    /// The weight of what is said about each top-level key, in all alternatives.
    by_key: BTreeMap<String, usize>,
    /// Something is wrong, but the schema does not say with which key.
    is_vague: bool,
}

impl Complaints {
    fn about(config: &Value, validator: &Validator) -> Self {
        let mut all = Self::default();
        for error in validator.iter_errors(config) {
            all.weight = all.weight.saturating_add(all.add(&error));
        }
        all
    }

    fn weight_of(&self, key: &str) -> usize {
        self.by_key.get(key).copied().unwrap_or(0)
    }

    /// Notes which keys `error` is about, and returns its weight: of alternatives the lightest counts.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "jsonschema's enum, of which few matter here"
    )]
    fn add(&mut self, error: &ValidationError<'_>) -> usize {
        let mut alternatives = |branches: &[Vec<ValidationError<'static>>]| {
            let weights = branches.iter().map(|errors| {
                errors.iter().fold(1_usize, |sum, it| sum.saturating_add(self.add(it)))
            });
            weights.min().unwrap_or(1)
        };
        let weight = match error.kind() {
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => alternatives(context),
            // A value of the right type but out of bounds is nearer to what was meant.
            ValidationErrorKind::Type { .. } => 3,
            _ => 2,
        };
        let path = error.instance_path().as_str();
        if let Some(key) = path.split('/').nth(1) {
            let slot = self.by_key.entry(unescaped(key)).or_default();
            *slot = slot.saturating_add(weight);
        } else {
            let conditions = ["/then", "/else", "/depend", "/oneOf", "/not"];
            let schema = error.schema_path().as_str();
            self.is_vague |= conditions.iter().any(|it| schema.contains(it));
        }
        weight
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn boolean(text: &str) -> Option<Value> {
    text.parse().ok().map(Value::Bool)
}

/// Reads a number as Go's `Atoi` and `ParseFloat` do; infinities and NaN are none.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts_well = digits.starts_with(|it: char| it.is_ascii_digit() || it == '.');
    let is_decimal = |it: char| it.is_ascii_digit() || "._eE+-".contains(it);
    if !starts_well || !digits.chars().all(is_decimal) || !underscores_separate_digits(digits) {
        return None;
    }
    let plain = text.replace('_', "");
    if let Ok(integer) = plain.parse::<i64>() {
        return Some(Value::from(integer));
    }
    Number::from_f64(plain.parse().ok()?).map(Value::Number)
}

fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut underscores = (0..bytes.len()).filter(|at| bytes[*at] == b'_');
    underscores.all(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        for text in ["5", "+5", "007", "1_000", "1e3", ".5", "5.", "9223372036854775808", "-0.5"] {
            assert!(number(text).is_some(), "{text}");
        }
        for text in ["", " 5", "0x1F", "NaN", "inf", "1__0", "_1", "1_", "1e999", "1.2.3", "+-5"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    fn decided(schema: &str, config: &str) -> String {
        let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let Value::Object(texts) = serde_json::from_str(config).unwrap() else { panic!() };
        Readings::of(texts).decide(&validator).to_string()
    }

    #[test]
    fn the_schema_decides_each_key_by_itself() {
        let schema = r#"{"properties": {"a": {"type": "integer"}, "b": {"type": "string"},
            "c": {"type": "boolean"}, "d": {"type": "integer", "maximum": 90}, "e": {"type": "integer"}}}"#;
        let config = r#"{"a": "1", "b": "2", "c": "true", "d": "91", "e": "5.5"}"#;
        assert_eq!(decided(schema, config), r#"{"a":1,"b":"2","c":true,"d":91,"e":"5.5"}"#);
    }

    #[test]
    fn keys_that_a_schema_ties_together_are_found() {
        let integers = r#"{"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}"#;
        let schema = format!(r#"{{"anyOf": [{integers}, {{"required": ["z"]}}]}}"#);
        assert_eq!(decided(&schema, r#"{"a": "1", "b": "2"}"#), r#"{"a":1,"b":2}"#);
        let schema = r#"{"if": {"properties": {"a": {"const": 1}}}, "then": {}, "else": {"required": ["z"]}}"#;
        assert_eq!(decided(schema, r#"{"a": "1", "b": "2"}"#), r#"{"a":1,"b":"2"}"#);
        let schema = r#"{"not": {"properties": {"a": {"type": "string"}}}}"#;
        assert_eq!(decided(schema, r#"{"a": "1"}"#), r#"{"a":1}"#);
    }

    /// Says whether any combination of readings passes: the slow way.
    fn any_passes(texts: &Map<String, Value>, validator: &Validator) -> bool {
        let readings = Readings::of(texts.clone());
        let keys: Vec<&String> = readings.other.keys().collect();
        (0..1_usize << keys.len()).any(|bits| {
            let chosen = keys.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            validator.is_valid(&readings.read(&chosen.map(|(_, key)| (*key).clone()).collect()))
        })
    }

    proptest! {
        #[test]
        fn a_config_passes_if_any_combination_of_readings_does(
            rules in prop::collection::vec(0_usize..8, 5),
            values in prop::collection::vec(0_usize..8, 5),
        ) {
            let rule = [
                json!({"type": "string"}),
                json!({"type": "integer", "maximum": 9}),
                json!({"type": "boolean"}),
                json!({"enum": ["1", true, 12]}),
                json!({"anyOf": [{"type": "integer", "minimum": 5}, {"pattern": "^[a-z]+$", "type": "string"}]}),
                json!({"oneOf": [{"type": "number"}, {"minLength": 3, "type": "string"}]}),
                json!({"not": {"type": "string"}}),
                json!({"allOf": [{"type": ["string", "number"]}, {"maxLength": 1}]}),
            ];
            let value = ["1", "12", "7.5", "true", "abc", "", "1e400", "007"];
            let pairs = |pick: &dyn Fn(usize) -> Value| -> Map<String, Value> {
                (0..5).map(|at| (format!("k{at}"), pick(at))).collect()
            };
            let schema = json!({"properties": pairs(&|at| rule[rules[at]].clone())});
            let validator = jsonschema::validator_for(&schema).unwrap();
            let texts = pairs(&|at| value[values[at]].into());
            let decided = Readings::of(texts.clone()).decide(&validator);
            prop_assert_eq!(validator.is_valid(&decided), any_passes(&texts, &validator));
        }
    }
}
