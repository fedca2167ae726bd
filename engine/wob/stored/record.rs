//! What is stored of a subtree: the files of its assignments, and what these were made from.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use wob_engine::{Digest, FolderIds};
use wob_rules::{Grain, GroupDigests, KnownFile, KnownFiles, MissedKey, PartGroup, Parts};

use crate::id::Id;

/// The files of some assignments, by the digests of their inputs. Names stand in it once.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    names: Vec<Arc<str>>,
    files: Vec<File>,
    members: Vec<Member>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    /// An index into the names.
    name: u32,
    digest: Id<32>,
    git_id: Id<20>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    inputs: Id<32>,
    /// Where its files end; they begin where those of the member before end.
    end: u32,
    /// What the folder of its files is called.
    folder: (Id<32>, Id<20>),
    grain: Grain,
    /// The keys that its templates missed.
    missed: Box<[MissedKey]>,
}

/// The folder of an assignment, of which only what it is called is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownFolder {
    /// The digest of what its files were made from.
    pub(crate) inputs: Digest,
    /// What it is called.
    pub(crate) ids: FolderIds,
    /// How many files it has.
    pub(crate) files: usize,
}

impl Record {
    /// Puts together what is known: by the digests of inputs, files, with what the folder is called that holds them.
    pub(super) fn new(known: impl Iterator<Item = (Digest, KnownFiles, FolderIds)>) -> Self {
        let mut record = Self::default();
        let mut names = Names::default();
        for (inputs, KnownFiles { files, missed, grain }, folder) in known {
            let folder = (Id::of(&folder.root), Id::of_git(&folder.git_id));
            record.files.extend(files.into_iter().map(|it| File {
                name: names.number(&it.name),
                digest: Id::of(&it.digest),
                git_id: Id::of_git(&it.git_id),
            }));
            let end = number(record.files.len());
            let inputs = Id::of(&inputs);
            record.members.push(Member { inputs, end, folder, grain, missed });
        }
        record.names = names.in_order;
        record
    }

    /// Returns the digests of the members' inputs.
    pub(super) fn members(&self) -> impl ExactSizeIterator<Item = Digest> {
        self.members.iter().map(|it| it.inputs.digest())
    }

    /// Returns the digest of a member's inputs; `None` if there is no such member.
    pub(super) fn inputs(&self, member: usize) -> Option<Digest> {
        Some(self.members.get(member)?.inputs.digest())
    }

    /// Returns what is known of a member; `None` if there is no such member, or the record is no sense.
    pub(super) fn known(&self, member: usize) -> Option<(Digest, KnownFiles, FolderIds)> {
        let Member { inputs, folder: (root, git_id), .. } = self.members.get(member)?;
        let ids = FolderIds { root: root.digest(), git_id: git_id.git_id() };
        Some((inputs.digest(), self.files(member)?, ids))
    }

    /// Returns the folders of the members; `None` if the record is no sense.
    pub(super) fn folders(&self) -> Option<Vec<KnownFolder>> {
        let mut start = 0;
        let folder = |it: &Member| {
            let (root, git_id) = it.folder;
            let ids = FolderIds { root: root.digest(), git_id: git_id.git_id() };
            let files = (it.end as usize).checked_sub(start)?;
            start = it.end as usize;
            Some(KnownFolder { inputs: it.inputs.digest(), ids, files })
        };
        self.members.iter().map(folder).collect()
    }

    /// Returns the files of a member, and what they depend on; `None` if there is no such member, or the record is no sense.
    pub(super) fn files(&self, member: usize) -> Option<KnownFiles> {
        let end = |index: usize| self.members.get(index).map(|it| it.end as usize);
        let start = member.checked_sub(1).map_or(Some(0), end)?;
        let file = |it: &File| {
            Some(KnownFile {
                name: self.names.get(it.name as usize)?.clone(),
                digest: it.digest.digest(),
                git_id: it.git_id.git_id(),
            })
        };
        let files = self.files.get(start..end(member)?)?.iter().map(file);
        let Member { grain, missed, .. } = self.members.get(member)?;
        let files = files.collect::<Option<_>>()?;
        Some(KnownFiles { files, missed: missed.clone(), grain: *grain })
    }
}

/// What the assignments of a subtree were made from. What several share stands in it once.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartsRecord {
    names: Vec<Arc<str>>,
    /// An index into the names, and a digest.
    parts: Vec<(u32, Id<32>)>,
    groups: Vec<Group>,
    /// Targets, and for each of [`PartGroup::ALL`] an index into the groups.
    members: Vec<(String, Groups)>,
}

type Groups = [u32; PartGroup::ALL.len()];

/// A group of parts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    digest: Id<32>,
    /// Indices into the parts.
    parts: Vec<u32>,
}

impl PartsRecord {
    /// Reads what was written; `None` if it is no sense.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let record: Self = postcard::from_bytes(bytes).ok()?;
        let is_in = |index: u32, length: usize| (index as usize) < length;
        let Self { names, parts, groups, members } = &record;
        let is_whole = parts.iter().all(|it| is_in(it.0, names.len()))
            && groups.iter().flat_map(|it| &it.parts).all(|it| is_in(*it, parts.len()))
            && members.iter().flat_map(|it| &it.1).all(|it| is_in(*it, groups.len()));
        is_whole.then_some(record)
    }

    /// Lists the targets.
    pub(crate) fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|(target, _)| target.as_str())
    }

    /// Returns the target at `index`; `None` if there is no such target.
    pub(super) fn target(&self, index: usize) -> Option<&str> {
        Some(&self.members.get(index)?.0)
    }

    /// Returns the parts of the target at `index`, of which there must be one.
    pub(crate) fn parts(&self, index: usize) -> StoredParts<'_> {
        StoredParts { record: self, groups: &self.members[index].1 }
    }
}

/// The parts that an assignment had when they were stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredParts<'r> {
    record: &'r PartsRecord,
    groups: &'r Groups,
}

impl StoredParts<'_> {
    fn group(&self, index: usize) -> &Group {
        &self.record.groups[self.groups[index] as usize]
    }
}

impl Parts for StoredParts<'_> {
    fn digests(&self) -> GroupDigests {
        std::array::from_fn(|index| self.group(index).digest.digest())
    }

    fn each_part(&self, group: PartGroup, part: &mut dyn FnMut(&str, Digest)) {
        for index in &self.group(group as usize).parts {
            let (name, digest) = self.record.parts[*index as usize];
            part(&self.record.names[name as usize], digest.digest());
        }
    }
}

/// A record that is being put together.
#[derive(Default)]
pub(super) struct Writing {
    record: PartsRecord,
    names: Names,
    parts: RecentParts,
    /// The groups, each with its index, by how their digests begin: whoever finds one looks whether it is the right one.
    groups: BTreeMap<u64, u32>,
}

/// Where parts stand that came lately: one for each of some places, which follow from how a digest begins. A part that is not found
/// stands in the record once more, which costs a few bytes, while a map of all of them would cost more than all else that is stored.
struct RecentParts(Box<[u32]>);

impl RecentParts {
    /// How many places there are.
    const PLACES: usize = 1 << 12;

    /// Returns the place of a part.
    fn place(&mut self, (name, digest): &(u32, Id<32>)) -> &mut u32 {
        let begin = digest.digest().begin() ^ u64::from(*name);
        // Only the last bits count.
        let place = usize::try_from(begin % Self::PLACES as u64).unwrap_or_default();
        &mut self.0[place]
    }
}

impl Default for RecentParts {
    fn default() -> Self {
        Self(vec![0; Self::PLACES].into())
    }
}

impl Writing {
    /// Returns the record.
    pub(super) fn finish(self) -> PartsRecord {
        PartsRecord { names: self.names.in_order, ..self.record }
    }

    /// Adds what the assignment of a target was made from.
    pub(super) fn add(&mut self, target: &str, inputs: &impl Parts) {
        let mut groups = self.record.members.last().map_or([0; _], |it| it.1);
        for ((index, group), digest) in groups.iter_mut().zip(PartGroup::ALL).zip(inputs.digests())
        {
            let before = self.record.groups.get(*index as usize);
            // Many are those of the target before.
            if before.is_none_or(|it| it.digest != Id::of(&digest)) {
                let is_it = |it: &u32| self.record.groups[*it as usize].digest == Id::of(&digest);
                let known = self.groups.get(&digest.begin()).copied().filter(is_it);
                *index = known.unwrap_or_else(|| self.group(inputs, group, (digest, *index)));
            }
        }
        self.record.members.push((target.to_owned(), groups));
    }

    /// Adds a group, and returns its index; `before` is that of one which may be alike.
    fn group(
        &mut self,
        inputs: &impl Parts,
        group: PartGroup,
        (digest, before): (Digest, u32),
    ) -> u32 {
        let before = self.record.groups.get(before as usize).map_or(&[][..], |it| &it.parts);
        let mut parts: Vec<u32> = Vec::with_capacity(before.len());
        inputs.each_part(group, &mut |name, digest| {
            let part = (self.names.number(name), Id::of(&digest));
            let same = before.get(parts.len());
            let same = same.filter(|it| self.record.parts[**it as usize] == part).copied();
            let all = &mut self.record.parts;
            let index = same.unwrap_or_else(|| {
                let recent = self.parts.place(&part);
                if all.get(*recent as usize) != Some(&part) {
                    *recent = number(all.len());
                    all.push(part);
                }
                *recent
            });
            parts.push(index);
        });
        let next = number(self.record.groups.len());
        self.record.groups.push(Group { digest: Id::of(&digest), parts });
        self.groups.insert(digest.begin(), next);
        next
    }
}

/// Texts, each with a number by the order in which they came.
#[derive(Default)]
struct Names {
    in_order: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
    /// The number of the text that came behind the last one when that came before.
    next: usize,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        // They mostly come in the same order again.
        let found = match self.in_order.get(self.next) {
            Some(next) if **next == *name => Some(number(self.next)),
            Some(_) | None => self.numbers.get(name).copied(),
        };
        if let Some(found) = found {
            self.next = found as usize + 1;
            return found;
        }
        let next = number(self.in_order.len());
        self.next = self.in_order.len() + 1;
        let name: Arc<str> = name.into();
        self.in_order.push(name.clone());
        self.numbers.insert(name, next);
        next
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("because a subtree has some hundred assignments")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> KnownFile {
        let git_id = wob_engine::git_blob_id(text.as_bytes());
        KnownFile { name: name.into(), digest: Digest::of(text.as_bytes()), git_id }
    }

    fn known(grain: Grain, files: Vec<KnownFile>) -> KnownFiles {
        KnownFiles { files, grain, ..KnownFiles::default() }
    }

    #[test]
    fn a_record_reads_back_what_was_known() {
        let known = [
            (Digest::of(b"1"), known(Grain::File, vec![file("a", "x"), file("b", "y")])),
            (Digest::of(b"2"), known(Grain::File, vec![])),
            (Digest::of(b"3"), known(Grain::Assignment, vec![file("a", "z")])),
        ];
        let ids = |it: &KnownFiles| {
            let ids = |it: &KnownFile| FolderIds { root: it.digest, git_id: it.git_id };
            FolderIds::of_files(it.files.iter().map(|it| (&*it.name, ids(it))))
        };
        let record = Record::new(known.iter().map(|it| (it.0, it.1.clone(), ids(&it.1))));
        let bytes = postcard::to_stdvec(&record).unwrap();
        let record: Record = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(record.members().collect::<Vec<_>>(), known.clone().map(|it| it.0));
        for (index, (_, files)) in known.iter().enumerate() {
            assert_eq!(record.files(index).as_ref(), Some(files));
        }
        let folders = record.folders().unwrap();
        assert_eq!(folders.iter().map(|it| it.files).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(folders[0].ids, ids(&known[0].1));
        assert_eq!(record.files(3), None);
    }

    #[test]
    fn a_record_that_is_no_sense_has_no_files() {
        let known = known(Grain::File, vec![file("a", "x")]);
        let ids = FolderIds::of_files(std::iter::empty());
        let mut record = Record::new([(Digest::of(b"1"), known, ids)].into_iter());
        record.members[0].end = 7;
        assert_eq!(record.files(0), None);
        record.members[0].end = 1;
        record.files[0].name = 1;
        assert_eq!(record.files(0), None);
    }
}
