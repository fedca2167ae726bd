//! How long it takes to write a tree into a branch, beside what hashing and compressing its bytes takes alone.
//!
//! `cargo run --release -p wob-host --example into -- 100000` writes that many files of 1.2 KiB, ten in a folder.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement that people run")]

use std::{env, process::Command, time::Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use wob_engine::{Blob, FilePath, Tree, git_blob_id};
use wob_host::{BranchName, Interrupt, Manifest, OutputBranch, Overwrite};

fn main() {
    let files = env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    let init =
        Command::new("git").args(["init", "-q", "--bare", folder.as_str()]).status().unwrap();
    assert!(init.success());
    let mut tree = Tree::default();
    for index in 0..files {
        tree.insert(path(index), blob(index, "first"));
    }
    let floor = seconds(|| {
        let blobs: Vec<&Blob> = tree.files().map(|(_, blob)| blob).collect();
        let bytes: usize = blobs.par_iter().map(|it| compressed(it.bytes())).sum();
        println!("{files} files, {} KiB compressed", bytes / 1024);
    });
    println!("  SHA-1 and zlib alone      {floor:>9.1} ms");
    let cold = write("cold", &folder, &tree);
    println!("  cold / alone              {:>9.2}", cold / floor);
    write("nothing changed", &folder, &tree);
    for index in 0..100 {
        let index = index * (files / 100).max(1) % files;
        tree.insert(path(index), blob(index, "second"));
    }
    write("100 files changed", &folder, &tree);
    tree.insert(path(0), blob(0, "third"));
    write("one file changed", &folder, &tree);
}

fn path(index: usize) -> FilePath {
    FilePath::new(&format!("cluster-{}/app-{}/{}.yaml", index / 1000, index / 10 % 100, index % 10))
        .unwrap()
}

/// Makes a file of 1.2 KiB that is like the others, as manifests are, and not the same.
fn blob(index: usize, word: &str) -> Blob {
    let mut text = String::new();
    for line in 0..30 {
        let hash = git_blob_id(format!("{index} {line} {word}").as_bytes()).to_string();
        text.push_str(&format!("  KEY_{line}: \"value-{}-{word}\"\n", &hash[..16]));
    }
    Blob::new(text.into_bytes())
}

fn compressed(bytes: &[u8]) -> usize {
    let id = git_blob_id(bytes);
    let mut out =
        gix::zlib::stream::deflate::Write::new(vec![], gix::zlib::Compression::BEST_SPEED);
    std::io::copy(&mut &*bytes, &mut out).unwrap();
    std::io::Write::flush(&mut out).unwrap();
    out.into_inner().len() + usize::from(id.as_bytes()[0] == 0)
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1000.0
}

/// Writes `tree` and prints how long each step took; returns the sum in milliseconds.
fn write(what: &str, folder: &Utf8Path, tree: &Tree) -> f64 {
    let manifest = serde_json::to_string(&Manifest::of(tree)).unwrap();
    let interrupt = Interrupt::default();
    let name = BranchName::new("dev").unwrap();
    let mut plan = None;
    let planning = seconds(|| {
        let output = OutputBranch::open(folder, &name).unwrap();
        plan = Some(output.plan(tree, &manifest, &interrupt).unwrap());
    });
    let plan = plan.unwrap();
    let applying = seconds(|| {
        plan.apply(Overwrite::Nothing, &interrupt).unwrap();
    });
    println!("  {what:<20} plan {planning:>9.1} ms, apply {applying:>9.1} ms");
    planning + applying
}
