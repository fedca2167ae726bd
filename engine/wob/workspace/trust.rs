//! Which programs of commits may run (docs/decisions/0049).
//!
//! **Invariant:** no file of a commit is run unless whoever runs wob has chosen it: it is checked out or was, or is or was the default
//! branch, or the user said so. A commit by anybody else decides only what a program that was chosen is asked.

use std::collections::BTreeMap;

use wob_engine::{Content, FileName};
use wob_host::{Commit, GitError, GitId, is_source_name};
use wob_rules::{Name, ProgramCall, WorkspaceFile};

use super::{FILE, Workspace, at_commit::AtCommit};

/// What may run of a commit.
pub(super) enum Trust {
    /// Its own program.
    Own,
    /// The same program, with the files that another commit has, which may be run.
    Like(Box<AtCommit>),
    /// Nothing.
    None {
        /// Why.
        reason: String,
        /// The way out.
        help: String,
    },
}

impl Trust {
    /// Says what may run of the commit `at`, whose program is called so for the environment `name`. What is `known` of commits is
    /// not found out again: environments pin the same ones, and histories are long.
    pub(super) fn of(
        at: &AtCommit,
        (call, name): (&ProgramCall, &Name),
        workspace: &Workspace,
        known: &mut BTreeMap<GitId, bool>,
    ) -> Result<Self, GitError> {
        if workspace.runs_programs {
            return Ok(Self::Own);
        }
        let chosen = at.repository.chosen()?;
        // Who writes the settings chooses what is run, and with which arguments.
        let of_settings = workspace.at.as_ref().map(|it| it.commit.id);
        let mut is_chosen = |id| -> Result<bool, GitError> {
            if let Some(known) = known.get(&id) {
                return Ok(*known);
            }
            let is_chosen = at.repository.is_state_of(id, &chosen)?;
            known.insert(id, is_chosen);
            Ok(is_chosen)
        };
        let chose_settings = of_settings.map_or(Ok(true), &mut is_chosen)?;
        if chose_settings && is_chosen(at.commit.id)? {
            return Ok(Self::Own);
        }
        let mut first = None;
        for commit in &chosen {
            let other = at.with(commit.clone());
            match difference(at, &other, call, (name, chose_settings))? {
                None => return Ok(Self::Like(Box::new(other))),
                Some(it) => drop(first.get_or_insert((commit, it))),
            }
        }
        Ok(Self::not(at, first))
    }

    fn not(at: &AtCommit, first: Option<(&Commit, String)>) -> Self {
        let id = at.commit.id;
        let (than, look) = match first {
            Some((commit, difference)) => (
                format!(", and {difference} is not as `{}` has it", commit.revision),
                format!("look at `git diff {} {id}`, and if", commit.revision),
            ),
            None => (String::new(), "if".to_owned()),
        };
        Self::None {
            reason: format!(
                "it is not run as commit {id} has it, which is no state of what is checked out or of the default branch{than}"
            ),
            help: format!(
                "{look} you trust it, give --run-programs to `wob diff`, `plan`, `affected` or `audit`, or check it out and run wob \
                 there"
            ),
        }
    }
}

/// Returns what of the program, and of all that it may run, is not the same in two commits: words of a sentence.
fn difference(
    at: &AtCommit,
    other: &AtCommit,
    call: &ProgramCall,
    (name, chose_settings): (&Name, bool),
) -> Result<Option<String>, GitError> {
    if !chose_settings && !calls(other, call, name) {
        return Ok(Some(format!("the scheduler in `{FILE}`")));
    }
    let (Ok(below), program) = (at.path_of(""), call.path.as_str()) else {
        return Ok(Some("the folder of the workspace".to_owned()));
    };
    let tree = |it: &AtCommit| it.repository.folder_id(&it.commit, below.as_ref());
    let trees = match (tree(at), tree(other)) {
        (Ok(a), Ok(b)) => [a, b],
        (Err(GitError::NoSuchFolder { .. }), _) | (_, Err(GitError::NoSuchFolder { .. })) => {
            return Ok(Some("the folder of the workspace".to_owned()));
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    // What wob reads itself is what changes from commit to commit, and the program is told of it.
    let counts = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        path == program || !is_source_name(file)
    };
    let found = at.repository.first_difference(trees, &counts)?;
    Ok(found.map(|path| format!("`{}`", path.escape_debug())))
}

/// Says whether the settings of a commit call the same program in the same way.
fn calls(at: &AtCommit, call: &ProgramCall, name: &Name) -> bool {
    let Ok(Some(Content::Text { text, .. })) = at.file(FILE) else { return false };
    let (settings, _) = WorkspaceFile::read(&FileName::new(FILE), &text);
    let program = settings.scheduling(name).setting.and_then(|it| it.program);
    program.is_some_and(|it| it.path == call.path && it.arguments == call.arguments)
}
