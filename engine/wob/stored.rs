//! Stored results: what builds of any workspace rendered, kept in the user's store from run to run.
//!
//! **Invariant:** the key of everything that is kept covers the inputs and the rules that made it. Whatever is missing or
//! damaged is rendered again, and a store that cannot be used costs time only.

mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use rayon::prelude::*;
use wob_engine::{Digest, FolderIds, Hasher};
use wob_host::{Batch, Cache, GcLimits, Lease, Store, StoreError};
use wob_rules::{
    Assignment, Before, BuiltAssignment, Grain, Inputs, Known, KnownFiles, Made, Parts, Rendered,
    Subtree, subtrees,
};

pub(crate) use self::record::{KnownFolder, PartsRecord};
use self::record::{Record, StoredParts, Writing};

/// Over all sources that decide what a render gives: another wob that shares the store has other keys.
const RULES: &str = env!("WOB_RULES_DIGEST");
/// Readers look into every pack, so that many small ones are joined.
const MOST_PACKS: usize = 64;
/// As many wait until there is time for it.
const WAITING_PACKS: usize = 512;
/// How many assignments' files are kept from build to build: beyond that the store is asked again.
const MOST_FOUND: usize = 20_000;
/// How many subtrees are put together before they are written.
const SUBTREES: usize = 64;

/// The results that are kept in the user's store, and those of this process.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// None if there is no place for one.
    store: Option<Store>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the store has, by the digest of inputs: a record, and which of its members it is.
    found: BTreeMap<Digest, (Arc<Record>, usize)>,
    /// What was built and could not be written: the store gives the rest again.
    unsaved: Vec<Record>,
    /// Whether anything that was found is not in the store.
    is_alone: bool,
    /// The subtrees of which the store has a record.
    whole: BTreeSet<Digest>,
    /// The subtrees of the build before: cluster type and digest.
    last: Vec<(String, Digest)>,
    /// Those of their assignments that may be asked for, by cluster type and target.
    before: BTreeMap<String, BTreeMap<String, (Earlier, usize)>>,
}

/// A subtree of the build before, in which no assignment failed.
#[derive(Clone, Debug)]
pub(crate) struct Earlier(Arc<(Record, PartsRecord)>);

impl Earlier {
    /// `None` if both are not of the same assignments: what failed is in one of them only.
    fn new(record: Record, parts: PartsRecord) -> Option<Self> {
        let is_aligned = record.members().len() == parts.targets().len();
        is_aligned.then(|| Self(Arc::new((record, parts))))
    }

    fn record(&self) -> &Record {
        &self.0.0
    }

    /// Lists the targets.
    pub(crate) fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.1.targets()
    }

    /// Returns the target at `index`; `None` if there is no such target.
    pub(crate) fn target(&self, index: usize) -> Option<&str> {
        self.0.1.target(index)
    }

    /// Returns the folders of its assignments; `None` if the record is no sense.
    pub(crate) fn folders(&self) -> Option<Vec<KnownFolder>> {
        self.record().folders()
    }

    fn parts(&self, index: usize) -> StoredParts<'_> {
        self.0.1.parts(index)
    }
}

/// An assignment of a subtree that is to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member<'m> {
    /// It was built, or failed.
    Built(&'m BuiltAssignment),
    /// It is as it was, at this position of a subtree of the build before.
    Earlier(&'m Earlier, usize),
}

impl Member<'_> {
    /// Returns the digest of what it is made from; `None` if that is not known.
    pub(crate) fn inputs(&self) -> Option<Digest> {
        match self {
            Self::Built(it) => it.inputs,
            Self::Earlier(earlier, index) => earlier.record().inputs(*index),
        }
    }

    fn known(&self) -> Option<(Digest, KnownFiles, FolderIds)> {
        match self {
            Self::Built(it) => Some((it.inputs?, it.known()?, it.files.folder().ids())),
            Self::Earlier(earlier, index) => earlier.record().known(*index),
        }
    }

    /// Says whether nothing else leads to what it gave.
    fn is_fresh(&self) -> bool {
        match self {
            Self::Built(it) => it.made == Made::Now && it.kept.is_some(),
            Self::Earlier(..) => false,
        }
    }

    fn add_to(&self, writing: &mut Writing) {
        match self {
            Self::Built(it) => {
                if let Some(inputs) = &it.made_from {
                    writing.add(it.assignment.target.as_str(), &**inputs);
                }
            }
            Self::Earlier(earlier, index) => {
                if let Some(target) = earlier.target(*index) {
                    writing.add(target, &earlier.parts(*index));
                }
            }
        }
    }
}

/// A subtree that is to be kept.
#[derive(Debug)]
pub(crate) struct NewSubtree<'m> {
    /// The digest of all inputs.
    pub(crate) digest: Digest,
    /// Its assignments, in order.
    members: Vec<Member<'m>>,
}

impl<'m> NewSubtree<'m> {
    /// Takes its assignments, in order.
    pub(crate) fn new(members: Vec<Member<'m>>) -> Self {
        Self { digest: Subtree::of(members.iter().filter_map(Member::inputs)), members }
    }

    /// Lists the targets of those that are as they were.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &'m str> {
        self.members.iter().filter_map(|it| match it {
            Member::Built(_) => None,
            Member::Earlier(earlier, index) => earlier.target(*index),
        })
    }
}

impl State {
    fn has(&self, inputs: &Digest) -> bool {
        self.found.contains_key(inputs)
    }

    /// Takes a subtree of the build before, whose assignments are on the cluster type `on`.
    fn add_before(&mut self, on: String, earlier: &Earlier) {
        let targets = earlier.targets().enumerate();
        let targets = targets.map(|(index, it)| (it.to_owned(), (earlier.clone(), index)));
        self.before.entry(on).or_default().extend(targets);
    }

    /// Takes the records of whole subtrees.
    fn add_whole(&mut self, records: Vec<(Digest, Record)>) {
        for (subtree, record) in records {
            self.whole.insert(subtree);
            self.add(record);
        }
    }

    /// Takes what could not be written for what the store has.
    fn add_unsaved(&mut self) {
        for record in std::mem::take(&mut self.unsaved) {
            self.is_alone = true;
            self.add(record);
        }
    }

    fn forget_beyond(&mut self, most: usize) {
        if self.found.len() > most && !self.is_alone {
            self.found.clear();
        }
    }

    fn add(&mut self, record: Record) {
        let record = Arc::new(record);
        for (index, inputs) in record.members().enumerate() {
            self.found.entry(inputs).or_insert_with(|| (record.clone(), index));
        }
    }
}

impl Stored {
    /// Opens the user's store.
    pub(crate) fn open() -> Self {
        Self { store: Cache::of_user().ok().map(|it| it.store()), state: RwLock::default() }
    }

    /// Keeps what is used from now on, until the lease is dropped.
    pub(crate) fn lease(&self) -> Option<Lease> {
        self.store.as_ref()?.lease().ok()
    }

    /// Keeps what was rendered, by subtrees and by assignments.
    ///
    /// # Errors
    /// If the store cannot be written: the next build then renders again.
    pub(crate) fn save(&self, built: &[&[BuiltAssignment]]) -> Result<(), StoreError> {
        let mut new = vec![];
        for all in built {
            for subtree in subtrees(all.iter().map(|it| (&it.assignment, it.inputs))) {
                let digest = subtree.digest();
                if !subtree.inputs.is_empty() && !self.read().whole.contains(&digest) {
                    let members = all[subtree.assignments].iter().map(Member::Built).collect();
                    new.push(NewSubtree { digest, members });
                }
            }
        }
        self.save_new(&new)
    }

    /// Keeps subtrees, of some of which not everything was built.
    ///
    /// # Errors
    /// As [`Stored::save`].
    pub(crate) fn save_grafted(&self, mut new: Vec<NewSubtree<'_>>) -> Result<(), StoreError> {
        let state = self.read();
        new.retain(|it| it.digest != Subtree::of_nothing() && !state.whole.contains(&it.digest));
        drop(state);
        // Nobody has asked for these as a whole.
        let grafted = new.iter().filter(|it| it.kept().next().is_some()).map(|it| it.digest);
        let stored = self.find(&grafted.collect::<Vec<_>>());
        new.retain(|it| !stored.contains(&it.digest));
        self.save_new(&new)
    }

    fn save_new(&self, new: &[NewSubtree<'_>]) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let mut batch = self.store.as_ref().map(Store::batch);
        let mut written = Ok(());
        let mut kept = vec![];
        // What assignments were made from takes much memory, and is needed only until it is written.
        for some in new.chunks(SUBTREES) {
            let some: Vec<Encoded> = some.par_iter().with_max_len(1).map(Self::encode).collect();
            for it in some {
                if let (Some(batch), Ok(())) = (&mut batch, &written) {
                    written = it.put(batch);
                }
                // Many take as much memory as all else that is kept of them.
                let unsaved = Some(it.record).filter(|_| batch.is_none() || written.is_err());
                kept.push((it.subtree, unsaved));
            }
        }
        let is_stored = batch.is_some();
        written = written.and_then(|()| batch.map_or(Ok(()), Batch::commit));
        let mut state = self.write_state();
        for (subtree, unsaved) in kept {
            if is_stored && written.is_ok() {
                state.whole.insert(subtree);
            }
            state.unsaved.extend(unsaved);
        }
        drop(state);
        written
    }

    /// Removes and joins packs of the store, if it is large or has many small ones; that takes a second or two at most.
    ///
    /// # Errors
    /// If the store cannot be written: it stays as it is.
    pub(crate) fn tidy(&self) -> Result<(), StoreError> {
        self.tidy_beyond(MOST_PACKS)
    }

    /// Does the same only if it cannot wait any longer.
    ///
    /// # Errors
    /// As [`Stored::tidy`].
    pub(crate) fn tidy_at_last(&self) -> Result<(), StoreError> {
        self.tidy_beyond(WAITING_PACKS)
    }

    fn tidy_beyond(&self, most: usize) -> Result<(), StoreError> {
        let limits = GcLimits::default();
        match &self.store {
            Some(store) if store.is_untidy(&limits, most) => store.gc(&limits).map(drop),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the folders of the assignments of some subtrees; `None` if the store does not have all of them.
    pub(crate) fn folders(&self, subtrees: &[Digest]) -> Option<Vec<Vec<KnownFolder>>> {
        self.fetch(subtrees).into_iter().map(|it| it?.folders()).collect()
    }

    /// Takes the subtrees of the build before, with their cluster types, so that what has not changed since need not be rendered
    /// with what has; none to forget all of it.
    pub(crate) fn recall(&self, last: Vec<(String, Digest)>) {
        let mut state = self.write_state();
        state.last = last;
        state.before.clear();
    }

    /// Lets go of what the store gives again, if that is much.
    pub(crate) fn forget(&self) {
        self.write_state().forget_beyond(MOST_FOUND);
    }

    /// Fetches what assignments on the cluster types of some subtrees were in the build before, which had others.
    fn recall_others(&self, unknown: &[&Subtree], expected: &BTreeSet<Digest>) {
        let on: BTreeSet<&str> = unknown.iter().map(|it| it.cluster_type.as_str()).collect();
        let mut last = std::mem::take(&mut self.write_state().last);
        last.retain(|(name, it)| on.contains(name.as_str()) && !expected.contains(it));
        let (on, subtrees): (Vec<String>, Vec<Digest>) = last.into_iter().unzip();
        let parts = self.parts(&subtrees);
        let earlier = self.earlier(&subtrees, parts);
        let mut state = self.write_state();
        for (on, earlier) in on.into_iter().zip(earlier) {
            if let Some(earlier) = earlier {
                state.add_before(on, &earlier);
            }
        }
    }

    /// Fetches subtrees whose `parts` are known; `None` for those that the store does not have, or in which assignments failed.
    pub(crate) fn earlier(
        &self,
        subtrees: &[Digest],
        parts: Vec<Option<PartsRecord>>,
    ) -> Vec<Option<Earlier>> {
        let fetched = self.fetch(subtrees).into_iter().zip(parts);
        fetched.map(|(record, parts)| Earlier::new(record?, parts?)).collect()
    }

    /// Returns those of some subtrees that the store has.
    fn find(&self, subtrees: &[Digest]) -> BTreeSet<Digest> {
        let found = self.read_all("subtree", subtrees, |_| Some(()));
        subtrees.iter().zip(found).filter_map(|(it, found)| found.map(|()| *it)).collect()
    }

    /// Returns what each assignment of some subtrees was made from; `None` where that is not known any more.
    pub(crate) fn parts(&self, subtrees: &[Digest]) -> Vec<Option<PartsRecord>> {
        self.read_all("parts", subtrees, |it| PartsRecord::read(&it))
    }

    /// Returns what is kept of a subtree; what failed is not in it.
    fn encode(NewSubtree { digest, members }: &NewSubtree<'_>) -> Encoded {
        let record = Record::new(members.iter().filter_map(Member::known));
        let new = members.iter().filter(|it| it.is_fresh());
        let fresh = new.filter_map(Member::inputs).collect();
        let mut parts = Writing::default();
        for it in members {
            it.add_to(&mut parts);
        }
        let parts = encoded(&parts.finish());
        Encoded { subtree: *digest, text: encoded(&record), record, parts, fresh }
    }

    /// Reads the records of subtrees; `None` where the store does not have one whole.
    fn fetch(&self, subtrees: &[Digest]) -> Vec<Option<Record>> {
        self.read_all("subtree", subtrees, |it| postcard::from_bytes(&it).ok())
    }

    /// Reads the subtrees in which assignments of others were rendered.
    fn fetch_by_assignment(&self, subtrees: &[&Subtree]) -> Vec<Record> {
        let state = self.read();
        let inputs = subtrees.iter().flat_map(|it| &it.inputs);
        let unknown: Vec<Digest> = inputs.filter(|it| !state.has(it)).copied().collect();
        drop(state);
        let digest = |it: Vec<u8>| Some(Digest::from_bytes(it.try_into().ok()?));
        let found: BTreeSet<Digest> =
            self.read_all("assignment", &unknown, digest).into_iter().flatten().collect();
        let found: Vec<Digest> = found.into_iter().collect();
        self.fetch(&found).into_iter().flatten().collect()
    }

    /// Returns what `read` makes of what the store has of a `kind` for each of `digests`, in their order.
    fn read_all<T: Send>(
        &self,
        kind: &str,
        digests: &[Digest],
        read: impl Fn(Vec<u8>) -> Option<T> + Sync,
    ) -> Vec<Option<T>> {
        let Some(store) = self.store.as_ref().filter(|it| it.has_results()) else {
            return digests.iter().map(|_| None).collect();
        };
        let keys: Vec<Digest> = digests.par_iter().map(|it| key(kind, it)).collect();
        store.results(&keys, read)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of a subtree, as it is written.
struct Encoded {
    subtree: Digest,
    record: Record,
    text: Vec<u8>,
    parts: Vec<u8>,
    /// The inputs of which it must be noted that they are in this subtree: all others lead to another one already.
    fresh: Vec<Digest>,
}

impl Encoded {
    fn put(&self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        batch.put_result(&key("subtree", &self.subtree), &self.text)?;
        batch.put_result(&key("parts", &self.subtree), &self.parts)?;
        for inputs in &self.fresh {
            batch.put_result(&key("assignment", inputs), self.subtree.as_bytes())?;
        }
        Ok(())
    }
}

impl Known for Stored {
    fn expect(&self, expected: &[Subtree]) {
        self.write_state().add_unsaved();
        let digests: Vec<Digest> = expected.par_iter().map(Subtree::digest).collect();
        let state = self.read();
        let is_new = |(it, digest): &(&Subtree, Digest)| {
            !state.whole.contains(digest) || it.inputs.iter().any(|it| !state.has(it))
        };
        let (new, wanted): (Vec<&Subtree>, Vec<Digest>) =
            expected.iter().zip(digests.iter().copied()).filter(is_new).unzip();
        drop(state);
        let fetched = self.fetch(&wanted);
        let is_unknown = |(_, it): &(&Subtree, &Option<Record>)| it.is_none();
        let unknown: Vec<&Subtree> =
            new.into_iter().zip(&fetched).filter(is_unknown).map(|it| it.0).collect();
        let found = wanted.into_iter().zip(fetched);
        let found: Vec<(Digest, Record)> = found.filter_map(|it| Some((it.0, it.1?))).collect();
        self.write_state().add_whole(found);
        for it in self.fetch_by_assignment(&unknown) {
            self.write_state().add(it);
        }
        if !unknown.is_empty() && !self.read().last.is_empty() {
            self.recall_others(&unknown, &digests.into_iter().collect());
        }
    }

    fn files(&self, inputs: Digest) -> Option<KnownFiles> {
        let state = self.read();
        let (record, index) = state.found.get(&inputs)?;
        record.files(*index)
    }

    fn before(&self, assignment: &Assignment, inputs: &Inputs) -> Option<Before> {
        let state = self.read();
        let before = state.before.get(assignment.cluster_type.as_str())?;
        let (earlier, index) = before.get(assignment.target.as_str())?.clone();
        drop(state);
        let known = earlier.record().files(index)?;
        let changed = || inputs.changes_since(&earlier.parts(index));
        (known.grain == Grain::File).then(|| Before { changed: changed(), files: known.files })
    }

    /// What was built is handed over as a whole.
    fn keep(&self, _: Digest, _: &Rendered) {}
}

fn key(kind: &str, digest: &Digest) -> Digest {
    key_of(RULES, kind, digest)
}

fn key_of(rules: &str, kind: &str, digest: &Digest) -> Digest {
    Hasher::new("wob 2026-11 stored 5")
        .field(rules.as_bytes())
        .field(kind.as_bytes())
        .field(digest.as_bytes())
        .finish()
}

fn encoded(record: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(record).expect("because records are plain data")
}

#[cfg(test)]
mod tests {
    use wob_engine::GitObjectId;

    use super::*;

    /// The record of three assignments without files.
    fn record() -> Record {
        let git_id = GitObjectId::from_bytes([0; 20]);
        let known = |it: &[u8]| {
            let files = KnownFiles { files: vec![], missed: Box::default(), grain: Grain::File };
            (Digest::of(it), files, FolderIds { root: Digest::of(it), git_id })
        };
        Record::new([b"a", b"b", b"c"].map(|it| known(it)).into_iter())
    }

    #[test]
    fn what_the_store_gives_again_is_forgotten_and_nothing_else() {
        let mut state = State::default();
        state.add_whole(vec![(Digest::of(b"subtree"), record())]);
        state.forget_beyond(3);
        assert!(state.has(&Digest::of(b"a")), "it is not much");
        state.forget_beyond(2);
        assert!(!state.has(&Digest::of(b"a")));
        state.unsaved.push(record());
        state.forget_beyond(2);
        state.add_unsaved();
        state.forget_beyond(2);
        assert!(state.has(&Digest::of(b"a")), "nobody else has it");
    }

    #[test]
    fn a_key_is_of_the_rules_the_kind_and_the_digest() {
        assert_eq!(RULES.len(), 32, "it is a digest");
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let keys = [
            key("subtree", &a),
            key("subtree", &b),
            key("parts", &a),
            key_of("another wob", "subtree", &a),
        ];
        let distinct: BTreeSet<Digest> = keys.into_iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
