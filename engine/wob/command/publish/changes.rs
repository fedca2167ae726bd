//! What has changed of environments since they were published: found out of all of them before anything is done for one.
//!
//! **Invariant:** what is said, and what is published, is what a build of everything says and gives. Whatever makes that doubtful
//! leads to [`None`], and everything is built.

use std::collections::BTreeSet;

use rayon::ThreadPool;
use wob_host::Cache;
use wob_rules::Said;

use super::{
    copies::Copies,
    failure::Failure,
    made::{BranchState, Made, MadeOfChanges},
    push::{Push, Ready},
};
use crate::{
    command::build::{Candidate, together},
    exit::Exit,
    reads::speaks_of_unread,
    report::Report,
    session::Session,
    timings,
};

/// Finds out what has changed since the trees were made that are there, builds that, and returns what is to be done for each of
/// `pushes`, and what there is to say; `None` if anything is doubtful. Says so if the user stops it while git is asked.
pub(super) fn prepare<'p>(
    pushes: &'p [Push<'p>],
    (cache, copies): (&Cache, &Copies),
    (session, pool): (&Session<'_>, &'p ThreadPool),
) -> Result<Option<(Vec<Ready<'p>>, Report)>, Exit> {
    let mut found: Vec<(&Push<'_>, BranchState<'_>)> = vec![];
    for push in pushes {
        let Some(copy) = copies.of(cache, push) else { return Ok(None) };
        match push.reach(copy) {
            Ok(state) => found.push((push, state)),
            Err(Failure::Stopped(exit)) => return Err(exit),
            // What cannot be read is met again, and told, by whoever builds everything.
            Err(_) => return Ok(None),
        }
    }
    Ok(build(found, (session, pool)))
}

fn build<'p>(
    found: Vec<(&'p Push<'p>, BranchState<'p>)>,
    (session, pool): (&Session<'_>, &'p ThreadPool),
) -> Option<(Vec<Ready<'p>>, Report)> {
    let candidate = |(push, state): (&'p Push<'p>, BranchState<'p>)| {
        let _span = timings::span_of("amend", push.environment());
        let candidate = state.candidate(push.target).ok()??;
        Some((push, state, candidate))
    };
    let found: Option<Vec<(&Push<'_>, BranchState<'_>, Candidate<'_>)>> =
        found.into_iter().map(candidate).collect();
    let found = found?;
    // An environment may go to several places, and is spoken of once.
    let mut names = BTreeSet::new();
    let is_first: Vec<bool> = found.iter().map(|it| names.insert(it.0.environment())).collect();
    let each = found.iter().zip(&is_first).filter(|(_, is_first)| **is_first);
    let together = together(session, each.map(|((_, _, it), _)| it))?;
    let mut said = Said::default();
    let mut all = vec![];
    for ((push, state, candidate), is_first) in found.into_iter().zip(is_first) {
        if session.interrupt.is_set() {
            return None;
        }
        let span = timings::span_of("amend", push.environment());
        let made = MadeOfChanges::build(&state, candidate, together.clone(), pool).ok()??;
        drop(span);
        if is_first {
            said.join(made.said());
        }
        let made = Made::Amended(Box::new(made));
        let meaning = push.meaning(&state, &made).ok()?;
        all.push(Ready { state, made, meaning: Some(meaning) });
    }
    let report = session.report(said.into_problems(), together.diagnostics());
    let is_told = session.narrowed.is_none() || !speaks_of_unread(session, &report);
    is_told.then_some((all, report))
}
