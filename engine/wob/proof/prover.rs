//! Proves trees one after the other; what several have in common is made once.

use std::collections::BTreeMap;

use wob_engine::{Blob, FilePath, Tree, part_path};
use wob_host::{Digests, Interrupt, Manifest, OutputError};
use wob_rules::{Name, Record, RecordError, RecordTexts};

use super::{
    Proof, Subject, Verdict,
    judge::{Judge, judge_hands},
    rebuild::{Rebuild, Stop},
};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    stream::Streams,
    workspace::Loaded,
};

/// After so many trees, what was made for earlier ones is forgotten: a long history would fill the memory with it.
const REMEMBERED: usize = 64;

/// Proves trees.
pub(crate) struct Prover<'p> {
    rebuild: Rebuild<'p>,
    /// What the last tree was made in.
    before: Option<Loaded>,
    digests: Digests,
    proven: usize,
    /// What the sources of the last tree gave, and the texts of its record.
    given: Option<(Tree, RecordTexts)>,
}

impl<'p> Prover<'p> {
    /// Proves what `patterns` select; without any, all of each tree.
    pub(crate) fn new(
        common: &'p Common,
        patterns: &'p Patterns,
        streams: &'p Streams,
        interrupt: &'p Interrupt,
    ) -> Self {
        let rebuild = Rebuild { common, patterns, streams, interrupt };
        Self { rebuild, before: None, digests: Digests::default(), proven: 0, given: None }
    }

    /// Says what is known of a tree.
    ///
    /// # Errors
    /// If nothing can be known of it, or the user stopped it; it was said why.
    pub(crate) fn prove(&mut self, subject: &Subject) -> Result<Proof, Exit> {
        self.proven += 1;
        self.given = None;
        if self.proven.is_multiple_of(REMEMBERED) {
            self.before = None;
        }
        let (record, texts) = match read(subject) {
            Ok(Ok(found)) => found,
            Ok(Err(proof)) => return Ok(proof),
            Err(error) => return Err(self.fail(&error)),
        };
        let files = subject.held.files(&mut self.digests, self.rebuild.interrupt);
        let files = files.map_err(|it| self.fail(&it))?;
        let mut proof = Proof::new(Some(record.clone()));
        let other_version = record.wob != Record::own_version();
        if other_version {
            let (own, other) = (Record::own_version(), &record.wob);
            proof.reasons.push(format!("wob {other} wrote the record, and this is wob {own}"));
        }
        check_root(&mut proof, &record);
        match self.rebuild.run(&record, &mut self.before) {
            Err(Stop::Exit(exit)) => return Err(exit),
            Err(Stop::Missing { reason, outside }) => {
                judge_hands(&mut proof, &record, &files, &|_| true);
                proof.because(Verdict::NotCheckable, reason);
                proof.outside = outside;
            }
            Ok(rebuilt) => {
                let (held, before) = (&subject.held, subject.before.as_ref());
                let judge = Judge {
                    record: &record,
                    texts: &texts,
                    files: &files,
                    held,
                    before,
                    rebuilt: &rebuilt,
                };
                judge_hands(&mut proof, &record, &files, &|it| judge.is_meant(it));
                let judged = judge.judge(&mut proof);
                self.before = Some(rebuilt.session.loaded);
                let tree = judged.map_err(|it| self.fail(&it))?;
                self.given = Some((tree, texts));
            }
        }
        proof.differences.sort_by(|a, b| (&a.path, a.by).cmp(&(&b.path, b.by)));
        if other_version && proof.verdict == Verdict::NotReproducible {
            proof.reasons.push(format!("wob {} may well give what is there", record.wob));
        }
        Ok(proof)
    }

    /// Returns what the sources of the last tree gave, and the texts of its record; none if they could not be had.
    pub(crate) fn into_given(self) -> Option<(Tree, RecordTexts)> {
        self.given
    }

    /// Says why nothing is known.
    fn fail(&self, error: &OutputError) -> Exit {
        if let OutputError::Interrupted(_) = error {
            self.rebuild.streams.fail("interrupted");
            return Exit::Interrupted;
        }
        self.rebuild.streams.fail(&error.to_string());
        Exit::Local
    }
}

/// Reads the record of a tree; if there is none to go by, what is known without one.
pub(super) fn read(subject: &Subject) -> Result<Result<(Record, RecordTexts), Proof>, OutputError> {
    let mut proof = Proof::new(None);
    let Some(bytes) = subject.held.record()? else {
        let reason = "there is no `.wob/tree.json`, so that it is not known what it was made from";
        proof.because(Verdict::NotCheckable, reason.to_owned());
        return Ok(Err(proof));
    };
    let damaged = |reason: &str| format!("its record, `.wob/tree.json`, is damaged: {reason}");
    let Ok(head) = String::from_utf8(bytes) else {
        proof.because(Verdict::Damaged, damaged("it is no text"));
        return Ok(Err(proof));
    };
    let mut texts = RecordTexts { head, parts: BTreeMap::new() };
    let mut failed = None;
    let mut found = BTreeMap::new();
    let mut read = |path: &str| {
        let path = FilePath::new(path).ok()?;
        let bytes = subject.held.read(&path).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            None
        })?;
        found.insert(path, bytes.clone());
        Some(bytes)
    };
    let record = Record::read(&texts.head, &mut read);
    if let Some(error) = failed {
        return Err(error);
    }
    match record {
        Ok(record) if !record.files.keys().all(|it| Manifest::may_own(it)) => {
            proof
                .because(Verdict::Damaged, damaged("it names a file that wob cannot have written"));
        }
        Ok(record) if Name::new(&record.environment).is_err() => {
            proof.because(Verdict::Damaged, damaged("no environment can be called so"));
        }
        Ok(record) => {
            for folder in record.parts.keys() {
                let bytes = found.remove(&part_path(folder)).unwrap_or_default();
                texts.parts.insert(folder.clone(), Blob::new(bytes));
            }
            return Ok(Ok((record, texts)));
        }
        Err(RecordError::Damaged { reason }) => {
            proof.because(Verdict::Damaged, damaged(&reason));
        }
        Err(RecordError::Foreign { wob }) => {
            let own = Record::own_version();
            proof.because(
                Verdict::NotCheckable,
                format!(
                    "wob {wob} wrote its record, which wob {own} cannot read: use that version"
                ),
            );
        }
    }
    Ok(Err(proof))
}

/// Checks that the record does not contradict itself.
fn check_root(proof: &mut Proof, record: &Record) {
    let path = |path: &String| FilePath::new(path).expect("because the manifest was read");
    let files: BTreeMap<FilePath, _> =
        record.files.iter().map(|(it, digest)| (path(it), *digest)).collect();
    if Tree::root_of(&files) != record.root {
        proof.because(
            Verdict::Damaged,
            "the record contradicts itself: its `root` is not that of its `files`".to_owned(),
        );
    }
    if record.dirty != record.sources.iter().any(|it| it.dirty) {
        proof.because(
            Verdict::Damaged,
            "the record contradicts itself: `dirty` is not what its sources say".to_owned(),
        );
    }
}
