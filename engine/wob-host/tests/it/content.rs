//! The digest of what wob reads of a tree.

use wob_engine::Digest;
use wob_host::{Interrupt, Repository};

use crate::support::{Sandbox, repository};

/// Returns the digest of a repository that holds `files`.
fn digest(files: &[(&str, &str)]) -> Digest {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), files);
    let repository = Repository::open(sandbox.path()).unwrap();
    let tree = repository.resolve("HEAD").unwrap().tree;
    repository.content_digest(tree, &Interrupt::default()).unwrap()
}

#[test]
fn what_is_read_counts_and_nothing_else() {
    let files = [("a.yaml", "1"), ("b/c.j2", "2"), ("b/README.md", "3")];
    let whole = digest(&files);
    let same = [("a.yaml", "1"), ("b/c.j2", "2"), ("b/README.md", "other"), ("bin", "4")];
    assert_eq!(digest(&same), whole, "what is not read does not count");
    let ignored = [("a.yaml", "1"), ("b/c.j2", "2"), (".sourceignore", "b/")];
    assert_eq!(digest(&ignored), whole, "what is hidden counts");
    for (why, other) in [
        ("another content", vec![("a.yaml", "2"), ("b/c.j2", "2")]),
        ("another name", vec![("b.yaml", "1"), ("b/c.j2", "2")]),
        ("another folder", vec![("a.yaml", "1"), ("c/c.j2", "2")]),
        ("one file less", vec![("a.yaml", "1")]),
        ("one file more", vec![("a.yaml", "1"), ("b/c.j2", "2"), ("d.json", "")]),
        ("contents that moved", vec![("a.yaml", "2"), ("b/c.j2", "1")]),
        ("nothing", vec![("README.md", "3")]),
    ] {
        assert_ne!(digest(&other), whole, "{why}");
    }
}

#[cfg(unix)]
#[test]
fn links_count_by_where_they_lead() {
    let link = digest(&[("a.yaml", "1"), ("b.yaml", "1"), ("c", "-> a.yaml")]);
    assert_ne!(digest(&[("a.yaml", "1"), ("b.yaml", "1"), ("c", "-> b.yaml")]), link);
    assert_ne!(digest(&[("a.yaml", "1"), ("b.yaml", "1")]), link);
}
