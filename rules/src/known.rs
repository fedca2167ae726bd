//! Known results: what earlier builds rendered, so that a build need not.
//!
//! **Invariant:** what is known is known of inputs, by their digest, or of those that a file depends on. What was said of an assignment is
//! known only if it can be said again of these inputs: no digest covers the places of what is said.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use wob_engine::{Blob, Diagnostic, Digest, GitObjectId, Hasher};

use crate::{
    Name,
    render::{CHECK, Files, Grain, Inputs, MissedKey, Rendered},
    schedule::Assignment,
};

/// Remembers from build to build; asked from many threads.
pub trait Known: Sync {
    /// Is told, before anything else, what will be asked for, so that it can be fetched together.
    fn expect(&self, subtrees: &[Subtree]);

    /// Returns the files that an assignment with these inputs has; `None` if that is not known.
    fn files(&self, inputs: Digest) -> Option<KnownFiles>;

    /// Returns what the assignment of this name was before, if that is known, and these are not its inputs.
    fn before(&self, _: &Assignment, _: &Inputs) -> Option<Before> {
        None
    }

    /// Is told what an assignment was rendered to, if nothing was said but which keys its templates missed; it may take the bytes of
    /// the files.
    fn keep(&self, inputs: Digest, rendered: &Rendered);
}

/// One file of an assignment, by the digests of its bytes; they can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its name.
    pub name: Arc<str>,
    /// The BLAKE3 of its bytes.
    pub digest: Digest,
    /// What git calls its bytes.
    pub git_id: GitObjectId,
}

/// The files of an assignment, and what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFiles {
    /// The files, in any order.
    pub files: Vec<KnownFile>,
    /// The keys that the templates missed.
    pub missed: Box<[MissedKey]>,
    /// What the files depend on.
    pub grain: Grain,
}

impl KnownFiles {
    /// Takes what there is to know of a result.
    pub fn of(rendered: &Rendered) -> Self {
        Self::of_files(&rendered.files, Kept::of(rendered))
    }

    /// Takes what there is to know of `files` of which this was kept.
    pub(crate) fn of_files(files: &Files, kept: Kept) -> Self {
        let known = |(name, blob): (&Arc<str>, &Blob)| KnownFile {
            name: name.clone(),
            digest: blob.digest(),
            git_id: blob.git_id(),
        };
        let Kept { missed, grain } = kept;
        Self { files: files.shared().map(known).collect(), missed, grain }
    }
}

/// What there is to know of the files of an assignment, beside their contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    missed: Box<[MissedKey]>,
    grain: Grain,
}

impl Kept {
    /// Takes what there is to know of a result.
    pub(crate) fn of(rendered: &Rendered) -> Self {
        Self { missed: rendered.missed.clone(), grain: rendered.grain }
    }
}

/// What an assignment was before, where each file depends on nothing but what its template can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// See [`Parts::changes_since`](crate::Parts::changes_since).
    pub changed: BTreeSet<String>,
    /// Its files, in any order.
    pub files: Vec<KnownFile>,
}

impl Before {
    /// Says whether it had this file, and that was checked as it would be now.
    pub(crate) fn was_checked(&self, name: &str, blob: &Blob) -> bool {
        let has = |it: &KnownFile| *it.name == *name && it.digest == blob.digest();
        !self.changed.contains(CHECK) && self.files.iter().any(has)
    }
}

/// Some assignments of a cluster type whose results are kept together.
///
/// **Invariant:** adding or removing an assignment changes the subtree that it is in, and at most one beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// The cluster type.
    pub cluster_type: Name,
    /// Where they stand among all assignments of the environment.
    pub assignments: Range<usize>,
    /// The digests of their inputs; those that have none are left out.
    pub inputs: Vec<Digest>,
}

impl Subtree {
    /// Returns the digest of all inputs: what comes out depends on nothing else.
    pub fn digest(&self) -> Digest {
        Self::of(self.inputs.iter().copied())
    }

    /// Returns the digest of a subtree whose assignments have these inputs, in order.
    pub fn of(inputs: impl Iterator<Item = Digest>) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 subtree");
        for it in inputs {
            hasher.add(it.as_bytes());
        }
        hasher.finish()
    }

    /// Returns the digest of a subtree in which no assignment has inputs.
    pub fn of_nothing() -> Digest {
        Self::of(std::iter::empty())
    }
}

/// One in so many targets ends a subtree.
const TARGETS: u64 = 64;

/// Divides assignments, which are sorted by cluster type, with the digests of their inputs.
///
/// A subtree ends behind a target whose name says so, or with its cluster type; so one more target moves no other.
pub fn subtrees<'a>(
    assignments: impl Iterator<Item = (&'a Assignment, Option<Digest>)>,
) -> Vec<Subtree> {
    let mut all: Vec<Subtree> = vec![];
    let mut ended = true;
    for (index, (assignment, inputs)) in assignments.enumerate() {
        let Assignment { cluster_type, target, .. } = assignment;
        if ended || all.last().is_none_or(|it| it.cluster_type != *cluster_type) {
            let cluster_type = cluster_type.clone();
            all.push(Subtree { cluster_type, assignments: index..index, inputs: vec![] });
        }
        let last = all.last_mut().expect("because one was added if there was none");
        last.assignments.end = index + 1;
        last.inputs.extend(inputs);
        ended = ends(target.as_str());
    }
    all
}

/// Divides the targets of one cluster type, which are sorted, as [`subtrees`] does.
pub(crate) fn divide<'t>(targets: impl Iterator<Item = &'t str>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = vec![];
    let mut ended = true;
    for (index, target) in targets.enumerate() {
        match all.last_mut() {
            Some(last) if !ended => last.end = index + 1,
            _ => all.push(index..index + 1),
        }
        ended = ends(target);
    }
    all
}

/// Says whether a subtree ends behind a target: by FNV-1a over its name, mixed as `MurmurHash3` ends, since names that differ in
/// their last letter only are common. It is always the same, and takes little time.
fn ends(target: &str) -> bool {
    let mix = |hash: u64, it: u8| (hash ^ u64::from(it)).wrapping_mul(0x0100_0000_01b3);
    let hash = target.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash >> 33).is_multiple_of(TARGETS)
}

/// Knows nothing, and remembers nothing.
pub(crate) struct Nothing;

impl Known for Nothing {
    fn expect(&self, _: &[Subtree]) {}

    fn files(&self, _: Digest) -> Option<KnownFiles> {
        None
    }

    fn keep(&self, _: Digest, _: &Rendered) {}
}

/// Returns the files of an assignment as if they had just been rendered, what is said of them, and what else is known; `None` if that
/// is not known.
pub(crate) fn known_files(
    known: &dyn Known,
    digest: Digest,
    inputs: &Arc<Inputs>,
) -> Option<(Files, Vec<Diagnostic>, Kept)> {
    let KnownFiles { files, missed, grain } = known.files(digest)?;
    let outputs: Vec<Arc<str>> = inputs.output_files().map(|it| Arc::clone(it.name())).collect();
    let blob = |it: &KnownFile| {
        let number = outputs.iter().position(|name| *name == it.name)?;
        let recipe = Arc::<Inputs>::clone(inputs);
        let blob = Blob::known((it.digest, it.git_id), recipe, u32::try_from(number).ok()?);
        Some((outputs[number].clone(), blob))
    };
    let files = files.iter().map(blob).collect::<Option<_>>()?;
    let said = missed.iter().map(|it| it.diagnostic(inputs)).collect::<Option<_>>()?;
    Some((files, said, Kept { missed, grain }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(cluster_type: &str, target: usize) -> Assignment {
        Assignment {
            cluster_type: Name::new(cluster_type).unwrap(),
            target: Name::new(&format!("app-{target:05}")).unwrap(),
            policies: Arc::default(),
        }
    }

    fn divided(assignments: &[Assignment]) -> Vec<Subtree> {
        let digest = |it: &Assignment| Digest::of(format!("{it:?}").as_bytes());
        subtrees(assignments.iter().map(|it| (it, Some(digest(it)))))
    }

    #[test]
    fn every_assignment_is_in_one_subtree_of_its_cluster_type() {
        let all: Vec<Assignment> =
            ["a", "b"].iter().flat_map(|on| (0..2000).map(|it| assignment(on, it))).collect();
        let subtrees = divided(&all);
        let indices: Vec<usize> = subtrees.iter().flat_map(|it| it.assignments.clone()).collect();
        assert_eq!(indices, (0..all.len()).collect::<Vec<_>>());
        for it in &subtrees {
            assert!(all[it.assignments.clone()].iter().all(|a| a.cluster_type == it.cluster_type));
        }
        assert!((20..200).contains(&subtrees.len()), "{} subtrees", subtrees.len());
    }

    #[test]
    fn targets_are_divided_as_their_assignments_are() {
        let all: Vec<Assignment> = (0..1000).map(|it| assignment("a", it)).collect();
        let ranges: Vec<Range<usize>> =
            divided(&all).into_iter().map(|it| it.assignments).collect();
        assert_eq!(divide(all.iter().map(|it| it.target.as_str())), ranges);
        assert!(divide(std::iter::empty()).is_empty());
    }

    #[test]
    fn one_assignment_more_or_less_changes_at_most_two_subtrees() {
        let all: Vec<Assignment> = (0..1000).map(|it| assignment("a", it)).collect();
        let keys =
            |all: &[Assignment]| divided(all).iter().map(Subtree::digest).collect::<Vec<_>>();
        let before = keys(&all);
        for index in (0..all.len()).step_by(7) {
            let mut fewer = all.clone();
            fewer.remove(index);
            let new = keys(&fewer).iter().filter(|it| !before.contains(it)).count();
            assert!(new <= 1, "{new} new subtrees without {index}");
        }
    }
}
