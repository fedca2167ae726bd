//! No build asks for the time of day: a program that links all of the pure crates holds no code for it.
//!
//! The linker leaves out what nothing reaches. So what the program's symbols do not name, nobody can call from what
//! `main` reaches: the rules, the engine, the templates, and every dependency of theirs. The usual harness of tests reads
//! the clock itself, so this test has a `main` of its own.
#![expect(clippy::disallowed_methods, reason = "the test reads its own program")]
#![expect(clippy::print_stdout, reason = "a test that skips must say so")]

use std::sync::Arc;

use object::{Object as _, ObjectSymbol as _};
use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};
use wob_rules::{
    BaseSource, EnvironmentInput, Name, Profile, Record, Settings, SourceRecord, SourceRole,
    WorkspaceFile, assignments, build, check_always, fleet,
    graph::{Graph, GraphEnvironment, OutputFiles},
    lint::{self, Coverage},
    problems,
    query::{evaluate, parse},
    scheduled, unassigned, why,
};

/// Symbols of what tells the time of day.
const CLOCKS: [&str; 5] =
    ["10SystemTime3now", "gettimeofday", "localtime_r", "gmtime_r", "strftime"];

/// The symbol of something that `main` does call.
const CALLED: &str = "3env11current_exe";

/// Uses every language that values may be written in.
const SOURCES: &str = "
apiVersion: scheduler.kalypso.io/v1alpha1
kind: ClusterType
metadata: {name: large}
spec: {reconciler: go, namespaceService: namespace, configType: jinja}
---
apiVersion: scheduler.kalypso.io/v1alpha1
kind: SchedulingPolicy
metadata: {name: all}
spec: {deploymentTargetSelector: {labelSelector: {}}, clusterTypeSelector: {labelSelector: {}}}
---
apiVersion: scheduler.kalypso.io/v1alpha1
kind: DeploymentTarget
metadata: {name: web}
spec:
  name: web
  environment: prod
  manifests: {repo: r, branch: b, path: p}
---
apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata: {name: go}
spec:
  type: reconciler
  manifests:
  - |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: web}
    data:
      at: {{ \"2026-01-02\" | toDate \"2006-01-02\" | date \"2006\" | quote }}
---
apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata: {name: jinja}
spec:
  type: config
  language: jinja
  manifests:
  - |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: web}
    data: {{ ConfigData | tojson }}
---
apiVersion: scheduler.kalypso.io/v1alpha1
kind: ConfigSchema
metadata: {name: all}
spec: {schema: '{\"type\": \"object\", \"properties\": {\"A\": {\"format\": \"date-time\"}}}'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: all, labels: {platform-config: 'true'}}
data: {A: '2026-01-02T03:04:05Z'}
";

fn main() {
    everything();
    if !cfg!(unix) {
        return println!("skipped: programs hold no symbols here");
    }
    let program = std::env::current_exe().and_then(std::fs::read);
    let program = program.expect("because it runs from there");
    // What is told to debuggers names functions that were left out, too.
    let program = object::File::parse(&*program).expect("because it runs");
    let symbols: Vec<&str> = program.symbols().filter_map(|it| it.name().ok()).collect();
    let holds = |symbol: &str| symbols.iter().any(|it| it.contains(symbol));
    assert!(holds(CALLED), "the program was stripped, so that nothing can be told");
    let clocks: Vec<&str> = CLOCKS.into_iter().filter(|it| holds(it)).collect();
    assert!(clocks.is_empty(), "something that a build may call reads the clock: {clocks:?}");
}

/// Does all that the command asks of the rules.
fn everything() {
    let mut db = Database::default();
    let (settings, wrong) = WorkspaceFile::read(&FileName::new("wob.yaml"), "version: 1\n");
    assert_eq!((settings.silenced.len(), wrong), (0, vec![]));
    let path = FilePath::new("sources.yaml").expect("because it is a path");
    let content = Content::Text { text: SOURCES.into(), digest: Digest::of(SOURCES.as_bytes()) };
    let file = SourceFile::new(&db, FileName::new("sources.yaml"), path, content);
    let source = Source::new(&db, Origin::default(), vec![file], vec![]);
    let base = Source::new(&db, Origin::default(), vec![], vec![]);
    let bases = vec![BaseSource { repository: None, source: Ok(base) }];
    let profile = Arc::new(Settings::of(Profile::Standard));
    let input = EnvironmentInput::new(&db, "prod".to_owned(), profile, bases, source, vec![]);
    check_always(&mut db, input);
    let built = build(&db, input);
    assert_eq!(problems([&built]), []);
    let sources = vec![SourceRecord::new(SourceRole::ControlPlane, "prod", &Origin::default())];
    let record = Record::new(&built, &built.tree, Profile::Standard, sources);
    assert!(record.texts().head.ends_with("}\n"));
    assert_eq!(unassigned(fleet(&db, input), scheduled(&db, input)).len(), 0);
    let warnings = lint::warnings(&db, &[input], Coverage::All);
    assert!(warnings.iter().all(|it| !it.is_error()), "{warnings:#?}");
    let [assignment] = assignments(&db, input) else { panic!("{:#?}", built.assignments) };
    assert!(why::overview(&db, input, assignment).is_some());
    let name = Name::new("prod").expect("because it is a name");
    let environments = [GraphEnvironment { name, input: Some(input), declared: vec![] }];
    let graph = Graph::build(&db, &environments, OutputFiles::Added);
    let expression = parse("deps(//...)").expect("because it is an expression");
    assert!(!evaluate(&graph, &expression).expect("because it is there").nodes.is_empty());
}
