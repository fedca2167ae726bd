//! The exit codes: a contract with the people and scripts that run wob.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// How a run of wob ended. The numbers follow Bazel where Bazel has one, and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Exit {
    /// Everything that was asked for is done.
    Ok,
    /// The sources are wrong; the diagnostics say where.
    Sources,
    /// The command line is wrong, or names a target that does not exist.
    Usage,
    /// Some of what was asked for is done, under `--keep-going`.
    Partial,
    /// Nothing matched.
    Nothing,
    /// The same sources gave other bytes.
    NotReproducible,
    /// What was compared differs.
    Difference,
    /// The user stopped it.
    Interrupted,
    /// Another build holds the lock, and nobody wants to wait.
    Locked,
    /// A service that wob does not run failed, such as the host of a repository.
    Outside,
    /// This machine is in the way: disk full, no permission, a file that exists already.
    Local,
    /// A bug in wob.
    Internal,
    /// Something stored is not what it should be.
    Integrity,
}

impl Exit {
    /// Returns this way to end, or `other` if everything is done so far.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Ok { other } else { self }
    }

    /// Returns the number that the shell sees.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Sources => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Nothing => 4,
            Self::NotReproducible => 6,
            Self::Difference => 5,
            Self::Interrupted => 8,
            Self::Locked => 9,
            Self::Outside => 32,
            Self::Local => 36,
            Self::Internal => 37,
            Self::Integrity => 40,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
