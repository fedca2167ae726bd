//! `warnings` in wob.yaml: which warnings are not wanted.

use std::collections::BTreeSet;

use wob_engine::{Code, Diagnostic, Value, did_you_mean};

use super::codes;
use crate::decode::{Fields, Problems, shown};

/// Reads `warnings: {unused-label: off}`: the codes that are off.
pub(crate) fn silenced(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<Code> {
    let mut silenced = BTreeSet::new();
    let Some(warnings) = fields.optional_mapping("warnings", problems) else { return silenced };
    let known = codes();
    for (key, node, place) in warnings.entries() {
        let Some(code) = known.iter().find(|it| **it == key) else {
            let guess = did_you_mean(key, known.iter().copied());
            let help = match guess {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("only warnings can be turned off: {}", known.join(", ")),
            };
            let message = format!("`{}` is not the code of a warning", shown(key));
            problems.push(
                Diagnostic::error("unknown-value", message).at(place.on_key(), "here").help(help),
            );
            continue;
        };
        // YAML reads `off` as a truth value, unless it is quoted.
        match node.to_value() {
            Value::Bool(false) => drop(silenced.insert(*code)),
            Value::String(it) if &*it == "off" => drop(silenced.insert(*code)),
            Value::Bool(true) => {}
            Value::String(it) if &*it == "on" => {}
            Value::Null
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_) => problems.push(
                Diagnostic::error("unknown-value", format!("`warnings.{code}` must be on or off"))
                    .at(place, "here")
                    .help("write `off`, or remove the line"),
            ),
        }
    }
    silenced
}
