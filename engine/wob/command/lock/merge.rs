//! `wob lock merge`: a merge driver of git.

use std::{fs, io};

use camino::Utf8Path;
use wob_engine::{Diagnostic, FileName};

use super::tell::short;
use crate::{
    exit::Exit,
    lock::{Lock, LockedInput, ReadLock, Settled},
    report::{FileTexts, Report, count},
    stream::{Results, Streams},
};

/// Joins the three files into `ours`. If one of them cannot be read, none is touched, and git reports a conflict.
pub(super) fn run(base: &Utf8Path, ours: &Utf8Path, theirs: &Utf8Path, streams: &Streams) -> Exit {
    let mut sides = Sides::default();
    let read = [base, ours, theirs].map(|path| sides.read(path));
    let [base, our_side, theirs] = match read {
        [Ok(base), Ok(ours), Ok(theirs)] => [base, ours, theirs],
        [base, ours, theirs] => {
            for error in [base.err(), ours.err(), theirs.err()].into_iter().flatten() {
                streams.fail(&error);
            }
            return Exit::Local;
        }
    };
    let report = Report::new(sides.diagnostics, &sides.texts);
    streams.report(&report, Results::Talk, "");
    let (Some(base), Some(our_side), Some(theirs)) = (base, our_side, theirs) else {
        return Exit::Sources;
    };
    let (merged, settled) = Lock::merge(&base, &our_side, &theirs);
    if let Err(error) = fs::write(ours, merged.to_text()) {
        streams.fail(&format!("could not write `{ours}`: {error}"));
        return Exit::Local;
    }
    for it in &settled {
        streams.warn(&it.to_text());
    }
    for apart in merged.apart() {
        let names: Vec<String> = apart.iter().map(|it| format!("`{}`", it.name)).collect();
        let names = names.join(" and ");
        streams.warn(&format!(
            "{names} are folders of one branch, locked at different commits\n  \
             help: `wob update` with their names brings them together"
        ));
    }
    streams.result(&format!("wob.lock: {}\n", count(merged.inputs.len(), "input", "inputs")));
    Exit::Ok
}

#[derive(Default)]
struct Sides {
    texts: FileTexts,
    diagnostics: Vec<Diagnostic>,
}

impl Sides {
    /// Reads one side; nothing if it has errors, which are noted. An empty file is an empty lock: git's way to say that there
    /// was none.
    fn read(&mut self, path: &Utf8Path) -> Result<Option<Lock>, String> {
        let failed = |error: io::Error| format!("could not read `{path}`: {error}");
        let text = fs::read_to_string(path).map_err(failed)?;
        if text.is_empty() {
            return Ok(Some(Lock::default()));
        }
        let name = FileName::new(path.as_str());
        let read = ReadLock::of_text(&name, &text);
        self.texts.insert(name, text.into());
        self.diagnostics.extend(read.diagnostics);
        Ok(read.file.map(|it| it.lock))
    }
}

impl Settled {
    fn to_text(&self) -> String {
        let commit = |it: &LockedInput| short(&it.pin.commit.to_string()).to_owned();
        match self {
            Self::Later { kept, dropped } => format!(
                "both sides moved `{}`: {} stays, because it is later than {}\n  \
                 help: `wob update {}` takes what the branch is now",
                kept.name,
                commit(kept),
                commit(dropped),
                kept.name
            ),
            Self::Kept(kept) => format!(
                "one side moved `{}`, the other one removed it: it stays\n  \
                 help: `wob lock` removes it if no source names it",
                kept.name
            ),
        }
    }
}
