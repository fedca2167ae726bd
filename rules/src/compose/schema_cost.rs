//! How much work a schema can make, so that a hostile one is refused instead of run.
//!
//! References multiply: thirty definitions that each name the next one twice make a billion checks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The most checks that a schema may make with every reference written out.
const MAX_WORK: u64 = 1_000_000;
/// The most checks that one validation may make: seconds, not minutes.
const MAX_TOTAL: u64 = 200_000_000;
/// The most patterns in a schema, each of which may compile to half a megabyte.
const MAX_PATTERNS: usize = 500;
/// How deep a schema may nest with every reference written out.
const MAX_NESTING: u64 = 256;
/// The most checks that may nest in each other, so that they fit the stack of a worker thread.
const MAX_STACK: u64 = 1024;

/// Keywords whose value is one schema, or a list of them; each may apply to the same part of a value.
const SCHEMAS: [&str; 16] = [
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
    "oneOf",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
];
/// Keywords whose value maps names to schemas; each may apply to the same part of a value.
const MAPS: [&str; 3] = ["dependencies", "dependentSchemas", "patternProperties"];
/// Keywords that give a schema a name, and what stands before that name in a reference.
const NAMES: [(&str, &str); 4] =
    [("$id", ""), ("id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#")];
/// Keywords whose value names a schema elsewhere.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// An upper bound of the work of a schema for one level of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Checks, with every reference written out.
    work: u64,
    /// The longest chain of checks.
    nesting: u64,
    /// How many times one part of the value may be checked again by a reference that closes a circle.
    circles: u64,
}

impl Cost {
    /// Measures `schema`.
    ///
    /// # Errors
    /// Says why the schema cannot be used, whatever the value.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let mut survey = Survey { root: Some(schema), ..Survey::default() };
        survey.survey(schema);
        if survey.patterns > MAX_PATTERNS {
            return Err(format!("it has more than {MAX_PATTERNS} patterns"));
        }
        let cost = survey.measure(schema, schema)?;
        if cost.work > MAX_WORK || cost.nesting > MAX_NESTING {
            return Err("its references multiply to more checks than can be made".to_owned());
        }
        Ok(cost)
    }

    /// Says whether a value of `nodes` parts that nest `depth` levels can be checked.
    pub(super) fn allows(&self, nodes: u64, depth: u32) -> bool {
        let work = self.work.saturating_mul(nodes);
        if self.circles == 0 {
            return work <= MAX_TOTAL;
        }
        let work = work.saturating_mul(self.circles.saturating_pow(depth));
        let nesting = self.nesting.saturating_mul(u64::from(depth) + 1);
        work <= MAX_TOTAL && nesting <= MAX_STACK
    }

    fn and(self, other: Self) -> Self {
        Self {
            work: self.work.saturating_add(other.work),
            nesting: self.nesting.max(other.nesting),
            circles: self.circles.saturating_add(other.circles),
        }
    }

    /// Either applies to a part of the value, never both: they are the schemas of different properties.
    fn or(self, other: Self) -> Self {
        Self { circles: self.circles.max(other.circles), ..self.and(other) }
    }
}

#[derive(Default)]
struct Survey<'s> {
    /// `$id` and anchors.
    names: BTreeMap<String, Vec<&'s Value>>,
    root: Option<&'s Value>,
    /// Schemas by address, which is their identity here.
    done: BTreeMap<*const Value, Cost>,
    open: BTreeSet<*const Value>,
    patterns: usize,
}

impl<'s> Survey<'s> {
    /// Notes the names and counts the patterns below `node`.
    fn survey(&mut self, node: &'s Value) {
        match node {
            Value::Object(map) => {
                for (keyword, mark) in NAMES {
                    if let Some(name) = map.get(keyword).and_then(Value::as_str) {
                        self.names.entry(format!("{mark}{name}")).or_default().push(node);
                    }
                }
                let named = map.get("patternProperties").and_then(Value::as_object);
                self.patterns += named.map_or(0, serde_json::Map::len);
                self.patterns += usize::from(map.get("pattern").is_some_and(Value::is_string));
                map.values().for_each(|below| self.survey(below));
            }
            Value::Array(items) => items.iter().for_each(|below| self.survey(below)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Measures `node`, whose `#/...` references start at `base`.
    fn measure(&mut self, node: &'s Value, base: &'s Value) -> Result<Cost, String> {
        let address = std::ptr::from_ref(node);
        if let Some(cost) = self.done.get(&address) {
            return Ok(*cost);
        }
        if !self.open.insert(address) {
            return Ok(Cost { work: 1, nesting: 1, circles: 1 });
        }
        // References follow each other without JSON nesting, so their depth is bounded here.
        if self.open.len() as u64 > MAX_NESTING {
            return Err("its references nest too deeply".to_owned());
        }
        let cost = match node {
            Value::Object(map) => self.measure_keywords(node, map, base)?,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Cost::default(),
        };
        self.open.remove(&address);
        let cost = Cost { work: cost.work.saturating_add(1), nesting: cost.nesting + 1, ..cost };
        self.done.insert(address, cost);
        Ok(cost)
    }

    fn measure_keywords(
        &mut self,
        node: &'s Value,
        map: &'s serde_json::Map<String, Value>,
        base: &'s Value,
    ) -> Result<Cost, String> {
        let embedded = map.get("$id").or_else(|| map.get("id")).and_then(Value::as_str);
        let base = if embedded.is_some_and(|id| !id.starts_with('#')) { node } else { base };
        let mut cost = Cost::default();
        for below in SCHEMAS.iter().filter_map(|keyword| map.get(*keyword)) {
            let listed = below.as_array().map_or(std::slice::from_ref(below), Vec::as_slice);
            for schema in listed {
                cost = cost.and(self.measure(schema, base)?);
            }
        }
        for schema in
            MAPS.iter().filter_map(|it| map.get(*it)?.as_object()).flat_map(|it| it.values())
        {
            cost = cost.and(self.measure(schema, base)?);
        }
        let mut either = Cost::default();
        for schema in
            map.get("properties").and_then(Value::as_object).into_iter().flat_map(|it| it.values())
        {
            either = either.or(self.measure(schema, base)?);
        }
        cost = cost.and(either);
        for reference in REFERENCES.iter().filter_map(|it| map.get(*it)?.as_str()) {
            for target in self.resolve(reference, base)? {
                cost = cost.and(self.measure(target, base)?);
            }
        }
        Ok(cost)
    }

    /// Returns all that `reference` may mean: drafts differ in what moves the base, so every reading counts.
    fn resolve(&self, reference: &str, base: &'s Value) -> Result<Vec<&'s Value>, String> {
        let mut found: Vec<&'s Value> =
            self.names.get(reference).into_iter().flatten().copied().collect();
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let documents = if document.is_empty() {
            self.root.into_iter().chain([base]).collect()
        } else if document.contains(':') {
            self.names.get(document).cloned().unwrap_or_default()
        } else {
            vec![]
        };
        let pointer = percent_decoded(fragment);
        found.extend(documents.into_iter().filter_map(|it| it.pointer(&pointer)));
        found.sort_by_key(|it| std::ptr::from_ref(*it));
        found.dedup_by_key(|it| std::ptr::from_ref(*it));
        if found.is_empty() {
            let reference = super::schema::shorten(reference, 60);
            return Err(format!("its reference `{reference}` leads nowhere"));
        }
        Ok(found)
    }
}

/// Decodes `%41` as `A`; what is no such code stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let code = code.and_then(|it| u8::from_str_radix(it, 16).ok());
        match code {
            Some(code) if *first == b'%' => {
                bytes.push(code);
                rest = &after[2..];
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
