//! What a stamp promises: whatever changes a byte or a name changes it.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_host::{Interrupt, Stamp, Stamper};

fn stamp(folder: &Utf8Path) -> Stamp {
    let interrupt = Interrupt::default();
    let mut stamper = Stamper::new(&interrupt);
    stamper.folder(folder).unwrap();
    stamper.file(&folder.join("a.yaml")).unwrap();
    stamper.finish()
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    fs::create_dir_all(path.join("below")).unwrap();
    fs::write(path.join("a.yaml"), "a").unwrap();
    fs::write(path.join("below/b.yaml"), "b").unwrap();
    (folder, path)
}

/// Sets the time of a file's last change; its inode's time of change is now, whatever one does.
fn set_modified(path: &Utf8Path, time: SystemTime) {
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[cfg(unix)]
#[test]
fn whatever_changes_shows() {
    let (_guard, path) = folder();
    let a = path.join("a.yaml");
    let mut before = stamp(&path);
    assert!(before.still_holds(&stamp(&path)), "nothing changed");
    let kept = fs::metadata(&a).unwrap().modified().unwrap();
    let changes: [(&str, &dyn Fn()); 9] = [
        ("a byte, with the time set back", &|| {
            fs::write(&a, "x").unwrap();
            set_modified(&a, kept);
        }),
        ("the time alone, into the past", &|| {
            set_modified(&a, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        }),
        ("another file in its place", &|| {
            fs::write(path.join("new"), "a").unwrap();
            fs::rename(path.join("new"), &a).unwrap();
        }),
        ("a new file", &|| fs::write(path.join("c.yaml"), "").unwrap()),
        ("a file gone", &|| fs::remove_file(path.join("c.yaml")).unwrap()),
        ("a folder", &|| fs::create_dir(path.join("empty")).unwrap()),
        ("a name", &|| fs::rename(path.join("below/b.yaml"), path.join("below/c.yaml")).unwrap()),
        ("a mode", &|| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&a, fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("a link", &|| {
            fs::remove_file(&a).unwrap();
            std::os::unix::fs::symlink("below/c.yaml", &a).unwrap();
        }),
    ];
    for (what, change) in changes {
        change();
        let now = stamp(&path);
        assert!(!before.still_holds(&now), "{what} does not show");
        before = now;
    }
}

/// Equal times tell nothing of a file that was changed a moment before the stamp: its bytes do.
#[test]
fn a_change_that_leaves_no_trace_shows_in_what_is_a_moment_old() {
    let (_guard, path) = folder();
    let a = path.join("a.yaml");
    let ahead = SystemTime::now() + Duration::from_hours(1);
    set_modified(&a, ahead);
    let before = stamp(&path);
    fs::write(&a, "b").unwrap();
    set_modified(&a, ahead);
    // What the file system would have to do for this change to leave no trace: keep the inode's time, too.
    assert!(!before.still_holds(&before), "the bytes are others");
    fs::write(&a, "a").unwrap();
    assert!(before.still_holds(&before));
}

#[test]
fn what_reading_passes_over_does_not_show() {
    let (_guard, path) = folder();
    for marked in [".git", "out/.wob", "cache"] {
        fs::create_dir_all(path.join(marked)).unwrap();
    }
    fs::write(path.join("out/.wob/tree.json"), "{}").unwrap();
    fs::write(path.join("cache/CACHEDIR.TAG"), "").unwrap();
    let before = stamp(&path);
    for marked in [".git/HEAD", "out/x.yaml", "cache/x.yaml"] {
        fs::write(path.join(marked), "new").unwrap();
    }
    assert!(before.still_holds(&stamp(&path)));
    fs::remove_file(path.join("cache/CACHEDIR.TAG")).unwrap();
    assert!(!before.still_holds(&stamp(&path)), "it counts once the mark is gone");
}
