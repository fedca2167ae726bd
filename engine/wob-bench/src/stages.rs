//! The stages of a build, one after the other as a build has them, each measured alone.

use std::{collections::BTreeSet, error::Error, path::Path, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use wob_engine::{Blob, Diagnostic, FilePath, Tree};
use wob_host::{Interrupt, OutputFolder, Overwrite, Standing, TreeRecord};
use wob_rules::{
    Assignment, Inputs, Profile, Record, Rendered, assignments, build, decode_file, inputs_of,
    render,
};

use crate::{
    fleet::{Fleet, Shape},
    floors,
    load::{Loaded, load},
    meter::{measure as cost_of, time},
    report::{Counts, FleetReport, Stage},
};

/// Measures every stage with one thread; files are written below `folder`, if there is one.
///
/// # Errors
/// The fleet does not build, or its files cannot be written.
pub(crate) fn measure(
    fleet: &Fleet,
    shape: Shape,
    folder: Option<&Path>,
) -> Result<FleetReport, Box<dyn Error>> {
    let loaded = load(fleet);
    let Loaded { db, input, files } = &loaded;
    let ((), parse) = cost_of(|| {
        for file in files {
            std::hint::black_box(decode_file(db, *file));
        }
    });
    let (pairs, schedule) = cost_of(|| assignments(db, *input));
    expect_all(pairs, shape)?;
    let (inputs, compose) = cost_of(|| inputs(&loaded, pairs));
    let inputs = inputs?;
    let (rendered, render) = cost_of(|| inputs.iter().map(|it| render(it)).collect::<Vec<_>>());
    let (tree, hash) = cost_of(|| hash(&inputs, &rendered));
    drop(rendered);

    let counts = counts(&loaded, shape, &inputs, &tree);
    let texts: Vec<&str> = fleet.files().into_values().collect();
    let mut stages = vec![
        Stage::new("parse", parse)
            .with_floor("the YAML parser's events alone", time(|| floors::parse(&texts))),
        Stage::new("schedule", schedule)
            .with_floor("the pairs as names, sorted", time(|| floors::schedule(pairs))),
    ];
    let layers = floors::layers(db, *input, pairs);
    stages.push(
        Stage::new("compose", compose)
            .with_floor("each config's texts into one map", time(|| floors::compose(&layers))),
    );
    let templates = floors::Templates::new(&inputs)?;
    stages.push(
        Stage::new("render", render)
            .with_floor("the templates alone, data prebuilt", time(|| templates.render(&inputs))),
    );
    stages.push(
        Stage::new("hash", hash)
            .with_floor("BLAKE3 of the files' bytes", time(|| floors::hash(&tree))),
    );
    if let Some(folder) = folder {
        stages.push(write(&loaded, &tree, folder)?);
    }
    Ok(FleetReport { counts, stages })
}

/// Measures a whole build with `threads`, from sources in memory to a tree with digests.
///
/// # Errors
/// The fleet does not build, or threads do not start.
pub(crate) fn measure_build(fleet: &Fleet, threads: usize) -> Result<FleetReport, Box<dyn Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let loaded = load(fleet);
    let (db, input) = (loaded.db.clone(), loaded.input);
    let (built, cost) = cost_of(|| {
        pool.install(move || {
            let built = build(&db, input);
            // As whoever writes a record does.
            let ids = rayon::join(|| built.tree.root(), || built.tree.git_id());
            std::hint::black_box(ids);
            built
        })
    });
    if let Some(wrong) = built.diagnostics.iter().find(|it| it.is_error()) {
        return Err(wrong.message.clone().into());
    }
    let stages = vec![Stage::new("build", cost)];
    Ok(FleetReport { counts: Counts::default(), stages })
}

/// What a fleet comes to.
pub(crate) struct Files {
    /// What each assignment's files depend on.
    pub(crate) inputs: Vec<Arc<Inputs>>,
    /// With the bytes of every file.
    pub(crate) tree: Tree,
}

/// Renders every file with all threads.
///
/// # Errors
/// The fleet does not build.
pub(crate) fn files(fleet: &Fleet, shape: Shape) -> Result<Files, Box<dyn Error>> {
    let loaded = load(fleet);
    let pairs = assignments(&loaded.db, loaded.input);
    expect_all(pairs, shape)?;
    let inputs = inputs(&loaded, pairs)?;
    let rendered: Vec<Rendered> = inputs.par_iter().map(|it| render(it)).collect();
    let tree = hash(&inputs, &rendered);
    Ok(Files { inputs, tree })
}

fn expect_all(pairs: &[Assignment], shape: Shape) -> Result<(), String> {
    if pairs.len() == shape.assignments() {
        return Ok(());
    }
    Err(format!("{} assignments, not {}", pairs.len(), shape.assignments()))
}

fn inputs(loaded: &Loaded, pairs: &[Assignment]) -> Result<Vec<Arc<Inputs>>, String> {
    let inputs = pairs.iter().map(|it| inputs_of(&loaded.db, loaded.input, it));
    let good = inputs.map(|it| it.clone().map_err(|wrong| message(&wrong)));
    good.collect()
}

fn message(diagnostics: &[Diagnostic]) -> String {
    diagnostics.first().map_or_else(|| "no reason given".to_owned(), |it| it.message.clone())
}

/// Names everything by its digest: files, actions, the tree, and the tree as git has it.
fn hash(inputs: &[Arc<Inputs>], rendered: &[Rendered]) -> Tree {
    let mut tree = Tree::default();
    for (inputs, rendered) in inputs.iter().zip(rendered) {
        std::hint::black_box(inputs.digest());
        for (name, blob) in rendered.files.iter() {
            let path = format!("{}/{}/{name}", inputs.cluster_type.name, inputs.target.name);
            let path = FilePath::new(&path).expect("because it is made of names");
            tree.insert(&path, Blob::new(blob.bytes()));
        }
    }
    std::hint::black_box((tree.root(), tree.git_id()));
    tree
}

fn counts(loaded: &Loaded, shape: Shape, inputs: &[Arc<Inputs>], tree: &Tree) -> Counts {
    let texts = loaded.files.iter().map(|it| match it.content(&loaded.db) {
        wob_engine::Content::Text { text, .. } => text.len(),
        wob_engine::Content::Refused(_) | wob_engine::Content::Unread { .. } => 0,
    });
    let configs: BTreeSet<_> = inputs.iter().map(|it| Arc::as_ptr(&it.config)).collect();
    Counts {
        assignments: inputs.len(),
        cluster_types: shape.cluster_types,
        targets: shape.targets(),
        compositions: configs.len(),
        source_files: loaded.files.len(),
        source_bytes: texts.sum(),
        files: tree.len(),
        bytes: tree.files().map(|(_, blob)| blob.bytes().len()).sum(),
    }
}

/// Writes `tree` as the command does, and its files as plainly as can be.
fn write(loaded: &Loaded, tree: &Tree, folder: &Path) -> Result<Stage, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("wob-bench-").tempdir_in(folder)?;
    let folder = Utf8Path::from_path(folder.path()).ok_or("the folder's name is not UTF-8")?;
    let built = build(&loaded.db, loaded.input);
    let texts = Record::new(&built, tree, Profile::Standard, vec![]).texts();
    let record = TreeRecord { head: texts.head, parts: Arc::new(texts.parts) };
    drop(built);
    let (written, cost) = cost_of(|| -> Result<_, Box<dyn Error>> {
        let output = OutputFolder::new(&folder.join("wob"), None);
        let interrupt = Interrupt::default();
        Ok(output
            .plan(tree, &record, &Standing::Unknown, &interrupt)?
            .apply(Overwrite::Nothing, &interrupt)?)
    });
    let added = written?.counts.added;
    if added != tree.len() {
        return Err(format!("{added} of {} files were written", tree.len()).into());
    }
    let plain: Utf8PathBuf = folder.join("plain");
    let mut result = Ok(());
    let floor = time(|| result = floors::write(tree, &plain));
    result?;
    Ok(Stage::new("write", cost).with_floor("the same files, created and written", floor))
}
