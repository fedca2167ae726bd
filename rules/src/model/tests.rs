//! What a model does with objects that clash.

use std::sync::Arc;

use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};

use crate::{Doubt, EnvironmentInput, Model, Profile, Settings, environment_model};

fn model(files: &[(&str, &str)]) -> Model {
    let db = Database::default();
    let file = |(path, text): &(&str, &str)| {
        let digest = Digest::of(text.as_bytes());
        let content = Content::Text { text: (*text).into(), digest };
        SourceFile::new(&db, FileName::new(path), FilePath::new(path).unwrap(), content)
    };
    let source = Source::new(&db, Origin::default(), files.iter().map(file).collect(), vec![]);
    let settings = Arc::new(Settings::of(Profile::Standard));
    let input = EnvironmentInput::new(&db, "dev".to_owned(), settings, vec![], source, vec![]);
    environment_model(&db, input).clone()
}

fn object(kind: &str, name: &str, rest: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n{rest}"
    )
}

#[test]
fn what_clashes_is_used_by_nobody() {
    let one = object("ClusterType", "edge", "  labels: {a: b}\nspec:\n  reconciler: flux\n");
    let two = object("ClusterType", "edge", "spec:\n  reconciler: argocd\n");
    for files in [[("a.yaml", &*one), ("b.yaml", &*two)], [("a.yaml", &*two), ("b.yaml", &*one)]] {
        let model = model(&files);
        assert!(model.cluster_types.is_empty(), "a file's name must not decide which one counts");
        assert_eq!(model.damage.doubt, Doubt::Scheduling);
        assert_eq!(model.diagnostics.len(), 1, "{:?}", model.diagnostics);
    }
}

#[test]
fn a_template_that_clashes_fails_its_users_only() {
    let template = object("Template", "t", "spec:\n  manifests: [{a: 1}]\n");
    let model = model(&[("a.yaml", &template), ("b.yaml", &template)]);
    assert!(model.templates.is_empty() && model.damage.templates.contains("t"));
    assert_eq!(model.damage.doubt, Doubt::Nothing);
}

#[test]
fn a_workload_may_not_name_a_target_twice() {
    let target = "  - name: test\n    environment: dev\n    manifests: {path: a}\n";
    let workload =
        object("Workload", "app", &format!("spec:\n  deploymentTargets:\n{target}{target}"));
    let model = model(&[("a.yaml", &workload)]);
    assert!(model.targets.is_empty() && model.workloads.len() == 1);
    assert_eq!(model.diagnostics.len(), 1, "{:?}", model.diagnostics);
}

#[test]
fn two_workloads_of_one_name_are_one_mistake() {
    let workload = |place: &str| {
        let target = "spec:\n  deploymentTargets:\n  - name: test\n    environment: dev\n    manifests: {path: X}\n";
        object("Workload", "app", &target.replace('X', place))
    };
    let model = model(&[("a.yaml", &workload("a")), ("b.yaml", &workload("b"))]);
    assert!(model.targets.is_empty() && model.workloads.is_empty());
    assert_eq!(model.diagnostics.len(), 1, "{:?}", model.diagnostics);
}
