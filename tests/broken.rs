//! Broken workspaces: every file of tests/broken/ changes the sound workspace of base.txt in one respect.
//!
//! A file says first what is wrong and, after `args:`, what to run instead of `check`. Then come the files that it adds or
//! replaces, each after a line `-- path --`. What follows the path in parentheses says what cannot be written as
//! text: `(hex)`, `(link)`, `(N bytes)`, `(deep)` for a list nested that many times.

use std::{collections::BTreeMap, fs, path::Path};

use wob_engine::Diagnostic;

use crate::{
    engine::Workspace,
    oracle::world::{Precedence, Profile, World},
    support::{with_snapshots_in, wob_in},
};

/// What a file of a broken workspace is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Bytes(Vec<u8>),
    /// A symbolic link to this path.
    Link(String),
}

/// A file of tests/broken/.
#[derive(Debug)]
struct Case {
    why: String,
    args: Vec<String>,
    files: BTreeMap<String, Content>,
}

/// Reads all cases by name; each has the files of base.txt that it does not replace.
fn cases() -> BTreeMap<String, Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        cases.insert(name, parse(&fs::read_to_string(path).unwrap()));
    }
    let base = cases.remove("base").unwrap();
    for case in cases.values_mut() {
        for (path, content) in &base.files {
            case.files.entry(path.clone()).or_insert_with(|| content.clone());
        }
    }
    cases
}

fn parse(text: &str) -> Case {
    let mut case =
        Case { why: String::new(), args: vec!["check".to_owned()], files: BTreeMap::new() };
    let mut head = None;
    let mut body = String::new();
    for line in text.lines().chain(["-- end --"]) {
        if let Some(next) = line.strip_prefix("-- ").and_then(|it| it.strip_suffix(" --")) {
            if let Some(head) = head.replace(next) {
                let (path, content) = content(head, &body);
                case.files.insert(path, content);
            }
            body.clear();
        } else if head.is_some() {
            body.push_str(line);
            body.push('\n');
        } else if let Some(args) = line.strip_prefix("args: ") {
            case.args = args.split(' ').map(str::to_owned).collect();
        } else {
            case.why.push_str(line);
        }
    }
    case
}

fn content(head: &str, body: &str) -> (String, Content) {
    let Some((path, how)) = head.split_once(" (") else {
        return (head.to_owned(), Content::Bytes(body.as_bytes().to_vec()));
    };
    let content = match how.trim_end_matches(')') {
        "hex" => Content::Bytes(unhex(body.trim())),
        "link" => Content::Link(body.trim().to_owned()),
        "deep" => {
            let depth = body.trim().parse().unwrap();
            Content::Bytes(["[".repeat(depth), "]".repeat(depth)].concat().into_bytes())
        }
        size => Content::Bytes(vec![b'#'; size.trim_end_matches(" bytes").parse().unwrap()]),
    };
    (path.to_owned(), content)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).unwrap());
    digits.map(|it| u8::from_str_radix(it, 16).unwrap()).collect()
}

/// A case that changes nothing would show nothing.
#[test]
fn every_case_changes_one_respect_and_says_which() {
    let base = parse(include_str!("broken/base.txt"));
    let cases = cases();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    for (name, case) in cases {
        assert!(!case.why.is_empty(), "{name} does not say what is wrong");
        assert!(case.files != base.files || case.args != base.args, "{name} changes nothing");
    }
}

/// Whatever is wrong in the objects, a diagnostic points at it and shows a way out.
#[test]
fn every_problem_of_objects_has_a_place_and_a_way_out() {
    for (name, case) in cases() {
        let Some(world) = world(&name, &case) else { continue };
        let workspace = Workspace::new(&world);
        let mut diagnostics = workspace.build().diagnostics;
        diagnostics.extend(workspace.warnings());
        assert!(!diagnostics.is_empty(), "{name}");
        let is_useful = |it: &Diagnostic| !it.labels.is_empty() && it.help.is_some();
        assert!(diagnostics.iter().all(is_useful), "{name}: {diagnostics:#?}");
    }
}

/// Returns the case as the rules see it; nothing if its problem lies before them.
fn world(name: &str, case: &Case) -> Option<World> {
    if case.args != ["check"] || name.starts_with("settings-") {
        return None;
    }
    let mut world = World::new("dev", Profile::Standard);
    if name.starts_with("specificity-") {
        world.precedence = Precedence::Specificity;
    }
    for (path, content) in &case.files {
        let Content::Bytes(bytes) = content else { return None };
        let text = String::from_utf8(bytes.clone()).ok().filter(|it| it.len() < 1 << 20)?;
        let (root, path) = path.split_once('/').unwrap_or(("", path));
        match root {
            "" => {}
            "base" => drop(world.base.insert(path.to_owned(), text)),
            "dev" => drop(world.environment.insert(path.to_owned(), text)),
            repository => {
                let address = format!("https://git.example/{repository}");
                world.workloads.entry(address).or_default().insert(path.to_owned(), text);
            }
        }
    }
    Some(world)
}

/// The report of every broken workspace, as a person sees it.
#[test]
fn every_broken_workspace_is_reported() {
    for (name, case) in cases() {
        let folder = tempfile::tempdir().unwrap();
        lay_out(&case, folder.path());
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let report = wob_in(folder.path(), &args);
        assert!(!report.contains(folder.path().to_str().unwrap()), "{name}: {report}");
        let text = format!("{}\n$ wob {}\n{report}", case.why, args.join(" "));
        with_snapshots_in("broken", || insta::assert_snapshot!(name.as_str(), text));
    }
}

fn lay_out(case: &Case, folder: &Path) {
    for (path, content) in &case.files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content {
            Content::Bytes(bytes) => fs::write(path, bytes).unwrap(),
            Content::Link(target) => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    }
}
