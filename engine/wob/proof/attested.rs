//! Compares a tree with what a statement says of it; nothing is built for that.

use wob_engine::{Blob, FilePath, Tree};
use wob_host::{Digests, Interrupt, OutputError};

use super::{How, Proof, Statement, Subject, judge::judge_hands, prover::read};

/// How many files are named.
const FILES: usize = 10;

/// Says where `statement` contradicts what lies there; nothing if it is about exactly this tree and its record.
pub(crate) fn contradictions(
    statement: &Statement,
    subject: &Subject,
    interrupt: &Interrupt,
) -> Result<Vec<String>, OutputError> {
    let (record, texts) = match read(subject)? {
        Ok(found) => found,
        Err(proof) => return Ok(proof.reasons),
    };
    let files = subject.held.files(&mut Digests::default(), interrupt)?;
    let mut proof = Proof::new(None);
    judge_hands(&mut proof, &record, &files, &|_| true);
    let by_hand = proof.differences.iter().map(|it| match it.change {
        How::Added => format!("`{}` was added by hand", it.path),
        How::Changed => format!("`{}` was edited by hand", it.path),
        How::Deleted => format!("`{}` was deleted by hand", it.path),
    });
    let mut found: Vec<String> = by_hand.take(FILES).collect();
    let more = proof.differences.len().saturating_sub(FILES);
    if more > 0 {
        found.push(format!("{more} more files were changed by hand"));
    }
    let mut tree = Tree::default();
    for path in record.files.keys().filter_map(|it| FilePath::new(it).ok()) {
        interrupt.check()?;
        if let Some(bytes) = subject.held.read(&path)? {
            tree.insert(&path, Blob::new(bytes));
        }
    }
    let wanted = Statement::new(&tree, &record, &texts, statement.builder());
    found.extend(statement.contradictions(&wanted));
    Ok(found)
}
