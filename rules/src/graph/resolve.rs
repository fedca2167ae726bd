//! What a label means in a graph: the nodes that it names, or what it might have meant.

use wob_engine::did_you_mean;

use super::{Graph, Node, NodeId, NodeKind, NodeSet};
use crate::{ObjectKind, Pattern, PatternError};

/// How much of what a label names is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The thing itself: `//env:stage`.
    Exact,
    /// Everything below, but for files: `//env/stage/...`, `//policy/stage:all`.
    Below,
    /// Everything below with its output files: `//env/stage/large:*`.
    Files,
}

/// A label of which there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is looked for: `policy`, `environment`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// The names that there are, sorted, each once.
    pub known: Vec<String>,
}

impl Missing {
    /// Returns the way out: what was meant, or what there is.
    pub fn help(&self) -> String {
        const SHOWN: usize = 10;
        let shown = |it: &str| format!("`{}`", it.escape_debug());
        let known = self.known.iter().map(String::as_str);
        match (did_you_mean(&self.name, known.clone()), self.known.len()) {
            (Some(guess), _) => format!("did you mean {}?", shown(guess)),
            (None, 0) => "there is none".to_owned(),
            (None, 1..=SHOWN) => {
                format!("there are {}", known.map(shown).collect::<Vec<_>>().join(", "))
            }
            (None, _) => "`wob list` shows what there is".to_owned(),
        }
    }
}

impl Scope {
    /// Says whether a wildcard of this scope takes in `node`.
    fn has(self, node: &Node) -> bool {
        self == Self::Files || !node.kind.is_file()
    }

    /// Reads a label of a query: those of [`Pattern`], and `:*` or `:all-targets` for files too.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn parse(text: &str) -> Result<(Pattern, Self), PatternError> {
        let folder = text.strip_suffix(":*").or_else(|| text.strip_suffix(":all-targets"));
        match folder {
            Some("//") => Ok((Pattern::SourceFile("*".to_owned()), Self::Files)),
            Some(folder) if folder.ends_with("...") => Ok((Pattern::parse(folder)?, Self::Files)),
            Some(folder) => Ok((Pattern::parse(&format!("{folder}:all"))?, Self::Files)),
            None => {
                let is_wild = text.ends_with("...") || text.ends_with(":all");
                Ok((Pattern::parse(text)?, if is_wild { Self::Below } else { Self::Exact }))
            }
        }
    }
}

impl ObjectKind {
    /// Says whether nodes of `kind` are of this kind.
    fn is(self, kind: NodeKind) -> bool {
        match self {
            Self::Workload => kind == NodeKind::Workload,
            Self::ClusterType => kind == NodeKind::ClusterType,
            Self::Policy => kind == NodeKind::Policy,
            Self::Config => kind == NodeKind::Config,
            Self::Template => matches!(kind, NodeKind::Template | NodeKind::Rule),
            Self::Target => kind == NodeKind::Target,
            Self::Schema => kind == NodeKind::Schema,
            Self::Registration => kind == NodeKind::Registration,
            Self::BaseRepo => kind == NodeKind::BaseRepo,
            Self::GitOpsRepo => kind == NodeKind::GitOpsRepo,
        }
    }
}

impl Graph<'_> {
    /// Returns the nodes that `pattern` names.
    ///
    /// # Errors
    /// If it names one thing that is not there. A wildcard may match nothing.
    pub fn resolve(&self, pattern: &Pattern, scope: Scope) -> Result<NodeSet, Missing> {
        match pattern {
            Pattern::Everything => Ok(self.filter(|it| scope.has(it))),
            Pattern::Environment(name) => self.environment(name, scope),
            Pattern::ClusterType { environment, cluster_type } => {
                self.known_cluster_type(environment, cluster_type)?;
                Ok(self.below(&format!("//env/{environment}/{cluster_type}:"), scope))
            }
            Pattern::Assignment { environment, cluster_type, target } => {
                self.known_cluster_type(environment, cluster_type)?;
                let folder = format!("//env/{environment}/{cluster_type}:");
                self.named(&folder, target, "assignment")
            }
            Pattern::OutputFile { environment, cluster_type, target, file } => {
                self.known_cluster_type(environment, cluster_type)?;
                let folder = format!("//env/{environment}/{cluster_type}:");
                self.named(&folder, target, "assignment")?;
                self.named(&format!("{folder}{target}/"), file, "output file")
            }
            Pattern::Object { kind, environment, name } => {
                self.objects(*kind, environment.as_deref(), name.as_deref())
            }
            Pattern::SourceFile(path) if scope == Scope::Files && path == "*" => {
                Ok(self.filter(|it| it.kind == NodeKind::SourceFile))
            }
            Pattern::SourceFile(path) => self.source_file(path),
        }
    }

    /// Returns the files at `path` below the root of whichever branch or repository.
    ///
    /// # Errors
    /// If there is none.
    pub fn source_file(&self, path: &str) -> Result<NodeSet, Missing> {
        let is_file = |it: &Node| it.kind == NodeKind::SourceFile;
        let set = self.filter(|it| {
            let name = it.name();
            let rest = name.strip_suffix(path);
            is_file(it) && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(':'))
        });
        if !set.is_empty() {
            return Ok(set);
        }
        let bare = |name: &str| name.rsplit_once(':').map_or(name, |(_, path)| path).to_owned();
        let mut known: Vec<String> = self.names(is_file).into_iter().map(bare).collect();
        known.sort_unstable();
        known.dedup();
        Err(Missing { what: "source file", name: path.to_owned(), known })
    }

    /// Returns the environment's index.
    ///
    /// # Errors
    /// If there is no such environment.
    pub(crate) fn environment_index(&self, name: &str) -> Result<u16, Missing> {
        let index = self.environments.iter().position(|it| it.as_str() == name);
        let index = index.and_then(|it| u16::try_from(it).ok());
        index.ok_or_else(|| Missing {
            what: "environment",
            name: name.to_owned(),
            known: self.environments.iter().map(ToString::to_string).collect(),
        })
    }

    fn environment(&self, name: &str, scope: Scope) -> Result<NodeSet, Missing> {
        self.environment_index(name)?;
        let itself = self.named("//env:", name, "environment")?;
        if scope == Scope::Exact {
            return Ok(itself);
        }
        let mut set = self.below(&format!("//env/{name}/"), scope);
        set.unite(&itself);
        Ok(set)
    }

    fn known_cluster_type(&self, environment: &str, name: &str) -> Result<(), Missing> {
        self.environment_index(environment)?;
        self.named(&format!("//cluster-type/{environment}:"), name, "cluster type").map(|_| ())
    }

    fn objects(
        &self,
        kind: ObjectKind,
        environment: Option<&str>,
        name: Option<&str>,
    ) -> Result<NodeSet, Missing> {
        let index = environment.map(|it| self.environment_index(it)).transpose()?;
        let is_here = |it: &Node| kind.is(it.kind) && index.is_none_or(|at| it.is_in(at));
        let Some(name) = name else { return Ok(self.filter(is_here)) };
        let set = self.filter(|it| is_here(it) && it.name() == name);
        if !set.is_empty() {
            return Ok(set);
        }
        let known = self.names(is_here).into_iter().map(ToOwned::to_owned).collect();
        Err(Missing { what: kind.as_str(), name: name.to_owned(), known })
    }

    /// Returns the assignments whose label begins with `prefix`, and their files if they are in `scope`.
    fn below(&self, prefix: &str, scope: Scope) -> NodeSet {
        let mut set = NodeSet::empty(self.len());
        let start = self.nodes.partition_point(|it| &*it.label < prefix);
        for (index, node) in self.nodes.iter().enumerate().skip(start) {
            if !node.label.starts_with(prefix) {
                break;
            }
            if scope.has(node) {
                set.insert(NodeId::new(index));
            }
        }
        set
    }

    fn named(&self, folder: &str, name: &str, what: &'static str) -> Result<NodeSet, Missing> {
        let mut set = NodeSet::empty(self.len());
        if let Some(id) = self.find(&format!("{folder}{name}")) {
            set.insert(id);
            return Ok(set);
        }
        let rest = |it: &str| it.strip_prefix(folder).map(ToOwned::to_owned);
        let known: Vec<String> = self.nodes.iter().filter_map(|it| rest(&it.label)).collect();
        let is_whole = |it: &String| what == "output file" || !it.contains('/');
        let known = known.into_iter().filter(is_whole).collect();
        Err(Missing { what, name: name.to_owned(), known })
    }

    /// Returns the names of the nodes for which `is_like` holds, sorted, each once.
    fn names(&self, is_like: impl Fn(&Node) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.nodes.iter().filter(|it| is_like(it)).map(Node::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
