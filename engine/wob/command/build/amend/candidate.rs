//! Finds out what has changed of an environment since it was built into a place.

use wob_engine::Digest;
use wob_host::{Destination, OutputError};
use wob_rules::{Edit, EnvironmentInput, Extent, Head, SaidParts, assignments};

use super::division::Division;
use crate::{
    footprint::PlaceNotes,
    last::LastBuild,
    ledger::{Ledger, Together},
    prior::Prior,
    selection::Selected,
    session::{Session, Target},
};

/// An environment of which it is known what has changed since some notes were taken.
pub(crate) struct Candidate<'c> {
    pub(super) target: &'c Target,
    pub(super) input: EnvironmentInput,
    pub(super) notes: PlaceNotes,
    pub(super) last: LastBuild,
    /// The subtrees as they were: cluster type and digest, in order.
    pub(super) past: Vec<(String, Digest)>,
    pub(super) edit: Edit,
    /// What was made from what, and was said.
    pub(super) ledger: Ledger,
    /// What is said now.
    pub(super) said: SaidParts,
    pub(super) destination: Destination,
    pub(super) head_text: String,
    pub(super) head: Head,
    pub(super) division: Division,
    /// Whether the notes would say something else now.
    pub(super) has_news: bool,
}

impl<'c> Candidate<'c> {
    /// Looks at what has changed of `target` since `notes` were taken of the tree at the destination that `open` returns; `None` if
    /// that may concern all, or cannot be told.
    pub(crate) fn find(
        session: &Session<'_>,
        target: &'c Target,
        notes: PlaceNotes,
        open: impl FnOnce() -> Result<Destination, OutputError>,
    ) -> Result<Option<Self>, OutputError> {
        let (Some(input), Selected::Whole) = (target.input, &target.selected) else {
            return Ok(None);
        };
        let db = &session.loaded.db;
        let settings = session.settings_text();
        let prior = match &session.narrowed {
            Some(it) => it.prior(&notes),
            None => Prior::read(&notes),
        };
        let edit = prior.and_then(|Prior { ledger: it, last, .. }| {
            let values = it.frame.edit_of_values(db, input, &settings);
            let damage = || {
                let edit = it.frame.edit_of_damage(db, input, &settings)?;
                let is_told = match edit.extent {
                    // What else there is to say of the whole may be said no more where anything cannot be read.
                    Extent::Damage => session.narrowed.is_none() || it.said.is_silent_of_whole(),
                    Extent::Doubt => session.narrowed.is_none(),
                    Extent::Values | Extent::Objects => true,
                };
                is_told.then_some(edit)
            };
            let objects = || {
                // More than values is told by everything.
                let is_fine = it.failing.is_empty() && it.damaged.is_none();
                let is_told = session.narrowed.is_none() && is_fine;
                let before = is_told.then(|| Ledger::objects(&notes))??;
                it.frame.edit_of_objects(db, input, &settings, &before)
            };
            Some((values.or_else(damage).or_else(objects)?, it, last))
        });
        let Some((edit, ledger, last)) = edit else { return Ok(None) };
        let destination = open()?;
        let head_text = destination.previous()?.text.unwrap_or_default();
        let head = Head::parse(&head_text).filter(|_| ledger.is_of(&head_text));
        let Some(head) = head else { return Ok(None) };
        let is_seen = session.narrowed.as_ref().is_some_and(|it| !it.has_touched(&notes));
        let has_news = !edit.files.is_empty() || !is_seen || ledger.damaged.is_some();
        let all = assignments(db, input);
        let before = edit.files.iter().filter_map(|it| ledger.frame.digest_of(it));
        let past = ledger.subtrees(&last);
        let before_of_all = (&*past, &ledger.failing);
        let division = match &session.narrowed {
            Some(it) => {
                let positions = it.subtrees(&notes, before);
                positions.and_then(|it| Division::of_part(session, all, (it, &edit), before_of_all))
            }
            None => Division::of_whole(all, &edit, before_of_all),
        };
        let Some(division) = division else { return Ok(None) };
        Ok(Some(Self {
            target,
            input,
            notes,
            last,
            past,
            edit,
            said: ledger.said.clone(),
            ledger,
            destination,
            head_text,
            head,
            division,
            has_news,
        }))
    }

    /// Returns what it is built from.
    pub(crate) fn input(&self) -> EnvironmentInput {
        self.input
    }

    /// Returns the digest of everything that it is built from but values.
    pub(crate) fn shape(&self) -> Digest {
        self.edit.frame.shape()
    }
}

/// Returns what there is to say of all environments together; `None` if that is not known, and not everything was read.
pub(crate) fn together<'f>(
    session: &Session<'_>,
    candidates: impl Iterator<Item = &'f Candidate<'f>> + Clone,
) -> Option<Together> {
    let frame = |name: &str| {
        let found = candidates.clone().find(|it| it.target.name.as_str() == name);
        found.map(|it| &it.edit.frame)
    };
    let scope = Together::scope(session, frame);
    let known = |scope: &Digest| {
        let mut all = candidates.clone().filter_map(|it| it.ledger.together.as_ref());
        all.find(|it| it.is_of(scope))
    };
    match known(&scope) {
        Some(it) => Some(it.clone()),
        None if session.narrowed.is_some() => {
            let frame = |name: &str| {
                let found = candidates.clone().find(|it| it.target.name.as_str() == name);
                found.map(|it| &it.ledger.frame)
            };
            // Where anything cannot be read, no more is said.
            let before = Together::scope(session, frame);
            let is_silent = known(&before)?.diagnostics().is_empty();
            is_silent.then(|| Together::new(scope, vec![]))
        }
        None => {
            let inputs: Vec<EnvironmentInput> = candidates.map(|it| it.input).collect();
            Some(Together::new(scope, session.lint(&inputs)))
        }
    }
}
