//! Trees: the files of a result, with a BLAKE3 root and the id that git gives the same files.

use std::{collections::BTreeMap, iter::Peekable, sync::Arc};

use crate::{Blob, Digest, FilePath, GitObjectId, Hasher, git_tree_id};

/// Files by path. A clone shares them until one of both is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: Arc<BTreeMap<FilePath, Blob>>,
}

impl Tree {
    /// Puts `blob` at `path`, and returns what lay there before.
    pub fn insert(&mut self, path: FilePath, blob: Blob) -> Option<Blob> {
        Arc::make_mut(&mut self.files).insert(path, blob)
    }

    /// Takes the file at `path` out, and returns it.
    pub fn remove(&mut self, path: &FilePath) -> Option<Blob> {
        Arc::make_mut(&mut self.files).remove(path)
    }

    /// Returns the file at `path`.
    pub fn get(&self, path: &FilePath) -> Option<&Blob> {
        self.files.get(path)
    }

    /// Lists the files in byte order of their paths.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&FilePath, &Blob)> {
        self.files.iter()
    }

    /// Lists the files below `folder`, in byte order of their paths.
    pub fn below<'t>(
        &'t self,
        folder: &str,
    ) -> impl Iterator<Item = (&'t FilePath, &'t Blob)> + use<'t> {
        let prefix = format!("{folder}/");
        // No component begins with anything smaller than a blank.
        let first = FilePath::new(&format!("{prefix} ")).ok();
        let all = first.into_iter().flat_map(|it| self.files.range(it..));
        all.take_while(move |(path, _)| path.as_str().starts_with(&prefix))
    }

    /// Returns the number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the BLAKE3 Merkle root: a folder's digest covers its entries' names, kinds and digests.
    pub fn root(&self) -> Digest {
        self.fold(&Blob::digest, &root)
    }

    /// Returns what the folder at `folder` is called by its contents; the empty folder's names if there is none.
    pub fn folder(&self, folder: &str) -> FolderIds {
        let ids = |it: &Blob| (Kind::File, FolderIds { root: it.digest(), git_id: it.git_id() });
        folder_at(folder.len() + 1, &mut self.below(folder).peekable(), &ids, &FolderIds::of)
    }

    /// Returns the root of a tree of which only the digests of its files are known.
    pub fn root_of(files: &BTreeMap<FilePath, Digest>) -> Digest {
        folder_at(0, &mut files.iter().peekable(), &|it| (Kind::File, *it), &root)
    }

    /// Returns the id of the git tree that holds exactly these files, as mode 100644.
    pub fn git_id(&self) -> GitObjectId {
        self.fold(&Blob::git_id, &git_tree)
    }

    /// Names the tree bottom up: files by `file`, folders by `folder` from their entries, which are sorted by name.
    fn fold<T>(&self, file: &dyn Fn(&Blob) -> T, folder: &dyn Fn(&mut [Entry<'_, T>]) -> T) -> T {
        let file = |it: &Blob| (Kind::File, file(it));
        folder_at(0, &mut self.files.iter().peekable(), &file, folder)
    }
}

impl FromIterator<(FilePath, Blob)> for Tree {
    /// Where two have one path, the later one stays.
    fn from_iter<I: IntoIterator<Item = (FilePath, Blob)>>(files: I) -> Self {
        Self { files: Arc::new(files.into_iter().collect()) }
    }
}

/// What a folder is called by its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderIds {
    /// See [`Tree::root`].
    pub root: Digest,
    /// See [`Tree::git_id`].
    pub git_id: GitObjectId,
}

impl FolderIds {
    /// Names a folder that holds nothing but files, by their names, which are sorted and have no slash, and what each is called.
    pub fn of_files<'n>(files: impl Iterator<Item = (&'n str, Self)>) -> Self {
        let entry = |(name, id)| Entry { name, kind: Kind::File, id };
        Self::of(&mut files.map(entry).collect::<Vec<_>>())
    }

    /// Names a folder by its entries, which are sorted by name.
    fn of(entries: &mut [Entry<'_, Self>]) -> Self {
        Self { root: root_by(entries, |it| it.root), git_id: git_tree_by(entries, |it| it.git_id) }
    }
}

/// A tree of which the files' names by their contents are known, or only those of whole folders.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    leaves: BTreeMap<FilePath, (Kind, FolderIds)>,
}

impl Outline {
    /// Adds a file.
    pub fn add_file(&mut self, path: FilePath, blob: &Blob) {
        self.add_known(path, blob.digest(), blob.git_id());
    }

    /// Adds a file by the BLAKE3 of its bytes and by what git calls them.
    pub fn add_known(&mut self, path: FilePath, digest: Digest, git_id: GitObjectId) {
        self.leaves.insert(path, (Kind::File, FolderIds { root: digest, git_id }));
    }

    /// Adds a folder, of which nothing else may be added.
    pub fn add_folder(&mut self, path: FilePath, ids: FolderIds) {
        self.leaves.insert(path, (Kind::Folder, ids));
    }

    /// Returns what a tree of all that is called.
    pub fn ids(&self) -> FolderIds {
        let leaf = |(kind, ids): &(Kind, FolderIds)| (*kind, *ids);
        folder_at(0, &mut self.leaves.iter().peekable(), &leaf, &FolderIds::of)
    }
}

/// What a folder holds under one name.
struct Entry<'t, T> {
    name: &'t str,
    kind: Kind,
    id: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// Names a folder by its entries, which are sorted by name.
fn root(entries: &mut [Entry<'_, Digest>]) -> Digest {
    root_by(entries, |it| *it)
}

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

/// Names a folder as git does.
fn git_tree(entries: &mut [Entry<'_, GitObjectId>]) -> GitObjectId {
    git_tree_by(entries, |it| *it)
}

/// Does the same; the entries get the order that git has.
fn git_tree_by<T>(entries: &mut [Entry<'_, T>], git_id: impl Fn(&T) -> GitObjectId) -> GitObjectId {
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
        body.extend_from_slice(git_id(id).as_bytes());
    }
    git_tree_id(&body)
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
    // By path, `a-b/x` comes before `a/x`; by name, `a` comes first.
    entries.sort_by_key(|it| it.name);
    // Layout refuses a file and a folder of one name, as no disk could hold both.
    entries.dedup_by_key(|it| it.name);
    folder(&mut entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git_blob_id;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(FilePath::new(path).unwrap(), Blob::new(text.as_bytes()));
        }
        tree
    }

    #[test]
    fn git_gives_the_same_ids() {
        // `git hash-object --stdin </dev/null` and `git mktree </dev/null`.
        assert_eq!(git_blob_id(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(tree(&[]).git_id().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn folders_are_named_as_git_does() {
        // `git write-tree` of the same files; `a-b` and `a.b` sort around the folder `a`.
        let tree = tree(&[("a-b/x", "1"), ("a.b", "2"), ("a/x/y", "3"), ("a/z", "4"), ("b", "5")]);
        assert_eq!(tree.git_id().to_string(), "87ab17c251e1ddb11a170b71d3000cb3d6f565ca");
    }

    #[test]
    fn what_is_below_a_folder_is_found() {
        let tree =
            tree(&[("a-b/x", "1"), ("a.b", "2"), ("a/ x", "3"), ("a/x/y", "4"), ("ab", "5")]);
        let below =
            |folder: &str| tree.below(folder).map(|(path, _)| path.to_string()).collect::<Vec<_>>();
        assert_eq!(below("a"), ["a/ x", "a/x/y"]);
        assert_eq!(below("a/x"), ["a/x/y"]);
        assert!(below("ab").is_empty() && below("").is_empty());
    }

    #[test]
    fn folders_that_are_known_stand_for_their_files() {
        let tree = tree(&[("a-b/x", "1"), ("a.b", "2"), ("a/x/y", "3"), ("a/z", "4"), ("b", "5")]);
        let mut outline = Outline::default();
        let known = |it: &FilePath| it.as_str().starts_with("a/x/");
        for (path, blob) in tree.files().filter(|(path, _)| !known(path)) {
            outline.add_file(path.clone(), blob);
        }
        outline.add_folder(FilePath::new("a/x").unwrap(), tree.folder("a/x"));
        let ids = outline.ids();
        assert_eq!((ids.root, ids.git_id), (tree.root(), tree.git_id()));
        assert_eq!(tree.folder("nothing"), Outline::default().ids());
        let file = |it: &str| {
            let blob = tree.get(&FilePath::new(it).unwrap()).unwrap();
            FolderIds { root: blob.digest(), git_id: blob.git_id() }
        };
        assert_eq!(FolderIds::of_files([("y", file("a/x/y"))].into_iter()), tree.folder("a/x"));
    }

    #[test]
    fn a_root_covers_names_kinds_and_bytes() {
        let base = tree(&[("a/b", "x"), ("c", "y")]);
        for other in [
            tree(&[("a/b", "x"), ("c", "z")]),
            tree(&[("a/b", "x"), ("d", "y")]),
            tree(&[("a", "x"), ("c", "y")]),
            tree(&[("a/b", "x")]),
        ] {
            assert_ne!(base.root(), other.root());
            assert_ne!(base.git_id(), other.git_id());
        }
        let digests = base.files().map(|(path, it)| (path.clone(), it.digest())).collect();
        assert_eq!(Tree::root_of(&digests), base.root());
    }
}
