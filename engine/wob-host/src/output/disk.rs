//! Looks at an output folder without following links.

use std::{collections::BTreeSet, fs, io, io::Read as _};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::FilePath;

use super::{
    OutputError, failed,
    ground::{FILE_BYTES, Ground, Kind},
};
use crate::Interrupt;

/// A folder on disk; remembers which folders below it were found to be real.
pub(super) struct Disk<'d> {
    root: &'d Utf8Path,
    folders: BTreeSet<String>,
}

impl<'d> Disk<'d> {
    pub(super) fn new(root: &'d Utf8Path) -> Self {
        Self { root, folders: BTreeSet::new() }
    }

    pub(super) fn path(&self, path: &FilePath) -> Utf8PathBuf {
        self.root.join(path.as_str())
    }

    /// Lists the names in `folder`, each with whether it is a folder.
    fn entries(&self, folder: &str) -> Result<Vec<(String, bool)>, OutputError> {
        let full = self.root.join(folder);
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(failed("list", &full)(error)),
        };
        let named = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok((name, entry.file_type()?.is_dir()))
        };
        entries.map(named).collect::<io::Result<_>>().map_err(failed("list", &full))
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
            match kind_of(&self.root.join(above))? {
                Kind::Folder => self.folders.insert(above.to_owned()),
                Kind::Absent => return Ok(Kind::Absent),
                Kind::File => return Ok(Kind::Blocked(depth + 1)),
                Kind::Other | Kind::Blocked(_) => {
                    return Err(OutputError::Link { path: self.root.join(above) });
                }
            };
        }
        kind_of(&self.path(path))
    }

    fn read(&mut self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        if self.kind(path)? != Kind::File {
            return Ok(None);
        }
        let full = self.path(path);
        let mut bytes = vec![];
        let read = fs::File::open(&full)
            .and_then(|it| it.take(FILE_BYTES + 1).read_to_end(&mut bytes))
            .map_err(failed("read", &full))?;
        Ok((read as u64 <= FILE_BYTES).then_some(bytes))
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
            for (name, is_folder) in self.entries(&folder)? {
                if top.is_empty() && (name == ".git" || (folder.is_empty() && name == ".wob")) {
                    continue;
                }
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if is_folder {
                    folders.push(path);
                } else {
                    files.insert(path);
                }
            }
        }
        Ok(files)
    }
}

fn kind_of(path: &Utf8Path) -> Result<Kind, OutputError> {
    match fs::symlink_metadata(path) {
        Ok(it) if it.is_file() => Ok(Kind::File),
        Ok(it) if it.is_dir() => Ok(Kind::Folder),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(error) => Err(failed("look at", path)(error)),
    }
}
