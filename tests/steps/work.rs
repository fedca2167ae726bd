//! What builds remember, seen from outside: exactly that is rendered which must be, and a cause that is told is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use serde_json::Value;
use wob_engine::Digest;
use wob_rules::{Built, BuiltAssignment, Known, KnownFiles, Memory, Rendered, Subtree, build_with};

use super::{
    Sight,
    cache::{Left, Sure},
    place::Place,
};
use crate::{
    engine::Workspace,
    oracle::world::{Files, Profile, World},
    property::lives::Counts,
};

/// What the cache should know.
#[derive(Default)]
pub(super) struct Knowledge {
    /// The digests of inputs whose results are in the store for sure.
    surely: BTreeSet<Digest>,
    /// Those whose results may be there.
    maybe: BTreeSet<Digest>,
    places: BTreeMap<Place, Before>,
}

/// A build, as one sees it from outside.
#[derive(Clone, Copy)]
pub(super) struct Look<'l> {
    pub(super) place: Place,
    /// The sources on disk.
    pub(super) files: &'l Files,
    /// The profile, if an option said it.
    pub(super) profile: Option<Profile>,
    /// Whether nothing was read.
    pub(super) is_at_once: bool,
    /// What happened.
    pub(super) what: &'l str,
}

/// The last build into a place.
struct Before {
    /// The digest of the inputs of each assignment, if it has them.
    inputs: BTreeMap<String, Option<Digest>>,
    files: Files,
    profile: Option<Profile>,
    /// Whether the note of it may be lost.
    is_in_doubt: bool,
}

/// A build, as it should be.
pub(super) struct Expected {
    built: Built,
    /// What could be remembered of it.
    kept: BTreeSet<Digest>,
}

impl Expected {
    pub(super) fn of(world: &World) -> Self {
        let workspace = Workspace::new(world);
        let (db, input) = workspace.parts();
        let recorder = Recorder::default();
        let built = build_with(db, input, &recorder, Memory::Spared);
        Self { built, kept: recorder.0.into_inner().unwrap() }
    }

    fn inputs(&self) -> BTreeMap<String, Option<Digest>> {
        let label = |it: &BuiltAssignment| {
            format!("//env/dev/{}:{}", it.assignment.cluster_type, it.assignment.target)
        };
        self.built.assignments.iter().map(|it| (label(it), it.inputs)).collect()
    }
}

impl Knowledge {
    /// Something happened to the cache.
    pub(super) fn lose(&mut self, left: Left) {
        if left.results != Sure::There {
            self.surely.clear();
        }
        if left.results == Sure::Gone {
            self.maybe.clear();
        }
        // What an assignment was made from lies beside its result.
        let is_in_doubt = left.results != Sure::There || left.notes == Sure::Perhaps;
        self.places.values_mut().for_each(|it| it.is_in_doubt |= is_in_doubt);
        if left.notes == Sure::Gone {
            self.places.clear();
        }
    }

    /// A build was made.
    pub(super) fn learn(&mut self, look: Look<'_>, expected: &Expected) {
        // What reads nothing writes no note either.
        let last = self.places.get(&look.place).filter(|_| look.is_at_once);
        let is_in_doubt = last.is_some_and(|it| it.is_in_doubt);
        let before = Before {
            inputs: expected.inputs(),
            files: look.files.clone(),
            profile: look.profile,
            is_in_doubt,
        };
        self.places.insert(look.place, before);
        self.maybe.extend(&expected.kept);
        self.surely.extend(&expected.kept);
    }

    /// Exactly that was rendered which had to be.
    pub(super) fn check_work(
        &self,
        Look { place, what, .. }: Look<'_>,
        expected: &Expected,
        explained: &Value,
        sights: &Counts<Sight>,
    ) {
        let told = explained["assignments"].as_array().unwrap();
        assert_eq!(told.len(), expected.built.assignments.len(), "{what}");
        let before = self.places.get(&place);
        for ((label, inputs), told) in expected.inputs().into_iter().zip(sorted(told)) {
            assert_eq!(told["label"], label.as_str(), "{what}");
            let doing = told["doing"].as_str().unwrap();
            sights.add(sight(doing), 1);
            let Some(inputs) = inputs.filter(|_| told["failed"] != true && doing != "failed")
            else {
                assert_eq!(doing, "failed", "{what}: {told}");
                assert!(expected.failed(&label), "{what}: {told}");
                continue;
            };
            assert!(!expected.failed(&label), "{what}: {told}");
            if !expected.kept.contains(&inputs) || !self.maybe.contains(&inputs) {
                assert_eq!(doing, "rendered", "{what}: {told}");
            } else if self.surely.contains(&inputs) {
                assert_ne!(doing, "rendered", "{what}: {told}");
            }
            if doing != "rendered" {
                sights.add(Sight::Missed, usize::from(expected.misses(&label)));
                let was = before.and_then(|it| it.inputs.get(&label).copied().flatten());
                let is_told_same = matches!(doing, "unchanged" | "cutOffEarly");
                let is_forgotten = before.is_some_and(|it| it.is_in_doubt) && !is_told_same;
                assert!(is_told_same == (was == Some(inputs)) || is_forgotten, "{what}: {told}");
            }
        }
    }

    /// Whatever has other inputs is explained by a file that was edited, at a line that says it.
    pub(super) fn check_causes(&self, look: Look<'_>, explained: &Value) {
        let Look { place, files, what, profile, .. } = look;
        let told = &explained["environments"][0]["edited"];
        let (Some(told), Some(before)) = (told.as_array(), self.places.get(&place)) else { return };
        let told: BTreeSet<String> =
            told.iter().map(|it| it["file"].as_str().unwrap().to_owned()).collect();
        // Files of a branch that is not checked out have other names.
        let is_in_branches = !files.keys().any(|it| it.starts_with("env/"));
        let paths = before.files.keys().chain(files.keys());
        let edited: BTreeSet<String> =
            paths.filter(|it| before.files.get(*it) != files.get(*it)).cloned().collect();
        // Another repository is read only while something registers it, and settings of this user are no source.
        let is_seen = |it: &&String| !it.starts_with("../") && *it != "wob.local.yaml";
        let differing: Vec<&String> = told.symmetric_difference(&edited).filter(is_seen).collect();
        assert!(is_in_branches || differing.is_empty(), "{what}: {differing:?}");
        for it in explained["assignments"].as_array().unwrap() {
            let causes = it["causes"].as_array().unwrap();
            match it["doing"].as_str().unwrap() {
                "unchanged" | "failed" => continue,
                "cutOffEarly" => {
                    assert!(!told.is_empty() && causes.is_empty(), "{what}: {it}");
                    continue;
                }
                _ => {}
            }
            let is_plain = |it: &Value| {
                let is_by_option = it["text"].as_str().unwrap().contains("--profile");
                assert!(!is_by_option || profile != before.profile, "{what}: {it}");
                it["file"].is_null() && (it["part"].is_null() || is_by_option)
            };
            let names = |it: &Value| it["file"].as_str().is_some_and(|it| told.contains(it));
            let is_caused = causes.iter().any(|it| is_plain(it) || names(it));
            assert!(is_caused, "{what}: none of {told:?} causes {it:#}");
            let label = it["label"].as_str().unwrap();
            for cause in causes {
                check_line(cause, files, what);
                check_object(cause, label, what);
            }
        }
    }
}

impl Expected {
    fn failed(&self, label: &str) -> bool {
        self.find(label).is_some_and(|it| it.failed)
    }

    /// Says whether a key is missing that a template asks for.
    fn misses(&self, label: &str) -> bool {
        self.find(label).is_some_and(|it| it.diagnostics.iter().any(|it| it.code == "missing-key"))
    }

    fn find(&self, label: &str) -> Option<&BuiltAssignment> {
        let (_, pair) = label.rsplit_once('/').unwrap();
        let is = |it: &&BuiltAssignment| {
            format!("{}:{}", it.assignment.cluster_type, it.assignment.target) == pair
        };
        self.built.assignments.iter().find(is)
    }
}

fn sorted(told: &[Value]) -> Vec<&Value> {
    let mut told: Vec<&Value> = told.iter().collect();
    told.sort_by_key(|it| it["label"].as_str().unwrap_or("").to_owned());
    told
}

fn sight(doing: &str) -> Sight {
    match doing {
        "rendered" => Sight::Rendered,
        "unchanged" => Sight::Unchanged,
        "cutOffEarly" => Sight::CutOffEarly,
        "fromStore" => Sight::FromStore,
        "failed" => Sight::Failed,
        other => panic!("{other} is nothing that is done"),
    }
}

/// A value that is said to be set or changed stands in the line that is named.
fn check_line(cause: &Value, files: &Files, what: &str) {
    let text = cause["text"].as_str().unwrap();
    let mut words = text.split(' ').rev();
    let (Some(key), Some("changed" | "sets"), true) =
        (words.next(), words.next(), text.matches(' ').count() == 3)
    else {
        return;
    };
    let line = cause["line"].as_u64().unwrap_or_else(|| panic!("{what}: {cause} has no line"));
    // What is not checked out is not here.
    let Some(file) = files.get(cause["file"].as_str().unwrap()) else { return };
    let number = usize::try_from(line).unwrap();
    let line = file.lines().nth(number - 1).unwrap_or_default();
    assert!(line.contains(key), "{what}: {cause} names `{line}` of\n{file}");
}

/// A cluster type or a target that is said to be edited is that of the assignment.
fn check_object(cause: &Value, label: &str, what: &str) {
    let own = label.rsplit('/').next().and_then(|it| it.split_once(':'));
    let (cluster_type, target) = own.unwrap_or_else(|| panic!("{what}: {label} is no assignment"));
    let text = cause["text"].as_str().unwrap();
    for (kind, name) in [("cluster type", cluster_type), ("deployment target", target)] {
        if text.starts_with(kind) && text.ends_with("was edited") {
            assert_eq!(text, format!("{kind} `{name}` was edited"), "{what}: {label}");
        }
    }
}

/// Notes what could be remembered.
#[derive(Default)]
struct Recorder(Mutex<BTreeSet<Digest>>);

impl Known for Recorder {
    fn expect(&self, _: &[Subtree]) {}

    fn files(&self, _: Digest) -> Option<KnownFiles> {
        None
    }

    fn keep(&self, inputs: Digest, _: &Rendered) {
        self.0.lock().unwrap().insert(inputs);
    }
}
