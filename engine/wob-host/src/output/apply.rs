//! Does what a plan says: everything that can fail first, then renames, `.wob/tree.json` last.

use std::{
    collections::BTreeSet,
    io,
    io::BufWriter,
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, FilePath, JOURNAL_PATH, OWN_FOLDER, RECORD_PATH};

use super::{
    Counts, OutputError, OutputFolder, Plan,
    disk::Disk,
    drafts::{Appending, Draft, Scaffold, WAITING, is_folder, remove_empty, temporary_name},
    failed, folders_above,
    ground::{Ground as _, Kind},
    half_written, manifest,
    plan::To,
    waiting::{Waiting, named, remove_stale},
};
use crate::{FileSystem, GitId, Interrupt, StatKind, WriteFile};

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

/// How many bytes of a journal are written at a time.
const BUFFER: usize = 1 << 16;

/// New contents that wait for their places; dropping it deletes them.
struct Staged<'f> {
    files: Waiting<'f>,
    /// Records of parts.
    records: Vec<(Draft<'f>, FilePath)>,
    manifest: Draft<'f>,
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
        let files = &*output.files;
        let scaffold = Scaffold::new(files);
        let journal = self.announce(output, &scaffold, &root)?;
        match self.stage(&scaffold, &root, interrupt) {
            Ok(staged) => self.commit(files, &root, staged).map_err(by_now)?,
            Err(error) => {
                files.remove_folder(&root.join(WAITING)).ok();
                // Nothing was replaced; a journal stays only for what else is there to clean up.
                if !self.unfinished && !scaffold.is_left() {
                    files.remove_file(&journal).ok();
                    files.remove_folder(&root.join(OWN_FOLDER)).ok();
                }
                return Err(error);
            }
        }
        files.remove_file(&journal).map_err(half_written("delete", &journal))
    }

    /// Writes the journal: from here on, a crash is recognised.
    fn announce(
        &self,
        output: &OutputFolder,
        scaffold: &Scaffold<'_>,
        root: &Utf8Path,
    ) -> Result<Utf8PathBuf, OutputError> {
        let (files, own) = (scaffold.files(), root.join(OWN_FOLDER));
        files.create_folder(root).map_err(failed("create", root))?;
        // Making folders follows links, so look again: all of them exist now.
        output.check_prefix()?;
        let made = match files.stat(&own) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.create_folder(&own),
            Err(error) => Err(error),
        };
        made.map_err(failed("create", &own))?;
        if files.stat(&own).map_err(failed("look at", &own))?.kind != StatKind::Folder {
            return Err(OutputError::Link { path: own });
        }
        remove_stale_records(files, &own);
        for it in &self.previous.unfinished {
            remove_stale(files, root, &it.paths());
        }
        let journal = root.join(JOURNAL_PATH);
        let write = || {
            let place = own_draft(&own, JOURNAL_DRAFT);
            let draft = scaffold.draft(place, |file| self.write_journal(file))?;
            draft.persist(&journal)
        };
        write().map_err(failed("write", &journal))?;
        Ok(journal)
    }

    /// Writes what was at stake before, what wob owns of the files that change, and what it will, each on a line of its own, for good;
    /// all other files are in the records before and after.
    fn write_journal(&self, file: Box<dyn WriteFile>) -> io::Result<()> {
        let mut to = BufWriter::with_capacity(BUFFER, Appending(file));
        for it in &self.previous.unfinished {
            manifest::write_line(&mut to, it.files())?;
        }
        let before = self.changes.paths().filter_map(|path| {
            let digest = self.previous.manifest.digest(&path)?;
            Some((path, digest))
        });
        manifest::write_line(&mut to, before)?;
        let next = self.changes.paths().filter_map(|path| {
            let digest = self.tree.get(&path)?.digest();
            Some((path, digest))
        });
        manifest::write_line(&mut to, next)?;
        let Appending(mut file) = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync()
    }

    /// Writes each new content where it waits for its place, and makes sure that what goes can be deleted.
    fn stage<'f>(
        &'f self,
        scaffold: &'f Scaffold<'f>,
        root: &'f Utf8Path,
        interrupt: &'f Interrupt,
    ) -> Result<Staged<'f>, OutputError> {
        let files = scaffold.files();
        let own = root.join(OWN_FOLDER);
        let mut disk = Disk::new(files, root);
        let waiting = root.join(WAITING);
        files.create_folder(&waiting).map_err(failed("create", &waiting))?;
        let path = FilePath::new(WAITING).expect("because the name is constant");
        if disk.kind(&path)? != Kind::Folder {
            return Err(OutputError::Link { path: waiting });
        }
        let mut drafts = Waiting::new(self, scaffold, root, interrupt);
        let mut probed = BTreeSet::new();
        for path in self.changes.paths() {
            interrupt.check()?;
            let blob = self.tree.get(&path);
            if let Some(blob) = blob
                && drafts.add_below(&path, blob)?
            {
                continue;
            }
            // Planning may have been a while ago.
            disk.kind(&path)?;
            let folder = disk.seen_above(&path);
            if let Some(blob) = blob {
                drafts.add(path.clone(), folder, blob)?;
            } else if !probed.contains(folder) {
                probe(scaffold, root, folder, &path)?;
                probed.insert(folder.to_owned());
            }
        }
        drafts.write()?;
        let (records, manifest) = self.stage_records(scaffold, root, &mut disk)?;
        // Before any file is replaced, the journal must be there for good.
        files.sync_folder(&own).map_err(failed("write", &own))?;
        Ok(Staged { files: drafts, records, manifest })
    }

    /// Writes the records of parts, where they wait to be moved, and the head, and flushes all of them together: a disk takes as long
    /// for one. Files are not flushed, as they are known by their digests.
    fn stage_records<'f>(
        &self,
        scaffold: &'f Scaffold<'f>,
        root: &Utf8Path,
        disk: &mut Disk<'_>,
    ) -> Result<(Vec<(Draft<'f>, FilePath)>, Draft<'f>), OutputError> {
        /// How many files are open at a time; systems allow few.
        const OPEN: usize = 64;
        let (folder, own) = (root.join(WAITING), root.join(OWN_FOLDER));
        for path in self.records.put.iter().map(|(path, _)| path).chain(&self.records.removed) {
            check_record_place(disk, path)?;
        }
        let mut drafts = vec![];
        let mut unsafe_yet = vec![];
        for (path, of) in &self.records.put {
            if unsafe_yet.len() == OPEN {
                sync_all(std::mem::take(&mut unsafe_yet)).map_err(failed("write", &folder))?;
            }
            let draft = folder.join(temporary_name(path.as_str()));
            let draft = record(scaffold, draft, &self.record.parts[of].bytes());
            let (draft, file) = draft.map_err(failed("write", root.join(path.as_str())))?;
            drafts.push((draft, path.clone()));
            unsafe_yet.push(file);
        }
        let manifest =
            record(scaffold, own_draft(&own, MANIFEST_DRAFT), self.record.head.as_bytes());
        let (manifest, file) = manifest.map_err(failed("write", root.join(RECORD_PATH)))?;
        unsafe_yet.push(file);
        sync_all(unsafe_yet).map_err(failed("write", &own))?;
        Ok((drafts, manifest))
    }

    /// Moves the new contents to their places and deletes what is no longer wanted.
    fn commit(
        &self,
        files: &dyn FileSystem,
        root: &Utf8Path,
        staged: Staged<'_>,
    ) -> Result<(), OutputError> {
        let mut disk = Disk::new(files, root);
        let deleted = self.changes.paths().filter(|path| self.tree.get(path).is_none());
        // Files that stand where a folder must be, or in a folder that must become a file.
        let (first, last): (Vec<FilePath>, Vec<FilePath>) = deleted.partition(|path| {
            let mut above = folders_above(path).filter_map(|it| FilePath::new(it).ok());
            let is_folder = self.tree.folder_at(path.as_str()).is_some();
            is_folder || above.any(|it| self.tree.get(&it).is_some())
        });
        for path in &first {
            delete(&mut disk, files, root, path)?;
        }
        let mut waiting = staged.files;
        waiting.persist()?;
        // It takes away the new folders that could not be moved as a whole.
        drop(waiting);
        for path in &last {
            delete(&mut disk, files, root, path)?;
        }
        self.commit_records(files, root, staged.records)?;
        // It is there only while something waits in it; if something else is, it stays.
        files.remove_folder(&root.join(WAITING)).ok();
        let last = root.join(RECORD_PATH);
        staged.manifest.persist(&last).map_err(half_written("replace", &last))
    }

    /// Moves the records of parts to their places, for good: the head, which is moved next, may not outlive them.
    fn commit_records(
        &self,
        files: &dyn FileSystem,
        root: &Utf8Path,
        records: Vec<(Draft<'_>, FilePath)>,
    ) -> Result<(), OutputError> {
        let mut disk = Disk::new(files, root);
        // First, for on some disks the old name of a part may be the new one in another case.
        for path in &self.records.removed {
            delete(&mut disk, files, root, path)?;
        }
        let mut disk = Disk::new(files, root);
        let mut folders = BTreeSet::new();
        for (draft, path) in records {
            disk.kind(&path)?;
            let full = root.join(path.as_str());
            let folder = full.parent().unwrap_or(root);
            files.create_folder(folder).map_err(half_written("create", folder))?;
            draft.persist(&full).map_err(half_written("replace", &full))?;
            folders.extend(folders_above(&path).map(str::to_owned));
        }
        for folder in folders {
            let folder = root.join(folder);
            files.sync_folder(&folder).map_err(half_written("write", &folder))?;
        }
        Ok(())
    }
}

/// Returns where a record of wob's own waits to be moved: no other process gives it the same name.
fn own_draft(own: &Utf8Path, name: &str) -> Utf8PathBuf {
    own.join(format!("{name}{}", std::process::id()))
}

/// Writes a record to `path`, where it waits to be moved; it is not flushed yet.
fn record<'f>(
    scaffold: &'f Scaffold<'f>,
    path: Utf8PathBuf,
    text: &[u8],
) -> io::Result<(Draft<'f>, Box<dyn WriteFile>)> {
    let mut opened = None;
    let draft = scaffold.draft(path, |mut file| {
        file.append(text)?;
        opened = Some(file);
        Ok(())
    })?;
    Ok((draft, opened.expect("because a draft was written to")))
}

/// Makes files durable, many at a time: a file system does that together for all who wait.
fn sync_all(files: Vec<Box<dyn WriteFile>>) -> io::Result<()> {
    /// How many threads wait at a time.
    const WAITING: usize = 16;
    let queue = Mutex::new(files);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        while let Some(mut file) = next() {
            file.sync()?;
        }
        Ok(())
    };
    let threads = queue.lock().map_or(1, |it| it.len()).min(WAITING);
    thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = threads.into_iter().map(|it| it.join().unwrap_or_else(|it| resume_unwind(it)));
        others.fold(own, Result::and)
    })
}

/// Checks that the record of a part can be moved to `path`, before anything is moved.
fn check_record_place(disk: &mut Disk<'_>, path: &FilePath) -> Result<(), OutputError> {
    match disk.kind(path)? {
        Kind::Absent | Kind::File | Kind::Other => Ok(()),
        Kind::Folder => Err(OutputError::FolderInTheWay { path: disk.path(path) }),
        Kind::Blocked(_) => {
            let path = disk.path(path);
            Err(OutputError::Link { path: path.parent().unwrap_or(&path).to_owned() })
        }
    }
}

/// Makes sure that files in `folder` can be deleted, such as `path`: who may create one may.
fn probe(
    scaffold: &Scaffold<'_>,
    root: &Utf8Path,
    folder: &str,
    path: &FilePath,
) -> Result<(), OutputError> {
    let place = root.join(named(folder, path.as_str()).as_str());
    let probe = scaffold.wait(place, &root.join(path.as_str()), &Blob::new(b"".as_slice()))?;
    probe.delete().map_err(failed("delete from", root.join(folder)))
}

fn delete(
    disk: &mut Disk<'_>,
    files: &dyn FileSystem,
    root: &Utf8Path,
    path: &FilePath,
) -> Result<(), OutputError> {
    let full = disk.path(path);
    if matches!(disk.kind(path)?, Kind::File | Kind::Other) {
        files.remove_file(&full).map_err(half_written("delete", &full))?;
    }
    for folder in full.ancestors().skip(1).take_while(|it| *it != root) {
        // It fails if something is left in it.
        if files.remove_folder(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Removes the drafts that runs which crashed left in `.wob`.
fn remove_stale_records(files: &dyn FileSystem, own: &Utf8Path) {
    let waiting = own.join("new");
    if is_folder(files, &waiting) {
        remove_empty(files, &waiting);
    }
    for (name, _) in files.entries(own).unwrap_or_default() {
        if [JOURNAL_DRAFT, MANIFEST_DRAFT].iter().any(|draft| name.starts_with(draft)) {
            files.remove_file(&own.join(name)).ok();
        }
    }
}

/// An error among replaced files: it is not true any more that nothing was changed.
fn by_now(error: OutputError) -> OutputError {
    if let OutputError::Failed { attempt, path, source } = error {
        return OutputError::HalfWritten { attempt, path, source };
    }
    error
}
