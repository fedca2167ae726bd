//! What a lock file should say, and how that differs from what it says.

use wob_engine::{Database, Diagnostic};
use wob_rules::{EnvironmentInput, decode_file, environment_model};

use crate::{
    lock::{InputKey, Lock, LockedInput},
    report::Report,
    session::Session,
    workspace::{Asked, AskedLock, Loaded},
};

/// What a lock file should say.
#[derive(Clone, Debug)]
pub(crate) struct LockPlan<'s> {
    /// The file, and what was asked of it.
    pub(crate) lock: &'s AskedLock,
    /// What it should say.
    pub(crate) next: Lock,
    /// What was not locked.
    pub(crate) added: Vec<LockedInput>,
    /// What no source names any more.
    pub(crate) removed: Vec<LockedInput>,
    /// What is locked at another commit.
    pub(crate) moved: Vec<MovedInput>,
    /// What is not locked and could not be read.
    pub(crate) unread: Vec<Asked>,
    /// What nobody seems to name, but sources that could not be read may.
    pub(crate) doubtful: Vec<LockedInput>,
}

/// Whether a lock file is what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is.
    Same,
    /// It is not.
    Stale,
    /// It lacks what could not be read, so that nothing can be written yet.
    Unread,
}

/// An input that is locked at another commit than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MovedInput {
    /// What it is asked for by.
    pub(crate) key: InputKey,
    /// What it was.
    pub(crate) from: LockedInput,
    /// What it is.
    pub(crate) to: LockedInput,
}

impl<'s> LockPlan<'s> {
    /// Returns the plans for all lock files of a session: those that are there, and those that should be.
    pub(crate) fn all(session: &'s Session<'_>) -> Vec<Self> {
        let all = session.loaded.locks.iter().map(|it| Self::new(session, it));
        all.filter(|it| it.lock.file.is_some() || !it.lock.asked.is_empty()).collect()
    }

    fn new(session: &Session<'_>, lock: &'s AskedLock) -> Self {
        let mut plan = Self {
            lock,
            next: Lock::default(),
            added: vec![],
            removed: vec![],
            moved: vec![],
            unread: vec![],
            doubtful: vec![],
        };
        for (key, asked) in &lock.asked {
            plan.asked(key, asked);
        }
        let unused = lock.file.iter().flat_map(|it| &it.lock.inputs);
        for (key, input) in unused.filter(|(key, _)| !lock.asked.contains_key(key)) {
            match seen(session, lock) {
                Seen::All => {
                    plan.removed.push(input.clone());
                    continue;
                }
                Seen::Broken => plan.doubtful.push(input.clone()),
                Seen::Part => {}
            }
            plan.next.inputs.insert(key.clone(), input.clone());
        }
        plan
    }

    fn asked(&mut self, key: &InputKey, asked: &Asked) {
        let before = self.lock.locked(key);
        let next = match (asked.found, before) {
            (Some(pin), _) => LockedInput {
                name: asked.names.first().cloned().unwrap_or_default(),
                url: asked.url.clone(),
                reference: key.branch.name.clone(),
                path: key.path.clone(),
                pin,
            },
            (None, Some(before)) => before.clone(),
            (None, None) => return self.unread.push(asked.clone()),
        };
        match before {
            None => self.added.push(next.clone()),
            Some(from) if from.pin != next.pin => self.moved.push(MovedInput {
                key: key.clone(),
                from: from.clone(),
                to: next.clone(),
            }),
            Some(_) => {}
        }
        self.next.inputs.insert(key.clone(), next);
    }

    /// Says whether the file is what it should be.
    pub(crate) fn fit(&self) -> Fit {
        let is_same = match &self.lock.file {
            Some(file) => file.text == self.next.to_text(),
            None => self.next.inputs.is_empty(),
        };
        match (is_same, self.unread.is_empty()) {
            (false, _) => Fit::Stale,
            (true, false) => Fit::Unread,
            (true, true) => Fit::Same,
        }
    }
}

/// How much was seen of the sources that may name an input.
enum Seen {
    /// All of them.
    All,
    /// Those that were asked for.
    Part,
    /// Not what could not be read.
    Broken,
}

fn seen(session: &Session<'_>, lock: &AskedLock) -> Seen {
    let Loaded { db, environments, diagnostics, .. } = &session.loaded;
    let is_read = |input: EnvironmentInput| {
        let has_bases = input.bases(db).iter().all(|it| it.source.is_ok());
        has_bases && unreadable(db, input).next().is_none()
    };
    let is_branches = session.workspace.branches().is_some();
    let mut named = environments.iter().filter(|it| match &lock.environment {
        Some(name) => it.name == *name,
        // The base names control planes; what those name is in their own files.
        None => !is_branches,
    });
    if !named.all(|it| it.input.is_some_and(is_read)) {
        return Seen::Broken;
    }
    if lock.environment.is_none() && diagnostics.iter().any(Diagnostic::is_error) {
        return Seen::Broken;
    }
    // An environment that nobody asked for is declared nowhere.
    let is_part =
        lock.environment.is_none() && environments.iter().any(|it| it.declared.is_empty());
    if is_part { Seen::Part } else { Seen::All }
}

/// Returns what is wrong with the sources as far as it decides what is locked: which inputs they name, and whether those can
/// be had. The rest is for `wob check`.
pub(super) fn diagnose(session: &Session<'_>) -> Report {
    let Loaded { db, texts, diagnostics, .. } = &session.loaded;
    let mut all = diagnostics.clone();
    for input in session.targets.iter().filter_map(|it| it.input) {
        all.extend(unreadable(db, input).cloned());
        let problems = environment_model(db, input).diagnostics.iter();
        all.extend(problems.filter(|it| it.code == "input-unavailable").cloned());
    }
    Report::new(all, texts)
}

/// Returns the errors in the objects that may name inputs.
fn unreadable(db: &Database, input: EnvironmentInput) -> impl Iterator<Item = &Diagnostic> {
    let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok().copied());
    let files = bases.chain([input.control_plane(db)]).flat_map(|it| it.files(db));
    files.flat_map(|it| &decode_file(db, *it).diagnostics).filter(|it| it.is_error())
}
