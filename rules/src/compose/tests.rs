//! What composition promises, on small cases.

use std::collections::BTreeMap;

use super::{SpecialLabels, Subject, label_match, labels_from_key};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
}

/// Says whether `wanted` holds for target `app-test` of workload `app` on cluster type `large`.
fn matches(wanted: &[(&str, &str)]) -> bool {
    let cluster_labels = labels(&[("region", "west"), ("both", "cluster"), ("blank", "")]);
    let target_labels = labels(&[("purpose", "test"), ("both", "target"), ("workload", "other")]);
    let subject = Subject {
        cluster_type: "large",
        cluster_labels: &cluster_labels,
        target: "app-test",
        target_labels: &target_labels,
        workload: "app",
    };
    label_match(&labels(wanted), &subject, SpecialLabels::KALYPSO)
}

#[test]
fn either_side_may_have_a_label_but_all_labels_must_hold() {
    assert!(matches(&[]));
    assert!(matches(&[("region", "west"), ("purpose", "test")]));
    assert!(matches(&[("both", "cluster")]) && matches(&[("both", "target")]));
    assert!(!matches(&[("region", "west"), ("purpose", "perf")]));
}

#[test]
fn special_labels_compare_with_names_and_not_with_labels() {
    assert!(matches(&[("cluster-type", "large"), ("deployment-target", "app-test")]));
    assert!(matches(&[("workload", "app")]));
    assert!(!matches(&[("workload", "other")]));
    assert!(matches(&[("platform-config", "no"), ("kustomize.toolkit.fluxcd.io/name", "x")]));
}

#[test]
fn an_absent_label_is_not_an_empty_one() {
    assert!(!matches(&[("zone", "")]));
    assert!(!matches(&[("region", "")]));
    assert!(matches(&[("blank", "")]));
}

#[test]
fn dotted_keys_carry_labels_in_pairs() {
    let (labels, key) = labels_from_key("region.west.size.large.URL");
    assert_eq!((labels, key), (BTreeMap::from([("region", "west"), ("size", "large")]), "URL"));
    let (labels, key) = labels_from_key("region.west.odd.URL");
    assert_eq!((labels, key), (BTreeMap::from([("region", "west")]), "URL"));
}
