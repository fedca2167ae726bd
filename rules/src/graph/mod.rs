//! The graph of a workspace: what depends on what, from output files down to source files.
//!
//! **Invariant:** nodes are sorted by label, no label twice, and edges by what they lead to; so the same sources give the
//! same graph, whatever it was made from first.

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod resolve;
mod set;
#[cfg(test)]
mod tests;
mod walk;

use wob_engine::Place;

pub(crate) use self::build::said_in;
pub use self::{
    build::{GraphEnvironment, OutputFiles},
    resolve::{Missing, Scope},
    set::NodeSet,
    walk::Direction,
};
use crate::{Model, Name};

/// A node, by its position among the sorted labels of its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// An environment.
    Environment,
    /// A deployment target on a cluster type.
    Assignment,
    /// A cluster type.
    ClusterType,
    /// A scheduling policy.
    Policy,
    /// A deployment target.
    Target,
    /// A workload.
    Workload,
    /// A workload registration.
    Registration,
    /// A ConfigMap.
    Config,
    /// A ConfigSchema.
    Schema,
    /// A template of the workspace.
    Template,
    /// A built-in rule that an environment could use.
    Rule,
    /// A BaseRepo.
    BaseRepo,
    /// A GitOpsRepo.
    GitOpsRepo,
    /// A file that is read.
    SourceFile,
    /// A file that is built.
    OutputFile,
}

impl NodeKind {
    /// Returns what `kind()` matches and `label-kind` prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Assignment => "assignment",
            Self::ClusterType => "cluster-type",
            Self::Policy => "policy",
            Self::Target => "target",
            Self::Workload => "workload",
            Self::Registration => "registration",
            Self::Config => "config",
            Self::Schema => "schema",
            Self::Template => "template",
            Self::Rule => "built-in template",
            Self::BaseRepo => "base-repo",
            Self::GitOpsRepo => "gitops-repo",
            Self::SourceFile => "source file",
            Self::OutputFile => "output file",
        }
    }

    /// Says whether this is a file, which `//...` leaves out, as Bazel's does.
    pub fn is_file(self) -> bool {
        matches!(self, Self::SourceFile | Self::OutputFile)
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its label, which every command takes.
    pub label: Box<str>,
    /// What it stands for.
    pub kind: NodeKind,
    /// Where it is said; none for what no source says.
    pub place: Option<Place>,
    /// The environments that it belongs to: indices into [`Graph::environments`], sorted.
    environments: Box<[u16]>,
}

impl Node {
    /// Returns the part of the label behind the colon: the name of an object, the path of a file.
    pub fn name(&self) -> &str {
        self.label.split_once(':').map_or(&self.label, |(_, name)| name)
    }

    /// Says whether it belongs to the environment of this index.
    pub(crate) fn is_in(&self, environment: u16) -> bool {
        self.environments.contains(&environment)
    }

    /// Says whether it belongs to an environment of `other`.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.environments.iter().any(|it| other.is_in(*it))
    }

    /// Returns the cluster type and target of an assignment.
    pub(crate) fn pair(&self) -> Option<(&str, &str)> {
        let (folder, target) = self.label.split_once(':')?;
        let (_, cluster_type) = folder.strip_prefix("//env/")?.split_once('/')?;
        Some((cluster_type, target))
    }
}

/// What depends on what in the environments of a workspace.
#[derive(Clone, Debug)]
pub struct Graph<'d> {
    nodes: Vec<Node>,
    dependencies: Edges,
    dependents: Edges,
    environments: Vec<Name>,
    /// The models, as `environments` are; none where the control plane could not be read.
    models: Vec<Option<&'d Model>>,
}

/// The edges of all nodes, those of one node side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edges {
    /// Where the edges of each node begin, and where those of the last one end.
    starts: Vec<u32>,
    ends: Vec<NodeId>,
}

/// Returns a position in a table of a graph.
fn position(index: usize) -> u32 {
    u32::try_from(index).expect("because nodes and edges take more memory than there is before")
}

impl NodeId {
    fn new(index: usize) -> Self {
        Self(position(index))
    }

    /// Returns the position among all nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Edges {
    /// Takes the edges of a graph of `nodes`; equal ones become one.
    fn new(nodes: usize, pairs: &[(NodeId, NodeId)]) -> Self {
        let mut edges = Self::counted(nodes, pairs.iter().copied());
        let (mut starts, mut ends) = (vec![0], Vec::with_capacity(edges.ends.len()));
        for index in 0..nodes {
            let range = edges.starts[index] as usize..edges.starts[index + 1] as usize;
            let own = &mut edges.ends[range];
            own.sort_unstable();
            let mut previous = None;
            ends.extend(own.iter().copied().filter(|it| previous.replace(*it) != Some(*it)));
            starts.push(position(ends.len()));
        }
        Self { starts, ends }
    }

    /// Returns the same edges, each the other way round.
    fn turned(&self) -> Self {
        let nodes = self.starts.len() - 1;
        let all = (0..nodes).map(NodeId::new);
        let pairs = all.flat_map(|from| self.of(from).iter().map(move |to| (*to, from)));
        // Whoever points at a node comes in order, so that nothing has to be sorted.
        Self::counted(nodes, pairs)
    }

    /// Puts edges side by side, those of one node in the order in which they come.
    fn counted(nodes: usize, pairs: impl Iterator<Item = (NodeId, NodeId)> + Clone) -> Self {
        let mut starts = vec![0; nodes + 1];
        for (from, _) in pairs.clone() {
            starts[from.index() + 1] += 1;
        }
        for index in 0..nodes {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut ends = vec![NodeId(0); starts[nodes] as usize];
        for (from, to) in pairs {
            let at = &mut next[from.index()];
            ends[*at as usize] = to;
            *at += 1;
        }
        Self { starts, ends }
    }

    fn of(&self, node: NodeId) -> &[NodeId] {
        let (start, end) = (self.starts[node.index()], self.starts[node.index() + 1]);
        &self.ends[start as usize..end as usize]
    }
}

impl<'d> Graph<'d> {
    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Says whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns how many edges there are.
    pub fn edges(&self) -> usize {
        self.dependencies.ends.len()
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Returns the node with this label.
    pub fn find(&self, label: &str) -> Option<NodeId> {
        self.nodes.binary_search_by(|it| (*it.label).cmp(label)).ok().map(NodeId::new)
    }

    /// Returns the names of the environments, in the order in which the graph was made of them.
    pub fn environments(&self) -> &[Name] {
        &self.environments
    }

    /// Returns what `node` has an edge to, or what has one to it; sorted.
    pub fn neighbours(&self, node: NodeId, direction: Direction) -> &[NodeId] {
        match direction {
            Direction::Dependencies => self.dependencies.of(node),
            Direction::Dependents => self.dependents.of(node),
        }
    }

    /// Returns the nodes for which `is_in` holds.
    pub fn filter(&self, is_in: impl Fn(&Node) -> bool) -> NodeSet {
        let mut set = NodeSet::empty(self.len());
        for (index, node) in self.nodes.iter().enumerate() {
            if is_in(node) {
                set.insert(NodeId::new(index));
            }
        }
        set
    }

    /// Returns the environments that a node belongs to.
    pub fn environments_of(&self, id: NodeId) -> impl Iterator<Item = &Name> {
        self.node(id).environments.iter().map(|it| &self.environments[usize::from(*it)])
    }

    /// Returns a model that has the object of `node`: objects that several environments share are equal in all.
    pub(crate) fn model_of(&self, node: &Node) -> Option<&'d Model> {
        node.environments.iter().find_map(|it| self.models[usize::from(*it)])
    }
}
