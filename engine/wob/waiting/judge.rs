//! Decides by what was seen so far; knows no clock, so that every course of events can be played.

use std::{collections::BTreeMap, time::Duration};

use super::{Aim, Condition, Subscriber};

/// What is known so far.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    aim: Aim,
    /// Since when each subscriber has failed without a break.
    failing: BTreeMap<String, Duration>,
    /// Since when nobody answers.
    silent: Option<Duration>,
    /// The last answer, sorted.
    seen: Vec<Subscriber>,
    /// Why there was none the last time.
    trouble: Option<String>,
}

/// What follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Waiting,
    /// All subscribers have the commit, and there are enough of them.
    Success,
    /// These have failed for too long.
    Failure(Vec<Subscriber>),
    /// Time is over.
    TimedOut,
    /// Nobody has answered for too long.
    Silent(String),
}

impl Judge {
    /// Begins to wait.
    pub(crate) fn new(aim: Aim) -> Self {
        Self { aim, failing: BTreeMap::new(), silent: None, seen: vec![], trouble: None }
    }

    /// Returns the last answer, sorted by name.
    pub(crate) fn seen(&self) -> &[Subscriber] {
        &self.seen
    }

    /// Returns why there was no answer the last time.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Returns those who have the commit and are well.
    pub(crate) fn done(&self) -> usize {
        self.seen.iter().filter(|it| self.is_done(it)).count()
    }

    /// Notes what was seen at the time `now`, and decides.
    pub(crate) fn look(&mut self, now: Duration, seen: Result<Vec<Subscriber>, String>) -> Verdict {
        let is_over = now >= self.aim.timeout;
        match seen {
            Ok(mut seen) => {
                seen.sort();
                self.seen = seen;
                (self.silent, self.trouble) = (None, None);
            }
            Err(reason) => {
                let since = *self.silent.get_or_insert(now);
                self.trouble = Some(reason.clone());
                if now.saturating_sub(since) >= self.aim.tolerate || is_over {
                    return Verdict::Silent(reason);
                }
                return Verdict::Waiting;
            }
        }
        let failing = self.seen.iter().filter(|it| self.is_failing(it));
        let since = |it: &Subscriber| self.failing.get(&it.name).copied().unwrap_or(now);
        // Whoever is not failing any more begins anew the next time.
        let failing = failing.map(|it| (it.name.clone(), since(it))).collect();
        self.failing = failing;
        let is_late = |it: &&Subscriber| {
            let since = self.failing.get(&it.name);
            since.is_some_and(|since| now.saturating_sub(*since) >= self.aim.tolerate)
        };
        let failed: Vec<Subscriber> = self.seen.iter().filter(is_late).cloned().collect();
        let done = self.done();
        if !failed.is_empty() {
            Verdict::Failure(failed)
        } else if done == self.seen.len() && done >= self.aim.subscribers {
            Verdict::Success
        } else if is_over {
            let failing = self.seen.iter().filter(|it| self.is_failing(it));
            let failing: Vec<Subscriber> = failing.cloned().collect();
            if failing.is_empty() { Verdict::TimedOut } else { Verdict::Failure(failing) }
        } else {
            Verdict::Waiting
        }
    }

    fn is_done(&self, it: &Subscriber) -> bool {
        it.has(self.aim.commit) && it.state == Condition::Success
    }

    /// What fails on another commit may be mended by this one.
    fn is_failing(&self, it: &Subscriber) -> bool {
        it.has(self.aim.commit) && it.state == Condition::Failure
    }
}
