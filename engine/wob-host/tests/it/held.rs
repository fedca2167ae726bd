//! What a commit or a folder holds, and its history: held against what git says.

use std::{collections::BTreeMap, fs};

use wob_engine::Digest;
use wob_host::{Digests, GitError, Held, HeldFile, Interrupt, Repository};

use crate::support::{Sandbox, commit, git, path, repository, write};

fn files(held: &Held) -> BTreeMap<String, HeldFile> {
    held.files(&mut Digests::default(), &Interrupt::default()).unwrap()
}

#[test]
fn a_commit_and_its_checkout_hold_the_same() {
    let sandbox = Sandbox::new();
    let contents =
        [("a.yaml", "a"), ("b/c d/é.yaml", "c"), ("b/same", "a"), (".wob/tree.json", "{}")];
    repository(sandbox.path(), &contents);
    let opened = Repository::open(sandbox.path()).unwrap();
    let first = opened.resolve("HEAD").unwrap();
    let held = Held::commit(&opened, &first, None).unwrap();
    let plain = |text: &str| HeldFile::Plain(Digest::of(text.as_bytes()));
    let mut expected: BTreeMap<String, HeldFile> =
        contents[..3].iter().map(|(path, text)| ((*path).to_owned(), plain(text))).collect();
    assert_eq!(files(&held), expected);
    assert_eq!(files(&Held::folder(sandbox.path())), expected);
    for held in [&held, &Held::folder(sandbox.path())] {
        assert_eq!(held.record().unwrap().as_deref(), Some(&b"{}"[..]));
        assert_eq!(held.read(&path("b/same")).unwrap().as_deref(), Some(&b"a"[..]));
        assert_eq!(held.read(&path("b")).unwrap(), None);
    }
    // What is known from another commit is not read again, and what is new is.
    let mut known = Digests::default();
    held.files(&mut known, &Interrupt::default()).unwrap();
    commit(sandbox.path(), &[("a.yaml", "new")]);
    let next = opened.resolve("HEAD").unwrap();
    let next = Held::commit(&opened, &next, None).unwrap();
    expected.insert("a.yaml".to_owned(), plain("new"));
    assert_eq!(next.files(&mut known, &Interrupt::default()).unwrap(), expected);
    assert_eq!(files(&held)["a.yaml"], plain("a"), "a commit does not change");
    let below = Held::commit(&opened, &first, Some(&path("b"))).unwrap();
    assert_eq!(files(&below).keys().collect::<Vec<_>>(), ["c d/é.yaml", "same"]);
    let interrupt = Interrupt::default();
    interrupt.set();
    held.files(&mut Digests::default(), &interrupt).unwrap_err();
}

#[cfg(unix)]
#[test]
fn links_and_programs_are_no_plain_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("program", "x"), ("link", "-> program")]);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.join("program"), mode).unwrap();
    repository(sandbox.path(), &[]);
    let opened = Repository::open(sandbox.path()).unwrap();
    let head = opened.resolve("HEAD").unwrap();
    let found = files(&Held::commit(&opened, &head, None).unwrap());
    assert_eq!(found["link"], HeldFile::Other);
    assert_eq!(found["program"], HeldFile::Other);
}

#[test]
fn a_history_is_what_git_says_by_first_parents() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a", "1")]);
    commit(sandbox.path(), &[("a", "2")]);
    git(sandbox.path(), &["checkout", "-q", "-b", "side"]);
    commit(sandbox.path(), &[("b", "side")]);
    git(sandbox.path(), &["checkout", "-q", "main"]);
    commit(sandbox.path(), &[("a", "3")]);
    git(sandbox.path(), &["merge", "-q", "--no-edit", "side"]);
    let opened = Repository::open(sandbox.path()).unwrap();
    let find = |name: &str| opened.resolve(name).unwrap();
    let ids = |first: Option<&str>, last: &str| {
        let first = first.map(find);
        opened
            .history(first.as_ref(), &find(last))
            .map(|all| all.iter().map(|it| it.id.to_string()).collect::<Vec<_>>().join("\n"))
    };
    let listed =
        |range: &str| git(sandbox.path(), &["rev-list", "--first-parent", "--reverse", range]);
    assert_eq!(ids(None, "main").unwrap(), listed("main"));
    assert_eq!(ids(Some("main~2"), "main").unwrap(), listed("main~2..main"));
    assert_eq!(ids(Some("main"), "main").unwrap(), "");
    for first in ["side", "main"] {
        let error = ids(Some(first), "main~1").unwrap_err();
        assert!(matches!(error, GitError::NotBefore { .. }), "{first}: {error}");
    }
    let author = git(sandbox.path(), &["log", "-1", "--format=%an <%ae>"]);
    assert_eq!(opened.details(&find("main")).unwrap().signature(), author);
    let from = format!("file://{}", sandbox.path());
    git(sandbox.path(), &["clone", "-q", "--depth=2", &from, "shallow"]);
    let shallow = Repository::open(&sandbox.join("shallow")).unwrap();
    let last = shallow.resolve("HEAD").unwrap();
    let error = shallow.history(None, &last).unwrap_err();
    assert!(matches!(error, GitError::Shallow { .. }), "{error}");
}
