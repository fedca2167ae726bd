//! Deep merging of values, remembering for each part which layer said it and what it overrode.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Place, Step, Value};

use super::Provenance;

/// How many more nodes may be made.
pub(super) struct Fuel(usize);

impl Fuel {
    /// Allows `nodes`.
    pub(super) fn new(nodes: usize) -> Self {
        Self(nodes)
    }

    /// Says whether all was used, and so the result is not complete.
    pub(super) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Uses one; `false` if none was left.
    fn burn(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

/// A value under construction. Layers are indices that only grow from one merge to the next.
pub(super) struct Node {
    content: Content,
    /// The layer that put this value here.
    pub(super) created: usize,
    /// The last layer that merged something into it.
    pub(super) latest: usize,
    /// What was here before and was replaced, earliest first.
    pub(super) shadowed: Vec<Shadow>,
}

/// A replaced value.
#[derive(Clone)]
pub(super) struct Shadow {
    /// A layer that it came from.
    pub(super) layer: usize,
    /// The value as it was.
    pub(super) value: Arc<Value>,
}

enum Content {
    Leaf(Value),
    List(Items),
    Map(BTreeMap<Arc<str>, Node>),
}

/// The items of a list.
struct Items {
    nodes: Vec<Node>,
    /// Where the items of each name are, once a layer was merged into the list.
    ///
    /// Merging changes no name: an item only takes what has an equal one.
    named: Option<BTreeMap<ItemName, Vec<usize>>>,
}

/// The `name` of a list item, by which items are told apart. Numbers are compared by kind and bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum ItemName {
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(Arc<str>),
}

impl Node {
    /// Takes a value that `layer` says.
    pub(super) fn new(value: &Value, layer: usize, fuel: &mut Fuel) -> Self {
        let within = fuel.burn();
        let content = match value {
            Value::List(items) if within => {
                let nodes = items.iter().map(|item| Self::new(item, layer, fuel)).collect();
                Content::List(Items { nodes, named: None })
            }
            Value::Map(map) if within => {
                let entry = |(key, value): (&Arc<str>, &Value)| {
                    (key.clone(), Self::new(value, layer, fuel))
                };
                Content::Map(map.iter().map(entry).collect())
            }
            Value::List(_) | Value::Map(_) => Content::Leaf(Value::Null),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                Content::Leaf(value.clone())
            }
        };
        Self { content, created: layer, latest: layer, shadowed: vec![] }
    }

    /// Merges what `layer` says into this: mappings key by key, lists item by item, and anything else is replaced.
    pub(super) fn merge(&mut self, value: &Value, layer: usize, fuel: &mut Fuel) {
        if !fuel.burn() {
            return;
        }
        match (&mut self.content, value) {
            (Content::List(items), Value::List(more)) => {
                items.merge(more, layer, fuel);
                self.latest = layer;
            }
            (Content::Map(entries), Value::Map(more)) => {
                for (key, value) in more {
                    match entries.get_mut(key) {
                        Some(node) => node.merge(value, layer, fuel),
                        None => {
                            entries.insert(key.clone(), Self::new(value, layer, fuel));
                        }
                    }
                }
                self.latest = layer;
            }
            (Content::Leaf(_) | Content::List(_) | Content::Map(_), _) => {
                let old = std::mem::replace(self, Self::new(value, layer, fuel));
                self.shadowed = old.into_shadows();
            }
        }
    }

    fn into_shadows(self) -> Vec<Shadow> {
        let value = Arc::new(self.to_value());
        let mut layers = BTreeSet::new();
        self.visit(&mut |node| {
            layers.insert(node.created);
            layers.extend(node.shadowed.iter().map(|shadow| shadow.layer));
        });
        for shadow in &self.shadowed {
            layers.remove(&shadow.layer);
        }
        let mut shadows = self.shadowed;
        shadows.extend(layers.into_iter().map(|layer| Shadow { layer, value: value.clone() }));
        shadows
    }

    /// Returns the value without its history.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Leaf(value) => value.clone(),
            Content::List(items) => Value::List(items.nodes.iter().map(Self::to_value).collect()),
            Content::Map(entries) => Value::Map(
                entries.iter().map(|(key, node)| (key.clone(), node.to_value())).collect(),
            ),
        }
    }

    /// Returns the part one step down.
    pub(super) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.content, step) {
            (Content::List(items), Step::Index(index)) => items.nodes.get(*index as usize),
            (Content::Map(entries), Step::Key(key)) => entries.get(key),
            (Content::Leaf(_) | Content::List(_) | Content::Map(_), _) => None,
        }
    }

    /// Says whether this is `value`.
    pub(super) fn is_equal(&self, value: &Value) -> bool {
        match (&self.content, value) {
            (Content::Leaf(leaf), _) => leaf == value,
            (Content::List(_) | Content::Map(_), _) => self.to_value() == *value,
        }
    }

    /// Calls `see` for this and for all below.
    pub(super) fn visit<'n>(&'n self, see: &mut impl FnMut(&'n Self)) {
        see(self);
        match &self.content {
            Content::Leaf(_) => {}
            Content::List(items) => items.nodes.iter().for_each(|node| node.visit(see)),
            Content::Map(entries) => entries.values().for_each(|node| node.visit(see)),
        }
    }

    /// Returns the layer of this part, and below it those of the parts that come from elsewhere.
    pub(super) fn provenance(&self, place: &impl Fn(usize) -> Place) -> Provenance {
        let mut parts = BTreeMap::new();
        let mut below = |step: Step, node: &Self| {
            let part = node.provenance(place);
            if node.latest != self.latest || !part.parts.is_empty() {
                parts.insert(step, part);
            }
        };
        match &self.content {
            Content::Leaf(_) => {}
            Content::List(items) => {
                for (index, node) in (0..).zip(&items.nodes) {
                    below(Step::Index(index), node);
                }
            }
            Content::Map(entries) => {
                for (key, node) in entries {
                    below(Step::Key(key.clone()), node);
                }
            }
        }
        Provenance { place: place(self.latest), parts }
    }

    fn item_name(&self) -> Option<ItemName> {
        match &self.content {
            Content::Map(entries) => match &entries.get("name")?.content {
                Content::Leaf(value) => ItemName::of(value),
                Content::List(_) | Content::Map(_) => None,
            },
            Content::Leaf(_) | Content::List(_) => None,
        }
    }
}

impl ItemName {
    /// Mappings, lists and nothing name nothing.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(it) => Some(Self::Bool(*it)),
            Value::Int(it) => Some(Self::Int(*it)),
            Value::Float(it) => Some(Self::Float(it.to_bits())),
            Value::String(it) => Some(Self::Text(it.clone())),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

impl Items {
    /// Appends `more`, but merges each mapping with a `name` into every item that has the same one.
    fn merge(&mut self, more: &[Value], layer: usize, fuel: &mut Fuel) {
        let Self { nodes, named } = self;
        let named = named.get_or_insert_with(|| by_name(nodes));
        for value in more {
            if fuel.is_empty() {
                return;
            }
            let name = value.as_map().and_then(|map| map.get("name")).and_then(ItemName::of);
            if let Some(equal) = name.as_ref().and_then(|name| named.get(name)) {
                // Each merge burns fuel, and does nothing without.
                for index in equal {
                    nodes[*index].merge(value, layer, fuel);
                }
                continue;
            }
            if let Some(name) = name {
                named.insert(name, vec![nodes.len()]);
            }
            nodes.push(Node::new(value, layer, fuel));
        }
    }
}

fn by_name(nodes: &[Node]) -> BTreeMap<ItemName, Vec<usize>> {
    let mut named: BTreeMap<ItemName, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if let Some(name) = node.item_name() {
            named.entry(name).or_default().push(index);
        }
    }
    named
}
