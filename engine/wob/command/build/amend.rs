//! Builds of which it is known from the start which assignments may have changed: these are built, and everything else is taken
//! from the tree that lies there, without being looked at one by one.
//!
//! **Invariant:** such a build writes, and says, what a build of everything would. Whatever makes that doubtful leads to
//! [`None`], and everything is built.

mod candidate;
mod division;
mod failing;
mod parts;
mod pieces;
mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::resume_unwind,
    sync::Arc,
    thread,
};

use rayon::prelude::*;
use wob_engine::{Blob, Database, FilePath, GitObjectId, Severity, Tree};
use wob_host::{Amendment, OutputError, Plan, Standing, TreeRecord};
use wob_rules::{
    Assignment, BuiltAssignment, Extent, Head, PROMOTED_COMMIT, Said, SaidParts, assignments,
    build_some, promoted_commit, reads, said_of_subtree,
};

pub(crate) use self::candidate::{Candidate, together};
use self::{
    division::Rebuilt,
    parts::{AmendedPart, Record},
    pieces::Around,
};
use super::{
    Round,
    destination::{Looking, Output},
    ground::Ground,
    place::Place,
    write::{Lying, Outcome, TreeEdit, message, tell_others},
};
use crate::{
    args::Common,
    exit::Exit,
    footprint::PlaceNotes,
    last::{Compared, Explanation, LastBuild, compare},
    ledger::{Damaged, Failing, Ledger, Together},
    progress::Progress,
    reads::{NextReads, Reader, ReadsNote, speaks_of_unread},
    recorded::{TreeSummary, sources},
    session::{Session, Target},
    timings,
};

/// What so few assignments were before takes longer to look up than to render.
const FEW: usize = 100;
/// If more fail, it is no slip of the pen, and takes as long as everything does.
const MOST_FAILED: usize = 1_000;

/// What became of a candidate, before it is written.
pub(crate) struct Amended<'c> {
    candidate: Candidate<'c>,
    /// The assignments that an edit concerns, and those that are stored with them.
    pub(crate) built: Vec<BuiltAssignment>,
    /// Those that failed, as `<cluster type>:<target>`.
    failed: Vec<String>,
    /// What is said of the environment now.
    pub(crate) said: SaidParts,
    /// What the record of the whole tree says.
    pub(crate) head: Head,
    text: String,
}

impl Output {
    /// Builds what `session` selects, if it is known which assignments may have changed since the last build of each environment
    /// into its place; `None` if that is not so, or if anything is wrong: then nothing was done.
    pub(crate) fn amend(
        &self,
        session: &Session<'_>,
        places: &BTreeMap<String, Place>,
        common: &Common,
    ) -> Result<Option<Round>, Exit> {
        let is_wrong = session.loaded.diagnostics.iter().any(|it| it.severity != Severity::Warning);
        if !self.may_amend() || is_wrong || session.targets.is_empty() {
            return Ok(None);
        }
        let span = timings::span("amend");
        let candidate = |it| self.candidate(session, it, places).transpose();
        let candidates: Option<Result<Vec<_>, OutputError>> =
            session.targets.iter().map(candidate).collect();
        let Some(Ok(candidates)) = candidates else { return Ok(None) };
        let found = candidates.iter().map(|(_, _, it)| it);
        let Some(together) = together(session, found) else { return Ok(None) };
        let pool = session.pool(common)?;
        let progress = Progress::start(session.streams.wants_progress(), "building");
        let lease = session.stored.lease();
        let mut amended = vec![];
        for (place, ground, it) in candidates {
            if session.interrupt.is_set() {
                return Err(session.interrupted());
            }
            progress.now(&format!("building {}", it.target.name));
            // What cannot be read is met again, and told, by a build of everything.
            let Ok(Some(it)) = it.build(session, &pool, &ground.standing) else { return Ok(None) };
            // Then nothing is written.
            if common.strict && !it.0.is_right() {
                return Ok(None);
            }
            amended.push((place, ground, it));
        }
        // While a lease is held, nothing is tidied up.
        drop(lease);
        drop(progress);
        let mut said = Said::default();
        for (_, _, (it, _)) in &amended {
            said.join(it.said.all());
        }
        let report = session.report(said.into_problems(), together.diagnostics());
        if session.narrowed.is_some() && speaks_of_unread(session, &report) {
            return Ok(None);
        }
        drop(span);
        let mut outcomes = vec![];
        let mut failed = None;
        for (place, ground, it) in amended {
            match self.write_amended(session, &pool, (place, ground), (it, &together)) {
                Ok(outcome) => outcomes.push(outcome),
                // What stays of the branch must be looked at again.
                Err(OutputError::Moved { .. }) => return Ok(None),
                Err(error) => {
                    failed = failed.max(Some(super::fail(session, &place.shown(), &error)));
                }
            }
        }
        session.tell_saved(match self.looking {
            Looking::Before => session.stored.tidy(),
            // More edits are to come: it is done when it is calm.
            Looking::After => session.stored.tidy_at_last(),
        });
        let exit = failed.unwrap_or(session.verdict(&report, common));
        Ok(Some(Round { built: vec![], outcomes, report, exit }))
    }

    /// Looks at what has changed of `target` since it was built into its place, and at what lies there.
    fn candidate<'c>(
        &self,
        session: &Session<'_>,
        target: &'c Target,
        places: &'c BTreeMap<String, Place>,
    ) -> Result<Option<(&'c Place, Ground, Candidate<'c>)>, OutputError> {
        let name = target.name.as_str();
        let place = &places[name];
        let Some(notes) = place.notes(name) else { return Ok(None) };
        let candidate = Candidate::find(session, target, notes, || place.open())?;
        let Some(candidate) = candidate else { return Ok(None) };
        let ground = Ground::of(place, name, self, &session.interrupt);
        let is_unknown = place.folder().is_some() && ground.standing == Standing::Unknown;
        Ok((!is_unknown).then_some((place, ground, candidate)))
    }

    /// Writes what was built to its place.
    fn write_amended(
        &self,
        session: &Session<'_>,
        pool: &rayon::ThreadPool,
        (place, ground): (&Place, Ground),
        ((mut amended, plan), together): ((Amended<'_>, Plan), &Together),
    ) -> Result<Outcome, OutputError> {
        tell_others(session, &plan, &place.shown());
        let counts = plan.counts();
        let lies = Lying::Edited(TreeEdit::of(&plan));
        let head = &amended.head;
        let message = message(&head.environment, &head.root, &head.sources);
        let (overwrite, notes) = (self.overwrite(), amended.candidate.notes.clone());
        let interrupt = &session.interrupt;
        let before = std::mem::take(&mut amended.candidate.last);
        let write = || ground.write(plan.with_message(&message), overwrite, interrupt);
        let ((written, footprint), explanation) =
            amended.write(session, pool, (&notes, together, before), write)?;
        let Amended { head, text, failed, .. } = amended;
        let tree = TreeSummary {
            environment: head.environment,
            root: head.root,
            git_tree: head.git_tree,
            dirty: head.dirty,
            files: counts.unchanged + counts.changed + counts.added,
            on: head
                .parts
                .iter()
                .filter(|(_, it)| it.assignments > 0)
                .map(|(folder, it)| (name_of(folder).to_owned(), it.assignments))
                .collect(),
            failed,
            assignments: Arc::default(),
        };
        Ok(Outcome {
            tree,
            head: text,
            counts: written.counts,
            folder: place.folder(),
            shown: place.shown(),
            written: true,
            commit: written.commit.map(|it| it.to_string()),
            explanation,
            footprint,
            lies,
            differences: None,
        })
    }
}

impl<'c> Candidate<'c> {
    /// Builds the assignments that the edit concerns, and those that are stored with them, and compares them with what lies
    /// there, of which `standing` is known; returns what became of it and what changes, or `None` if anything is wrong, or what lies
    /// there is not what was recorded.
    pub(crate) fn build(
        mut self,
        session: &Session<'_>,
        pool: &rayon::ThreadPool,
        standing: &Standing,
    ) -> Result<Option<(Amended<'c>, Plan)>, OutputError> {
        let all = assignments(&session.loaded.db, self.input);
        if self.edit.extent == Extent::Values {
            let is_quiet = |position: usize| {
                let is_failing = self.ledger.failing.targets(position).next().is_some();
                !is_failing && self.ledger.said.is_silent_of(position)
            };
            self.division.graft(&session.stored, (all, &self.edit.concerned), is_quiet);
        }
        let indices = self.division.built.iter().flat_map(Rebuilt::indices);
        let some: Vec<Assignment> = indices.map(|it| all[it].clone()).collect();
        let (built, around) = self.make(session, &some, pool);
        // If the user stopped it, a build of everything says so.
        let (Some(built), Some(around)) = (built, around?) else { return Ok(None) };
        let failed = built.iter().filter(|it| it.failed).count();
        let may_fail = match self.edit.extent {
            Extent::Values | Extent::Damage => failed <= MOST_FAILED,
            Extent::Doubt => true,
            Extent::Objects => false,
        };
        if failed > 0 && !may_fail || !self.take_said(session, (&built, pool)) {
            return Ok(None);
        }
        let parts = self.parts(session, (all, &built, around), pool)?;
        let Some(parts) = parts else { return Ok(None) };
        self.plan(session, built, parts, standing)
    }

    /// Builds `some` assignments, and fetches what lies around them, as far as both can be done.
    fn make(
        &self,
        session: &Session<'_>,
        some: &[Assignment],
        pool: &rayon::ThreadPool,
    ) -> (Option<Vec<BuiltAssignment>>, Result<Option<Around>, OutputError>) {
        let (input, stored, memory) = (self.input, session.stored.clone(), session.memory);
        if some.len() > FEW && self.edit.extent != Extent::Doubt {
            stored.recall(self.past.clone());
        }
        let chosen = some.to_vec();
        let work = move |db: &Database| build_some(db, input, &chosen, (&*stored, memory));
        let known = &*session.stored;
        let fetch = || self.around(known, some, pool);
        let run = || {
            let built = session.run_on(pool, work);
            // Its memory is wanted for what comes next.
            known.recall(vec![]);
            built
        };
        if self.edit.extent == Extent::Values {
            // What few values concern keeps few threads busy.
            return thread::scope(|scope| {
                let around = scope.spawn(fetch);
                let built = run();
                (built, around.join().unwrap_or_else(|panic| resume_unwind(panic)))
            });
        }
        let built = run();
        let around = if built.is_some() { fetch() } else { Ok(None) };
        (built, around)
    }

    /// Takes what is to be said now; says whether nothing is wrong but with assignments that failed.
    fn take_said(
        &mut self,
        session: &Session<'_>,
        (built, pool): (&[BuiltAssignment], &rayon::ThreadPool),
    ) -> bool {
        let db = &session.loaded.db;
        let (input, subtrees) = (self.input, self.division.subtrees(built));
        let say = |db: &mut Database, (position, it): (usize, &[BuiltAssignment])| {
            let said = said_of_subtree(db, input, it);
            let is_fine = said.is_only_warnings() || it.iter().any(|it| it.failed);
            is_fine.then_some((position, said))
        };
        let of = db.clone();
        let anew: Option<BTreeMap<usize, Said>> =
            pool.install(move || subtrees.into_par_iter().map_with(of, say).collect());
        let Some(anew) = anew else { return false };
        let is_whole_same = match self.edit.extent {
            Extent::Values => true,
            Extent::Damage | Extent::Doubt => session.narrowed.is_some(),
            Extent::Objects => false,
        };
        let is_fine = is_whole_same || self.said.renew_whole(db, input);
        let silenced = &session.workspace.settings.silenced;
        if is_fine {
            if self.edit.reassigned.is_some() {
                self.said.rearrange(&self.division.before());
            }
            self.said.exchange(db, self.input, (&self.edit.files, anew), silenced);
        }
        is_fine
    }

    /// Compares what was built with what lies there.
    fn plan(
        mut self,
        session: &Session<'_>,
        built: Vec<BuiltAssignment>,
        parts: Vec<AmendedPart>,
        standing: &Standing,
    ) -> Result<Option<(Amended<'c>, Plan)>, OutputError> {
        let mut head = self.head.clone();
        let mut texts = BTreeMap::new();
        let mut files = Tree::default();
        let (mut before, mut gone) = (BTreeMap::new(), BTreeSet::new());
        for AmendedPart { folder, record, changed, deleted } in parts {
            let entry = record.as_ref().map(|it| &it.entry);
            if entry.is_some_and(|it| Some(it) == self.head.parts.get(folder.as_str())) {
                // What failed before fails again.
                continue;
            }
            before.extend(deleted);
            for (path, blob, digest) in changed {
                before.extend(digest.map(|it| (path.clone(), it)));
                files.insert(&path, blob);
            }
            if let Some(Record { entry, text }) = record {
                head.parts.insert(folder.to_string(), entry);
                texts.insert(folder, text);
            } else {
                head.parts.remove(folder.as_str());
                gone.insert(folder);
            }
        }
        head.set_sources(sources(session, self.input));
        let mut rest = Tree::default();
        if let Some(commit) = promoted_commit(&session.loaded.db, self.input) {
            let path = FilePath::new(PROMOTED_COMMIT).expect("because the path is constant");
            rest.insert(&path, Blob::new(commit.into_bytes()));
        }
        if head.name_tree(&rest).is_none() || !head.assignments.is_empty() {
            return Ok(None);
        }
        let folders = self.head.parts.iter().map(|(folder, it)| {
            Some((FilePath::new(folder).ok()?, GitObjectId::parse(&it.git_tree)?))
        });
        let Some(folders) = folders.collect() else { return Ok(None) };
        let others = match standing {
            Standing::AsRecorded(others) => others.clone(),
            Standing::Unknown => wob_host::Others::default(),
        };
        let text = head.to_json();
        let amendment = Amendment {
            head: self.head_text.clone(),
            before,
            files,
            record: TreeRecord { head: text.clone(), parts: texts.into() },
            gone,
            folders,
            rest: rest.files().map(|(path, it)| (path, it.digest())).collect(),
            count: head.files.len() + head.parts.values().map(|it| it.files).sum::<usize>(),
            others,
        };
        let plan = self.destination.amend(&amendment, &session.interrupt)?;
        let said = std::mem::take(&mut self.said);
        let failed = built.iter().filter(|it| it.failed).map(|it| &it.assignment);
        let failed = failed.map(|it| format!("{}:{}", it.cluster_type, it.target)).collect();
        Ok(plan.map(|plan| (Amended { candidate: self, built, failed, said, head, text }, plan)))
    }
}

impl Amended<'_> {
    /// Says whether nothing failed, and all could be read.
    pub(crate) fn is_right(&self) -> bool {
        self.failed.is_empty() && !self.is_damaged()
    }

    fn is_damaged(&self) -> bool {
        match self.candidate.edit.extent {
            Extent::Damage | Extent::Doubt => true,
            Extent::Values | Extent::Objects => false,
        }
    }

    /// Says whether the notes would say something else now.
    pub(crate) fn has_news(&self) -> bool {
        self.candidate.has_news
    }

    /// Returns what is noted of the build before.
    pub(crate) fn last(&self) -> &LastBuild {
        &self.candidate.last
    }

    /// Calls `write`, which writes it, and notes at `to` what the next build needs, unless that fails; returns why assignments were
    /// built, too, compared with the build `before`.
    pub(crate) fn write<W: Send>(
        &self,
        session: &Session<'_>,
        pool: &rayon::ThreadPool,
        (to, together, before): (&PlaceNotes, &Together, LastBuild),
        write: impl FnOnce() -> Result<W, OutputError> + Send,
    ) -> Result<(W, Explanation), OutputError> {
        let stored = &*session.stored;
        let reader = Reader::of(session);
        // Mostly waits for the disk.
        let (written, last, next) = thread::scope(|scope| {
            let name = self.candidate.target.name.as_str();
            let writing = scope.spawn(move || {
                let _span = timings::span_of("write", name);
                write()
            });
            scope.spawn(move || {
                let _span = timings::span_of("store", name);
                // Without it the next build renders again what it needs.
                let renewed = self.candidate.division.renewed(&self.built).map(|it| it.1);
                pool.install(|| stored.save_grafted(renewed.collect())).unwrap_or_default();
            });
            let reading = scope.spawn(move || {
                let _span = timings::span_of("reads", name);
                self.next(&reader, (&self.text, together), to)
            });
            let span = timings::span_of("explain", name);
            let last = compare(session, self.compared(), Some(before));
            let last = (last.to_text(), last.explanation);
            drop(span);
            let next = reading.join().unwrap_or_else(|bug| resume_unwind(bug));
            (writing.join().unwrap_or_else(|bug| resume_unwind(bug)), last, next)
        });
        let (written, (last, explanation)) = (written?, last);
        self.note(&last, &next, to);
        Ok((written, explanation))
    }

    /// Notes at `to` that the tree which is there is that of the sources as they are now; its record says the same of all
    /// assignments.
    pub(crate) fn keep(&self, session: &Session<'_>, together: &Together, to: &PlaceNotes) {
        let Candidate { last, head_text, .. } = &self.candidate;
        let last = compare(session, self.compared(), Some(last.clone()));
        let next = self.next(&Reader::of(session), (head_text, together), to);
        self.note(&last.to_text(), &next, to);
    }

    fn compared(&self) -> Compared<'_> {
        let Candidate { input, division, .. } = &self.candidate;
        let subtrees = division.named(&self.built);
        Compared::some(*input, (&self.built, self.head.assigned()), subtrees)
    }

    /// Finds out what is to be noted at `to` of the tree with the record `text`: what was said, and what was read.
    fn next(
        &self,
        reader: &Reader<'_>,
        (text, together): (&str, &Together),
        to: &PlaceNotes,
    ) -> Next {
        let Candidate { input, notes, edit, ledger, past, division, .. } = &self.candidate;
        if self.is_damaged() {
            // What was read while all could be stays noted.
            let on = self.built.iter().map(|it| it.assignment.cluster_type.to_string()).collect();
            let ledger = ledger.clone().with_damage(text, Damaged::new(on, past));
            return Next { ledger, reads: NextReads::Same };
        }
        let failing = Failing::of(division.subtrees(&self.built).into_iter());
        let ledger =
            Ledger::new(edit.frame.clone(), text, self.said.clone(), Some(together.clone()))
                .with_failing(failing);
        let reads = match edit.extent {
            Extent::Values | Extent::Damage | Extent::Doubt => {
                ReadsNote::amended(reader, *input, (notes, to), &ledger)
            }
            // Other subtrees may need other files.
            Extent::Objects => ReadsNote::renewed(reader, reads(reader.db(), *input), &ledger),
        };
        Next { ledger, reads }
    }

    /// Notes at `to` what comes `next`, and of the build as a whole what `last` says.
    fn note(&self, last: &[u8], Next { ledger, reads }: &Next, to: &PlaceNotes) {
        let Candidate { target, notes, edit, .. } = &self.candidate;
        let _span = timings::span_of("note", target.name.as_str());
        thread::scope(|scope| {
            scope.spawn(|| LastBuild::write_text(last, to));
            scope.spawn(|| match &edit.objects {
                Some(objects) => ledger.write(objects, to),
                None if self.is_damaged() => ledger.write_alone(to),
                None => ledger.write_beside(notes, to),
            });
            reads.write(to);
        });
    }
}

/// What is to be noted of a tree.
struct Next {
    ledger: Ledger,
    reads: NextReads,
}

fn name_of(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}
