//! Commits trees without a checkout: new objects first, the branch last.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use camino::Utf8PathBuf;
use gix::{
    hashtable::HashSet,
    objs::{Commit as CommitObject, Kind},
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
};
use rayon::prelude::*;
use wob_engine::{Blob, FilePath, Folder, Tree};

use super::{
    Commit, GitError, GitId, Repository,
    early::{EarlyFiles, EarlyObjects},
    edit::{FileEdit, edit, encode},
    object_id,
    objects::{self, Contents, Kept, NewObject, Stored},
};
use crate::{FileSystem, Interrupt, RealFileSystem};

/// Who commits where git's configuration names nobody.
const NAME: &str = "wob";
const EMAIL: &str = "wob@localhost";

/// The name of a branch, such as `stage` or `clusters/west`.
///
/// **Invariant:** git allows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BranchName(String);

impl BranchName {
    /// Checks a name; `refs/heads/` may stand before it.
    pub fn new(name: &str) -> Option<Self> {
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        // Git would take it for an option.
        let is_option = short.starts_with('-');
        let full = FullName::try_from(format!("refs/heads/{short}")).ok();
        full.filter(|_| !is_option).map(|_| Self(short.to_owned()))
    }

    /// Returns the name as people write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn full(&self) -> FullName {
        FullName::try_from(format!("refs/heads/{}", self.0)).expect("because it was checked")
    }
}

/// A commit to make.
pub(crate) struct NewCommit<'c> {
    /// The commit before it.
    pub(crate) parent: Option<&'c Commit>,
    /// What it holds.
    pub(crate) files: CommitFiles,
    /// Those of its files and folders that are compressed already.
    pub(crate) early: Option<&'c EarlyFiles>,
    /// What it says.
    pub(crate) message: &'c str,
    /// The branch that it is for.
    pub(crate) branch: &'c BranchName,
    /// Where a pack is written; git's library writes all else itself.
    pub(crate) on: &'c dyn FileSystem,
    /// The name of a folder for what is not whole yet; no two processes use the same at a time.
    pub(crate) scratch: String,
}

/// What a commit holds.
pub(crate) enum CommitFiles {
    /// These files, and no others.
    Whole(Tree),
    /// What its parent holds, but at these paths: those that have nothing are removed.
    Edited(BTreeMap<FilePath, Option<Blob>>),
}

/// Some files of a commit, edited.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'e> {
    /// The commit before it.
    pub parent: &'e Commit,
    /// The files that are different, or new.
    pub files: &'e [(FilePath, Vec<u8>)],
    /// What the new commit says.
    pub message: &'e str,
}

/// Whether a branch moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It points to the new commit.
    Yes,
    /// It points to something else than was expected: somebody was faster.
    Raced,
}

impl Repository {
    /// Returns what the user's own branch of this name points to; none if there is no such branch.
    ///
    /// # Errors
    /// If the repository is damaged.
    pub fn tip_of(&self, branch: &BranchName) -> Result<Option<Commit>, GitError> {
        let failed = || self.failed("read a branch");
        let local = self.local();
        let name = branch.full();
        let found = local.try_find_reference(name.as_ref()).map_err(failed())?;
        let Some(mut found) = found else { return Ok(None) };
        let id = GitId(found.peel_to_id().map_err(failed())?.detach());
        self.commit(branch.as_str(), id).map(Some)
    }

    /// Returns the folder that holds the objects and branches, also of a linked worktree.
    pub(crate) fn common_folder(&self) -> Utf8PathBuf {
        let folder = self.local().common_dir().to_owned();
        Utf8PathBuf::from_path_buf(folder)
            .unwrap_or_else(|it| Utf8PathBuf::from(it.to_string_lossy().into_owned()))
    }

    /// Returns the checkout of `branch`, if there is one.
    pub fn checkout_of(&self, branch: &BranchName) -> Option<Utf8PathBuf> {
        let local = self.local();
        let common = fs::canonicalize(local.common_dir()).ok()?;
        let head = format!("ref: refs/heads/{}", branch.as_str());
        let is_head = |folder: &Path| {
            fs::read_to_string(folder.join("HEAD")).is_ok_and(|it| it.trim_end() == head)
        };
        let shown = |folder: &Path| Utf8PathBuf::from(folder.to_string_lossy().into_owned());
        let is_bare = local.config_snapshot().boolean("core.bare");
        if !is_bare.unwrap_or(common.file_name().is_none_or(|it| it != ".git")) && is_head(&common)
        {
            return Some(shown(common.parent().unwrap_or(&common)));
        }
        let linked = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        let mut checkouts = linked.map(|it| it.path()).filter(|it| is_head(it));
        let linked = checkouts.next()?;
        let file = fs::read_to_string(linked.join("gitdir")).unwrap_or_default();
        Some(shown(Path::new(file.trim_end()).parent().unwrap_or(&linked)))
    }

    /// Returns a place for files of a new commit that are compressed before it is written, with the same `scratch`.
    pub(crate) fn early(&self, files: Arc<dyn FileSystem>, scratch: &str) -> EarlyFiles {
        EarlyFiles::new(files, &objects::folder(&self.local()), scratch)
    }

    /// Removes what a process left that was killed while it wrote a commit with the same `scratch`.
    pub(crate) fn remove_remains(&self, files: &dyn FileSystem, scratch: &str) {
        objects::remove_remains(files, &objects::folder(&self.local()), scratch);
    }

    /// Writes a commit with its objects, and moves its branch there if that still points to the parent.
    ///
    /// # Errors
    /// If an object is missing, or the operating system refuses; the branch is then as it was.
    pub(crate) fn write_commit(
        &self,
        new: &NewCommit<'_>,
        interrupt: &Interrupt,
    ) -> Result<(Moved, GitId), GitError> {
        let local = self.committing()?;
        let (id, kept) = self.write_objects(&local, new, interrupt)?;
        let parent = new.parent.map(|it| it.id);
        let moved = Move { branch: new.branch, from: parent, to: id, message: new.message };
        let moved = self.apply(&local, &moved)?;
        drop(kept);
        Ok((moved, GitId(id)))
    }

    /// Writes a commit for `branch` with some files edited. The branch stays where it is: nothing refers to the commit yet,
    /// and if that stays so, git removes it in time.
    ///
    /// # Errors
    /// If an object is missing, or the operating system refuses.
    pub fn commit_files(
        &self,
        branch: &BranchName,
        edit: &Edit<'_>,
        interrupt: &Interrupt,
    ) -> Result<Commit, GitError> {
        let Edit { parent, files, message } = *edit;
        let put = files.iter().map(|(path, it)| (path.clone(), Some(Blob::new(it.as_slice()))));
        let new = NewCommit {
            parent: Some(parent),
            files: CommitFiles::Edited(put.collect()),
            early: None,
            message,
            branch,
            on: &RealFileSystem,
            scratch: format!("wob-commit-{}", std::process::id()),
        };
        let (id, _) = self.write_objects(&self.committing()?, &new, interrupt)?;
        self.commit(branch.as_str(), GitId(id))
    }

    /// Moves `branch` to `to` if it is still at `from`, or makes it if that is none; `why` is what the log of the branch says.
    ///
    /// # Errors
    /// If the operating system refuses; the branch is then as it was.
    pub fn move_branch(
        &self,
        branch: &BranchName,
        from: Option<GitId>,
        to: GitId,
        why: &str,
    ) -> Result<Moved, GitError> {
        self.apply(&self.committing()?, &Move { branch, from, to: to.0, message: why })
    }

    /// Notes where a branch of the remote `origin` is, as git does once it has pushed there.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub fn note_origin(&self, branch: &BranchName, commit: GitId) -> Result<(), GitError> {
        let name = format!("refs/remotes/origin/{}", branch.as_str());
        let name = FullName::try_from(name).expect("because the branch's name was checked");
        let edit = RefEdit {
            change: Change::Update {
                log: LogChange {
                    mode: RefLog::AndReference,
                    force_create_reflog: false,
                    message: "update by push".into(),
                },
                expected: PreviousValue::Any,
                new: Target::Object(commit.0),
            },
            name,
            deref: true,
        };
        let local = self.committing()?;
        let committer = local.committer().expect("because there is a fallback");
        let edited = committer.and_then(|it| local.edit_references_as([edit], Some(it)));
        edited.map(drop).map_err(self.failed("note what was pushed"))
    }

    /// Returns the repository with somebody who commits.
    fn committing(&self) -> Result<gix::Repository, GitError> {
        let mut local = self.local();
        local.committer_or_set_fallback(NAME, EMAIL).map_err(self.failed("read who commits"))?;
        Ok(local)
    }

    fn write_objects<'f>(
        &self,
        local: &gix::Repository,
        new: &NewCommit<'f>,
        interrupt: &Interrupt,
    ) -> Result<(gix::ObjectId, Kept<'f>), GitError> {
        let early = new.early.and_then(EarlyFiles::take_many);
        let objects = NewObjects::of(self, local, (new, early.as_ref()));
        let objects = objects.map_err(self.failed("write a commit"))?;
        let id = objects.commit;
        let put = (objects.new.as_slice(), early);
        let kept = objects::write(local, new.on, put, &new.scratch, interrupt);
        match kept {
            Err(_) if interrupt.is_set() => Err(self.limited()(crate::Interrupted.into())),
            kept => Ok((id, kept.map_err(self.failed("write the objects"))?)),
        }
    }

    fn apply(&self, local: &gix::Repository, wanted: &Move<'_>) -> Result<Moved, GitError> {
        match wanted.apply(local) {
            Ok(()) => {
                sync_branch(local, wanted.branch);
                Ok(Moved::Yes)
            }
            Err(error) => {
                if self.tip_of(wanted.branch)?.map(|it| it.id) == wanted.from {
                    return Err(self.failed("move a branch")(error));
                }
                Ok(Moved::Raced)
            }
        }
    }
}

/// The objects of a commit that the repository does not have, and that are not compressed yet.
struct NewObjects<'o> {
    new: Vec<NewObject<'o>>,
    commit: gix::ObjectId,
}

impl<'o> NewObjects<'o> {
    fn of(
        repository: &Repository,
        local: &gix::Repository,
        (new, early): (&'o NewCommit<'o>, Option<&EarlyObjects>),
    ) -> gix::Result<Self> {
        let mut missing = Missing { early, seen: HashSet::default(), objects: vec![] };
        let tree = match &new.files {
            CommitFiles::Whole(tree) => {
                missing.add_folder(tree.root_folder());
                object_id(tree.git_id())
            }
            CommitFiles::Edited(files) => {
                missing.add_files(files.values().flatten());
                let edits = files.iter().map(|(path, blob)| FileEdit {
                    path: path.as_str(),
                    to: blob.as_ref().map(|it| object_id(it.git_id())),
                });
                let edits: Vec<FileEdit<'_>> = edits.collect();
                let edited = edit(repository, new.parent.map(|it| it.tree.0), &edits)?;
                for (id, bytes) in edited.trees {
                    missing.add(id, Kind::Tree, || Contents::Bytes(bytes.into()));
                }
                edited.id.expect("because a root has an id even if it is empty")
            }
        };
        let committer = local.committer().expect("because there is a fallback")?;
        let commit = CommitObject {
            message: new.message.into(),
            tree,
            author: local.author().unwrap_or(Ok(committer))?.into(),
            committer: committer.into(),
            encoding: None,
            parents: new.parent.iter().map(|it| it.id.0).collect(),
            extra_headers: vec![],
        };
        let (id, bytes) = encode(&commit, Kind::Commit)?;
        missing.add(id, Kind::Commit, || Contents::Bytes(bytes.into()));
        let stored = Stored::of(local);
        let objects = missing.objects.into_par_iter();
        let new = objects.map_init(
            || repository.local(),
            |local, it| (!stored.has(local, &it.id)).then_some(it),
        );
        Ok(Self { new: new.flatten().collect(), commit: id })
    }
}

/// Objects of a commit, each once, but for those that are compressed already.
struct Missing<'o, 'e> {
    early: Option<&'e EarlyObjects>,
    seen: HashSet,
    objects: Vec<NewObject<'o>>,
}

impl<'o> Missing<'o, '_> {
    fn add(&mut self, id: gix::ObjectId, kind: Kind, contents: impl FnOnce() -> Contents<'o>) {
        let is_early = self.early.is_some_and(|it| it.ids.contains(&id));
        if !is_early && self.seen.insert(id) {
            self.objects.push(NewObject { id, kind, contents: contents() });
        }
    }

    fn add_files(&mut self, files: impl Iterator<Item = &'o Blob>) {
        for blob in files {
            self.add(object_id(blob.git_id()), Kind::Blob, || Contents::Blob(blob));
        }
    }

    /// Adds a folder, with all that is in it.
    fn add_folder(&mut self, folder: &'o Folder) {
        self.add_files(folder.entries().filter_map(|(_, it)| it.file()));
        for it in folder.folders() {
            self.add_folder(it);
        }
        let id = object_id(folder.ids().git_id);
        self.add(id, Kind::Tree, || Contents::Folder(folder));
    }
}

/// A move of a branch from one commit to another; from none, it is made.
struct Move<'m> {
    branch: &'m BranchName,
    from: Option<GitId>,
    to: gix::ObjectId,
    message: &'m str,
}

impl Move<'_> {
    fn apply(&self, local: &gix::Repository) -> gix::Result<()> {
        let subject = self.message.lines().next().unwrap_or_default();
        let edit = RefEdit {
            change: Change::Update {
                log: LogChange {
                    mode: RefLog::AndReference,
                    force_create_reflog: false,
                    message: format!("commit: {subject}").into(),
                },
                expected: match self.from {
                    Some(from) => PreviousValue::MustExistAndMatch(Target::Object(from.0)),
                    None => PreviousValue::MustNotExist,
                },
                new: Target::Object(self.to),
            },
            name: self.branch.full(),
            deref: true,
        };
        let committer = local.committer().expect("because there is a fallback")?;
        local.edit_references_as([edit], Some(committer))?;
        Ok(())
    }
}

/// Puts on disk what the branch points to. The objects are there already, so that a power failure costs a commit at most.
fn sync_branch(local: &gix::Repository, branch: &BranchName) {
    let path = local.common_dir().join("refs/heads").join(branch.as_str());
    fs::File::open(path).and_then(|it| it.sync_all()).ok();
}
