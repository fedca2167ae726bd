//! What graphs promise: the same from any order, one node for one object, walks in linear time.

use super::{
    Direction, Graph, NodeSet, OutputFiles,
    fixture::{Fixture, random_graph},
};
use proptest::prelude::*;

fn labels(graph: &Graph<'_>) -> Vec<String> {
    graph.filter(|_| true).iter().map(|it| graph.node(it).label.to_string()).collect()
}

fn has(graph: &Graph<'_>, label: &str) -> bool {
    graph.find(label).is_some()
}

#[test]
fn one_object_is_one_node_in_all_environments() {
    let mut fixture = Fixture::new();
    fixture.add("stage", "base");
    let graph = fixture.graph(OutputFiles::LeftOut);
    for shared in ["//template:rec", "//registration:app", "//workload:app", "//template:flux"] {
        let names = graph.environments_of(graph.find(shared).unwrap());
        assert_eq!(names.map(ToString::to_string).collect::<Vec<_>>(), ["dev", "stage"]);
    }
    assert!(has(&graph, "//cluster-type/dev:large") && has(&graph, "//cluster-type/stage:large"));
}

#[test]
fn objects_of_bases_that_differ_are_told_apart() {
    let mut fixture = Fixture::new();
    fixture.add("stage", "pinned");
    let graph = fixture.graph(OutputFiles::LeftOut);
    for word in ["template", "registration", "workload"] {
        let name = if word == "template" { "rec" } else { "app" };
        for environment in ["dev", "stage"] {
            assert!(has(&graph, &format!("//{word}/{environment}:{name}")), "{word}");
        }
        assert!(!has(&graph, &format!("//{word}:{name}")), "{word}");
    }
    let mut stage = NodeSet::empty(graph.len());
    stage.insert(graph.find("//env:stage").unwrap());
    let below = graph.reach(&stage, Direction::Dependencies, None, None);
    let of_dev: Vec<String> = below
        .iter()
        .map(|it| graph.node(it).label.to_string())
        .filter(|it| it.contains("dev") || it.contains("base:"))
        .collect();
    assert!(of_dev.is_empty(), "{of_dev:?}");
}

#[test]
fn the_order_of_environments_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.add("stage", "base");
    let one = fixture.graph(OutputFiles::Added);
    let edges = |graph: &Graph<'_>| (graph.dependencies.clone(), graph.dependents.clone());
    let mut turned = fixture.environments.clone();
    turned.reverse();
    let other = Graph::build(&fixture.db, &turned, OutputFiles::Added);
    assert_eq!((labels(&one), edges(&one)), (labels(&other), edges(&other)));
}

#[test]
fn walks_need_no_stack() {
    const LONG: usize = 300_000;
    let pairs: Vec<_> =
        (1..LONG).map(|it| (super::NodeId::new(it - 1), super::NodeId::new(it))).collect();
    let node = |index: usize| super::Node {
        label: format!("//:{index:08}").into(),
        kind: super::NodeKind::SourceFile,
        place: None,
        environments: Box::from([]),
    };
    let graph = Graph {
        dependents: super::Edges::new(LONG, &pairs).turned(),
        dependencies: super::Edges::new(LONG, &pairs),
        nodes: (0..LONG).map(node).collect(),
        environments: vec![],
        models: vec![],
    };
    let (mut first, mut last) = (NodeSet::empty(LONG), NodeSet::empty(LONG));
    first.insert(super::NodeId::new(0));
    last.insert(super::NodeId::new(LONG - 1));
    assert_eq!(graph.some_path(&first, &last).len(), LONG);
    assert_eq!(graph.all_paths(&first, &last).len(), LONG);
    assert_eq!(graph.reach(&first, Direction::Dependencies, Some(7), None).len(), 8);
}

proptest! {
    #[test]
    fn edges_back_are_edges_turned(graph in random_graph()) {
        for node in graph.filter(|_| true).iter() {
            for next in graph.neighbours(node, Direction::Dependencies) {
                prop_assert!(graph.neighbours(*next, Direction::Dependents).contains(&node));
            }
        }
        let count = |it| graph.filter(|_| true).iter().map(|id| graph.neighbours(id, it).len()).sum::<usize>();
        prop_assert_eq!(count(Direction::Dependencies), count(Direction::Dependents));
        prop_assert_eq!(count(Direction::Dependencies), graph.edges());
    }

    #[test]
    fn sets_hold_what_was_put_in(mut wanted in proptest::collection::vec(0..200_usize, 0..60)) {
        let mut set = NodeSet::empty(200);
        for index in &wanted {
            set.insert(super::NodeId::new(*index));
        }
        wanted.sort_unstable();
        wanted.dedup();
        prop_assert_eq!(set.iter().map(super::NodeId::index).collect::<Vec<_>>(), wanted.clone());
        prop_assert_eq!(set.len(), wanted.len());
    }
}
