//! Waiting for clusters: what subscribers report of a commit, and when that is enough, or too bad, or too late.

mod judge;
mod source;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wob_host::{GitId, Interrupt, Interrupted};

pub(crate) use self::{
    judge::{Judge, Verdict},
    source::{Asked, SourceError, Surroundings, source},
};

/// What one subscriber reports: a cluster, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscriber {
    /// Its name, by which it is known again.
    pub(crate) name: String,
    /// The commit that it has, as it says it: an id, or what ends with one, as `dev@sha1:4f2a…`.
    #[serde(default)]
    pub(crate) commit: Option<String>,
    /// How it fares with that commit.
    pub(crate) state: Condition,
    /// The same in words.
    #[serde(default)]
    pub(crate) message: String,
}

/// How a subscriber fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Condition {
    /// It is not done.
    Pending,
    /// All of it is applied and healthy.
    Success,
    /// Something is wrong.
    Failure,
}

impl Subscriber {
    /// Says whether it reports of `commit`.
    pub(crate) fn has(&self, commit: GitId) -> bool {
        self.commit.as_ref().is_some_and(|it| it.ends_with(&commit.to_string()))
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    /// The commit of the GitOps repository.
    pub(crate) commit: GitId,
    /// How many subscribers must have it.
    pub(crate) subscribers: usize,
    /// How long a failure may last before it counts.
    pub(crate) tolerate: Duration,
    /// How long to wait in all.
    pub(crate) timeout: Duration,
}

/// A clock, and a way to let time pass.
pub(crate) trait Clock {
    /// Returns how much time has passed since the waiting began.
    fn now(&self) -> Duration;

    /// Lets time pass.
    ///
    /// # Errors
    /// If the user stops it.
    fn sleep(&self, time: Duration, interrupt: &Interrupt) -> Result<(), Interrupted>;
}

/// When to look.
#[derive(Clone, Copy)]
pub(crate) struct Rhythm<'r> {
    /// How long to wait between two looks.
    pub(crate) interval: Duration,
    /// By which clock.
    pub(crate) clock: &'r dyn Clock,
    /// Ends it early.
    pub(crate) interrupt: &'r Interrupt,
}

/// Asks until something is decided, and tells each look.
pub(crate) fn wait(
    aim: Aim,
    rhythm: Rhythm<'_>,
    ask: &mut dyn FnMut() -> Result<Vec<Subscriber>, SourceError>,
    tell: &mut dyn FnMut(&Judge, &Verdict),
) -> Result<Verdict, Interrupted> {
    let Rhythm { interval, clock, interrupt } = rhythm;
    let mut judge = Judge::new(aim);
    loop {
        let seen = match ask() {
            Err(SourceError::Interrupted(stop)) => return Err(stop),
            seen => seen.map_err(|it| it.to_string()),
        };
        let verdict = judge.look(clock.now(), seen);
        tell(&judge, &verdict);
        if verdict != Verdict::Waiting {
            return Ok(verdict);
        }
        let left = aim.timeout.saturating_sub(clock.now());
        // The last look is at the end, however long the interval.
        clock.sleep(interval.min(left).max(Duration::from_millis(1)), interrupt)?;
    }
}
