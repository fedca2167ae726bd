//! Which changes show a secret: by what they are called, or by what they were made from.

use wob_engine::{Step, Value, looks_secret};
use wob_rules::{
    Inputs,
    changes::{FieldPath, FieldStep, Site, Spot, What},
};

use crate::report::Secrecy;

/// From how many characters on a secret is looked for inside of other texts.
const TELLING: usize = 4;

/// Says whether the values of a change most likely are, or hold, a secret of the assignment that was made from `inputs`.
pub(super) fn is_secret(what: &What, site: &Site, inputs: [Option<&Inputs>; 2]) -> bool {
    let mut secrets = Secrets::default();
    inputs.into_iter().flatten().for_each(|it| secrets.add(it));
    match what {
        What::Field { path, before, after } => {
            let mut values = [before, after].into_iter().flatten();
            is_named_secret(path, site) || values.any(|it| secrets.is_in(it))
        }
        What::Text { before, after } => {
            let mut texts = [before, after].into_iter().flatten();
            texts.any(|it| secrets.is_in(&Value::String(it.clone())))
        }
        What::ClusterType(_)
        | What::Assignment(_)
        | What::Object(_)
        | What::Bytes(_)
        | What::Noise(_) => false,
    }
}

/// Config values whose keys look like those of secrets: they may be part of what does not look like one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Secrets(Vec<Value>);

impl Secrets {
    /// Adds those that something was made from.
    pub(super) fn add(&mut self, inputs: &Inputs) {
        let secrets = inputs.config.iter().filter(|it| looks_secret(it.0)).map(|it| it.1);
        let telling = secrets.filter(|it| match it {
            Value::String(text) => !text.trim().is_empty(),
            Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => true,
            // Everybody knows these.
            Value::Null | Value::Bool(_) => false,
        });
        self.0.extend(telling.cloned());
    }

    /// Says whether any is in a value.
    fn is_in(&self, value: &Value) -> bool {
        self.0.iter().any(|secret| match secret.as_str() {
            Some(text) => holds(value, text.trim()),
            None => value == secret,
        })
    }

    /// Returns a line without them, as long as it was.
    pub(super) fn masked(&self, line: &str) -> String {
        let mut line = line.to_owned();
        let lines = self.0.iter().filter_map(Value::as_str).flat_map(str::lines).map(str::trim);
        for secret in lines.filter(|it| it.chars().count() >= TELLING) {
            if line.contains(secret) {
                line = line.replace(secret, &"•".repeat(secret.chars().count()));
            }
        }
        line
    }
}

fn is_named_secret(path: &FieldPath, site: &Site) -> bool {
    let keys = |path: &[Step]| Secrecy::of("", path) == Secrecy::Secret;
    let positions = [&site.before, &site.after].into_iter().flatten();
    let mut steps = positions.filter_map(|it| match &it.at {
        Spot::Node { path, .. } => Some(path),
        Spot::Line(_) => None,
    });
    let is_of_secret = site.object.as_ref().is_some_and(|it| &*it.kind == "Secret");
    let first = path.steps().first();
    let is_data =
        matches!(first, Some(FieldStep::Key(key)) if matches!(&**key, "data" | "stringData"));
    steps.any(|it| keys(it))
        || path.last_key().is_some_and(looks_secret)
        || (is_of_secret && is_data)
        || path.steps().iter().any(is_secret_item)
}

/// Says whether this is an item such as a variable of a container whose name looks like that of a secret.
fn is_secret_item(step: &FieldStep) -> bool {
    match step {
        FieldStep::Item(keys) => {
            keys.iter().any(|(key, it)| *key == "name" && it.as_str().is_some_and(looks_secret))
        }
        FieldStep::Key(_) | FieldStep::Index(_) => false,
    }
}

fn holds(value: &Value, secret: &str) -> bool {
    match value {
        Value::String(text) => {
            !secret.is_empty()
                && (text.trim() == secret
                    || (secret.chars().count() >= TELLING && text.contains(secret)))
        }
        Value::List(items) => items.iter().any(|it| holds(it, secret)),
        Value::Map(entries) => entries.values().any(|it| holds(it, secret)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
    }
}
