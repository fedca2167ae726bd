//! Laws of explanations: everything has one, and what it leaves out has no influence.

use std::{collections::BTreeMap, env, path::Path};

use serde_json::json;
use wob_engine::{At, Severity, Step, Value, yaml};
use wob_rules::{
    Assignment, Built,
    why::{self, Address, Descent, Fate, Input, LayerSay, Part, ScalarWhy},
};

use super::{
    for_each_seed,
    random::Random,
    scene::{Root, Scene},
};
use crate::{engine::Workspace, oracle::value_of};

/// A scalar of an environment: assignment, file, document and pointer.
type Name = (String, String, usize, String);

#[test]
fn every_scalar_is_explained() {
    for_each_seed(40, |random| {
        let workspace = Workspace::new(&Scene::draw(random).lay_out(1));
        for (assignment, file, text) in files(&workspace.build()) {
            let explained = explain(&workspace, &assignment, &file);
            let expected = scalars_of(&text);
            // The scheduler's profile writes what it gets, YAML or not.
            if !is_script(&file) && (!expected.is_empty() || explained.is_empty()) {
                let found: Vec<(usize, String, Value)> =
                    explained.iter().map(key_and_value).collect();
                assert_eq!(found, expected, "{file} of {assignment:?}:\n{text}");
            }
            for it in &explained {
                assert!(!it.places.is_empty(), "{file}: {it:?}\n{text}");
            }
            for (number, line) in
                (1..).zip(text.lines()).filter(|it| is_script(&file) && !it.1.is_empty())
            {
                let it = at(
                    &workspace,
                    &assignment,
                    &Address { file: file.clone(), part: Part::Line(number) },
                );
                assert_eq!(it.value, Value::from(line));
                assert!(!it.places.is_empty(), "{file}:{number}: {it:?}\n{text}");
            }
        }
    });
}

/// A changed config value changes only what names it, and all that was copied from it.
#[test]
fn what_is_not_named_has_no_influence() {
    let counts = std::cell::Cell::new((0, 0));
    for_each_seed(80, |random| {
        let scene = Scene::draw(random);
        let before = Workspace::new(&scene.lay_out(1));
        let old = everything(&before);
        for _ in 0..4 {
            let Some((edited, edit)) = edit(random, &scene) else { continue };
            let new = everything(&Workspace::new(&edited.lay_out(1)));
            for (name, why) in &old {
                let Some(now) = new.get(name) else { continue };
                let (mut changed, mut copied) = counts.get();
                if now.value != why.value {
                    changed += 1;
                    let is_named = inputs(why).iter().any(|it| edit.is(name, it));
                    assert!(is_named, "{edit:?} in {name:?}: {why:#?}\nnow {:?}", now.value);
                }
                if is_copy(name, why, &edit) {
                    copied += 1;
                    let expected = Value::from("changed");
                    assert_eq!(now.value, expected, "{edit:?} in {name:?}: {why:#?}");
                }
                counts.set((changed, copied));
            }
        }
    });
    let (changed, copied) = counts.get();
    let is_one = env::var_os("WOB_PROPERTY_SEED").is_some();
    assert!(is_one || changed > 80 && copied > 40, "{changed} changed, {copied} copied");
}

/// A value of the sources that was changed.
#[derive(Clone, Debug)]
enum Edit {
    /// The key has dotted labels if the map has them.
    Config {
        map: String,
        key: String,
    },
    Manifest {
        target: String,
        key: String,
    },
}

/// Changes one text in a scene: a config value, or where a target's manifests are.
fn edit(random: &mut Random, scene: &Scene) -> Option<(Scene, Edit)> {
    let mut edited = scene.clone();
    let index = random.below(scene.objects.len());
    let (root, body) = &mut edited.objects[index];
    let name = body["metadata"]["name"].as_str()?.to_owned();
    let edit = if body["kind"] == "ConfigMap" {
        let keys: Vec<String> = body["data"].as_object()?.keys().cloned().collect();
        let key = keys.get(random.below(keys.len().max(1)))?.clone();
        let text = body["data"][&key].as_str()?.to_owned();
        if !value_of(&text, scene.profile).is_string() || text.contains("{{") {
            return None;
        }
        body["data"][&key] = json!("changed");
        Edit::Config { map: name, key }
    } else if body["kind"] == "Workload" && matches!(root, Root::Repository(_)) {
        let targets = body["spec"]["deploymentTargets"].as_array_mut()?;
        let at = random.below(targets.len());
        let key = random.pick(&["repo", "branch", "path"]).to_owned();
        let target = format!("{name}-{}", targets[at]["name"].as_str()?);
        targets[at]["manifests"][&key] = json!("changed");
        Edit::Manifest { target, key }
    } else {
        return None;
    };
    Some((edited, edit))
}

/// Returns the inputs of an explanation, those of its conditions, and what these were made of.
fn inputs(why: &ScalarWhy) -> Vec<&Input> {
    let mut all: Vec<&Input> =
        why.inputs.iter().chain(why.conditions.iter().flat_map(|it| &it.inputs)).collect();
    let mut at = 0;
    while at < all.len() {
        if let Descent::Made { of, .. } = &all[at].descent {
            all.extend(of);
        }
        at += 1;
    }
    all
}

impl Edit {
    /// Says whether an input of the scalar `name` is the value that was changed, or holds it.
    fn is(&self, name: &Name, input: &Input) -> bool {
        let covers = |wanted: &[&str]| {
            input.path.iter().zip(wanted).all(|it| matches!(it, (Step::Key(a), b) if **a == **b))
        };
        match self {
            Self::Config { map, key } => {
                let says_it = match &input.descent {
                    Descent::Config(why) => why.says.iter().any(|it| is_said_by(it, map, key)),
                    Descent::Said(_)
                    | Descent::Made { .. }
                    | Descent::Parameter { .. }
                    | Descent::Several
                    | Descent::Unset => true,
                };
                let key = key.rsplit('.').next().unwrap_or(key);
                says_it && (covers(&["ConfigData", key]) || covers(&["ConfigTexts", key]))
            }
            Self::Manifest { target, key } => {
                let alone = match &**key {
                    "repo" => "Repo",
                    "branch" => "Branch",
                    _ => "Path",
                };
                name.0.ends_with(&format!(":{target}"))
                    && (covers(&["Manifests", key]) || covers(&[alone]))
            }
        }
    }
}

fn is_said_by(say: &LayerSay, map: &str, dotted: &str) -> bool {
    let is_key = match &say.place.at {
        At::Node { path, .. } | At::Text { path, .. } => {
            matches!(path.last(), Some(Step::Key(it)) if **it == *dotted)
        }
        At::File | At::Bytes(_) => false,
    };
    is_key && (*say.layer == *map || say.layer.starts_with(&format!("{map} (")))
}

/// Says whether a scalar is nothing but the text that was changed.
fn is_copy(name: &Name, why: &ScalarWhy, edit: &Edit) -> bool {
    let [input] = why.inputs.as_slice() else { return false };
    let is_last_word = match (&input.descent, edit) {
        (Descent::Config(config), Edit::Config { map, key }) => {
            let wins = |it: &LayerSay| it.fate == Fate::Wins && is_said_by(it, map, key);
            input.path.len() == 2 && config.says.last().is_some_and(wins)
        }
        (Descent::Said(_), Edit::Manifest { .. }) => true,
        (
            Descent::Config(_)
            | Descent::Said(_)
            | Descent::Made { .. }
            | Descent::Parameter { .. }
            | Descent::Several
            | Descent::Unset,
            _,
        ) => false,
    };
    is_last_word
        && edit.is(name, input)
        && why.conditions.is_empty()
        && input.value.as_ref() == Some(&why.value)
        && why.value.as_str().is_some_and(|it| !it.is_empty())
}

/// Explains every scalar of a workspace.
fn everything(workspace: &Workspace) -> BTreeMap<Name, ScalarWhy> {
    let mut all = BTreeMap::new();
    for (assignment, file, _) in files(&workspace.build()) {
        let label = format!("{}:{}", assignment.cluster_type, assignment.target);
        for why in explain(workspace, &assignment, &file) {
            let (document, pointer, _) = key_and_value(&why);
            all.insert((label.clone(), file.clone(), document, pointer), why);
        }
    }
    all
}

fn files(built: &Built) -> Vec<(Assignment, String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let files = built.assignments.iter().flat_map(|it| {
        it.files
            .iter()
            .map(move |(name, blob)| (it.assignment.clone(), name.to_owned(), text(&blob.bytes())))
    });
    files.collect()
}

fn explain(workspace: &Workspace, assignment: &Assignment, file: &str) -> Vec<ScalarWhy> {
    let (db, input) = workspace.parts();
    let addresses = why::addresses(db, input, assignment, file).unwrap();
    if is_script(file) {
        return vec![];
    }
    addresses.iter().map(|it| at(workspace, assignment, it)).collect()
}

/// Says whether a file is a shell script, which has lines instead of scalars.
fn is_script(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|it| it == "sh")
}

fn at(workspace: &Workspace, assignment: &Assignment, address: &Address) -> ScalarWhy {
    let (db, input) = workspace.parts();
    why::scalar(db, input, assignment, address)
        .unwrap()
        .unwrap_or_else(|it| panic!("{address:?}: {it:?}"))
}

fn key_and_value(why: &ScalarWhy) -> (usize, String, Value) {
    (why.document.unwrap(), why::pointer(why.path.as_ref().unwrap()), why.value.clone())
}

/// Reads the scalars of a file as it was written, in the order of explanations.
fn scalars_of(text: &str) -> Vec<(usize, String, Value)> {
    fn visit(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Map(entries) => {
                for (key, it) in entries {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    visit(it, &format!("{pointer}/{key}"), found);
                }
            }
            Value::List(items) => {
                for (index, it) in items.iter().enumerate() {
                    visit(it, &format!("{pointer}/{index}"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                found.push((pointer.to_owned(), value.clone()));
            }
        }
    }
    let parsed = yaml::parse(text, &yaml::Limits::default());
    if parsed.problems.iter().any(|it| it.severity == Severity::Error) {
        return vec![];
    }
    let held = parsed.documents.iter().filter(|it| !it.root.is_null());
    let mut all = vec![];
    for (document, it) in held.enumerate() {
        let mut found = vec![];
        visit(&it.root.to_value(), "", &mut found);
        all.extend(found.into_iter().map(|(pointer, value)| (document, pointer, value)));
    }
    all
}
