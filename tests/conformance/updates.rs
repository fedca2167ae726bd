//! What an update of a GitOps repository deletes: the history of a real one, against wob's rules of ownership.

use std::{collections::BTreeSet, fs};

use camino::Utf8Path;
use serde_json::Value;
use wob_engine::{Blob, FilePath, Tree};
use wob_host::{Interrupt, Manifest, OutputFolder, Overwrite, Standing, TreeRecord};

use super::{Tally, read_json};
use crate::oracle::{self, world::read_files};

/// Runs the suite on the host's output folder.
pub(crate) fn run(tally: &mut Tally) {
    for case in oracle::list(&read_json("unit/tree_update.json")["cases"]) {
        let after: BTreeSet<String> = paths(&case["after"]).map(str::to_owned).collect();
        tally.compare("tree_update: host", oracle::text(&case["commit"]), &update(case), &after);
    }
}

/// Writes the tree of before as wob would have, adds the files of others, and updates to what was generated.
fn update(case: &Value) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let is_ours = |path: &str| path.contains('/') && !path.starts_with('.');
    write(
        folder.path().to_str().unwrap(),
        &tree(paths(&case["before"]).filter(|it| is_ours(it)), "old"),
    );
    for path in paths(&case["before"]).filter(|it| !is_ours(it)) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "of others").unwrap();
    }
    write(folder.path().to_str().unwrap(), &tree(paths(&case["generated"]), "new"));
    read_files(folder.path()).into_keys().filter(|it| !it.starts_with(".wob/")).collect()
}

fn paths(list: &Value) -> impl Iterator<Item = &str> {
    oracle::list(list).iter().map(oracle::text)
}

fn tree<'it>(paths: impl Iterator<Item = &'it str>, text: &str) -> Tree {
    let mut tree = Tree::default();
    for path in paths {
        tree.insert(&FilePath::new(path).unwrap(), Blob::new(text.as_bytes()));
    }
    tree
}

fn write(folder: &str, tree: &Tree) {
    let head = serde_json::to_string(&Manifest::of(tree)).unwrap();
    let record = TreeRecord { head, ..TreeRecord::default() };
    let interrupt = Interrupt::default();
    let output = OutputFolder::new(Utf8Path::new(folder), None);
    let plan = output.plan(tree, &record, &Standing::Unknown, &interrupt).unwrap();
    plan.apply(Overwrite::Nothing, &interrupt).unwrap();
}
