//! Trees: the files of a result, with a BLAKE3 root and the id that git gives the same files.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Blob, Digest, FilePath, Folder, FolderIds, GitObjectId,
    folder::{Both, differing},
    naming,
};

/// Files by path. Clones share folders until one of them is changed, and what a folder is called is found out once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    root: Arc<Folder>,
}

impl Tree {
    /// Puts `blob` at `path`, and returns what lay there before.
    pub fn insert(&mut self, path: &FilePath, blob: Blob) -> Option<Blob> {
        self.root.insert(path.as_str(), blob)
    }

    /// Puts a folder at `path`, where there is none.
    pub fn insert_folder(&mut self, path: &FilePath, folder: Arc<Folder>) {
        self.root.insert_folder(path.as_str(), folder);
    }

    /// Takes the file at `path` out, and returns it.
    pub fn remove(&mut self, path: &FilePath) -> Option<Blob> {
        self.root.remove(path.as_str())
    }

    /// Returns the file at `path`.
    pub fn get(&self, path: &FilePath) -> Option<&Blob> {
        self.root.find(path.as_str())
    }

    /// Lists the files in byte order of their paths.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (FilePath, &Blob)> {
        self.root.walk("")
    }

    /// Lists the files below `folder`, in byte order of their paths.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (FilePath, &Blob)> {
        let above = format!("{folder}/");
        self.root.find_folder(folder).into_iter().flat_map(move |it| it.walk(&above))
    }

    /// Returns the number of files.
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Returns the BLAKE3 Merkle root: a folder's digest covers its entries' names, kinds and digests.
    pub fn root(&self) -> Digest {
        self.root.ids().root
    }

    /// Returns the id of the git tree that holds exactly these files, as mode 100644.
    pub fn git_id(&self) -> GitObjectId {
        self.root.ids().git_id
    }

    /// Returns the folder that all files lie in.
    pub fn root_folder(&self) -> &Arc<Folder> {
        &self.root
    }

    /// Returns the folder at `folder`, if there is one.
    pub fn folder_at(&self, folder: &str) -> Option<&Arc<Folder>> {
        self.root.find_folder(folder)
    }

    /// Returns what the folder at `folder` is called by its contents; the empty folder's names if there is none.
    pub fn folder(&self, folder: &str) -> FolderIds {
        self.root.find_folder(folder).map_or_else(|| Folder::default().ids(), |it| it.ids())
    }

    /// Lists the files by which it differs from what it was `before`, in byte order of their paths: what it was, and what it is.
    pub fn changes_since<'t>(&'t self, before: &'t Self) -> Vec<Both<'t>> {
        let mut found = vec![];
        differing(Some(&before.root), Some(&self.root), &mut String::new(), &mut found);
        found
    }

    /// Returns the root of a tree of which only the digests of its files are known.
    pub fn root_of(files: &BTreeMap<FilePath, Digest>) -> Digest {
        naming::root_of(files)
    }
}

impl FromIterator<(FilePath, Blob)> for Tree {
    /// Where two have one path, the later one stays.
    fn from_iter<I: IntoIterator<Item = (FilePath, Blob)>>(files: I) -> Self {
        let mut tree = Self::default();
        for (path, blob) in files {
            tree.insert(&path, blob);
        }
        tree
    }
}

impl From<Folder> for Tree {
    fn from(root: Folder) -> Self {
        Self { root: Arc::new(root) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Outline, git_blob_id};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(&FilePath::new(path).unwrap(), Blob::new(text.as_bytes()));
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
            outline.add_file(path, blob);
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
        let digests = base.files().map(|(path, it)| (path, it.digest())).collect();
        assert_eq!(Tree::root_of(&digests), base.root());
    }

    /// Which file, and what it holds; none if it is removed.
    fn edit() -> impl Strategy<Value = (String, Option<u8>)> {
        let path = prop::collection::vec(prop::sample::select(vec!["a", "a-", "a.b", "b"]), 1..4);
        (path.prop_map(|it| it.join("/")), prop::option::weighted(0.7, 0..3_u8))
    }

    proptest! {
        #[test]
        fn a_tree_holds_what_a_map_would(edits in prop::collection::vec(edit(), 0..40)) {
            let (mut tree, mut map) = (Tree::default(), BTreeMap::new());
            let mut past = vec![];
            for (at, to) in edits {
                past.push((tree.clone(), map.clone()));
                let path = FilePath::new(&at).unwrap();
                let (before, expected) = match to.map(|it| Blob::new([it].as_slice())) {
                    Some(blob) => (tree.insert(&path, blob.clone()), map.insert(path, blob)),
                    None => (tree.remove(&path), map.remove(&path)),
                };
                prop_assert_eq!(before, expected);
                // So that folders are named before they are edited, too.
                prop_assert_eq!(tree.len(), map.len());
                if map.len() % 2 == 0 {
                    tree.root();
                }
            }
            let listed: Vec<_> = tree.files().map(|(path, it)| (path, it.clone())).collect();
            prop_assert_eq!(tree.files().len(), listed.len());
            prop_assert_eq!(&listed, &map.clone().into_iter().collect::<Vec<_>>());
            let (mut outline, digests) =
                (Outline::default(), map.iter().map(|(path, it)| (path.clone(), it.digest())));
            for (path, blob) in &map {
                outline.add_file(path.clone(), blob);
            }
            prop_assert_eq!(tree.root_folder().ids(), outline.ids());
            prop_assert_eq!(tree.root(), Tree::root_of(&digests.collect()));
            prop_assert_eq!(&tree, &map.clone().into_iter().collect::<Tree>());
            let below: Vec<FilePath> = tree.below("a").map(|it| it.0).collect();
            let expected = map.keys().filter(|it| it.as_str().starts_with("a/"));
            prop_assert_eq!(below, expected.cloned().collect::<Vec<_>>());
            for (old, before) in &past {
                let all = before.keys().chain(map.keys()).collect::<std::collections::BTreeSet<_>>();
                let differing = all.into_iter().filter(|it| before.get(*it) != map.get(*it));
                let expected: Vec<_> =
                    differing.map(|it| (it.clone(), before.get(it), map.get(it))).collect();
                prop_assert_eq!(tree.changes_since(old), expected);
            }
        }
    }

    #[test]
    fn folders_are_put_into_a_tree() {
        let whole = tree(&[("a/x/y", "1"), ("a/x.z", "2"), ("b/c", "3")]);
        let file = |it: &str| {
            (
                it.rsplit('/').next().unwrap().into(),
                Node::File(whole.get(&FilePath::new(it).unwrap()).unwrap().clone()),
            )
        };
        let below = Arc::new(Folder::new(vec![file("a/x/y")]));
        let nothing = Node::Folder(Arc::default());
        // Out of order, and with a folder in which there is nothing.
        let a = vec![("x".into(), Node::Folder(below)), file("a/x.z"), ("w".into(), nothing)];
        let mut made = Tree::default();
        let path = |it: &str| FilePath::new(it).unwrap();
        made.insert_folder(&path("a"), Arc::new(Folder::new(a)));
        made.insert_folder(&path("b/d"), Arc::default());
        made.insert(&path("b/c"), Blob::new(b"3".as_slice()));
        assert_eq!(made, whole);
        assert_eq!((made.len(), made.root()), (3, whole.root()));
    }
}
