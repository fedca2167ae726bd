//! Which commit an environment had promoted, and when: read from the history of its branch, kept nowhere else.

use std::collections::BTreeMap;

use wob_engine::{Content, Digest, FilePath};
use wob_host::{
    Commit, CommitDetails, GitError, GitId, Interrupt, Next, ReadLimits, ReadOptions, Repository,
    is_manifest_name,
};
use wob_rules::promotion::{Pin, PinError};

use super::{Lane, PromotionError};

/// Where a commit is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, by its path in the repository.
    pub(crate) path: FilePath,
    /// What stands before the file's text: a byte order mark, or nothing.
    mark: &'static str,
    /// The file's text.
    text: String,
    /// What is pinned.
    pub(crate) pin: Pin,
}

/// One promotion: a commit of the environment's branch after which another commit of the base is pinned than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promotion {
    /// The commit of the base, as it is written.
    pub(crate) commit: String,
    /// The commit of the environment's branch.
    pub(crate) branch_commit: GitId,
    /// Who did it, when, and what they called it.
    pub(crate) details: CommitDetails,
}

/// What pins of past states are read with: most states have the same file as the one before.
struct Pins<'l> {
    lane: &'l Lane<'l>,
    interrupt: &'l Interrupt,
    /// Where the pin was in the last state that was looked at.
    path: Option<FilePath>,
    /// What is pinned in a file, by its id.
    files: BTreeMap<GitId, Option<String>>,
    /// What is pinned in a whole tree, by its id.
    trees: BTreeMap<GitId, Option<(FilePath, String)>>,
}

impl Place {
    /// Returns the file with `commit` in place of the one that is pinned.
    pub(crate) fn with(&self, commit: &str) -> Result<Vec<u8>, PinError> {
        Ok(format!("{}{}", self.mark, self.pin.set(&self.text, commit)?).into_bytes())
    }
}

impl Lane<'_> {
    /// Finds the BaseRepo `main` in `commit` of the environment's branch.
    pub(crate) fn place(
        &self,
        commit: &Commit,
        interrupt: &Interrupt,
    ) -> Result<Option<Place>, PromotionError> {
        let options = ReadOptions {
            wanted: &is_manifest_name,
            limits: ReadLimits::default(),
            unneeded: None,
            interrupt,
        };
        let snapshot = self.plane.repository.read(commit, self.folder.as_ref(), &options)?;
        let mut found: Option<Place> = None;
        for file in snapshot.files {
            let Content::Text { text, digest } = file.content else { continue };
            let path = self.path_of(file.path);
            let branch = || self.branch().to_owned();
            let pin = Pin::find(&text).map_err(|reason| PromotionError::Pin {
                path: path.to_string(),
                branch: branch(),
                reason,
            })?;
            let Some(pin) = pin else { continue };
            // A byte order mark is no part of the text, and stays.
            let mark = if Digest::of(text.as_bytes()) == digest { "" } else { "\u{feff}" };
            let place = Place { path: path.clone(), mark, text: text.to_string(), pin };
            if let Some(first) = found.replace(place) {
                let (first, second) = (first.path.to_string(), path.to_string());
                return Err(PromotionError::TwoPins { first, second, branch: branch() });
            }
        }
        Ok(found)
    }

    /// Lists the promotions of this environment, the last one first. Each is given to `take` until that says to stop.
    pub(crate) fn promotions(
        &self,
        interrupt: &Interrupt,
        take: &mut dyn FnMut(Promotion) -> Next,
    ) -> Result<(), PromotionError> {
        let mut pins = Pins {
            lane: self,
            interrupt,
            path: None,
            files: BTreeMap::new(),
            trees: BTreeMap::new(),
        };
        // A promotion is known once the state before it is: that has another pin.
        let mut last: Option<Promotion> = None;
        let mut is_over = false;
        let mut state = |commit: &Commit, details: &CommitDetails| {
            let pinned = pins.of(commit)?;
            if let Some(promotion) = last.take_if(|it| pinned.as_ref() != Some(&it.commit))
                && take(promotion) == Next::Stop
            {
                is_over = true;
                return Ok(Next::Stop);
            }
            last = pinned.map(|pinned| Promotion {
                commit: pinned,
                branch_commit: commit.id,
                details: details.clone(),
            });
            Ok::<_, PromotionError>(Next::Before)
        };
        self.plane.repository.states(&self.tip, interrupt, &mut state)?;
        if let Some(first) = last.filter(|_| !is_over) {
            take(first);
        }
        Ok(())
    }
}

impl Pins<'_> {
    /// Returns what `commit` pins.
    fn of(&mut self, commit: &Commit) -> Result<Option<String>, PromotionError> {
        let repository = &self.lane.plane.repository;
        if let Some(path) = &self.path
            && let Some(id) = repository.file_id(commit, path)?
        {
            let pinned = if let Some(known) = self.files.get(&id) {
                known.clone()
            } else {
                let pinned = pinned_in(repository, commit, path)?;
                self.files.insert(id, pinned.clone());
                pinned
            };
            if pinned.is_some() {
                return Ok(pinned);
            }
        }
        // It is, or was, in another file.
        let found = if let Some(known) = self.trees.get(&commit.tree) {
            known.clone()
        } else {
            // What cannot be understood pins nothing; that is no reason to know nothing of older states.
            let place = self.lane.place(commit, self.interrupt).or_else(unclear)?;
            let found = place.and_then(|it| Some((it.path, it.pin.commit?)));
            self.trees.insert(commit.tree, found.clone());
            found
        };
        Ok(found.map(|(path, pinned)| {
            self.path = Some(path);
            pinned
        }))
    }
}

/// Takes a state whose pin is not clear, or that lacks the folder, for one without a pin.
fn unclear(error: PromotionError) -> Result<Option<Place>, PromotionError> {
    let is_unclear = matches!(
        error,
        PromotionError::Pin { .. }
            | PromotionError::TwoPins { .. }
            | PromotionError::Git(GitError::NoSuchFolder { .. })
    );
    if is_unclear { Ok(None) } else { Err(error) }
}

fn pinned_in(
    repository: &Repository,
    commit: &Commit,
    path: &FilePath,
) -> Result<Option<String>, PromotionError> {
    let content = repository.file(commit, path, &ReadLimits::default())?;
    let Some(Content::Text { text, .. }) = content else { return Ok(None) };
    Ok(Pin::find(&text).ok().flatten().and_then(|it| it.commit))
}
