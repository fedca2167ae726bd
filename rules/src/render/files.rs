//! The files of one assignment.

use std::{ops::Index, sync::Arc};

use wob_engine::{Blob, Folder, Node};

/// Files by name, sorted; cloning is cheap. They are a folder of the tree that they are put into.
///
/// **Invariant:** there is no folder in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(Arc<Folder>);

impl Files {
    /// Lists names and contents, in byte order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Blob)> {
        self.shared().map(|(name, blob)| (&**name, blob))
    }

    /// Lists the same, with names that can be shared.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (&Arc<str>, &Blob)> {
        self.0.entries().filter_map(|(name, node)| Some((name, node.file()?)))
    }

    /// Returns the folder that holds exactly these files.
    pub fn folder(&self) -> &Arc<Folder> {
        &self.0
    }

    /// Returns the file called `name`.
    pub fn get(&self, name: &str) -> Option<&Blob> {
        self.0.file(name)
    }

    /// Lets the bytes go of those files that can be made again.
    pub(crate) fn let_go(&self) {
        for (_, blob) in self.iter() {
            blob.take_made();
        }
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, Blob)> for Files {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Blob)>>(files: I) -> Self {
        let files = files.into_iter().map(|(name, blob)| (name, Node::File(blob)));
        Self(Arc::new(Folder::new(files.collect())))
    }
}

impl Index<&str> for Files {
    type Output = Blob;

    fn index(&self, name: &str) -> &Blob {
        self.get(name).expect("because the caller knows that there is such a file")
    }
}
