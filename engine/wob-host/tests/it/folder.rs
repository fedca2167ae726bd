//! Reading folders.

use std::fs;

use camino::Utf8Path;
use wob_host::{FolderError, Interrupt, LimitError, ReadLimits, ReadOptions, read_folder};

use crate::support::{Sandbox, listing, options, skipped, write};

/// Reads `files` from a folder.
fn read(files: &[(&str, &str)]) -> Vec<String> {
    let sandbox = Sandbox::new();
    write(&sandbox.join("source"), files);
    listing(&read_folder(&sandbox.join("source"), &options(&Interrupt::default())).unwrap())
}

fn read_with(folder: &Utf8Path, limits: ReadLimits) -> Result<Vec<String>, FolderError> {
    let interrupt = Interrupt::default();
    let options = ReadOptions { limits, ..options(&interrupt) };
    read_folder(folder, &options).map(|it| listing(&it))
}

#[test]
fn manifests_are_read_in_order_of_their_paths() {
    let files = [("b.yaml", "b"), ("a/z.json", "z"), ("a.yml", "a"), ("README.md", "no")];
    assert_eq!(read(&files), ["a.yml: a", "a/z.json: z", "b.yaml: b"]);
}

#[test]
fn what_is_no_source_is_left_out() {
    let files = [
        (".git/config.yaml", "no"),
        ("wob-out/dev/.wob/tree.json", "{}"),
        ("wob-out/dev/x.yaml", "no"),
        ("target/CACHEDIR.TAG", ""),
        ("target/x.yaml", "no"),
        ("deployment/target/x.yaml", "yes"),
        (".wob/tree.json", "the root itself is read"),
    ];
    let left = [".wob/tree.json: the root itself is read", "deployment/target/x.yaml: yes"];
    assert_eq!(read(&files), left);
}

#[test]
fn sourceignore_hides_and_shows_as_gitignore_does() {
    let files = [
        (".sourceignore", "/a.yaml\nsecret/\n*.tmp.yaml\n# comment\n!keep.tmp.yaml\n"),
        ("a.yaml", "1"),
        ("b/a.yaml", "2"),
        ("b/secret/x.yaml", "3"),
        ("b/x.tmp.yaml", "4"),
        ("b/keep.tmp.yaml", "5"),
        ("c/.sourceignore", "!x.tmp.yaml\n/d.yaml\n"),
        ("c/x.tmp.yaml", "6"),
        ("c/d.yaml", "7"),
        ("c/e/d.yaml", "8"),
    ];
    let expected = [
        "b/a.yaml: 2",
        "b/keep.tmp.yaml: 5",
        "c/e/d.yaml: 8",
        "c/x.tmp.yaml: 6",
        "#a.yaml: 1",
        "#b/secret/x.yaml: 3",
        "#b/x.tmp.yaml: 4",
        "#c/d.yaml: 7",
    ];
    assert_eq!(read(&files), expected);
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_and_refused_outside() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("outside.yaml", "secret"), ("out/x.yaml", "secret")]);
    let inside = format!("-> {}", sandbox.join("source/real/x.yaml"));
    let outside = format!("-> {}", sandbox.join("outside.yaml"));
    let files = [
        ("real/x.yaml", "x"),
        ("file.yaml", "-> real/x.yaml"),
        ("folder", "-> ./real/../real"),
        ("twice.yaml", "-> folder/x.yaml"),
        ("absolute.yaml", &inside),
        ("picture.png", "-> ../outside.png"),
        ("up.yaml", "-> ../outside.yaml"),
        ("up", "-> ../out"),
        ("elsewhere.yaml", &outside),
        ("through.yaml", "-> up/x.yaml"),
        ("nothing.yaml", "-> missing.yaml"),
    ];
    write(&sandbox.join("source"), &files);
    let read = read_with(&sandbox.join("source"), ReadLimits::default()).unwrap();
    let leaves = |target: &str| format!("LinkLeaves {{ target: {target:?} }}");
    let expected = [
        "absolute.yaml: x".to_owned(),
        format!("elsewhere.yaml! {}", leaves(sandbox.join("outside.yaml").as_str())),
        "file.yaml: x".to_owned(),
        "folder/x.yaml: x".to_owned(),
        "nothing.yaml! Unreadable { reason: \"the link to `missing.yaml` leads to nothing\" }"
            .to_owned(),
        "real/x.yaml: x".to_owned(),
        format!("through.yaml! {}", leaves("up/x.yaml")),
        "twice.yaml: x".to_owned(),
        format!("up! {}", leaves("../out")),
        format!("up.yaml! {}", leaves("../outside.yaml")),
    ];
    assert_eq!(read, expected);
}

#[cfg(unix)]
#[test]
fn circles_of_links_end() {
    let circle = |at: &str, target: &str| {
        format!("{at}! Unreadable {{ reason: \"the link to `{target}` is a circle\" }}")
    };
    assert_eq!(
        read(&[("a/x.yaml", "x"), ("a/up", "-> .."), ("self", "-> self")]),
        [circle("a/up", ".."), "a/x.yaml: x".to_owned(), circle("self", "self")],
    );
    assert_eq!(
        read(&[("a/to_b", "-> ../b"), ("b/to_a", "-> ../a"), ("b/x.yaml", "x")]),
        [
            circle("a/to_b/to_a", "../a"),
            "a/to_b/x.yaml: x".to_owned(),
            circle("b/to_a/to_b", "../b"),
            "b/x.yaml: x".to_owned(),
        ],
    );
}

#[cfg(unix)]
#[test]
fn links_that_double_at_each_level_stop_at_the_limit() {
    let sandbox = Sandbox::new();
    for level in 0..40 {
        let target = format!("-> ../{}", level + 1);
        let (a, b) = (format!("{level}/a"), format!("{level}/b"));
        write(sandbox.path(), &[(&a, &target), (&b, &target)]);
    }
    write(sandbox.path(), &[("40/x.yaml", "x")]);
    let limits = ReadLimits { entries: 10_000, ..ReadLimits::default() };
    let error = read_with(sandbox.path(), limits).unwrap_err();
    assert!(matches!(error, FolderError::Limit { source: LimitError::Entries { .. }, .. }));
}

#[test]
fn limits_hold() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("a.yaml", "12345"), ("b.yaml", "1234"), ("c/d/e.yaml", "1")]);
    let limits = ReadLimits { file_bytes: 4, ..ReadLimits::default() };
    let expected = ["a.yaml! TooLarge { size: 5, limit: 4 }", "b.yaml: 1234", "c/d/e.yaml: 1"];
    assert_eq!(read_with(sandbox.path(), limits).unwrap(), expected);
    for limits in [
        ReadLimits { entries: 3, ..ReadLimits::default() },
        ReadLimits { total_bytes: 9, ..ReadLimits::default() },
        ReadLimits { depth: 1, ..ReadLimits::default() },
    ] {
        let error = read_with(sandbox.path(), limits).unwrap_err();
        assert!(matches!(error, FolderError::Limit { .. }), "{error}");
    }
}

#[test]
fn a_sourceignore_has_a_limit_too() {
    let sandbox = Sandbox::new();
    let half = "# a comment\n".repeat(5_001);
    write(sandbox.path(), &[("a/.sourceignore", &half), ("b.yaml", "1")]);
    assert_eq!(read_with(sandbox.path(), ReadLimits::default()).unwrap(), ["b.yaml: 1"]);
    write(sandbox.path(), &[("b/.sourceignore", &half)]);
    let error = read_with(sandbox.path(), ReadLimits::default()).unwrap_err();
    let FolderError::Limit { source: LimitError::Patterns { path, .. }, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(path, "b/.sourceignore");
}

#[test]
fn an_interrupt_ends_reading() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("a.yaml", "1")]);
    let interrupt = Interrupt::default();
    interrupt.set();
    let error = read_folder(sandbox.path(), &options(&interrupt)).unwrap_err();
    assert!(error.to_string().ends_with("interrupted"), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.join("a.yaml"), b"a: \xff").unwrap();
    fs::write(sandbox.join("b.yaml"), b"\xef\xbb\xbfb: 1").unwrap();
    let read = read_with(sandbox.path(), ReadLimits::default()).unwrap();
    assert_eq!(read, ["a.yaml! NotUtf8 { offset: 3 }", "b.yaml: b: 1"]);
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_names_and_pipes_do_no_harm() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("a\\b.yaml", "1"), ("a\nb.yaml", "2"), ("c\u{7}/x.yaml", "3")]);
    fs::write(sandbox.path().as_std_path().join(OsStr::from_bytes(b"\xff.yaml")), "4").unwrap();
    let made = std::process::Command::new("mkfifo").arg(sandbox.join("pipe.yaml")).status();
    assert!(made.unwrap().success());
    let read = read_with(sandbox.path(), ReadLimits::default()).unwrap();
    let refused: Vec<&str> = read.iter().map(|it| it.split_once('!').unwrap().0).collect();
    assert_eq!(refused, ["a\u{fffd}b.yaml", "c\u{fffd}", "\u{fffd}.yaml"]);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("a.yaml", "1"), ("b/x.yaml", "2"), ("c.yaml", "3")]);
    for closed in ["a.yaml", "b"] {
        fs::set_permissions(sandbox.join(closed), fs::Permissions::from_mode(0o000)).unwrap();
    }
    if fs::read(sandbox.join("a.yaml")).is_ok() {
        skipped("this user may read everything");
        return;
    }
    let read = read_with(sandbox.path(), ReadLimits::default()).unwrap();
    let refused =
        |at| format!("{at}! Unreadable {{ reason: \"Permission denied (os error 13)\" }}");
    assert_eq!(read, [refused("a.yaml"), refused("b"), "c.yaml: 3".to_owned()]);
    fs::set_permissions(sandbox.join("b"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("file", "x")]);
    for path in ["missing", "file"] {
        let error = read_with(&sandbox.join(path), ReadLimits::default()).unwrap_err();
        assert!(matches!(error, FolderError::Unreadable { .. }), "{error}");
    }
}
