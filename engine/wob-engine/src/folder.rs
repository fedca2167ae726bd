//! Folders of trees.

use std::{
    cmp::Ordering,
    sync::{Arc, OnceLock},
};

use rayon::prelude::*;

use crate::{
    Blob, FilePath, FolderIds,
    naming::{Entry, Kind, git_tree, sort_by_name},
};

/// A folder that has more files below it is named by several threads.
const MANY: usize = 4096;

/// A folder of a [`Tree`](crate::Tree), which several may share: it is named once, by whoever asks first.
///
/// **Invariant:** no folder in it is empty, and its entries have git's order, which is that of whole paths: a folder stands where its
/// name would with a slash at its end.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    entries: Vec<Named>,
    /// How many files it and the folders in it have.
    files: usize,
    ids: OnceLock<FolderIds>,
}

/// An entry of a folder: its name, and what is called so.
type Named = (Arc<str>, Node);

/// What a folder holds under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File(Blob),
    /// A folder, which is not empty.
    Folder(Arc<Folder>),
}

impl Folder {
    /// Puts entries together, in any order; of those with one name and kind, there may be only one. Folders that are empty are left out.
    pub fn new(mut entries: Vec<(Arc<str>, Node)>) -> Self {
        entries.retain(|(_, it)| it.files() > 0);
        let compare = |a: &_, b: &_| order(key(a), key(b));
        if !entries.is_sorted_by(|a, b| compare(a, b).is_le()) {
            entries.sort_by(compare);
        }
        entries.shrink_to_fit();
        let files = entries.iter().map(|(_, it)| it.files()).sum();
        Self { entries, files, ids: OnceLock::new() }
    }

    /// Lists what it holds: names without a slash, in the order of whole paths.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Node)> {
        self.entries.iter().map(|(name, node)| (name, node))
    }

    /// Returns the file called `name`.
    pub fn file(&self, name: &str) -> Option<&Blob> {
        self.get(name, Kind::File)?.file()
    }

    /// Returns the folder called `name`.
    pub fn folder(&self, name: &str) -> Option<&Arc<Self>> {
        self.get(name, Kind::Folder)?.folder()
    }

    /// Returns the number of files in it and in the folders in it.
    pub fn len(&self) -> usize {
        self.files
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files == 0
    }

    /// Returns what it is called by its contents.
    pub fn ids(&self) -> FolderIds {
        if self.files > MANY && self.ids.get().is_none() {
            // Before it is named, not while: a thread that waits for others may take up work that asks for the same folder.
            let folders: Vec<&Arc<Self>> = self.folders().collect();
            folders.into_par_iter().for_each(|it| _ = it.ids());
        }
        *self.ids.get_or_init(|| FolderIds::of(&mut self.named()))
    }

    /// Returns its bytes as a tree object of git.
    pub fn git_tree(&self) -> Vec<u8> {
        git_tree(&mut self.called())
    }

    /// Lists the folders in it.
    pub fn folders(&self) -> impl Iterator<Item = &Arc<Self>> {
        self.entries.iter().filter_map(|(_, it)| it.folder())
    }

    /// Lists what its entries are called, in their own order, which is git's.
    fn called(&self) -> Vec<Entry<'_, FolderIds>> {
        self.entries().map(|(name, node)| Entry::new(name, node)).collect()
    }

    /// Lists what its entries are called, by name.
    fn named(&self) -> Vec<Entry<'_, FolderIds>> {
        let mut entries = self.called();
        if self.folders().next().is_some() {
            sort_by_name(&mut entries);
        }
        entries
    }

    fn get(&self, name: &str, kind: Kind) -> Option<&Node> {
        self.position((name, kind)).ok().map(|it| &self.entries[it].1)
    }

    fn position(&self, wanted: (&str, Kind)) -> Result<usize, usize> {
        // Whoever makes a tree mostly adds what comes last.
        match self.entries.last() {
            Some(last) if order(key(last), wanted).is_lt() => Err(self.entries.len()),
            Some(_) => self.entries.binary_search_by(|it| order(key(it), wanted)),
            None => Err(0),
        }
    }

    /// Puts `blob` at `path`, and returns what lay there before.
    pub(crate) fn insert(self: &mut Arc<Self>, path: &str, blob: Blob) -> Option<Blob> {
        let own = self.edited();
        let Some((name, below)) = path.split_once('/') else {
            return match own.position((path, Kind::File)) {
                Ok(at) => match std::mem::replace(&mut own.entries[at].1, Node::File(blob)) {
                    Node::File(before) => Some(before),
                    Node::Folder(_) => None,
                },
                Err(at) => {
                    own.files += 1;
                    own.entries.insert(at, (path.into(), Node::File(blob)));
                    None
                }
            };
        };
        let at = own.position((name, Kind::Folder)).unwrap_or_else(|at| {
            own.entries.insert(at, (name.into(), Node::Folder(Arc::default())));
            at
        });
        let Node::Folder(folder) = &mut own.entries[at].1 else { return None };
        let before = folder.insert(below, blob);
        own.files += usize::from(before.is_none());
        before
    }

    /// Puts a folder at `path`, where there is none, unless it is empty.
    pub(crate) fn insert_folder(self: &mut Arc<Self>, path: &str, folder: Arc<Self>) {
        if folder.is_empty() {
            return;
        }
        let own = self.edited();
        own.files += folder.len();
        let (name, below) = path.split_once('/').map_or((path, None), |(a, b)| (a, Some(b)));
        let at = own.position((name, Kind::Folder)).unwrap_or_else(|at| {
            own.entries.insert(at, (name.into(), Node::Folder(Arc::default())));
            at
        });
        let Node::Folder(own) = &mut own.entries[at].1 else { return };
        match below {
            Some(below) => own.insert_folder(below, folder),
            None => *own = folder,
        }
    }

    /// Takes the file at `path` out, and returns it.
    pub(crate) fn remove(self: &mut Arc<Self>, path: &str) -> Option<Blob> {
        self.find(path)?;
        let own = self.edited();
        own.files -= 1;
        let Some((name, below)) = path.split_once('/') else {
            let at = own.position((path, Kind::File)).ok()?;
            return match own.entries.remove(at).1 {
                Node::File(blob) => Some(blob),
                Node::Folder(_) => None,
            };
        };
        let at = own.position((name, Kind::Folder)).ok()?;
        let Node::Folder(folder) = &mut own.entries[at].1 else { return None };
        let removed = folder.remove(below);
        if folder.is_empty() {
            own.entries.remove(at);
        }
        removed
    }

    /// Returns the file at `path`.
    pub(crate) fn find(&self, path: &str) -> Option<&Blob> {
        match path.split_once('/') {
            Some((name, below)) => self.folder(name)?.find(below),
            None => self.file(path),
        }
    }

    /// Returns the folder at `path`.
    pub(crate) fn find_folder(&self, path: &str) -> Option<&Arc<Self>> {
        match path.split_once('/') {
            Some((name, below)) => self.folder(name)?.find_folder(below),
            None => self.folder(path),
        }
    }

    /// Says whether it is known without a look at the files that another folder holds the same.
    fn is_surely(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let ids = self.ids.get().zip(other.ids.get());
        Arc::ptr_eq(self, other) || ids.is_some_and(|(own, other)| own == other)
    }

    /// Returns a folder that nobody shares, and that has to be named again.
    fn edited(self: &mut Arc<Self>) -> &mut Self {
        let own = Arc::make_mut(self);
        own.ids.take();
        own
    }

    /// Lists the files in it and in the folders in it, in byte order of their paths, which begin with `above`.
    pub(crate) fn walk(&self, above: &str) -> Walk<'_> {
        Walk { path: above.to_owned(), open: vec![(self.entries.iter(), 0)], left: self.files }
    }
}

impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Folder {}

impl Node {
    /// Returns the file, if it is one.
    pub fn file(&self) -> Option<&Blob> {
        match self {
            Self::File(blob) => Some(blob),
            Self::Folder(_) => None,
        }
    }

    /// Returns the folder, if it is one.
    pub fn folder(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::File(_) => None,
        }
    }

    /// Returns how many files it is.
    fn files(&self) -> usize {
        match self {
            Self::File(_) => 1,
            Self::Folder(it) => it.len(),
        }
    }
}

impl<'t> Entry<'t, FolderIds> {
    fn new(name: &'t str, node: &Node) -> Self {
        let (kind, id) = match node {
            Node::File(it) => (Kind::File, FolderIds { root: it.digest(), git_id: it.git_id() }),
            Node::Folder(it) => (Kind::Folder, it.ids()),
        };
        Self { name, kind, id }
    }
}

/// A file at a path of two folders, or of one of them.
pub(crate) type Both<'t> = (FilePath, Option<&'t Blob>, Option<&'t Blob>);

/// Adds to `found` the files that differ between two folders, of which one may be missing, in byte order of their paths, which begin with
/// `above`. What both share is not looked into.
pub(crate) fn differing<'t>(
    old: Option<&'t Arc<Folder>>,
    new: Option<&'t Arc<Folder>>,
    above: &mut String,
    found: &mut Vec<Both<'t>>,
) {
    if old.zip(new).is_some_and(|(old, new)| old.is_surely(new)) {
        return;
    }
    let entries = |it: Option<&'t Arc<Folder>>| it.map_or(&[][..], |it| &it.entries).iter();
    let (mut olds, mut news) = (entries(old).peekable(), entries(new).peekable());
    loop {
        let first = match (olds.peek(), news.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => order(key(a), key(b)),
        };
        let before = if first.is_le() { olds.next() } else { None };
        let after = if first.is_ge() { news.next() } else { None };
        let Some((name, _)) = after.or(before) else { return };
        let length = above.len();
        above.push_str(name);
        // Both are files, or both are folders: others are not called alike.
        let both = [before, after].map(|it| it.map(|(_, node)| node));
        let [old, new] = both.map(|it| it.and_then(Node::folder));
        if old.or(new).is_some() {
            above.push('/');
            differing(old, new, above, found);
        } else {
            let [old, new] = both.map(|it| it.and_then(Node::file));
            if old != new {
                found.push((FilePath::of_names(above), old, new));
            }
        }
        above.truncate(length);
    }
}

/// Lists files; see [`Folder::walk`].
pub(crate) struct Walk<'t> {
    /// The path of the innermost folder that is open, with a slash.
    path: String,
    /// What is left of the folders that are open, and how long the path above each is.
    open: Vec<(std::slice::Iter<'t, Named>, usize)>,
    left: usize,
}

impl<'t> Iterator for Walk<'t> {
    type Item = (FilePath, &'t Blob);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (entries, above) = self.open.last_mut()?;
            let Some((name, node)) = entries.next() else {
                self.path.truncate(*above);
                self.open.pop();
                continue;
            };
            let length = self.path.len();
            self.path.push_str(name);
            match node {
                Node::File(blob) => {
                    let path = FilePath::of_names(&self.path);
                    self.path.truncate(length);
                    self.left -= 1;
                    return Some((path, blob));
                }
                Node::Folder(folder) => {
                    self.path.push('/');
                    self.open.push((folder.entries.iter(), length));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Walk<'_> {}

fn key((name, node): &Named) -> (&str, Kind) {
    let kind = match node {
        Node::File(_) => Kind::File,
        Node::Folder(_) => Kind::Folder,
    };
    (name, kind)
}

/// Compares two entries as git does, and as whole paths are compared.
fn order(a: (&str, Kind), b: (&str, Kind)) -> Ordering {
    let end = |kind: Kind| match kind {
        Kind::File => None,
        Kind::Folder => Some(b'/'),
    };
    let both = a.0.len().min(b.0.len());
    let (a_bytes, b_bytes) = (a.0.as_bytes(), b.0.as_bytes());
    let rest = |bytes: &[u8], kind: Kind| bytes.get(both).copied().or(end(kind));
    a_bytes[..both]
        .cmp(&b_bytes[..both])
        .then_with(|| rest(a_bytes, a.1).cmp(&rest(b_bytes, b.1)))
        .then_with(|| a.0.len().cmp(&b.0.len()))
}
