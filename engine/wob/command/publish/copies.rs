//! The copies of repositories in the cache that one round of publishing needs at once.

use std::{collections::BTreeMap, sync::Arc};

use camino::Utf8PathBuf;
use wob_host::{Cache, EarlyFiles, Outgoing};

use super::{failure::Failure, push::Push};
use crate::{exit::Exit, session::Session};

/// Copies of repositories, by their folders. While they are held, no other process uses them.
#[derive(Default)]
pub(super) struct Copies(BTreeMap<Utf8PathBuf, Outgoing>);

impl Copies {
    /// Opens those that `pushes` need; `None` if that cannot be done.
    pub(super) fn open(cache: &Cache, pushes: &[Push<'_>], session: &Session<'_>) -> Option<Self> {
        let url = |it: &Push<'_>| it.destination.url.clone();
        let needed: BTreeMap<Utf8PathBuf, String> =
            pushes.iter().map(|it| (it.copy(cache), url(it))).collect();
        let open = |(folder, url): (Utf8PathBuf, String)| {
            Some((folder, Outgoing::open(cache, &url, &session.interrupt).ok()?))
        };
        // Always in the same order, so that no two processes wait for each other.
        needed.into_iter().map(open).collect::<Option<_>>().map(Self)
    }

    /// Returns the one that a push needs, if it is held.
    pub(super) fn of(&self, cache: &Cache, push: &Push<'_>) -> Option<&Outgoing> {
        self.0.get(&push.copy(cache))
    }
}

/// What is compressed as soon as it is rendered: trees for branches that have none yet.
#[derive(Default)]
pub(super) struct FirstTrees {
    /// Those that are written to; others are opened when they are needed.
    pub(super) copies: Copies,
    /// By environment.
    pub(super) files: BTreeMap<String, Arc<EarlyFiles>>,
}

impl FirstTrees {
    /// Asks the repositories of which nothing is noted whether their branches have a tree. Says so if the user stops it while git is
    /// asked; whatever else fails is met again, and told, when the tree is written.
    pub(super) fn find(
        cache: &Cache,
        pushes: &[Push<'_>],
        session: &Session<'_>,
    ) -> Result<Self, Exit> {
        if pushes.iter().all(|it| it.is_noted(cache)) {
            return Ok(Self::default());
        }
        let Some(copies) = Copies::open(cache, pushes, session) else { return Ok(Self::default()) };
        let mut files = BTreeMap::new();
        for push in pushes.iter().filter(|it| !it.is_noted(cache)) {
            let Some(copy) = copies.of(cache, push) else { continue };
            let early = match push.reach(copy) {
                Ok(state) => state.place.early(),
                Err(Failure::Stopped(exit)) => return Err(exit),
                Err(_) => None,
            };
            if let Some(early) = early {
                files.entry(push.environment().to_owned()).or_insert_with(|| Arc::new(early));
            }
        }
        if files.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { copies, files })
    }
}
