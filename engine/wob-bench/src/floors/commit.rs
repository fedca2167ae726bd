//! What one change in a git repository cannot do without: as many files edited in its last tree, and a commit, by git's
//! library alone.

use std::{error::Error, path::Path, time::Duration};

use gix::{
    ObjectId, Repository,
    bstr::{BString, ByteSlice as _},
    objs::tree::EntryKind,
    refs::transaction::PreviousValue,
};

use crate::meter::time;

/// The branch that the floor commits to.
const BRANCH: &str = "refs/heads/floor";

/// A file of a commit, to be edited.
struct File {
    path: BString,
    bytes: Vec<u8>,
}

/// Edits the files that the last commit of `branch` changed, records aside, and commits them to a branch of its own; returns
/// how long that took, and how many files they are.
///
/// # Errors
/// If the branch has less than two commits, or the repository is damaged.
pub(crate) fn measure(folder: &Path, branch: &str) -> Result<(Duration, usize), Box<dyn Error>> {
    let files = changed(&gix::open(folder)?, branch)?;
    if files.is_empty() {
        return Err(format!("the last commit of `{branch}` changes no file").into());
    }
    let mut committed = Ok(());
    let times = time(|| committed = commit(folder, branch, &files));
    committed?;
    Ok((times.wall, files.len()))
}

/// Reads the files that the last commit changed.
fn changed(repository: &Repository, branch: &str) -> Result<Vec<File>, Box<dyn Error>> {
    let tip = repository.find_reference(branch)?.peel_to_id()?.object()?.try_into_commit()?;
    let parent = tip.parent_ids().next().ok_or("there is one commit only")?;
    let before = parent.object()?.try_into_commit()?.tree()?;
    let after = tip.tree()?;
    let changes = repository.diff_tree_to_tree(&before, &after, None)?;
    let mut files = vec![];
    for change in changes {
        let (path, (mode, id)) = (change.location().to_owned(), change.entry_mode_and_id());
        // A record of the tree is what git itself does without.
        if !mode.is_blob() || path.starts_with(b".wob/") {
            continue;
        }
        let mut bytes = repository.find_object(id)?.data.clone();
        bytes.extend_from_slice(b"# edited\n");
        files.push(File { path, bytes });
    }
    Ok(files)
}

fn commit(folder: &Path, branch: &str, files: &[File]) -> Result<(), Box<dyn Error>> {
    let repository = gix::open(folder)?;
    let tip = repository.find_reference(branch)?.peel_to_id()?.detach();
    let tree = repository.find_commit(tip)?.tree_id()?;
    let mut editor = repository.edit_tree(tree)?;
    for file in files {
        let id = repository.write_blob(&file.bytes)?;
        editor.upsert(file.path.as_bstr(), EntryKind::Blob, id)?;
    }
    let tree = editor.write()?.detach();
    let somebody = gix::actor::SignatureRef {
        name: "floor".into(),
        email: "floor@localhost".into(),
        time: "0 +0000",
    };
    let parents: [ObjectId; 1] = [tip];
    let new = repository.new_commit_as(somebody, somebody, "floor", tree, parents)?;
    repository.reference(BRANCH, new.id, PreviousValue::Any, "floor")?;
    Ok(())
}
