//! What folders are called by their contents: a BLAKE3 Merkle root, and the id that git gives them.

use std::{collections::BTreeMap, iter::Peekable};

use crate::{Blob, Digest, FilePath, GitObjectId, Hasher, git_tree_id};

/// What a folder is called by its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderIds {
    /// See [`Tree::root`](crate::Tree::root).
    pub root: Digest,
    /// See [`Tree::git_id`](crate::Tree::git_id).
    pub git_id: GitObjectId,
}

impl FolderIds {
    /// Names a folder that holds nothing but files, by their names, which are sorted and have no slash, and what each is called.
    pub fn of_files<'n>(files: impl Iterator<Item = (&'n str, Self)>) -> Self {
        let entry = |(name, id)| Entry { name, kind: Kind::File, id };
        Self::of(&mut files.map(entry).collect::<Vec<_>>())
    }

    /// Names a folder by its entries, which are sorted by name.
    pub(crate) fn of(entries: &mut [Entry<'_, Self>]) -> Self {
        let root = root_by(entries, |it| it.root);
        Self { root, git_id: git_tree_id(&git_tree(entries)) }
    }
}

/// A tree of which the files' names by their contents are known, or only those of whole folders.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    leaves: Vec<(FilePath, (Kind, FolderIds))>,
}

impl Outline {
    /// Adds a file; each path is added once.
    pub fn add_file(&mut self, path: FilePath, blob: &Blob) {
        let ids = FolderIds { root: blob.digest(), git_id: blob.git_id() };
        self.leaves.push((path, (Kind::File, ids)));
    }

    /// Adds a folder, of which nothing else may be added.
    pub fn add_folder(&mut self, path: FilePath, ids: FolderIds) {
        self.leaves.push((path, (Kind::Folder, ids)));
    }

    /// Returns what a tree of all that is called.
    pub fn ids(mut self) -> FolderIds {
        // Nearly always they are in order.
        self.leaves.sort_by(|a, b| a.0.cmp(&b.0));
        let leaf = |(kind, ids): &(Kind, FolderIds)| (*kind, *ids);
        let mut leaves = self.leaves.iter().map(|(path, it)| (path, it)).peekable();
        folder_at(0, &mut leaves, &leaf, &FolderIds::of)
    }
}

/// Returns the root of a tree of which only the digests of its files are known.
pub(crate) fn root_of(files: &BTreeMap<FilePath, Digest>) -> Digest {
    let root = |entries: &mut [Entry<'_, Digest>]| root_by(entries, |it| *it);
    folder_at(0, &mut files.iter().peekable(), &|it| (Kind::File, *it), &root)
}

/// What a folder holds under one name.
pub(crate) struct Entry<'t, T> {
    pub(crate) name: &'t str,
    pub(crate) kind: Kind,
    pub(crate) id: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

/// Names a folder by its entries, which are sorted by name.
fn root_by<T>(entries: &[Entry<'_, T>], digest: impl Fn(&T) -> Digest) -> Digest {
    let mut hasher = Hasher::new("wob 2026-11 tree");
    for Entry { name, kind, id } in entries {
        hasher.add(name.as_bytes());
        hasher.add(match kind {
            Kind::File => b"file",
            Kind::Folder => b"tree",
        });
        hasher.add(digest(id).as_bytes());
    }
    hasher.finish()
}

/// How many bytes git takes for an entry whose name is not long.
const ENTRY_BYTES: usize = 64;

/// Returns a folder as git has it; its entries get the order that git has.
pub(crate) fn git_tree(entries: &mut [Entry<'_, FolderIds>]) -> Vec<u8> {
    let is_folder = |it: &Entry<'_, _>| it.kind == Kind::Folder;
    if entries.iter().any(is_folder) {
        // Git sorts a folder as if its name ended in a slash.
        let end = |it: &Entry<'_, _>| is_folder(it).then_some(b'/');
        entries.sort_by(|a, b| a.name.bytes().chain(end(a)).cmp(b.name.bytes().chain(end(b))));
    }
    let mut body = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for Entry { name, kind, id } in entries {
        body.extend_from_slice(match kind {
            Kind::File => b"100644 ",
            Kind::Folder => b"40000 ",
        });
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(id.git_id.as_bytes());
    }
    body
}

/// Sorts the entries of a folder by name.
pub(crate) fn sort_by_name<T>(entries: &mut [Entry<'_, T>]) {
    // By path, `a-b/x` comes before `a/x`; by name, `a` comes first. A file comes before a folder of its name, which no disk could hold
    // beside it: whoever writes a tree refuses it.
    entries.sort_by_key(|it| it.name);
}

/// Takes the files of the folder in which the next one lies, whose own path, with its slash, is `depth` bytes long. They stand side by
/// side, as files are sorted by path.
fn folder_at<'t, F: 't, T>(
    depth: usize,
    files: &mut Peekable<impl Iterator<Item = (&'t FilePath, &'t F)>>,
    leaf: &dyn Fn(&F) -> (Kind, T),
    folder: &dyn Fn(&mut [Entry<'_, T>]) -> T,
) -> T {
    let mut entries = vec![];
    let own = files.peek().map_or("", |(path, _)| &path.as_str()[..depth]);
    while let Some((path, file)) = files.peek() {
        let Some(below) = path.as_str().strip_prefix(own) else { break };
        if let Some((name, _)) = below.split_once('/') {
            let id = folder_at(depth + name.len() + 1, files, leaf, folder);
            entries.push(Entry { name, kind: Kind::Folder, id });
        } else {
            let (kind, id) = leaf(file);
            entries.push(Entry { name: below, kind, id });
            files.next();
        }
    }
    sort_by_name(&mut entries);
    folder(&mut entries)
}
