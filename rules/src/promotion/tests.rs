//! Pins are edited in place, whatever the file looks like; chains are lines.

use proptest::prelude::*;
use wob_engine::{FileName, Place};

use super::{ChainEntry, Pin, PinError, chain};
use crate::{
    Name,
    resource::{Environment, GitReference, Meta},
};

const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
const NEW: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// Files with a BaseRepo `main`, laid out in many ways.
fn files() -> impl Strategy<Value = String> {
    let commit = prop::sample::select(vec![
        Some(format!("commit: {OLD}")),
        Some(format!("commit: '{OLD}'")),
        Some(format!("commit: \"{OLD}\" # promoted by hand")),
        Some(format!("commit: &it {OLD}")),
        Some(format!("'commit':   {OLD}")),
        Some("commit: 1234567".to_owned()),
        Some("commit:".to_owned()),
        Some("commit: ~ # none yet".to_owned()),
        None,
    ]);
    let others = vec!["repo: https://x.example/y # where", "branch: main", "path: ."];
    let around = prop::sample::select(vec!["", "# about this file\n", "kind: Other\n---\n"]);
    let behind = prop::sample::select(vec!["", "# the end\n", "---\nkind: BaseRepo\n", "...\n"]);
    let shape = (any::<bool>(), any::<bool>(), any::<bool>(), 1..5_usize);
    let fields = (commit, Just(others).prop_shuffle(), 0..4_usize);
    (fields, around, behind, shape).prop_map(
        |((commit, others, at), before, behind, (flow, crlf, newline, width))| {
            let mut fields: Vec<String> = others.into_iter().map(str::to_owned).collect();
            fields.splice(at..at, commit);
            let spec = if flow {
                let plain = |it: &String| it.split(" #").next().unwrap_or_default().to_owned();
                let fields: Vec<String> = fields.iter().map(plain).collect();
                format!("spec: {{ {} }} # all of it\n", fields.join(", "))
            } else {
                let indent = " ".repeat(width);
                let lines = fields.iter().map(|it| format!("{indent}{it}\n"));
                format!("spec:\n{}", lines.collect::<String>())
            };
            let head = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: BaseRepo\nmetadata: {name: main}\n";
            let mut text = format!("{before}{head}{spec}{behind}");
            if !newline {
                text.truncate(text.trim_end().len());
            }
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #[test]
    fn only_the_line_of_the_commit_changes(
        text in files(),
        commit in prop::sample::select(vec![NEW, "1234567", "12e4567", "0x12345", "abcdef0"]),
    ) {
        let pin = Pin::find(&text).unwrap().unwrap();
        let edited = pin.set(&text, commit).unwrap();
        let found = Pin::find(&edited).unwrap().unwrap();
        prop_assert_eq!(found.commit.as_deref(), Some(commit));
        prop_assert_eq!(&found.branch, &pin.branch);
        // Setting what is set changes nothing.
        prop_assert_eq!(found.set(&edited, commit).unwrap(), edited.clone());
        let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), edited.lines().collect());
        prop_assert!(new.len() == old.len() || new.len() == old.len() + 1);
        let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        prop_assert!(same + behind >= old.len() - 1, "{text:?} -> {edited:?}");
        // And back again, to the byte, if there was something.
        if let Some(before) = &pin.commit {
            prop_assert_eq!(found.set(&edited, before).unwrap().replace('"', ""), text.replace('"', ""));
        }
    }
}

#[test]
fn what_cannot_be_edited_is_said() {
    let head =
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: BaseRepo\nmetadata: {name: main}\n";
    let other = head.replace("main", "other");
    for (text, reason) in [
        (format!("{head}x: &c {OLD}\nspec: {{repo: x, commit: *c}}\n"), PinError::Unedited),
        (format!("{head}spec:\n  repo: x\n  commit: |\n    {OLD}\n"), PinError::Unedited),
        (format!("{head}spec:\n  repo: x\n  commit: [a]\n"), PinError::Unedited),
        (format!("{head}spec: &s {{repo: x}}\nagain: *s\n"), PinError::Unedited),
        (format!("{head}spec: main\n"), PinError::Unreadable),
        (head.to_owned(), PinError::Unreadable),
        (format!("{head}spec: {{repo: x}}\n---\n]\n"), PinError::Unreadable),
    ] {
        let pin = Pin::find(&text).unwrap().unwrap();
        assert_eq!(pin.set(&text, NEW), Err(reason), "{text}");
    }
    assert_eq!(Pin::find(&format!("{head}---\n{head}")), Err(PinError::Twice));
    for text in [other.as_str(), "# BaseRepo\n", "", "kind: BaseRepo\nmetadata: {name: main}\n"] {
        assert_eq!(Pin::find(text), Ok(None), "{text}");
    }
}

#[test]
fn a_new_file_pins_what_it_should() {
    for (repo, branch) in [("https://x.example/y", "main"), ("../a b: c", "1.0"), ("-", "on")] {
        for commit in [NEW, "1234567"] {
            let (path, text) = Pin::file(repo, branch, commit);
            assert_eq!(path.as_str(), "base-repo.yaml");
            let pin = Pin::find(&text).unwrap().unwrap();
            assert_eq!((pin.commit.as_deref(), &*pin.branch), (Some(commit), branch), "{text}");
        }
    }
}

fn environments(names: &[(&str, Option<&str>)]) -> Vec<Environment> {
    let place = Place::document(&FileName::new("x"), 0);
    let environment = |(name, next): &(&str, Option<&str>)| Environment {
        meta: Meta {
            name: Name::new(name).unwrap(),
            labels: std::collections::BTreeMap::new(),
            place: place.clone(),
        },
        control_plane: GitReference {
            repo: String::new(),
            branch: String::new(),
            path: String::new(),
            commit: None,
        },
        next: next.map(|it| (it.into(), place.key(name))),
    };
    names.iter().map(environment).collect()
}

/// Returns the chain, or the codes of what is wrong.
fn told(entries: &[&str], names: &[(&str, Option<&str>)]) -> String {
    let place = Place::document(&FileName::new("wob.yaml"), 0);
    let entry = |name: &&str| ChainEntry { name: Name::new(name).unwrap(), place: place.key(name) };
    let entries: Vec<ChainEntry> = entries.iter().map(entry).collect();
    let (chain, diagnostics) = chain(&entries, &environments(names));
    let codes = diagnostics.iter().map(|it| format!("!{}", it.code));
    let names = chain.environments().iter().map(ToString::to_string);
    names.chain(codes).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_chain_is_one_line() {
    let all = [("a", None), ("b", None), ("c", None)];
    assert_eq!(told(&[], &all), "");
    assert_eq!(told(&["c", "a"], &all), "c a");
    assert_eq!(told(&["c", "x", "a"], &all), "c a !unknown-environment");
    let line = [("a", None), ("b", Some("a")), ("c", Some("b"))];
    assert_eq!(told(&[], &line), "c b a");
    assert_eq!(told(&["a", "b"], &line), "a b");
    let apart = [("a", None), ("b", Some("a")), ("c", None)];
    assert_eq!(told(&[], &apart), "b a");
    for wrong in [
        [("a", None), ("b", Some("a")), ("c", Some("a"))],
        [("a", Some("b")), ("b", Some("a")), ("c", None)],
        [("a", Some("b")), ("b", Some("c")), ("c", Some("b"))],
        [("a", Some("a")), ("b", None), ("c", None)],
        [("a", Some("a")), ("b", Some("c")), ("c", None)],
    ] {
        assert_eq!(told(&[], &wrong), "!unclear-promotion", "{wrong:?}");
    }
    assert_eq!(told(&[], &[("a", Some("x")), ("b", None)]), "!unknown-environment");
    let (line, _) = chain(&[], &environments(&line));
    let name = |it| Name::new(it).unwrap();
    assert_eq!(line.before(&name("b")), Some(&name("c")));
    assert_eq!(line.behind(&name("b")), Some(&name("a")));
    assert_eq!((line.before(&name("c")), line.behind(&name("a"))), (None, None));
}
