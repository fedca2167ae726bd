//! What moving an input does: which commits that brings, and which assignments come out differently.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Digest, FileName};
use wob_host::{Cache, Interrupt, Policy, Reference, Repository};
use wob_rules::{Name, environment_model};

use super::super::lock::{Effect, MovedInput};
use crate::{
    lock::{InputKey, LockedInput},
    session::{BuiltTarget, Session},
    workspace::AskedLock,
};

/// An assignment: environment, cluster type, target.
type Pair = (Name, Name, Name);

/// What assignments of one state of a workspace were made from.
pub(super) struct Affected {
    /// The digest of what each was made from; none if it failed.
    inputs: BTreeMap<Pair, Option<Digest>>,
    /// The input that the workload of each comes from, if it is named by branch.
    workloads: BTreeMap<Pair, InputKey>,
    /// All that workloads come from.
    registered: BTreeSet<InputKey>,
}

/// The assignments that two states of a workspace make differently.
pub(super) struct Differing {
    pairs: BTreeSet<Pair>,
    /// The inputs that their workloads came from, before and after.
    workloads: BTreeMap<Pair, BTreeSet<InputKey>>,
    registered: BTreeSet<InputKey>,
}

impl Affected {
    /// Notes what the assignments of `built` were made from.
    pub(super) fn of(session: &Session<'_>, built: &[BuiltTarget]) -> Self {
        let db = &session.loaded.db;
        let mut found = Self {
            inputs: BTreeMap::new(),
            workloads: BTreeMap::new(),
            registered: BTreeSet::new(),
        };
        for target in built {
            let environment = Name::new(&target.built.environment)
                .expect("because environments are objects with a name");
            let mut files: BTreeMap<&FileName, InputKey> = BTreeMap::new();
            for it in target.input.workloads(db) {
                let reference = &it.registration.workload;
                if reference.commit.is_some() {
                    continue;
                }
                let branch = if reference.branch.is_empty() { "main" } else { &reference.branch };
                let key = InputKey::new(&reference.repo, branch, &reference.path);
                let Ok(source) = &it.source else { continue };
                files.extend(source.files(db).iter().map(|it| (it.name(db), key.clone())));
                found.registered.insert(key);
            }
            let model = environment_model(db, target.input);
            for it in &target.built.assignments {
                let (cluster_type, name) = (&it.assignment.cluster_type, &it.assignment.target);
                let pair = (environment.clone(), cluster_type.clone(), name.clone());
                let file = model.targets.get(name).map(|it| &it.place.file);
                if let Some(key) = file.and_then(|it| files.get(it)) {
                    found.workloads.insert(pair.clone(), key.clone());
                }
                found.inputs.insert(pair, it.inputs.filter(|_| !it.failed));
            }
        }
        found
    }
}

/// Returns which assignments are other ones: made from something else, or only in one of the two states.
pub(super) fn affected(before: &Affected, after: &Affected) -> Differing {
    let all: BTreeSet<&Pair> = before.inputs.keys().chain(after.inputs.keys()).collect();
    let differs = |it: &&Pair| before.inputs.get(*it) != after.inputs.get(*it);
    let pairs: BTreeSet<Pair> = all.into_iter().filter(differs).cloned().collect();
    let workloads = pairs.iter().map(|pair| {
        let keys = [before, after].into_iter().filter_map(|it| it.workloads.get(pair).cloned());
        (pair.clone(), keys.collect())
    });
    let registered = before.registered.union(&after.registered).cloned().collect();
    Differing { workloads: workloads.collect(), registered, pairs }
}

impl Differing {
    /// Returns how many assignments the move of an input of `lock` affects.
    pub(super) fn count(&self, lock: &AskedLock, moved: &MovedInput) -> usize {
        if moved.from.pin.tree == moved.to.pin.tree {
            return 0;
        }
        let is_workload = self.registered.contains(&moved.key);
        let names = lock.asked.get(&moved.key).map(|it| &it.names);
        let is_meant = |pair: &&Pair| match &lock.environment {
            Some(name) => pair.0 == *name,
            None if is_workload => true,
            // The base names control planes by their environments.
            None => names.is_some_and(|it| it.contains(pair.0.as_str())),
        };
        let comes_from = |pair: &&Pair| self.workloads[*pair].contains(&moved.key);
        // Of a base or a control plane, anything may come.
        self.pairs.iter().filter(is_meant).filter(|it| !is_workload || comes_from(it)).count()
    }
}

/// The histories of inputs, as far as they are on this machine.
pub(super) struct Histories<'i> {
    cache: Option<Cache>,
    interrupt: &'i Interrupt,
}

impl<'i> Histories<'i> {
    pub(super) fn of_user(interrupt: &'i Interrupt) -> Self {
        Self { cache: Cache::of_user().ok(), interrupt }
    }

    /// Returns what lies between two commits of an input.
    pub(super) fn between(&self, from: &LockedInput, to: &LockedInput) -> Effect {
        let unknown = Effect::default();
        let Some(repository) = self.repository(from, to) else { return unknown };
        let (from, to) = (from.pin.commit, to.pin.commit);
        let (Ok(commits), Ok(descends)) =
            (repository.commits_between(from, to), repository.descends_from(to, from))
        else {
            return unknown;
        };
        Effect { commits: Some(commits), rewritten: Some(!descends), ..unknown }
    }

    /// Returns the repository that has both commits with everything that they were made from.
    fn repository(&self, from: &LockedInput, to: &LockedInput) -> Option<Repository> {
        let fetch = |it: &LockedInput| {
            let reference = Reference::Commit(it.pin.commit);
            let cache = self.cache.as_ref()?;
            cache.fetch(&it.url, &reference, Policy::Offline, self.interrupt).ok()
        };
        fetch(from)?;
        Some(fetch(to)?.repository).filter(|it| !it.is_shallow())
    }
}
