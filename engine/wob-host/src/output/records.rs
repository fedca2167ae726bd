//! Which records of parts are written, and which go.

use std::collections::BTreeSet;

use wob_engine::{FilePath, PARTS_FOLDER, part_path};

use super::{
    Manifest, OutputError,
    disk::Disk,
    ground::{Ground as _, Kind},
};
use crate::Interrupt;

/// How the names of records of parts end.
const RECORD: &str = ".json";

/// What becomes of the records of parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// Where a text is written, as it is not there yet, and the folder that it is about; sorted.
    pub(super) put: Vec<(FilePath, FilePath)>,
    /// Those of folders that are no parts, any more or at all.
    pub(super) removed: Vec<FilePath>,
}

impl Records {
    /// Compares what the records of two trees say; `is_there` says whether one that is the same can be read, too.
    pub(super) fn new(
        next: &Manifest,
        previous: &Manifest,
        is_there: &dyn Fn(&FilePath) -> bool,
    ) -> Self {
        let is_same = |folder: &FilePath| {
            previous.record_of(folder) == next.record_of(folder) && is_there(folder)
        };
        let put = next.folders().filter(|it| !is_same(it));
        let gone = previous.folders().filter(|it| next.record_of(it).is_none());
        Self {
            put: put.map(|folder| (part_path(folder), folder.clone())).collect(),
            removed: gone.map(part_path).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }

    /// Lets go what runs left that wrote records of parts, and ended before anything named them.
    pub(super) fn remove_strays(
        &mut self,
        next: &Manifest,
        disk: &mut Disk<'_>,
        interrupt: &Interrupt,
    ) -> Result<(), OutputError> {
        let folder = FilePath::new(PARTS_FOLDER).expect("because the name is constant");
        if disk.kind(&folder)? != Kind::Folder {
            return Ok(());
        }
        // A disk that ignores case may list one by a name of before.
        let lower = |path: &FilePath| path.as_str().to_lowercase();
        let named: BTreeSet<String> = next.folders().map(|it| lower(&part_path(it))).collect();
        for path in disk.files_below(PARTS_FOLDER, interrupt)? {
            let path = FilePath::new(&path).ok().filter(|it| it.as_str().ends_with(RECORD));
            let Some(path) = path.filter(|it| !named.contains(&lower(it))) else { continue };
            if disk.kind(&path)? == Kind::File && !self.removed.contains(&path) {
                self.removed.push(path);
            }
        }
        Ok(())
    }
}
