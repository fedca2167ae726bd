//! The functions that Bazel has no need of: they know what a fleet is.

use super::{
    Argument, QueryError,
    evaluate::{Evaluator, missing, word},
};
use crate::{
    Model,
    graph::{Direction, Node, NodeId, NodeKind, NodeSet},
    schedule,
};

impl Evaluator<'_, '_> {
    pub(super) fn owner(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let graph = self.graph;
        let path = word(them, 0);
        let name = path.text.strip_prefix("//:").unwrap_or(&path.text);
        let name = name.strip_prefix("./").unwrap_or(name);
        let file = graph.source_file(name).map_err(|it| missing(&it, path.span))?;
        let mut users = graph.reach(&file, Direction::Dependents, Some(1), None);
        // An environment and its assignments depend on the file that has their settings, but are not said by it.
        users.intersect(&graph.filter(|it| {
            !it.kind.is_file() && !matches!(it.kind, NodeKind::Assignment | NodeKind::Environment)
        }));
        Ok(users)
    }

    pub(super) fn assignments(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let graph = self.graph;
        let mut above = self.argument(them, 0)?;
        let mut found = graph.reach(&above, Direction::Dependents, None, None);
        // An environment has its assignments below it, and so has an output file.
        above.intersect(
            &graph.filter(|it| matches!(it.kind, NodeKind::Environment | NodeKind::OutputFile)),
        );
        found.unite(&graph.reach(&above, Direction::Dependencies, Some(1), None));
        found.intersect(&graph.filter(|it| it.kind == NodeKind::Assignment));
        Ok(found)
    }

    pub(super) fn unassigned(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let graph = self.graph;
        let mut set = self.argument(them, 0)?;
        let assignments = graph.filter(|it| it.kind == NodeKind::Assignment);
        set.subtract(&graph.reach(&assignments, Direction::Dependencies, None, None));
        set.intersect(&graph.filter(|it| {
            is_selectable(it) || matches!(it.kind, NodeKind::Workload | NodeKind::Registration)
        }));
        Ok(set)
    }

    pub(super) fn selected_by(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let policies = self.argument(them, 0)?;
        let candidates = self.graph.filter(is_selectable);
        Ok(self.selections(&policies, &candidates, |_, candidate| candidate))
    }

    pub(super) fn selects(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let candidates = self.argument(them, 0)?;
        let policies = self.graph.filter(|it| it.kind == NodeKind::Policy);
        Ok(self.selections(&policies, &candidates, |policy, _| policy))
    }

    pub(super) fn env(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let name = word(them, 0);
        let text = name.text.strip_prefix("//env:").unwrap_or(&name.text);
        let index = self.graph.environment_index(text).map_err(|it| missing(&it, name.span))?;
        Ok(self.graph.filter(|it| !it.kind.is_file() && it.is_in(index)))
    }

    /// Returns what `pick` takes of each policy and what it selects of `candidates`.
    fn selections(
        &self,
        policies: &NodeSet,
        candidates: &NodeSet,
        pick: impl Fn(NodeId, NodeId) -> NodeId,
    ) -> NodeSet {
        let graph = self.graph;
        let candidates: Vec<NodeId> =
            candidates.iter().filter(|it| is_selectable(graph.node(*it))).collect();
        let mut found = NodeSet::empty(graph.len());
        for policy in policies.iter().filter(|it| graph.node(*it).kind == NodeKind::Policy) {
            let Some(model) = graph.model_of(graph.node(policy)) else { continue };
            for candidate in &candidates {
                if is_selected(model, graph.node(policy), graph.node(*candidate)) {
                    found.insert(pick(policy, *candidate));
                }
            }
        }
        found
    }
}

/// Says whether policies select nodes of this kind.
fn is_selectable(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Target | NodeKind::ClusterType)
}

/// Says whether a policy of `model` selects a target or a cluster type of the same environment.
fn is_selected(model: &Model, policy: &Node, candidate: &Node) -> bool {
    let Some(rules) = model.policies.get(policy.name()).filter(|_| policy.is_beside(candidate))
    else {
        return false;
    };
    let name = candidate.name();
    if candidate.kind == NodeKind::Target {
        return model.targets.get(name).is_some_and(|it| schedule::selects(rules, it));
    }
    let cluster_type = model.cluster_types.get(name);
    cluster_type.is_some_and(|it| rules.cluster_types.matches(&it.meta.labels))
}
