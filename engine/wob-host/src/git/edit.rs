//! Edited trees: some files of a commit's tree put, others removed.

use std::collections::BTreeMap;

use gix::{
    bstr::BString,
    error::ResultExt as _,
    objs::{
        Kind, Tree, WriteTo,
        tree::{Entry, EntryKind, EntryMode},
    },
};
use rayon::prelude::*;
use wob_engine::git_tree_id;

use super::Repository;

/// More edits than these below one folder are made by several threads.
const MANY: usize = 512;

/// What becomes of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileEdit<'e> {
    /// Where it lies, from the root of the tree.
    pub(super) path: &'e str,
    /// The contents that it gets; none if it is removed.
    pub(super) to: Option<gix::ObjectId>,
}

/// What is in a folder, by name.
type Entries = BTreeMap<BString, (EntryMode, gix::ObjectId)>;

/// What an edited tree is made of.
#[derive(Debug, Default)]
pub(super) struct Edited {
    /// Its id; none if nothing is left in it.
    pub(super) id: Option<gix::ObjectId>,
    /// It and the folders in it that were edited, with their bytes; each is behind those in it.
    pub(super) trees: Vec<(gix::ObjectId, Vec<u8>)>,
}

/// Returns what the tree `before` becomes by `edits`, which are sorted by path; of none, a tree that has nothing else.
pub(super) fn edit(
    repository: &Repository,
    before: Option<gix::ObjectId>,
    edits: &[FileEdit<'_>],
) -> gix::Result<Edited> {
    let mut edited = folder(repository, &repository.local(), before, (edits, 0))?;
    if edited.id.is_none() {
        edited.add(Entries::new())?;
    }
    Ok(edited)
}

/// Edits the folder whose own path, with its slash, is `depth` bytes long.
fn folder(
    repository: &Repository,
    local: &gix::Repository,
    before: Option<gix::ObjectId>,
    (edits, depth): (&[FileEdit<'_>], usize),
) -> gix::Result<Edited> {
    if before.is_none() && edits.len() <= MANY {
        return Ok(new_folder(edits, depth));
    }
    let mut entries = Entries::new();
    if let Some(id) = before {
        let tree: Tree = local.find_tree(id)?.decode()?.into();
        entries.extend(tree.entries.into_iter().map(|it| (it.filename, (it.mode, it.oid))));
    }
    let mut below = vec![];
    for it in divided(edits, depth) {
        match it {
            (name, Part::File(Some(id))) => put(&mut entries, name, EntryKind::Blob, id),
            (name, Part::File(None)) => drop(entries.remove(name.as_bytes())),
            (name, Part::Folder(edits)) => below.push((name, edits)),
        }
    }
    let one = |local: &gix::Repository, (name, edits): (&str, &[FileEdit<'_>])| {
        // A file in the place of the folder gives way to what is put below.
        let before = entries.get(name.as_bytes()).filter(|it| it.0.is_tree()).map(|it| it.1);
        folder(repository, local, before, (edits, depth + name.len() + 1))
    };
    let edited: Vec<Edited> = if edits.len() > MANY && below.len() > 1 {
        let all = below.par_iter().map_init(|| repository.local(), |local, it| one(local, *it));
        all.collect::<gix::Result<_>>()?
    } else {
        below.iter().map(|it| one(local, *it)).collect::<gix::Result<_>>()?
    };
    let mut all = Edited::default();
    for ((name, _), edited) in below.into_iter().zip(edited) {
        match edited.id {
            Some(id) => put(&mut entries, name, EntryKind::Tree, id),
            None if entries.get(name.as_bytes()).is_some_and(|it| it.0.is_tree()) => {
                entries.remove(name.as_bytes());
            }
            None => {}
        }
        all.trees.extend(edited.trees);
    }
    if !entries.is_empty() {
        all.add(entries)?;
    }
    Ok(all)
}

/// Makes the folder whose own path, with its slash, is `depth` bytes long, and that has nothing yet. Of a new tree it is one of a hundred
/// thousand that hold three files each, so that it has no map.
fn new_folder(edits: &[FileEdit<'_>], depth: usize) -> Edited {
    let mut all = Edited::default();
    let mut entries: Vec<(&str, bool, gix::ObjectId)> = vec![];
    for (name, part) in divided(edits, depth) {
        match part {
            Part::File(to) => entries.extend(to.map(|id| (name, false, id))),
            Part::Folder(edits) => {
                let edited = new_folder(edits, depth + name.len() + 1);
                entries.extend(edited.id.map(|id| (name, true, id)));
                all.trees.extend(edited.trees);
            }
        }
    }
    if entries.is_empty() {
        return all;
    }
    // Git sorts a folder as if its name ended in a slash, and so do whole paths.
    let mut bytes = vec![];
    for (name, is_folder, id) in entries {
        let mode = if is_folder { EntryKind::Tree } else { EntryKind::Blob };
        bytes.extend(mode.as_octal_str().iter());
        bytes.push(b' ');
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes.extend(id.as_slice());
    }
    all.push(bytes);
    all
}

/// What edits do to one name in a folder.
enum Part<'e> {
    /// A file; see [`FileEdit::to`].
    File(Option<gix::ObjectId>),
    /// A folder, with the edits in it.
    Folder(&'e [FileEdit<'e>]),
}

/// Lists, by name, what edits do in the folder whose own path, with its slash, is `depth` bytes long.
fn divided<'e>(
    edits: &'e [FileEdit<'e>],
    depth: usize,
) -> impl Iterator<Item = (&'e str, Part<'e>)> {
    let mut rest = edits;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let name = &first.path[depth..];
        let Some(end) = name.find('/') else {
            rest = &rest[1..];
            return Some((name, Part::File(first.to)));
        };
        let folder = &first.path[..=depth + end];
        let count = rest.iter().take_while(|it| it.path.starts_with(folder)).count();
        let (own, others) = rest.split_at(count);
        rest = others;
        Some((&name[..end], Part::Folder(own)))
    })
}

fn put(entries: &mut Entries, name: &str, kind: EntryKind, oid: gix::ObjectId) {
    entries.insert(BString::from(name), (kind.into(), oid));
}

impl Edited {
    /// Adds the tree itself, behind all that is in it.
    fn add(&mut self, entries: Entries) -> gix::Result<()> {
        let entry = |(filename, (mode, oid))| Entry { mode, filename, oid };
        let mut entries: Vec<Entry> = entries.into_iter().map(entry).collect();
        // Git sorts a folder as if its name ended in a slash.
        entries.sort();
        let mut bytes = vec![];
        Tree { entries }.write_to(&mut bytes).or_error()?;
        self.push(bytes);
        Ok(())
    }

    /// Adds the tree itself as git has it, behind all that is in it.
    fn push(&mut self, bytes: Vec<u8>) {
        // Like ids of files, it is of our own bytes, and need not be looked at for an attack.
        let id = gix::ObjectId::Sha1(*git_tree_id(&bytes).as_bytes());
        self.id = Some(id);
        self.trees.push((id, bytes));
    }
}

/// Returns an object as git has it, and its id.
pub(super) fn encode(object: &dyn WriteTo, kind: Kind) -> gix::Result<(gix::ObjectId, Vec<u8>)> {
    let mut bytes = vec![];
    object.write_to(&mut bytes).or_error()?;
    Ok((gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &bytes)?, bytes))
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use gix::{
        bstr::BStr,
        objs::{Write as _, tree::Editor},
    };
    use proptest::prelude::*;

    use super::*;

    type Edits = BTreeMap<String, Option<gix::ObjectId>>;

    fn listed(edits: &Edits) -> Vec<FileEdit<'_>> {
        edits.iter().map(|(path, to)| FileEdit { path, to: *to }).collect()
    }

    /// Edits, and writes what that makes.
    fn edited(
        repository: &Repository,
        before: Option<gix::ObjectId>,
        edits: &Edits,
    ) -> gix::ObjectId {
        let edited = edit(repository, before, &listed(edits)).unwrap();
        for (id, bytes) in &edited.trees {
            let written = repository.local().objects.write_buf(Kind::Tree, bytes).unwrap();
            assert_eq!(*id, written);
        }
        edited.id.unwrap()
    }

    /// Edits as git's library does: what is removed goes first.
    fn edited_by_library(
        repository: &Repository,
        before: gix::ObjectId,
        edits: &Edits,
    ) -> gix::ObjectId {
        let local = repository.local();
        let root: Tree = local.find_tree(before).unwrap().decode().unwrap().into();
        let mut editor = Editor::new(root, &local.objects, local.object_hash());
        for (path, _) in edits.iter().filter(|(_, to)| to.is_none()) {
            editor.remove(path.split('/').map(BStr::new)).unwrap();
        }
        for (path, to) in edits.iter().filter_map(|(path, to)| Some((path, (*to)?))) {
            editor.upsert(path.split('/').map(BStr::new), EntryKind::Blob, to).unwrap();
        }
        editor.write(|tree| encode(tree, Kind::Tree).map(|it| it.0)).unwrap()
    }

    /// Files none of which is a folder of another.
    fn files() -> impl Strategy<Value = Edits> {
        let path = prop::collection::vec(prop::sample::select(vec!["a", "a-", "a.b", "b"]), 1..4);
        let file = (path.prop_map(|it| it.join("/")), 1..4_u8);
        let is_above = |a: &str, b: &str| b.strip_prefix(a).is_some_and(|it| it.starts_with('/'));
        prop::collection::vec(file, 0..12).prop_map(move |all| {
            let mut files = Edits::new();
            for (path, number) in all {
                if !files.keys().any(|it| is_above(it, &path) || is_above(&path, it)) {
                    files.insert(path, Some(gix::ObjectId::from_bytes_or_panic(&[number; 20])));
                }
            }
            files
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn a_tree_is_edited_as_by_the_library_and_as_if_made_anew(first in files(), second in files()) {
            let folder = tempfile::tempdir().unwrap();
            gix::init_bare(folder.path()).unwrap();
            let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
            let repository = Repository::open(&path).unwrap();
            let before = edited(&repository, None, &first);
            let mut edits = second.clone();
            for path in first.keys() {
                edits.entry(path.clone()).or_insert(None);
            }
            let after = edited(&repository, Some(before), &edits);
            prop_assert_eq!(after, edited_by_library(&repository, before, &edits));
            prop_assert_eq!(after, edited(&repository, None, &second));
        }
    }
}
