//! A small workspace, and random graphs, for the tests of graphs and queries.

use std::sync::Arc;

use proptest::prelude::*;
use wob_engine::{
    Content, Database, Digest, FileName, FilePath, Origin, Place, Source, SourceFile,
};

use super::{Edges, Graph, GraphEnvironment, Node, NodeId, NodeKind, OutputFiles};
use crate::{BaseSource, EnvironmentInput, Name, Profile, Settings, WorkloadSource, discover};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\n";

/// The environment `dev`: two of three cluster types run `app-test`, one policy selects no cluster type.
pub(crate) struct Fixture {
    pub(crate) db: Database,
    pub(crate) environments: Vec<GraphEnvironment>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let mut fixture = Self { db: Database::default(), environments: vec![] };
        fixture.add("dev", "base");
        fixture
    }

    /// Adds an environment whose base is a source called `base`: sources of one name are told apart by their place only.
    pub(crate) fn add(&mut self, name: &str, base: &str) {
        let db = &self.db;
        let base = source(
            db,
            base,
            &[
                ("app.yaml", &registration()),
                ("templates.yaml", &[template("rec"), template("cfg")].join("---\n")),
            ],
        );
        let own = source(
            db,
            name,
            &[
                ("clusters.yaml", &["large", "small", "spare"].map(cluster_type).join("---\n")),
                ("policies.yaml", &[policy("everywhere"), policy("idle")].join("---\n")),
                ("config.yaml", CONFIG),
            ],
        );
        let app = source(db, "app", &[("workload.yaml", &workload(name))]);
        let workloads = discover::registrations(db, base)
            .into_iter()
            .map(|registration| WorkloadSource { registration, source: Ok(app) })
            .collect();
        let settings = Arc::new(Settings::of(Profile::Standard));
        let bases = vec![BaseSource { repository: None, source: Ok(base) }];
        let input = EnvironmentInput::new(db, name.to_owned(), settings, bases, own, workloads);
        self.environments.push(GraphEnvironment {
            name: Name::new(name).unwrap(),
            input: Some(input),
            declared: vec![Place::file(&FileName::new("wob.yaml"))],
        });
    }

    pub(crate) fn graph(&self, output_files: OutputFiles) -> Graph<'_> {
        Graph::build(&self.db, &self.environments, output_files)
    }
}

fn source(db: &Database, root: &str, files: &[(&str, &str)]) -> Source {
    let file = |(path, text): &(&str, &str)| {
        let content = Content::Text { text: (*text).into(), digest: Digest::of(text.as_bytes()) };
        let name = FileName::new(&format!("{root}:{path}"));
        SourceFile::new(db, name, FilePath::new(path).unwrap(), content)
    };
    Source::new(db, Origin::default(), files.iter().map(file).collect(), vec![])
}

fn registration() -> String {
    format!(
        "{API}kind: WorkloadRegistration\nmetadata:\n  name: app\nspec:\n  workspace: shop\n  \
         workload:\n    repo: https://git.example/app\n    branch: main\n    path: .\n"
    )
}

fn template(name: &str) -> String {
    format!(
        "{API}kind: Template\nmetadata:\n  name: {name}\nspec:\n  type: reconciler\n  manifests:\n  \
         - |\n    kind: {name}\n    data: {{{{ toJson .ConfigData }}}}\n"
    )
}

/// `spare` is of no size, and so no policy selects it.
fn cluster_type(name: &str) -> String {
    let labels = if name == "spare" { "{}".to_owned() } else { format!("{{size: {name}}}") };
    format!(
        "{API}kind: ClusterType\nmetadata:\n  name: {name}\n  labels: {labels}\nspec:\n  reconciler: {}\n  \
         namespaceService: namespace\n  configType: cfg\n",
        if name == "spare" { "flux" } else { "rec" }
    )
}

fn policy(name: &str) -> String {
    let sizes = if name == "idle" { "[huge]" } else { "[large, small]" };
    format!(
        "{API}kind: SchedulingPolicy\nmetadata:\n  name: {name}\nspec:\n  deploymentTargetSelector:\n    \
         workspace: shop\n  clusterTypeSelector:\n    labelSelector:\n      matchExpressions:\n      \
         - {{key: size, operator: In, values: {sizes}}}\n"
    )
}

fn workload(environment: &str) -> String {
    format!(
        "{API}kind: Workload\nmetadata:\n  name: app\nspec:\n  deploymentTargets:\n  - name: test\n    \
         environment: {environment}\n    manifests: {{repo: https://git.example/app, branch: dev, path: .}}\n"
    )
}

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: common
  labels: {platform-config: 'true'}
data: {LEVEL: info}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: west
  labels: {platform-config: 'true', size: large}
data: {REGION: west}
";

const KINDS: [(&str, NodeKind); 5] = [
    ("//env/e/c:a", NodeKind::Assignment),
    ("//target/e:t", NodeKind::Target),
    ("//cluster-type/e:c", NodeKind::ClusterType),
    ("//config/e:m", NodeKind::Config),
    ("//:f", NodeKind::SourceFile),
];

/// A graph of up to 40 nodes and any edges that lead from a kind to itself or to a later one.
pub(crate) fn random_graph() -> impl Strategy<Value = Graph<'static>> {
    let nodes = 2..40_usize;
    nodes.prop_flat_map(|nodes| {
        let edges = proptest::collection::vec((0..nodes, 0..nodes), 0..nodes * 2);
        edges.prop_map(move |edges| graph(nodes, &edges))
    })
}

fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph<'static> {
    let draft = |index: usize| {
        let (prefix, kind) = KINDS[index % KINDS.len()];
        (format!("{prefix}{index}"), kind, index % KINDS.len())
    };
    let mut drafts: Vec<(String, NodeKind, usize)> = (0..nodes).map(draft).collect();
    // The assignments' cluster type, without which their labels name nothing.
    drafts.push(("//cluster-type/e:c".to_owned(), NodeKind::ClusterType, 2));
    drafts.sort();
    let forward = |(from, to): &(usize, usize)| {
        let (from, to) = (*from % drafts.len(), *to % drafts.len());
        let is_down =
            drafts[from].2 < drafts[to].2 || (drafts[from].2 == drafts[to].2 && from < to);
        is_down.then(|| (NodeId::new(from), NodeId::new(to)))
    };
    let edges: Vec<(NodeId, NodeId)> = edges.iter().filter_map(forward).collect();
    let node = |(label, kind, _): (String, NodeKind, usize)| Node {
        label: label.into(),
        kind,
        place: None,
        environments: Box::from([0]),
    };
    Graph {
        dependents: Edges::new(drafts.len(), &edges).turned(),
        dependencies: Edges::new(drafts.len(), &edges),
        nodes: drafts.into_iter().map(node).collect(),
        environments: vec![Name::new("e").unwrap()],
        models: vec![None],
    }
}
