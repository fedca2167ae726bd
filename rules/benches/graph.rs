//! How long the graph of a large fleet takes to build, to walk and to check for warnings.
//!
//! `cargo bench -p wob-rules --bench graph -- 100` takes 100 cluster types, each of which runs a thousand targets.
#![expect(clippy::print_stdout, reason = "the times are what a bench is for")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its command line")]

use std::{fmt::Write as _, sync::Arc, time::Instant};

use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};
use wob_rules::{
    BaseSource, EnvironmentInput, Name, Profile, Settings, assignments,
    graph::{Graph, GraphEnvironment, OutputFiles},
    lint::{self, Coverage},
    query::{evaluate, parse},
};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\n";
const TARGETS: usize = 1000;

fn main() {
    let mut words = std::env::args().skip(1);
    let cluster_types = words.find_map(|it| it.parse().ok()).unwrap_or(100);
    let db = Database::default();
    let input = fleet(&db, cluster_types);
    let count = timed("schedule", || assignments(&db, input).len());
    println!("{count} assignments");
    let environment = GraphEnvironment {
        name: Name::new("prod").expect("because it is a name"),
        input: Some(input),
        declared: vec![],
    };
    let environments = [environment];
    let graph = timed("graph", || Graph::build(&db, &environments, OutputFiles::LeftOut));
    println!("{} nodes, {} edges", graph.len(), graph.edges());
    for text in [
        "deps(//env:prod)",
        "allrdeps(//:base:config.yaml)",
        "assignments(owner(config.yaml))",
        "somepath(//env:prod, //:base:config.yaml)",
        "allpaths(//env:prod, //policy/prod:all)",
        "kind(config, deps(//...))",
        "attr(label.region, 'r3', //cluster-type:all)",
        "filter('c7:', //...)",
        "selected_by(//policy/prod:all)",
        "unassigned(//...)",
    ] {
        let expression = parse(text).expect("because it is an expression");
        let answer = timed(text, || evaluate(&graph, &expression));
        println!("  {} nodes", answer.expect("because its words are there").nodes.len());
    }
    let found = timed("warnings", || lint::warnings(&db, &[input], Coverage::All));
    println!("{} warnings", found.len());
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{:>9} µs  {what}", start.elapsed().as_micros());
    result
}

/// Ten regions, ten policies, and a hundred layers of config, of which each assignment has about twelve.
fn fleet(db: &Database, cluster_types: usize) -> EnvironmentInput {
    let mut clusters = String::new();
    for index in 0..cluster_types {
        let region = index % 10;
        write!(
            clusters,
            "---\n{API}kind: ClusterType\nmetadata:\n  name: c{index}\n  labels: {{region: r{region}, \
             size: s{}}}\nspec:\n  reconciler: argocd\n  namespaceService: namespace\n",
            index % 7
        )
        .expect("because a string takes all");
    }
    let mut policies = String::new();
    let mut config = String::new();
    for index in 0..10 {
        write!(
            policies,
            "---\n{API}kind: SchedulingPolicy\nmetadata:\n  name: p{index}\nspec:\n  \
             deploymentTargetSelector:\n    labelSelector: {{matchLabels: {{ring: g{index}}}}}\n  \
             clusterTypeSelector:\n    labelSelector: {{}}\n"
        )
        .expect("because a string takes all");
    }
    for index in 0..100 {
        let label = match index {
            0..10 => String::new(),
            10..40 => format!(", region: r{}", index % 10),
            40..70 => format!(", size: s{}", index % 7),
            _ => format!(", ring: g{}", index % 10),
        };
        write!(
            config,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: layer{index:03}\n  labels: \
             {{platform-config: 'true'{label}}}\ndata: {{KEY{index}: value}}\n"
        )
        .expect("because a string takes all");
    }
    let mut workloads = String::new();
    for index in 0..TARGETS {
        write!(
            workloads,
            "---\n{API}kind: Workload\nmetadata:\n  name: w{index}\nspec:\n  deploymentTargets:\n  - name: live\n    \
             environment: prod\n    labels: {{ring: g{}}}\n    manifests: {{repo: r, branch: b, path: p}}\n",
            index % 10
        )
        .expect("because a string takes all");
    }
    let base = source(db, "base", &[("config.yaml", &config)]);
    let own = source(
        db,
        "prod",
        &[
            ("clusters.yaml", &clusters),
            ("policies.yaml", &policies),
            ("workloads.yaml", &workloads),
        ],
    );
    let settings = Arc::new(Settings::of(Profile::Standard));
    let bases = vec![BaseSource { repository: None, source: Ok(base) }];
    EnvironmentInput::new(db, "prod".to_owned(), settings, bases, own, vec![])
}

fn source(db: &Database, root: &str, files: &[(&str, &str)]) -> Source {
    let file = |(path, text): &(&str, &str)| {
        let content = Content::Text { text: (*text).into(), digest: Digest::of(text.as_bytes()) };
        let path = FilePath::new(path).expect("because these are good paths");
        SourceFile::new(db, FileName::new(&format!("{root}:{path}")), path, content)
    };
    Source::new(db, Origin::default(), files.iter().map(file).collect(), vec![])
}
