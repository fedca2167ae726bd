//! Decodes what only the scheduler `placement` reads: `placement`, `taints` and `tolerations`.

use std::sync::Arc;

use wob_engine::{Diagnostic, Place, Value, did_you_mean};

use super::{
    fields::{Fields, Problems, shown},
    kinds::{Comparisons, selector},
};
use crate::{
    name::{label_key_problem, label_value_problem},
    schedule::{
        Effect, Placement, Preference, SpreadConstraint, Taint, Tolerated, Toleration,
        WhenUnsatisfiable,
    },
};

const EFFECTS: [Effect; 2] = [Effect::NoSchedule, Effect::PreferNoSchedule];

/// Reads `spec.placement` of a policy.
pub(super) fn placement(spec: &mut Fields<'_>, problems: &mut Problems) -> Option<Placement> {
    let mut fields = spec.optional_mapping("placement", problems)?;
    let most = i64::from(u32::MAX);
    let number = whole_number(&mut fields, "numberOfClusterTypes", 1..=most, problems);
    let number = number.and_then(|it| u32::try_from(it).ok());
    let preferences = items(&mut fields, "preferences", "a preference", problems, preference);
    let spread =
        items(&mut fields, "topologySpreadConstraints", "a spread constraint", problems, spread);
    let tolerations = tolerations(&mut fields, problems);
    let place = fields.place.clone();
    fields.finish(&[], problems);
    Some(Placement { number, preferences, spread, tolerations, place })
}

/// Reads `spec.taints` of a cluster type.
pub(super) fn taints(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<Taint> {
    items(spec, "taints", "a taint", problems, |fields, problems| {
        let key = label_key(fields, "key", problems);
        let value = label_value(fields, problems);
        let effect = effect(fields, problems);
        if effect.is_none() && fields.node("effect").is_none() {
            let known = EFFECTS.map(Effect::as_str).join("` or `");
            let missing = Diagnostic::error("missing-field", "a taint has no `effect`");
            problems.push(
                missing
                    .at(fields.place.clone(), "`effect` is missing here")
                    .help(format!("add `effect:` with `{known}`")),
            );
        }
        let place = fields.place.clone();
        Some(Taint { key: key?, value: value.unwrap_or_default(), effect: effect?, place })
    })
}

/// Reads `tolerations` of a policy's placement or of a target.
pub(super) fn tolerations(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Toleration> {
    items(fields, "tolerations", "a toleration", problems, |fields, problems| {
        let operator = one_of(fields, "operator", &["Equal", "Exists"], problems);
        let key = fields.node("key").and_then(|_| label_key(fields, "key", problems));
        let value = label_value(fields, problems);
        let effect = effect(fields, problems);
        let wrong = |message: &str, field: &str, help: &str| {
            let diagnostic = Diagnostic::error("bad-placement", message);
            diagnostic.at(fields.place.key(field), "here").help(help)
        };
        let matches = match (operator.unwrap_or("Equal"), key, value) {
            ("Exists", None, None) => Tolerated::Everything,
            ("Exists", Some(key), None) => Tolerated::Key(key),
            ("Exists", _, Some(_)) => {
                let message = "a toleration with operator `Exists` takes no `value`";
                problems.push(wrong(message, "value", "remove `value`, or use `Equal`"));
                return None;
            }
            (_, Some(key), value) => Tolerated::Equal { key, value: value.unwrap_or_default() },
            (_, None, _) => {
                let message = "a toleration without `key` must have the operator `Exists`";
                let diagnostic = Diagnostic::error("bad-placement", message);
                problems.push(
                    diagnostic
                        .at(fields.place.clone(), "here")
                        .help("add `key:`, or write `operator: Exists` to tolerate everything"),
                );
                return None;
            }
        };
        Some(Toleration { matches, effect })
    })
}

fn preference(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Preference> {
    let weight = whole_number(fields, "weight", -100..=100, problems);
    if fields.node("labelSelector").is_none() {
        let message = "a preference has no `labelSelector`";
        problems.push(
            Diagnostic::error("missing-field", message)
                .at(fields.place.clone(), "`labelSelector` is missing here")
                .help("add `labelSelector:` with the cluster types that are preferred"),
        );
        return None;
    }
    let selector = selector(fields, Comparisons::Numbers, problems);
    // Without a weight a preference would say nothing.
    Some(Preference { weight: weight.unwrap_or(1), selector, place: fields.place.clone() })
}

fn spread(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<SpreadConstraint> {
    let most = i64::from(u32::MAX);
    let key = label_key(fields, "topologyKey", problems);
    let max_skew = whole_number(fields, "maxSkew", 1..=most, problems);
    let ways = [WhenUnsatisfiable::DoNotSchedule, WhenUnsatisfiable::ScheduleAnyway];
    let word = one_of(fields, "whenUnsatisfiable", &ways.map(WhenUnsatisfiable::as_str), problems);
    let way = word.and_then(|it| ways.into_iter().find(|way| way.as_str() == it));
    Some(SpreadConstraint {
        key: key?,
        max_skew: max_skew.and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
        when_unsatisfiable: way.unwrap_or_default(),
        place: fields.place.clone(),
    })
}

/// Reads a list of mappings; `read` leaves out those that mean nothing.
fn items<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    owner: &str,
    problems: &mut Problems,
    mut read: impl FnMut(&mut Fields<'_>, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let owner: Arc<str> = format!("{owner} of {}", fields.owner()).into();
    let mut found = vec![];
    for (node, place) in fields.list(key, problems) {
        if let Some(mut item) = Fields::open(node, place, "", &owner, problems) {
            found.extend(read(&mut item, problems));
            item.finish(&[], problems);
        }
    }
    found
}

/// Returns a whole number within `range` that may be absent.
fn whole_number(
    fields: &mut Fields<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<i64>,
    problems: &mut Problems,
) -> Option<i64> {
    let (node, place) = fields.node(key)?;
    match node.to_value() {
        Value::Int(it) if range.contains(&it) => Some(it),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => {
            problems.push(not_in_range(key, fields.owner(), &range, place));
            None
        }
    }
}

fn not_in_range(
    key: &str,
    owner: &str,
    range: &std::ops::RangeInclusive<i64>,
    place: Place,
) -> Diagnostic {
    let (least, most) = (range.start(), range.end());
    let wanted = if *most == i64::from(u32::MAX) {
        format!("a whole number of at least {least}")
    } else {
        format!("a whole number from {least} to {most}")
    };
    Diagnostic::error("bad-placement", format!("`{key}` of {owner} must be {wanted}"))
        .at(place, "here")
        .help(format!("write {wanted}, without quotes"))
}

/// Returns one of the `known` words; absent or unknown ones are `None`, the latter with an error.
fn one_of<'k>(
    fields: &mut Fields<'_>,
    key: &'static str,
    known: &[&'k str],
    problems: &mut Problems,
) -> Option<&'k str> {
    let text = fields.optional_text(key, problems)?;
    let found = known.iter().copied().find(|it| *it == &*text);
    if found.is_none() {
        let help = match did_you_mean(&text, known.iter().copied()) {
            // Evicting is what every build does, so there is no word of its own for it.
            _ if &*text == "NoExecute" => {
                "write `NoSchedule`: every build decides anew, so it evicts, too".to_owned()
            }
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("write `{}`", known.join("` or `")),
        };
        let message = format!("unknown `{key}` `{}` of {}", shown(&text), fields.owner());
        let diagnostic = Diagnostic::error("unknown-value", message);
        problems.push(diagnostic.at(fields.place.key(key), "here").help(help));
    }
    found
}

fn effect(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Effect> {
    let word = one_of(fields, "effect", &EFFECTS.map(Effect::as_str), problems)?;
    EFFECTS.into_iter().find(|it| it.as_str() == word)
}

fn label_key(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<String> {
    let text = fields.text(key, problems)?;
    checked(&text, label_key_problem(&text), fields, key, problems)
}

fn label_value(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let text = fields.optional_text("value", problems)?;
    checked(&text, label_value_problem(&text), fields, "value", problems)
}

/// Taints and topology keys follow the syntax of labels.
fn checked(
    text: &str,
    reason: Option<&str>,
    fields: &Fields<'_>,
    key: &str,
    problems: &mut Problems,
) -> Option<String> {
    let Some(reason) = reason else { return Some(text.to_owned()) };
    let message = format!("`{key}` of {} is `{}`, which {reason}", fields.owner(), shown(text));
    problems.push(
        Diagnostic::error("bad-label", message)
            .at(fields.place.key(key), "not as Kubernetes takes it")
            .help("write at most 63 letters, digits, `-`, `_` and `.`; a key may have `example.com/` in front"),
    );
    None
}
