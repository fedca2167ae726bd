//! What differs between two objects of one name, field by field.

use std::sync::Arc;

use wob_engine::{Map, Step, Value};

use super::{
    FieldPath, FieldStep, ObjectName,
    lists::{self, Item, Order},
};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldChange {
    pub(super) path: FieldPath,
    /// What the old object has, and the way to it.
    pub(super) before: Option<(Vec<Step>, Value)>,
    /// What the new object has, and the way to it.
    pub(super) after: Option<(Vec<Step>, Value)>,
}

/// Mappings whose entries are told one by one even where all of them come or go.
const OPEN: [&str; 6] = ["labels", "annotations", "data", "stringData", "binaryData", "metadata"];

/// Lists the fields that differ, in order; none if the objects are one to a cluster.
pub(super) fn field_changes(name: &ObjectName, before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut walk = Walk { name, path: FieldPath::default(), found: vec![] };
    walk.compare(&mut Way::of(Some(before)), &mut Way::of(Some(after)));
    walk.found
}

struct Walk<'n> {
    name: &'n ObjectName,
    path: FieldPath,
    found: Vec<FieldChange>,
}

/// A value of one side and the way to it.
struct Way<'v> {
    value: Option<&'v Value>,
    steps: Vec<Step>,
}

impl<'v> Way<'v> {
    fn of(value: Option<&'v Value>) -> Self {
        Self { value, steps: vec![] }
    }

    fn down(&self, step: Step, value: Option<&'v Value>) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { value, steps }
    }

    fn index(&self, index: usize, value: Option<&'v Value>) -> Self {
        self.down(Step::Index(u32::try_from(index).unwrap_or(u32::MAX)), value)
    }

    fn found(&self) -> Option<(Vec<Step>, Value)> {
        Some((self.steps.clone(), self.value?.clone()))
    }
}

impl Walk<'_> {
    fn compare(&mut self, before: &mut Way<'_>, after: &mut Way<'_>) {
        if lists::is_kubernetes(self.name) {
            // The API server reads no difference between a null and nothing.
            before.value = before.value.filter(|it| !matches!(it, Value::Null));
            after.value = after.value.filter(|it| !matches!(it, Value::Null));
        }
        let is_open = self.path.last_key().is_some_and(|it| OPEN.contains(&it));
        let empty = Map::new();
        match (before.value, after.value) {
            (a, b) if a == b => {}
            (Some(Value::Map(a)), Some(Value::Map(b))) => self.maps(before, a, after, b),
            (Some(Value::Map(a)), None) if is_open && !a.is_empty() => {
                self.maps(before, a, after, &empty);
            }
            (None, Some(Value::Map(b))) if is_open && !b.is_empty() => {
                self.maps(before, &empty, after, b);
            }
            (Some(Value::List(a)), Some(Value::List(b))) => self.lists(before, a, after, b),
            (_, _) => self.found.push(FieldChange {
                path: self.path.clone(),
                before: before.found(),
                after: after.found(),
            }),
        }
    }

    fn maps<'v>(&mut self, before: &Way<'v>, a: &'v Map, after: &Way<'v>, b: &'v Map) {
        let mut keys: Vec<&Arc<str>> = a.keys().chain(b.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let step = || Step::Key(key.clone());
            let (mut a, mut b) = (before.down(step(), a.get(key)), after.down(step(), b.get(key)));
            self.below(FieldStep::Key(key.clone()), &mut a, &mut b);
        }
    }

    fn lists<'v>(&mut self, before: &Way<'v>, a: &'v [Value], after: &Way<'v>, b: &'v [Value]) {
        let order = lists::order(self.name, &self.path.plain());
        match (lists::keyed(a, order), lists::keyed(b, order)) {
            (Some(a), Some(b)) => {
                let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
                names.sort_unstable();
                names.dedup();
                for name in names {
                    self.item(order, (before, a.get(name)), (after, b.get(name)));
                }
            }
            (_, _) => self.ordered(before, a, after, b),
        }
    }

    fn item<'v>(
        &mut self,
        order: Order,
        (before, a): (&Way<'v>, Option<&Item<'v>>),
        (after, b): (&Way<'v>, Option<&Item<'v>>),
    ) {
        let Some(named) = a.or(b) else { return };
        let keys = match order {
            // Only what is unlike the default needs saying.
            Order::Map(_) => {
                let keys = named.keys.iter();
                keys.filter(|it| it.0 != "protocol" || it.1.as_str() != Some("TCP"))
                    .cloned()
                    .collect()
            }
            Order::Set | Order::Counts => named.keys.clone(),
        };
        let way = |way: &Way<'v>, item: Option<&Item<'v>>| match item {
            Some(it) => way.index(it.index, Some(it.value)),
            None => way.index(0, None),
        };
        let (mut a, mut b) = (way(before, a), way(after, b));
        self.below(FieldStep::Item(keys), &mut a, &mut b);
    }

    /// Compares lists whose order counts: what is equal at both ends is left out, the rest is told by its place.
    fn ordered<'v>(&mut self, before: &Way<'v>, a: &'v [Value], after: &Way<'v>, b: &'v [Value]) {
        let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let rest = (a.len() - start).min(b.len() - start);
        let (from_end_a, from_end_b) = (a.iter().rev(), b.iter().rev());
        let end = from_end_a.zip(from_end_b).take(rest).take_while(|(a, b)| a == b).count();
        for index in start..(a.len() - end).max(b.len() - end) {
            let item = |items: &'v [Value]| items[..items.len() - end].get(index);
            let (mut a, mut b) = (before.index(index, item(a)), after.index(index, item(b)));
            self.below(FieldStep::Index(index), &mut a, &mut b);
        }
    }

    fn below(&mut self, step: FieldStep, before: &mut Way<'_>, after: &mut Way<'_>) {
        self.path.push(step);
        self.compare(before, after);
        self.path.pop();
    }
}
