//! The environments of the examples as worlds, built once and then changed in place.

use std::{collections::BTreeMap, fs, path::Path};

use wob_engine::FileName;
use wob_host::is_manifest_name;
use wob_rules::{Built, WorkspaceFile};

use super::hand::Malformed;
use crate::{
    engine::Workspace,
    oracle::world::{Files, Precedence, Profile, World, read_files},
    support::ROOT,
};

/// Templates for the built-in rules that the examples use, since the oracle has none; the last one is also the default.
pub(crate) const RULES: &str = include_str!("rules.yaml");
/// Where they lie in each base.
pub(crate) const RULES_PATH: &str = "rules-of-the-test.yaml";

/// A part of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Base,
    /// An environment's own files.
    Environment(String),
    /// A repository of workloads, by its address.
    Workloads(String),
}

/// An environment of an example.
pub(crate) struct Scene {
    pub(crate) example: &'static str,
    pub(crate) world: World,
    pub(crate) workspace: Workspace,
    /// What it gives as it is.
    pub(crate) built: Built,
    /// What it gives without one of its files.
    pub(crate) without: BTreeMap<(Root, String), Built>,
    /// The names of the roots in the engine.
    roots: Vec<String>,
    /// Where the roots lie in the example.
    pub(crate) folders: BTreeMap<Root, String>,
    /// The files with the roots that they are in.
    all: BTreeMap<(Root, String), String>,
}

/// Reads every environment of the examples.
pub(crate) fn scenes() -> Vec<Scene> {
    ["minimal", "fleet"].into_iter().flat_map(environments).collect()
}

fn environments(example: &'static str) -> Vec<Scene> {
    let folder = Path::new(ROOT).join("examples").join(example);
    let text = fs::read_to_string(folder.join("wob.yaml")).unwrap();
    let (settings, problems) = WorkspaceFile::read(&FileName::new("wob.yaml"), &text);
    assert!(problems.is_empty(), "{problems:?}");
    let yaml = |path: &str| -> Files {
        read_files(&folder.join(path)).into_iter().filter(|it| is_manifest_name(&it.0)).collect()
    };
    let mut scenes = vec![];
    for (name, entry) in &settings.environments {
        let resolved = settings.output.resolve(Some(&entry.output), None);
        let mut world = World::new(name.as_str(), Profile::Standard);
        if resolved.config_precedence == wob_rules::Precedence::Specificity {
            world.precedence = Precedence::Specificity;
        }
        world.base = yaml(settings.base.as_deref().unwrap());
        let mut rules = RULES.to_owned();
        if world.base.values().all(|it| !it.contains("\n  name: default\n")) {
            let namespace = rules.rsplit("---\n").next().unwrap();
            let default = namespace.replace("  name: namespace\n", "  name: default\n");
            rules = [&*rules, "---\n", &default].concat();
        }
        world.base.insert(RULES_PATH.to_owned(), rules);
        world.environment = yaml(entry.path.as_deref().unwrap());
        let (base, environment) = (settings.base.clone().unwrap(), entry.path.clone().unwrap());
        let own = Root::Environment(name.to_string());
        let mut folders = BTreeMap::from([(Root::Base, base), (own, environment)]);
        for input in &settings.inputs {
            world.workloads.insert(input.url.clone(), yaml(&input.path));
            folders.insert(Root::Workloads(input.url.clone()), input.path.clone());
        }
        scenes.push(Scene::new(example, world, folders));
    }
    scenes
}

impl Scene {
    fn new(example: &'static str, world: World, folders: BTreeMap<Root, String>) -> Self {
        let workspace = Workspace::new(&world);
        // Malformed registrations will add others.
        let roots = workspace.roots().cloned().collect();
        let built = workspace.build();
        assert!(built.diagnostics.is_empty(), "{:#?}", built.diagnostics);
        let mut all = BTreeMap::new();
        let mut add = |root: &Root, files: &Files| {
            for (path, text) in files.iter().filter(|it| it.0 != RULES_PATH) {
                all.insert((root.clone(), path.clone()), text.clone());
            }
        };
        add(&Root::Base, &world.base);
        add(&Root::Environment(world.env.clone()), &world.environment);
        for (address, files) in &world.workloads {
            add(&Root::Workloads(address.clone()), files);
        }
        Self { example, world, workspace, built, without: BTreeMap::new(), roots, folders, all }
    }

    /// Lists the files that may go wrong.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Root, &String, &String)> {
        self.all.iter().map(|((root, path), text)| (root, path, text))
    }

    pub(crate) fn has(&self, root: &Root) -> bool {
        self.all.keys().any(|it| it.0 == *root)
    }

    pub(crate) fn text(&self, root: &Root, path: &str) -> &str {
        &self.all[&(root.clone(), path.to_owned())]
    }

    /// Returns the world with one file as it went wrong; what cannot be read is left out.
    pub(crate) fn with(&self, root: &Root, path: &str, malformed: &Malformed) -> World {
        let mut world = self.world.clone();
        let files = match root {
            Root::Base => &mut world.base,
            Root::Environment(_) => &mut world.environment,
            Root::Workloads(address) => world.workloads.get_mut(address).unwrap(),
        };
        let whole = files.remove(path).unwrap();
        match malformed {
            Malformed::Bytes(_) => {
                files.extend(malformed.text().map(|it| (path.to_owned(), it.to_owned())));
            }
            Malformed::Moved(to) => drop(files.insert(moved(path, to), whole)),
            Malformed::Gone | Malformed::LinkToNothing => {}
        }
        world
    }

    /// Returns the name of a root in the engine, and of a file in it.
    pub(crate) fn in_engine(&self, root: &Root, path: &str) -> (String, String) {
        match root {
            Root::Base => ("base".to_owned(), path.to_owned()),
            Root::Environment(_) => ("env".to_owned(), path.to_owned()),
            Root::Workloads(address) => {
                let own = |it: &&String| it.starts_with(&format!("{address} "));
                let name = self.roots.iter().find(own).unwrap();
                let folder = name.split_once(' ').unwrap().1;
                let below = path.strip_prefix(folder).map_or(path, |it| it.trim_start_matches('/'));
                (name.clone(), below.to_owned())
            }
        }
    }

    /// Returns what the world gives without one of its files.
    pub(crate) fn without(&mut self, root: &Root, path: &str) -> &Built {
        let key = (root.clone(), path.to_owned());
        if !self.without.contains_key(&key) {
            let world = self.with(root, path, &Malformed::Gone);
            self.workspace.set(&world);
            let built = self.workspace.build();
            self.without.insert(key.clone(), built);
        }
        &self.without[&key]
    }
}

/// Returns where a file lies that was at `path`: beside or below itself.
pub(crate) fn moved(path: &str, to: &str) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(a, b)| (a, b));
    let name = to.replace("{}", name);
    if folder.is_empty() { name } else { format!("{folder}/{name}") }
}
