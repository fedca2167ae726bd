//! Which labels hold for whom.

use std::collections::BTreeMap;

use super::{Pair, labels};
use crate::compose::{SpecialLabels, label_match, labels_from_key};

fn matches(wanted: &[(&str, &str)]) -> bool {
    label_match(&labels(wanted), &Pair::new().subject(), SpecialLabels::KALYPSO)
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
