//! Sets of nodes: one bit per node of a graph, so that the algebra of sets takes one pass over words.

use super::NodeId;

/// A set of nodes of one graph.
///
/// **Invariant:** no bit behind the last node is set, so that equal sets have equal words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    words: Vec<u64>,
}

impl NodeSet {
    /// Returns a set without nodes, of a graph that has `nodes`.
    pub fn empty(nodes: usize) -> Self {
        Self { words: vec![0; nodes.div_ceil(64)] }
    }

    /// Says whether `node` is in the set.
    pub fn contains(&self, node: NodeId) -> bool {
        let index = node.index();
        self.words.get(index / 64).is_some_and(|it| it >> (index % 64) & 1 == 1)
    }

    /// Adds `node`; says whether it was not there before.
    pub fn insert(&mut self, node: NodeId) -> bool {
        let index = node.index();
        let word = &mut self.words[index / 64];
        let before = *word;
        *word |= 1 << (index % 64);
        *word != before
    }

    /// Adds all nodes of `other`.
    pub fn unite(&mut self, other: &Self) {
        self.zip(other, |a, b| a | b);
    }

    /// Removes all nodes but those of `other`.
    pub fn intersect(&mut self, other: &Self) {
        self.zip(other, |a, b| a & b);
    }

    /// Removes all nodes of `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.zip(other, |a, b| a & !b);
    }

    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.words.iter().map(|it| it.count_ones() as usize).sum()
    }

    /// Says whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|it| *it == 0)
    }

    /// Returns the nodes, sorted by id, and so by label.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    NodeId::new(index * 64 + bit)
                })
            })
        })
    }

    fn zip(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.words.len(), other.words.len(), "sets of one graph");
        for (own, its) in self.words.iter_mut().zip(&other.words) {
            *own = join(*own, *its);
        }
    }
}
