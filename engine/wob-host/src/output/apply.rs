//! Does what a plan says: everything that can fail first, then renames, `.wob/tree.json` last.

use std::{collections::BTreeSet, fs, io, io::Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempPath;
use wob_engine::{Blob, Digest, FilePath};

use super::{
    Counts, JOURNAL, MANIFEST, Manifest, OutputError, OutputFolder, Plan, TEMPORARY,
    disk::Disk,
    failed,
    ground::{Ground as _, Kind},
    manifest,
    plan::To,
};
use crate::{GitId, Interrupt};

/// How the names of a journal and a `.wob/tree.json` begin that are being written.
const JOURNAL_DRAFT: &str = ".journal-";
const MANIFEST_DRAFT: &str = ".tree-";

/// What becomes of files that are not wob's, or that were edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// They stay, and nothing at all is written.
    Nothing,
    /// Those at paths of the tree are replaced, and edited ones that the tree no longer has are deleted.
    Conflicts,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many files changed in which way; conflicts are those that were overwritten.
    pub counts: Counts,
    /// The branch's commit, new or as before; none for a folder.
    pub commit: Option<GitId>,
}

/// New contents that wait for their places; dropping it deletes them.
struct Staged {
    files: Vec<(TempPath, FilePath)>,
    manifest: TempPath,
}

impl Plan {
    /// Writes the tree.
    ///
    /// In a folder, new contents are written beside their places first; an error or Ctrl-C until then changes nothing. After
    /// that, files are only renamed and deleted, and Ctrl-C waits. In a repository, objects are written first, and the branch
    /// is moved last.
    ///
    /// # Errors
    /// [`OutputError::Conflicts`] unless they are to be overwritten; [`OutputError::Moved`] if the branch is not where it was
    /// when it was opened; or what the operating system says.
    pub fn apply(
        self,
        overwrite: Overwrite,
        interrupt: &Interrupt,
    ) -> Result<Written, OutputError> {
        let counts = self.counts();
        if overwrite == Overwrite::Nothing
            && let Some((first, _)) = self.conflicts().next()
        {
            return Err(OutputError::Conflicts {
                folder: self.shown(),
                count: self.conflicts().count(),
                first: first.clone(),
            });
        }
        let commit = match &self.to {
            To::Folder(output) => {
                self.fill(output, interrupt)?;
                None
            }
            To::Branch(branch) => branch.apply(&self, overwrite, interrupt)?,
        };
        Ok(Written { counts, commit })
    }

    /// Writes into a folder.
    fn fill(&self, output: &OutputFolder, interrupt: &Interrupt) -> Result<(), OutputError> {
        if self.is_done() {
            return Ok(());
        }
        let root = output.root();
        let journal = self.announce(output, &root)?;
        match self.stage(&root, interrupt) {
            Ok(staged) => self.commit(&root, staged)?,
            Err(error) => {
                // Nothing was replaced; only a journal that says so of an earlier run must stay.
                if !self.unfinished {
                    fs::remove_file(&journal).ok();
                    fs::remove_dir(root.join(".wob")).ok();
                }
                return Err(error);
            }
        }
        fs::remove_file(&journal).map_err(half_written("delete", &journal))
    }

    /// Writes the journal: from here on, a crash is recognised.
    fn announce(&self, output: &OutputFolder, root: &Utf8Path) -> Result<Utf8PathBuf, OutputError> {
        let own = root.join(".wob");
        fs::create_dir_all(root).map_err(failed("create", root))?;
        // `create_dir_all` follows links, so look again: all folders exist now.
        output.check_prefix()?;
        match fs::create_dir(&own) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result.map_err(failed("create", &own))?,
        }
        if !fs::symlink_metadata(&own).is_ok_and(|it| it.is_dir()) {
            return Err(OutputError::Link { path: own });
        }
        remove_stale_records(&own);
        if !self.previous.unfinished.is_empty() {
            let manifests = self.previous.unfinished.iter().chain([&self.previous.manifest]);
            for path in manifests.flat_map(Manifest::paths) {
                remove_stale(root, path);
            }
        }
        let journal = root.join(JOURNAL);
        let next = Manifest::of(&self.tree);
        let text = manifest::journal(self.previous.unfinished.iter().chain([&next]));
        let write = || -> io::Result<()> {
            let mut file = temporary(JOURNAL_DRAFT, 8).tempfile_in(&own)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&journal)?;
            Ok(())
        };
        write().map_err(failed("write", &journal))?;
        Ok(journal)
    }

    /// Writes each new content beside its place, or above it if its folder does not exist yet.
    fn stage(&self, root: &Utf8Path, interrupt: &Interrupt) -> Result<Staged, OutputError> {
        let mut disk = Disk::new(root);
        let mut files = vec![];
        let mut writable = BTreeSet::new();
        for path in self.changes.keys() {
            interrupt.check()?;
            // Planning may have been a while ago.
            disk.kind(path)?;
            let folder = existing_folder(root, path);
            if let Some(blob) = self.tree.get(path) {
                files.push((wait(&folder, path, blob)?, path.clone()));
            } else if !writable.contains(&folder) {
                // Who may create a file may delete one.
                drop(wait(&folder, path, &Blob::new(b"".as_slice()))?);
            }
            writable.insert(folder);
        }
        let last = root.join(MANIFEST);
        let write = || -> io::Result<TempPath> {
            let mut file = temporary(MANIFEST_DRAFT, 8).tempfile_in(root.join(".wob"))?;
            file.write_all(self.manifest.as_bytes())?;
            // One flush for the whole tree: the files are known by their digests.
            file.as_file().sync_all()?;
            Ok(file.into_temp_path())
        };
        Ok(Staged { files, manifest: write().map_err(failed("write", &last))? })
    }

    /// Moves the new contents to their places and deletes what is no longer wanted.
    fn commit(&self, root: &Utf8Path, staged: Staged) -> Result<(), OutputError> {
        let mut disk = Disk::new(root);
        let deleted = self.changes.keys().filter(|path| self.tree.get(path).is_none());
        let folders = self.folders();
        // Files that stand where a folder must be, or in a folder that must become a file.
        let (first, last): (Vec<&FilePath>, Vec<&FilePath>) = deleted.partition(|path| {
            let mut above = folders_above(path).filter_map(|it| FilePath::new(it).ok());
            folders.contains(path.as_str()) || above.any(|it| self.tree.get(&it).is_some())
        });
        for path in first {
            delete(&mut disk, root, path)?;
        }
        for (temporary, path) in staged.files {
            // Somebody may have put a link on the way since the content was written beside it.
            disk.kind(&path)?;
            let full = root.join(path.as_str());
            let folder = full.parent().unwrap_or(root);
            fs::create_dir_all(folder).map_err(half_written("create", folder))?;
            // A folder that held only files of wob is empty by now.
            if fs::symlink_metadata(&full).is_ok_and(|it| it.is_dir()) {
                remove_empty_folders(&full);
            }
            temporary.persist(&full).map_err(|it| half_written("replace", &full)(it.error))?;
        }
        for path in last {
            delete(&mut disk, root, path)?;
        }
        let last = root.join(MANIFEST);
        staged.manifest.persist(&last).map_err(|it| half_written("replace", &last)(it.error))
    }

    /// Lists the folders of the tree.
    fn folders(&self) -> BTreeSet<&str> {
        self.tree.files().flat_map(|(path, _)| folders_above(path)).collect()
    }
}

/// Writes `blob` into `folder`, where it waits to be moved to `path`.
fn wait(folder: &Utf8Path, path: &FilePath, blob: &Blob) -> Result<TempPath, OutputError> {
    let name = temporary_name(path);
    let write = || -> io::Result<TempPath> {
        let mut file = temporary(&name, 0).tempfile_in(folder)?;
        file.write_all(&blob.bytes())?;
        Ok(file.into_temp_path())
    };
    write().map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return OutputError::Busy { path: folder.join(&name) };
        }
        failed("write", folder.join(path.file_name()))(error)
    })
}

fn folders_above(path: &FilePath) -> impl Iterator<Item = &str> {
    let text = path.as_str();
    text.match_indices('/').map(|(end, _)| &text[..end])
}

fn delete(disk: &mut Disk<'_>, root: &Utf8Path, path: &FilePath) -> Result<(), OutputError> {
    let full = disk.path(path);
    if matches!(disk.kind(path)?, Kind::File | Kind::Other) {
        fs::remove_file(&full).map_err(half_written("delete", &full))?;
    }
    for folder in full.ancestors().skip(1).take_while(|it| *it != root) {
        // It fails if something is left in it.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Removes a folder that holds nothing but empty folders; what is not empty stays.
fn remove_empty_folders(folder: &Utf8Path) {
    let below = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in below.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())) {
        if let Ok(path) = Utf8PathBuf::from_path_buf(entry.path()) {
            remove_empty_folders(&path);
        }
    }
    fs::remove_dir(folder).ok();
}

/// Returns the folder of `path`, or the nearest one above that exists.
fn existing_folder(root: &Utf8Path, path: &FilePath) -> Utf8PathBuf {
    let full = root.join(path.as_str());
    let mut above = full.ancestors().skip(1).take_while(|it| *it != root);
    let real = |it: &&Utf8Path| fs::symlink_metadata(it).is_ok_and(|it| it.is_dir());
    above.find(real).unwrap_or(root).to_owned()
}

/// Names the new content of `path` while it waits: the same in every run, so that the next one finds what a crash left.
fn temporary_name(path: &FilePath) -> String {
    let digest = Digest::of(path.as_str().as_bytes()).to_string();
    format!("{TEMPORARY}{}", &digest[..16])
}

/// Removes what a run that crashed left beside `path`.
fn remove_stale(root: &Utf8Path, path: &FilePath) {
    let name = temporary_name(path);
    let folders = folders_above(path).map(|it| format!("{it}/{name}"));
    for stale in folders.chain([name.clone()]).filter_map(|it| FilePath::new(&it).ok()) {
        let mut disk = Disk::new(root);
        // A folder may have become a link since.
        if matches!(disk.kind(&stale), Ok(Kind::File)) {
            fs::remove_file(disk.path(&stale)).ok();
        }
    }
}

/// Removes the drafts that runs which crashed left in `.wob`.
fn remove_stale_records(own: &Utf8Path) {
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_draft =
            |it: &str| [JOURNAL_DRAFT, MANIFEST_DRAFT].iter().any(|draft| it.starts_with(draft));
        if name.to_str().is_some_and(is_draft) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Begins a file that the user's umask protects as any other file; temporary files are private otherwise.
fn temporary(prefix: &str, random_bytes: usize) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).rand_bytes(random_bytes);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

fn half_written(
    attempt: &'static str,
    path: impl AsRef<Utf8Path>,
) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.as_ref().to_owned();
    move |source| OutputError::HalfWritten { attempt, path, source }
}
