//! Names the rules that this wob is built with: a digest over all sources that decide what a render gives.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

/// What renders: the rules with their data, the emitters, the template languages, and what they depend on.
const SOURCES: [&str; 6] = [
    "engine/wob-engine/src",
    "engine/wob-template/src",
    "rules/src",
    "rules/schemas",
    "rules/reconcilers",
    "Cargo.lock",
];

fn main() {
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let mut files = vec![];
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
        collect(&root.join(source), &mut files);
    }
    files.sort();
    // Two halves, since the standard library has no larger digest; nobody chooses sources so that they collide.
    let mut halves = [DefaultHasher::new(), DefaultHasher::new()];
    halves[1].write(b"the second half");
    for path in files {
        let bytes = fs::read(&path).unwrap_or_default();
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        for half in &mut halves {
            (&name, &bytes).hash(half);
        }
    }
    let [first, second] = halves.map(|it| it.finish());
    println!("cargo::rustc-env=WOB_RULES_DIGEST={first:016x}{second:016x}");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                collect(&entry.path(), files);
            }
        }
        Err(_) => files.push(path.to_owned()),
    }
}
