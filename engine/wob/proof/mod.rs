//! Proof: whether a tree that lies somewhere is what the sources give that its record names.
//!
//! **Invariant:** nothing counts as proven that was not made again and compared, digest by digest. What cannot be made again
//! is not proven, whatever it looks like.

mod against;
mod attested;
mod judge;
mod prover;
mod rebuild;
mod statement;

use serde::Serialize;
use wob_rules::Record;

pub(crate) use self::{
    against::{Against, Depth, Origin, Subject},
    attested::contradictions,
    prover::Prover,
    rebuild::{Rebuild, Rebuilt, Stop as RebuildStop, check_sources},
    statement::{BUILDER, PAYLOAD_TYPE, Statement},
};
use crate::exit::Exit;

/// What is known of a tree in the end; those that come later are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Verdict {
    /// It is what its sources give, byte for byte.
    Proven,
    /// It is but for what somebody changed by hand.
    Edited,
    /// Its sources cannot be had, or are not known.
    NotCheckable,
    /// Its sources give something else.
    NotReproducible,
    /// Its record contradicts itself.
    Damaged,
}

impl Verdict {
    /// Returns what people read.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Edited => "edited by hand",
            Self::NotCheckable => "not checkable",
            Self::NotReproducible => "not reproducible",
            Self::Damaged => "damaged",
        }
    }
}

/// What is known of one tree.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// What its record says; none if it has none that can be read.
    pub(crate) record: Option<Record>,
    /// How good it is.
    pub(crate) verdict: Verdict,
    /// Whether it is not checkable because a service that wob does not run failed.
    pub(crate) outside: bool,
    /// How many files were compared.
    pub(crate) files: usize,
    /// How many of them no source of this tree gives: an earlier build made them.
    pub(crate) kept: usize,
    /// How many files lie there that neither wob wrote nor a cluster would pull.
    pub(crate) others: usize,
    /// What one should know beside the differences.
    pub(crate) reasons: Vec<String>,
    /// What is not as it should be, by path.
    pub(crate) differences: Vec<Difference>,
}

/// A file that is not what it should be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Difference {
    /// Its path.
    pub(crate) path: String,
    /// Who made it so.
    pub(crate) by: Author,
    /// How it differs from what the sources give.
    pub(crate) change: How,
    /// A unified diff from what the sources give to what is there; none if either is no text, is large, or cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) diff: Option<String>,
    /// How many more lines the diff has.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) more_lines: usize,
}

/// Who made a file what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Author {
    /// It is not what the record says: somebody changed it afterwards.
    Hand,
    /// It is what the record says, but not what the sources give.
    Wob,
}

/// How a file differs from what the sources give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum How {
    /// They give no such file.
    Added,
    /// They give another one.
    Changed,
    /// They give one, and none is there.
    Deleted,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Proof {
    /// Begins with a tree of which nothing bad is known yet.
    fn new(record: Option<Record>) -> Self {
        Self {
            record,
            verdict: Verdict::Proven,
            outside: false,
            files: 0,
            kept: 0,
            others: 0,
            reasons: vec![],
            differences: vec![],
        }
    }

    /// Notes why the tree is no better than `verdict`.
    fn because(&mut self, verdict: Verdict, reason: String) {
        self.verdict = self.verdict.max(verdict);
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Returns how wob ends for this tree alone.
    pub(crate) fn exit(&self) -> Exit {
        match self.verdict {
            Verdict::Proven => Exit::Ok,
            Verdict::Edited => Exit::Difference,
            Verdict::NotCheckable if self.outside => Exit::Outside,
            Verdict::NotCheckable => Exit::Local,
            Verdict::NotReproducible => Exit::NotReproducible,
            Verdict::Damaged => Exit::Integrity,
        }
    }
}
