//! Looks at an output folder without following links.

use std::{collections::BTreeSet, io};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{FilePath, OWN_FOLDER};

use super::{
    OutputError, failed,
    ground::{FILE_BYTES, Ground, Kind},
    lock,
};
use crate::{FileSystem, Interrupt, StatKind, filesystem};

/// A folder on disk; remembers which folders below it were found to be real.
pub(super) struct Disk<'d> {
    files: &'d dyn FileSystem,
    root: &'d Utf8Path,
    folders: BTreeSet<String>,
}

impl<'d> Disk<'d> {
    pub(super) fn new(files: &'d dyn FileSystem, root: &'d Utf8Path) -> Self {
        Self { files, root, folders: BTreeSet::new() }
    }

    pub(super) fn path(&self, path: &FilePath) -> Utf8PathBuf {
        self.root.join(path.as_str())
    }

    /// Returns the nearest folder above `path`, of those that were found to be real on the way to it; the root is `""`.
    pub(super) fn seen_above<'p>(&self, path: &'p FilePath) -> &'p str {
        let text = path.as_str();
        let above = text.rmatch_indices('/').map(|(end, _)| &text[..end]);
        above.into_iter().find(|it| self.folders.contains(*it)).unwrap_or("")
    }

    fn kind_of(&self, path: &Utf8Path) -> Result<Kind, OutputError> {
        match self.files.stat(path).map(|it| it.kind) {
            Ok(StatKind::File) => Ok(Kind::File),
            Ok(StatKind::Folder) => Ok(Kind::Folder),
            Ok(StatKind::Other) => Ok(Kind::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Absent),
            Err(error) => Err(failed("look at", path)(error)),
        }
    }

    /// Says whether it is seen that nothing lies there but for a lock.
    pub(super) fn is_bare(&self) -> bool {
        let holds = |folder: &str, wanted: (&str, StatKind)| {
            let entries = self.entries(folder);
            entries.is_ok_and(|all| all.iter().all(|(name, kind)| (&**name, *kind) == wanted))
        };
        let (folder, lock) = lock::FILE.split_once('/').expect("because it lies in a folder");
        holds("", (folder, StatKind::Folder)) && holds(folder, (lock, StatKind::File))
    }

    /// Lists the names in `folder`, each with what it is of; none if there is no such folder.
    fn entries(&self, folder: &str) -> Result<Vec<(String, StatKind)>, OutputError> {
        let full = self.root.join(folder);
        match self.files.entries(&full) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            entries => entries.map_err(failed("list", &full)),
        }
    }
}

impl Ground for Disk<'_> {
    fn shown(&self, path: &FilePath) -> Utf8PathBuf {
        self.path(path)
    }

    fn kind(&mut self, path: &FilePath) -> Result<Kind, OutputError> {
        let text = path.as_str();
        for (depth, (end, _)) in text.match_indices('/').enumerate() {
            let above = &text[..end];
            if self.folders.contains(above) {
                continue;
            }
            match self.kind_of(&self.root.join(above))? {
                Kind::Folder => self.folders.insert(above.to_owned()),
                Kind::Absent => return Ok(Kind::Absent),
                Kind::File => return Ok(Kind::Blocked(depth + 1)),
                Kind::Other | Kind::Blocked(_) => {
                    return Err(OutputError::Link { path: self.root.join(above) });
                }
            };
        }
        self.kind_of(&self.path(path))
    }

    fn read(&mut self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        if self.kind(path)? != Kind::File {
            return Ok(None);
        }
        let full = self.path(path);
        filesystem::read(self.files, &full, FILE_BYTES).map_err(failed("read", &full))
    }

    fn files_below(
        &self,
        top: &str,
        interrupt: &Interrupt,
    ) -> Result<BTreeSet<String>, OutputError> {
        let mut files = BTreeSet::new();
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            interrupt.check()?;
            for (name, kind) in self.entries(&folder)? {
                if top.is_empty() && (name == ".git" || (folder.is_empty() && name == OWN_FOLDER)) {
                    continue;
                }
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if kind == StatKind::Folder {
                    folders.push(path);
                } else {
                    files.insert(path);
                }
            }
        }
        Ok(files)
    }
}
