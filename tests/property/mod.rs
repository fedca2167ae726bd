//! Laws that hold on every workspace, checked on random ones.
//!
//! `WOB_PROPERTY_CASES` says how many are drawn, `WOB_PROPERTY_SEED` repeats the one whose seed a failure printed.

mod changes;
mod concerned;
pub(crate) mod draft;
pub(crate) mod lives;
mod random;
mod reads;
mod scene;
mod steps;
mod why;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
};

pub(crate) use random::Random;
use rayon::ThreadPoolBuilder;
use scene::Scene;
use wob_rules::Built;

use crate::{
    engine::{self, Workspace},
    oracle::{
        self,
        world::{Outcome, World},
    },
};

/// Calls `law` with the seeds of this run; the last one that is printed is the one that failed.
#[expect(clippy::print_stdout, reason = "the seed brings a failure back")]
fn for_each_seed(cases: u64, mut law: impl FnMut(&mut Random)) {
    let number = |name| env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    if let Some(seed) = number("WOB_PROPERTY_SEED") {
        law(&mut Random::new(seed));
        return;
    }
    for seed in 0..number("WOB_PROPERTY_CASES").unwrap_or(cases) {
        println!("WOB_PROPERTY_SEED={seed}");
        law(&mut Random::new(seed));
    }
}

/// Random workspaces are worth their time only if something happens in them.
#[test]
fn scenes_are_varied() {
    let (mut assignments, mut failed, mut files) = (0, 0, 0);
    for seed in 0..100 {
        let world = Scene::draw(&mut Random::new(seed)).lay_out(seed);
        let outcome = oracle::evaluate(&world);
        assignments += oracle::assignments(&oracle::model(&world)).len();
        failed += outcome.failed.len();
        files += outcome.files.len();
    }
    assert!(assignments > 300, "{assignments} assignments");
    assert!(failed > 30 && failed < assignments / 2, "{failed} of {assignments} failed");
    assert!(files > 1000, "{files} files");
}

#[test]
fn the_engine_gives_what_the_oracle_gives() {
    for_each_seed(60, |random| {
        let world = Scene::draw(random).lay_out(1);
        let (found, expected) = (engine::evaluate(&world), oracle::evaluate(&world));
        assert!(found == expected, "{}", difference(&world, &expected, &found));
    });
}

#[test]
fn neither_files_nor_threads_matter() {
    for_each_seed(25, |random| {
        let scene = Scene::draw(random);
        let one = on_threads(1, Workspace::new(&scene.lay_out(1)));
        for (seed, threads) in [(1, 4), (2, 1), (3, 3)] {
            let other = on_threads(threads, Workspace::new(&scene.lay_out(seed)));
            assert_eq!(one.tree.root(), other.tree.root(), "layout {seed}, {threads} threads");
            assert_eq!(inputs(&one), inputs(&other), "layout {seed}, {threads} threads");
        }
    });
}

/// The digests of what each assignment depends on know nothing of files either.
fn inputs(built: &Built) -> Vec<Option<wob_engine::Digest>> {
    built.assignments.iter().map(|it| it.inputs).collect()
}

#[test]
fn an_edited_database_gives_what_a_new_one_gives() {
    for_each_seed(12, |random| {
        let mut scene = Scene::draw(random);
        let mut edited = Workspace::new(&scene.lay_out(1));
        edited.build();
        for step in 0..8 {
            scene.edit(random);
            let world = scene.lay_out(1);
            edited.set(&world);
            assert_eq!(edited.build(), Workspace::new(&world).build(), "after edit {step}");
        }
    });
}

/// A warning is only worth reading if it is right: what it says is not used can go, and nothing changes.
#[test]
fn what_is_warned_of_changes_nothing() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for_each_seed(150, |random| {
        let scene = Scene::draw(random);
        let workspace = Workspace::new(&scene.lay_out(1));
        let before = workspace.build();
        for warning in workspace.warnings() {
            let mut other = scene.clone();
            if other.remove_unused(&warning) {
                *counts.entry(warning.code).or_default() += 1;
                let after = Workspace::new(&other.lay_out(1)).build();
                assert_eq!(before.tree.root(), after.tree.root(), "{warning:#?}");
                assert_eq!(before.failed(), after.failed(), "{warning:#?}");
            }
        }
    });
    if env::var_os("WOB_PROPERTY_SEED").is_none() {
        let codes = ["config-applies-nowhere", "schema-applies-nowhere", "unused-label"];
        assert!(codes.iter().all(|it| counts.get(it).is_some_and(|it| *it > 3)), "{counts:?}");
    }
}

fn on_threads(threads: usize, workspace: Workspace) -> Built {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("because a few threads can always be had").install(move || workspace.build())
}

/// Shows a difference with the sources that led to it.
fn difference(world: &World, expected: &Outcome, found: &Outcome) -> String {
    let mut text = String::new();
    for (path, file) in world.base.iter().chain(&world.environment) {
        writeln!(text, "== {path}\n{file}").expect("because a string takes all");
    }
    for path in expected.files.keys().chain(found.files.keys()).collect::<BTreeSet<_>>() {
        let (a, b) = (expected.files.get(path), found.files.get(path));
        if a != b {
            writeln!(text, "{path}: expected {a:?}\n  found {b:?}")
                .expect("because a string takes all");
        }
    }
    format!("{text}expected to fail: {:?}\nfailed: {:?}", expected.failed, found.failed)
}
