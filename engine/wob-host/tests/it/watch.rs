//! That what moves below watched folders is noticed, on the real file system.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use wob_host::{Hint, Watcher};

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
    (folder, path)
}

/// Waits for what must come, and then until nothing comes for a moment.
fn settle(watcher: &Watcher) -> Hint {
    let first = watcher.wait(Instant::now() + Duration::from_secs(20));
    while watcher.wait(Instant::now() + Duration::from_millis(100)) != Hint::Nothing {}
    first
}

fn nothing(watcher: &Watcher) -> Hint {
    watcher.wait(Instant::now() + Duration::from_millis(150))
}

#[test]
fn what_moves_is_noticed_and_what_is_read_or_our_own_is_not() {
    let (_guard, path) = folder();
    let own = path.join("out");
    fs::create_dir_all(path.join("below")).unwrap();
    fs::create_dir_all(&own).unwrap();
    fs::write(path.join("below/a.yaml"), "a").unwrap();
    let mut watcher = Watcher::new(vec![own.clone()]);
    watcher.watch(&BTreeSet::from([path.clone()]));
    assert_eq!(watcher.polling(), None);
    assert_eq!(nothing(&watcher), Hint::Nothing);

    fs::read(path.join("below/a.yaml")).unwrap();
    fs::write(own.join("x.yaml"), "x").unwrap();
    assert_eq!(nothing(&watcher), Hint::Nothing, "reading, and our own output");

    fs::write(path.join("below/a.yaml"), "b").unwrap();
    assert_eq!(settle(&watcher), Hint::Moved, "a write");
    fs::write(path.join("new"), "c").unwrap();
    fs::rename(path.join("new"), path.join("below/a.yaml")).unwrap();
    assert_eq!(settle(&watcher), Hint::Moved, "a rename over it");
    fs::create_dir(path.join("fresh")).unwrap();
    assert_eq!(settle(&watcher), Hint::Moved, "a folder");
    fs::write(path.join("fresh/b.yaml"), "b").unwrap();
    assert_eq!(settle(&watcher), Hint::Moved, "a file in the new folder");
}

#[test]
fn a_folder_that_vanishes_and_returns_is_watched_again() {
    let (_guard, path) = folder();
    let below = path.join("below");
    let paths = BTreeSet::from([below.clone()]);
    fs::create_dir(&below).unwrap();
    let mut watcher = Watcher::new(vec![]);
    watcher.watch(&paths);
    fs::remove_dir(&below).unwrap();
    assert_eq!(settle(&watcher), Hint::Moved);
    watcher.watch(&paths);
    fs::create_dir(&below).unwrap();
    watcher.watch(&paths);
    fs::write(below.join("a.yaml"), "a").unwrap();
    assert_eq!(settle(&watcher), Hint::Moved);
}
