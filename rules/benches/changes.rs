//! How long two large trees of which little differs take to compare, beside the floor: a walk that compares digests.
//!
//! `cargo bench -p wob-rules --bench changes -- 100000 100` takes so many files, and lets so many differ.
#![expect(clippy::print_stdout, reason = "the times are what a bench is for")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its command line")]

use std::time::{Duration, Instant};

use wob_engine::{Blob, FilePath, Tree};
use wob_rules::changes::{Pairing, Side, changes, collapse};

/// How often each is measured; the fastest counts.
const ROUNDS: usize = 25;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let files = numbers.first().copied().unwrap_or(100_000);
    let changed = numbers.get(1).copied().unwrap_or(100);
    let (old, new) = (tree(files, 0), tree(files, changed));
    // Builds in one database share what does not differ.
    let shared: Tree = new
        .files()
        .map(|(path, blob)| {
            let before = old.get(&path).filter(|it| it.digest() == blob.digest());
            (path.clone(), before.unwrap_or(blob).clone())
        })
        .collect();
    for (name, new) in [("built apart", &new), ("built in one database", &shared)] {
        compare(name, &old, new);
    }
}

fn compare(name: &str, old: &Tree, new: &Tree) {
    let (floor, differing) = fastest(|| {
        old.files().zip(new.files()).filter(|((_, a), (_, b))| a.digest() != b.digest()).count()
    });
    let side = |tree| Side { tree, prefix: "" };
    let (time, (found, groups)) = fastest(|| {
        let found = changes("prod", side(old), side(new), Pairing::Identity);
        (found.len(), collapse(found).len())
    });
    println!(
        "{name}: {} files, {differing} of which differ; {found} changes in {groups} groups",
        new.len()
    );
    println!("  digests alone  {:>8} µs", floor.as_micros());
    println!("  all changes    {:>8} µs", time.as_micros());
    println!("  percent        {:>8}", time.as_micros() * 100 / floor.as_micros().max(1));
}

/// Makes assignments of three files each, and another config value in the first `changed` of them.
fn tree(files: usize, changed: usize) -> Tree {
    let mut tree = Tree::default();
    for index in 0..files / 3 {
        let folder = format!("cluster-type-{}/workload-{index}", index % 100);
        for (name, text) in texts(index, if index < changed { "changed" } else { "as it was" }) {
            let path = FilePath::new(&format!("{folder}/{name}")).expect("because it is a path");
            tree.insert(&path, Blob::new(text.into_bytes()));
        }
    }
    tree
}

fn texts(index: usize, value: &str) -> [(&'static str, String); 3] {
    let lines: Vec<String> =
        (0..20).map(|it| format!("  KEY_{it}: value {it} of {index}\n")).collect();
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n-{index}\n");
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: n-{index}\ndata:\n{}  LAST: {value}\n",
        lines.concat()
    );
    let reconciler = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: s-{index}\n\
         spec:\n  url: https://example.org/{index}\n"
    );
    [("namespace.yaml", namespace), ("config.yaml", config), ("reconciler.yaml", reconciler)]
}

fn fastest<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let result = work();
        (start.elapsed(), result)
    });
    let first = rounds.next().expect("because there are rounds");
    rounds.fold(first, |best, it| if it.0 < best.0 { it } else { best })
}
