//! Good workspaces with one file gone wrong: each tells so at a place, or still means something, and then the output is
//! right. What the file does not concern stays as it was.
//!
//! A file *concerns* an assignment if the assignment has other files, or none, in the same workspace without that file.
//! So a template concerns those that it renders, a policy those that no other policy makes, a ConfigMap those that it
//! is a layer of. What is not concerned must come out of a build with errors byte for byte as before. Without errors the
//! oracle says what must come out. `WOB_MALFORMED_SEEDS` says how many malformations of each kind are drawn.

mod hand;
mod outcome;
mod real;
mod scenes;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
};

use self::{
    hand::{KINDS, Kind, Malformed},
    outcome::{Fate, judge},
    scenes::{Root, Scene, scenes},
};
use crate::{property::Random, support::with_snapshots_in};

/// How many malformations of each kind are drawn.
fn seeds() -> u64 {
    env::var("WOB_MALFORMED_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(7)
}

/// A file of an example that went wrong.
#[derive(Clone, Debug)]
struct Case {
    kind: &'static str,
    /// The example.
    example: &'static str,
    root: Root,
    path: String,
    malformed: Malformed,
}

/// Draws all malformations; the same ones in every run.
fn cases(scenes: &[Scene]) -> Vec<Case> {
    let mut cases = vec![];
    for (number, kind) in (0..).zip(&KINDS) {
        for seed in 0..seeds() {
            let mut random = Random::new(seed * 1000 + number);
            cases.push(draw(scenes, kind, &mut random));
        }
    }
    cases
}

fn draw(scenes: &[Scene], kind: &Kind, random: &mut Random) -> Case {
    loop {
        let scene = &scenes[random.below(scenes.len())];
        let files: Vec<(&Root, &String, &String)> = scene.files().collect();
        let (root, path, text) = files[random.below(files.len())];
        // Some files have nothing for some slips: no list, no quotes.
        if let Some(malformed) = (kind.slip)(text, random) {
            let (root, path) = (root.clone(), path.clone());
            return Case { kind: kind.name, example: scene.example, root, path, malformed };
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table shows that something was tried")]
fn every_malformation_is_reported_or_means_something() {
    let mut scenes = scenes();
    let cases = cases(&scenes);
    let mut fates: BTreeMap<&str, BTreeMap<Fate, usize>> = BTreeMap::new();
    let mut silent = BTreeSet::new();
    let mut total = 0;
    for case in &cases {
        let mut worst = BTreeSet::new();
        let concerned = |it: &&mut Scene| it.example == case.example && it.has(&case.root);
        for scene in scenes.iter_mut().filter(concerned) {
            let fate = judge(scene, case);
            if fate == Fate::Unused {
                silent.insert(what_is_unused(scene, case));
            }
            // What cannot be read is never passed over.
            assert!(case.malformed.refusal().is_none() || fate == Fate::Error, "{case:?}");
            worst.insert(fate);
        }
        // A file of the base is part of several environments; what any of them says is said.
        let fate = *worst.first().expect("because the file was taken from an environment");
        *fates.entry(case.kind).or_default().entry(fate).or_default() += 1;
        total += 1;
    }
    assert!(total >= 200, "{total} malformations");
    let table = table(&fates);
    println!("{table}");
    let silent: Vec<String> = silent.into_iter().collect();
    if seeds() == 7 {
        let shown = format!("{table}\nchanged without any effect:\n{}\n", silent.join("\n"));
        with_snapshots_in("", || insta::assert_snapshot!("malformed", shown));
    }
}

/// Says which kind of object of a file no output depends on.
fn what_is_unused(scene: &Scene, case: &Case) -> String {
    let kinds: BTreeSet<&str> = scene
        .text(&case.root, &case.path)
        .lines()
        .filter_map(|it| it.strip_prefix("kind: "))
        .collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    format!("  {}: {}", case.kind, kinds.join(", "))
}

fn table(fates: &BTreeMap<&str, BTreeMap<Fate, usize>>) -> String {
    let mut table = format!("{:28}", "");
    for fate in Fate::ALL {
        write!(table, " {:>9}", fate.as_str()).unwrap();
    }
    let mut sums: BTreeMap<Fate, usize> = BTreeMap::new();
    for (kind, counts) in fates {
        write!(table, "\n{kind:28}").unwrap();
        for fate in Fate::ALL {
            let count = counts.get(&fate).copied().unwrap_or_default();
            *sums.entry(fate).or_default() += count;
            write!(table, " {count:>9}").unwrap();
        }
    }
    write!(table, "\n{:28}", "all").unwrap();
    for fate in Fate::ALL {
        write!(table, " {:>9}", sums[&fate]).unwrap();
    }
    table
}
