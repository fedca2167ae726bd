//! The build of one environment: the inputs of every assignment, then the files of those that are not known.

use std::sync::Arc;

use rayon::prelude::*;
use wob_engine::{Blob, Database, Diagnostic, Digest, Source, SourceFile};

use super::{
    EnvironmentInput, assignments, check_files, environment_model, file_problems, inputs_of,
    inputs_of_pair, layers, pair, rendered, scheduled,
};
use crate::{
    built::{Built, BuiltAssignment, Made},
    decode::decode_file,
    known::{Kept, Known, Nothing, known_files, subtrees},
    render::{Files, Inputs, render_changed, render_digests},
    schedule::Assignment,
};

/// Parses and decodes every file of an environment, as its model will ask for, with all the threads of the current rayon
/// pool.
pub fn decode_all(db: &Database, environment: EnvironmentInput) {
    decode_files(db, &source_files(db, environment).collect::<Vec<_>>());
}

/// Does the same with the files of one source: whoever asks for one file after the other makes them with one thread alone.
pub fn decode_source(db: &Database, source: Source) {
    decode_files(db, source.files(db));
}

fn decode_files(db: &Database, files: &[SourceFile]) {
    /// How many files one thread takes at a time.
    const FILES: usize = 16;
    if files.len() <= FILES {
        // No thread is needed, nor started if there is none yet: whoever asks for a file decodes it.
        return;
    }
    files.par_chunks(FILES).for_each_with(db.clone(), |db, files| {
        for file in files {
            decode_file(db, *file);
        }
    });
}

/// Lists the files in which resources are said: of the bases, the control plane and the workloads, in this order.
pub(crate) fn source_files(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
) -> impl Iterator<Item = SourceFile> {
    let bases = environment.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let workloads = environment.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
    let sources = bases.copied().chain([environment.control_plane(db)]).chain(workloads.copied());
    sources.flat_map(|it| it.files(db).iter().copied())
}

/// Finds out what there is to build, with all the threads of the current rayon pool: whoever asks first for a part of it makes that
/// part with one thread alone.
pub fn prepare(db: &Database, environment: EnvironmentInput) {
    decode_all(db, environment);
    environment_model(db, environment);
    let (own, other) = (db.clone(), db.clone());
    rayon::join(move || _ = scheduled(&own, environment), move || _ = layers(&other, environment));
}

/// Whether what is made of each assignment alone stays in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It does, so that the next build with the same database makes only that again which is another.
    Kept,
    /// It does not: there will be no other build, and it takes a fifth of all memory.
    Spared,
}

/// Builds an environment with all the threads of the current rayon pool.
///
/// The result does not depend on how many there are.
pub fn build(db: &Database, environment: EnvironmentInput) -> Built {
    build_with(db, environment, &Nothing, Memory::Kept)
}

/// Builds as [`build`] does, but renders no assignment whose files are `known`; tells of those that it renders.
pub fn build_with(
    db: &Database,
    environment: EnvironmentInput,
    known: &dyn Known,
    memory: Memory,
) -> Built {
    let making = Making { environment, known, memory };
    Built::join(db, environment, making.all(db, assignments(db, environment)))
}

/// Builds some of an environment's assignments, in order; what of them is known by whole [subtrees] may then be asked for one by one.
pub fn build_some(
    db: &Database,
    environment: EnvironmentInput,
    some: &[Assignment],
    (known, memory): (&dyn Known, Memory),
) -> Vec<BuiltAssignment> {
    Making { environment, known, memory }.all(db, some)
}

/// What an assignment is made from, and the digest of it; or what forbids to make it.
type MadeFrom = Result<(Arc<Inputs>, Digest), Vec<Diagnostic>>;

/// How assignments are built.
#[derive(Clone, Copy)]
struct Making<'k> {
    environment: EnvironmentInput,
    known: &'k dyn Known,
    memory: Memory,
}

impl Making<'_> {
    fn all(self, db: &Database, assignments: &[Assignment]) -> Vec<BuiltAssignment> {
        /// How many assignments one thread takes at least, and at most: rayon halves what there is only while somebody waits, so that the
        /// last of few large shares would keep one thread busy while the others have nothing to do.
        const LEAST: usize = 64;
        const MOST: usize = 512;
        // salsa's handles are for one thread each; they share what they compute.
        let made_from: Vec<MadeFrom> = assignments
            .par_iter()
            .with_min_len(LEAST)
            .with_max_len(MOST)
            .map_with(db.clone(), |db, it| self.inputs(db, it))
            .collect();
        let digests = made_from.iter().map(|it| it.as_ref().ok().map(|it| it.1));
        self.known.expect(&subtrees(assignments.iter().zip(digests)));
        assignments
            .par_iter()
            .zip(made_from)
            .with_min_len(LEAST)
            .with_max_len(MOST)
            .map_with(db.clone(), |db, (it, made_from)| self.one(db, it, made_from))
            .collect()
    }

    fn inputs(self, db: &Database, assignment: &Assignment) -> MadeFrom {
        let inputs = match self.memory {
            Memory::Kept => inputs_of(db, self.environment, assignment).clone(),
            Memory::Spared => {
                let pair = (&assignment.cluster_type, &assignment.target);
                inputs_of_pair(db, self.environment, pair)
            }
        };
        inputs.map(|it| {
            let digest = it.digest();
            (it, digest)
        })
    }

    fn one(self, db: &Database, assignment: &Assignment, made_from: MadeFrom) -> BuiltAssignment {
        let Self { environment, known, memory } = self;
        let (inputs, digest) = match made_from {
            Ok(it) => it,
            Err(said) => return BuiltAssignment::without_inputs(assignment.clone(), said),
        };
        let built = |files, made, diagnostics| BuiltAssignment {
            assignment: assignment.clone(),
            namespace: Some(inputs.namespace.clone()),
            inputs: Some(digest),
            made_from: Some(inputs.clone()),
            files,
            failed: made == Made::Nothing,
            made,
            kept: None,
            diagnostics,
        };
        if let Some((files, said, kept)) = known_files(known, digest, &inputs) {
            return BuiltAssignment { kept: Some(kept), ..built(files, Made::Before, said) };
        }
        let before = known.before(assignment, &inputs);
        let pair = || pair(db, environment, assignment);
        let rendered = match (&before, memory) {
            (Some(before), _) => &render_changed(&inputs, before),
            (None, Memory::Spared) => &render_digests(&inputs),
            (None, Memory::Kept) => rendered(db, pair()),
        };
        let target = &environment_model(db, environment).targets[&assignment.target];
        let mut diagnostics: Vec<_> = rendered
            .diagnostics
            .iter()
            .map(|it| match it.labels.as_slice() {
                [] => it.clone().at(target.manifests_place.clone(), "rendered for this target"),
                _ => it.clone(),
            })
            .collect();
        // A result that says nothing takes memory, too.
        let is_checked = environment.validation(db).of(&assignment.cluster_type).is_on();
        let check = |wanted: &dyn Fn(&str, &Blob) -> bool| {
            check_files(db, environment, (&inputs, rendered), wanted)
        };
        let problems = match (&before, memory) {
            _ if !is_checked => &[][..],
            (Some(before), _) => &check(&|name, it| !before.was_checked(name, it)),
            (None, Memory::Spared) => &check(&|_, _| true),
            (None, Memory::Kept) => file_problems(db, pair()),
        };
        diagnostics.extend(problems.iter().cloned());
        if rendered.failed() || !problems.is_empty() {
            rendered.files.let_go();
            return built(Files::default(), Made::Nothing, diagnostics);
        }
        // What else is said names places that no digest covers: it must be found again each time.
        let kept = (diagnostics.len() == rendered.missed.len()).then(|| {
            known.keep(digest, rendered);
            Kept::of(rendered)
        });
        rendered.files.let_go();
        BuiltAssignment { kept, ..built(rendered.files.clone(), Made::Now, diagnostics) }
    }
}
