//! Slash-separated paths, read as texts: no disk is touched.

use super::{
    arguments::{Arguments, text},
    table::{Entry, pure},
};
use crate::Value;

/// The `os` variants follow the rules of Unix on every machine: a tree must not depend on where it was made.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("base", pure(1, 1, |a| text(base(a.text(0)?)))),
    ("clean", pure(1, 1, |a| text(clean(a.text(0)?)))),
    ("dir", pure(1, 1, |a| text(dir(a.text(0)?)))),
    ("ext", pure(1, 1, |a| text(ext(a.text(0)?)))),
    ("isAbs", pure(1, 1, |a| Ok(Value::Bool(a.text(0)?.starts_with('/'))))),
    ("osBase", pure(1, 1, |a| text(base(a.text(0)?)))),
    ("osClean", pure(1, 1, |a| text(clean(a.text(0)?)))),
    ("osDir", pure(1, 1, |a| text(dir(a.text(0)?)))),
    ("osExt", pure(1, 1, |a| text(ext(a.text(0)?)))),
    ("osIsAbs", pure(1, 1, |a| Ok(Value::Bool(a.text(0)?.starts_with('/'))))),
];

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |at| &name[at..])
}

fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|it| *it != "..") => drop(parts.pop()),
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}
