//! Walks through a graph: what is reached, and by which way. All take time linear in nodes and edges.

use std::collections::VecDeque;

use super::{Graph, NodeId, NodeSet};

/// Which way edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what a node depends on.
    Dependencies,
    /// To what depends on a node.
    Dependents,
}

impl Graph<'_> {
    /// Returns `from` and all that is reached from it inside `within`, by at most `depth` edges.
    pub fn reach(
        &self,
        from: &NodeSet,
        direction: Direction,
        depth: Option<u32>,
        within: Option<&NodeSet>,
    ) -> NodeSet {
        let mut reached = from.clone();
        if let Some(within) = within {
            reached.intersect(within);
        }
        let mut front: Vec<NodeId> = reached.iter().collect();
        let mut left = depth;
        while !front.is_empty() && left != Some(0) {
            let mut next = vec![];
            for node in front {
                let inside = self.neighbours(node, direction).iter().copied();
                let inside = inside.filter(|it| within.is_none_or(|set| set.contains(*it)));
                next.extend(inside.filter(|it| reached.insert(*it)));
            }
            front = next;
            left = left.map(|it| it - 1);
        }
        reached
    }

    /// Returns a shortest path from a node of `from` to one of `to`, both included; empty if there is none.
    ///
    /// Of equally short ones, the same graph gives the same one.
    pub fn some_path(&self, from: &NodeSet, to: &NodeSet) -> Vec<NodeId> {
        let mut before: Vec<Option<NodeId>> = vec![None; self.len()];
        let mut seen = from.clone();
        let mut waiting: VecDeque<NodeId> = from.iter().collect();
        while let Some(node) = waiting.pop_front() {
            if to.contains(node) {
                let mut path = vec![node];
                while let Some(previous) = before[path[path.len() - 1].index()] {
                    path.push(previous);
                }
                path.reverse();
                return path;
            }
            for next in self.neighbours(node, Direction::Dependencies) {
                if seen.insert(*next) {
                    before[next.index()] = Some(node);
                    waiting.push_back(*next);
                }
            }
        }
        vec![]
    }

    /// Returns every node on any path from `from` to `to`.
    pub fn all_paths(&self, from: &NodeSet, to: &NodeSet) -> NodeSet {
        let below = self.reach(from, Direction::Dependencies, None, None);
        // Whoever is on a path is reached from both ends.
        self.reach(to, Direction::Dependents, None, Some(&below))
    }
}
