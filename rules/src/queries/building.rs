//! The build of one environment: the inputs of every assignment, then the files of those that are not known.

use std::sync::Arc;

use rayon::prelude::*;
use wob_engine::{Database, Digest, SourceFile};

use super::{
    EnvironmentInput, assignments, check_files, environment_model, file_problems, inputs_of,
    layers, pair, rendered, scheduled,
};
use crate::{
    built::{Built, BuiltAssignment, Made},
    decode::decode_file,
    known::{Kept, Known, Nothing, known_files, subtrees},
    render::{Files, Inputs, render_changed},
    schedule::Assignment,
};

/// Parses and decodes every file of an environment, as its model will ask for, with all the threads of the current rayon
/// pool.
pub fn decode_all(db: &Database, environment: EnvironmentInput) {
    /// How many files one thread takes at a time.
    const FILES: usize = 64;
    let files: Vec<SourceFile> = source_files(db, environment).collect();
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

/// Builds an environment with all the threads of the current rayon pool.
///
/// The result does not depend on how many there are.
pub fn build(db: &Database, environment: EnvironmentInput) -> Built {
    build_with(db, environment, &Nothing)
}

/// Builds as [`build`] does, but renders no assignment whose files are `known`; tells of those that it renders.
pub fn build_with(db: &Database, environment: EnvironmentInput, known: &dyn Known) -> Built {
    Built::join(db, environment, assigned(db, environment, assignments(db, environment), known))
}

/// Builds some of an environment's assignments, which are whole [subtrees]; `None` if one fails.
pub fn build_some(
    db: &Database,
    environment: EnvironmentInput,
    some: &[Assignment],
    known: &dyn Known,
) -> Option<Vec<BuiltAssignment>> {
    let built = assigned(db, environment, some, known);
    built.iter().all(|it| !it.failed).then_some(built)
}

fn assigned(
    db: &Database,
    environment: EnvironmentInput,
    assignments: &[Assignment],
    known: &dyn Known,
) -> Vec<BuiltAssignment> {
    /// How many assignments one thread takes at least, and at most: rayon halves what there is only while somebody waits, so that the last
    /// of few large shares would keep one thread busy while the others have nothing to do.
    const LEAST: usize = 64;
    const MOST: usize = 512;
    // salsa's handles are for one thread each; they share what they compute.
    let made_from: Vec<Option<(Arc<Inputs>, Digest)>> = assignments
        .par_iter()
        .with_min_len(LEAST)
        .with_max_len(MOST)
        .map_with(db.clone(), |db, it| {
            let inputs = inputs_of(db, environment, it).as_ref().ok()?;
            Some((inputs.clone(), inputs.digest()))
        })
        .collect();
    let digests = made_from.iter().map(|it| it.as_ref().map(|it| it.1));
    known.expect(&subtrees(assignments.iter().zip(digests)));
    assignments
        .par_iter()
        .zip(made_from)
        .with_min_len(LEAST)
        .with_max_len(MOST)
        .map_with(db.clone(), |db, (it, made_from)| {
            build_assignment(db, environment, it, (known, made_from))
        })
        .collect()
}

fn build_assignment(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
    (known, made_from): (&dyn Known, Option<(Arc<Inputs>, Digest)>),
) -> BuiltAssignment {
    let built = |files, made, diagnostics| {
        let (made_from, inputs) = made_from.clone().unzip();
        BuiltAssignment {
            assignment: assignment.clone(),
            namespace: made_from.as_ref().map(|it| it.namespace.clone()),
            inputs,
            made_from,
            files,
            failed: made == Made::Nothing,
            made,
            kept: None,
            diagnostics,
        }
    };
    let Some((inputs, digest)) = &made_from else {
        let said = inputs_of(db, environment, assignment).as_ref().err();
        return built(Files::default(), Made::Nothing, said.cloned().unwrap_or_default());
    };
    if let Some((files, said, kept)) = known_files(known, *digest, inputs) {
        return BuiltAssignment { kept: Some(kept), ..built(files, Made::Before, said) };
    }
    let pair = pair(db, environment, assignment);
    let before = known.before(assignment, inputs);
    let rendered = match &before {
        Some(before) => &render_changed(inputs, before),
        None => rendered(db, pair),
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
    let problems = match &before {
        _ if !is_checked => &[][..],
        None => file_problems(db, pair),
        Some(before) => &check_files(db, pair, rendered, &|name, it| !before.was_checked(name, it)),
    };
    diagnostics.extend(problems.iter().cloned());
    if rendered.failed() || !problems.is_empty() {
        rendered.files.let_go();
        return built(Files::default(), Made::Nothing, diagnostics);
    }
    // What else is said names places that no digest covers: it must be found again each time.
    let kept = (diagnostics.len() == rendered.missed.len()).then(|| {
        known.keep(*digest, rendered);
        Kept::of(rendered)
    });
    rendered.files.let_go();
    BuiltAssignment { kept, ..built(rendered.files.clone(), Made::Now, diagnostics) }
}
