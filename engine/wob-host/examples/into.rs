//! How long it takes to write a tree into a branch, beside what hashing and compressing its bytes takes alone.
//!
//! `cargo run --release -p wob-host --example into -- 100000` writes that many files of 1.2 KiB, ten in a folder.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement that people run")]

use std::{
    env,
    fmt::Write as _,
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use gix::zlib::{
    Compression,
    stream::deflate::{Compress, FlushCompress},
};
use rayon::prelude::*;
use wob_engine::{Blob, FilePath, Tree, git_blob_id};
use wob_host::{BranchName, Interrupt, Manifest, OutputBranch, Overwrite, TreeRecord};

fn main() {
    let files = env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    let init =
        Command::new("git").args(["init", "-q", "--bare", folder.as_str()]).status().unwrap();
    assert!(init.success());
    let mut tree = Tree::default();
    for index in 0..files {
        tree.insert(&path(index), blob(index, "first"));
    }
    let floor = duration(|| {
        let blobs: Vec<&Blob> = tree.files().map(|(_, blob)| blob).collect();
        let bytes: u64 = blobs.par_chunks(64).map(compressed).sum();
        println!("{files} files, {} KiB compressed", bytes / 1024);
    });
    println!("  SHA-1 and zlib alone {floor:.1?}");
    let cold = write("cold", &folder, &tree);
    println!("  cold is {} % of that", cold.as_micros() * 100 / floor.as_micros().max(1));
    write("nothing changed", &folder, &tree);
    for index in 0..100 {
        let index = index * (files / 100).max(1) % files;
        tree.insert(&path(index), blob(index, "second"));
    }
    write("100 files changed", &folder, &tree);
    tree.insert(&path(0), blob(0, "third"));
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
        writeln!(text, "  KEY_{line}: \"value-{}-{word}\"", &hash[..16]).unwrap();
    }
    Blob::new(text.into_bytes())
}

/// Hashes and compresses `blobs`, and returns how many bytes come out.
fn compressed(blobs: &[&Blob]) -> u64 {
    let mut deflate = Compress::new(Compression::BEST_SPEED);
    let mut out = vec![0; 4096];
    let mut sum = 0;
    for blob in blobs {
        black_box(git_blob_id(&blob.bytes()));
        deflate.reset();
        deflate.compress(&blob.bytes(), &mut out, FlushCompress::Finish).unwrap();
        sum += deflate.total_out();
    }
    sum
}

fn duration(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// Writes `tree` and prints how long each step took; returns the sum.
fn write(what: &str, folder: &Utf8Path, tree: &Tree) -> Duration {
    let head = serde_json::to_string(&Manifest::of(tree)).unwrap();
    let record = TreeRecord { head, ..TreeRecord::default() };
    let interrupt = Interrupt::default();
    let name = BranchName::new("dev").unwrap();
    let mut plan = None;
    let planning = duration(|| {
        let output = OutputBranch::open(folder, &name).unwrap();
        plan = Some(output.plan(tree, &record, &interrupt).unwrap());
    });
    let plan = plan.unwrap();
    let applying = duration(|| {
        plan.apply(Overwrite::Nothing, &interrupt).unwrap();
    });
    println!("  {what}: plan {planning:.1?}, apply {applying:.1?}");
    planning + applying
}
