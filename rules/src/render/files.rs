//! The files of one assignment.

use std::{ops::Index, sync::Arc};

use wob_engine::Blob;

/// Files by name, sorted; cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(Arc<[(Arc<str>, Blob)]>);

impl Files {
    /// Lists names and contents, in byte order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Blob)> {
        self.0.iter().map(|(name, blob)| (&**name, blob))
    }

    /// Lists the same, with names that can be shared.
    pub(crate) fn shared(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Blob)> {
        self.0.iter().map(|(name, blob)| (name, blob))
    }

    /// Returns the file called `name`.
    pub fn get(&self, name: &str) -> Option<&Blob> {
        self.iter().find(|(it, _)| *it == name).map(|(_, blob)| blob)
    }

    /// Lets the bytes go of those files that can be made again.
    pub(crate) fn let_go(&self) {
        for (_, blob) in self.iter() {
            blob.take_made();
        }
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, Blob)> for Files {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Blob)>>(files: I) -> Self {
        let mut files: Vec<(Arc<str>, Blob)> = files.into_iter().collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Self(files.into())
    }
}

impl Index<&str> for Files {
    type Output = Blob;

    fn index(&self, name: &str) -> &Blob {
        self.get(name).expect("because the caller knows that there is such a file")
    }
}
