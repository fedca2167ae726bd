//! Worlds: the sources of one environment as plain texts, and what must come out of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Texts by path.
pub(crate) type Files = BTreeMap<String, String>;

/// The output profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Standard,
    Kalypso,
}

/// Which of two layers of config wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precedence {
    Name,
    Specificity,
}

/// The sources of one environment, with the settings that a `wob.yaml` could give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) env: String,
    pub(crate) base: Files,
    pub(crate) environment: Files,
    /// By the address of the repository.
    pub(crate) workloads: BTreeMap<String, Files>,
    pub(crate) profile: Profile,
    pub(crate) namespace_pattern: Option<String>,
    /// The config file's name without its extension.
    pub(crate) config_file: Option<String>,
    pub(crate) precedence: Precedence,
}

/// What a world gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The files in the folders of the cluster types.
    pub(crate) files: Files,
    /// The assignments (cluster type, target) that have an error, and so no files.
    pub(crate) failed: BTreeSet<(String, String)>,
}

impl World {
    pub(crate) fn new(env: &str, profile: Profile) -> Self {
        Self {
            env: env.to_owned(),
            base: Files::new(),
            environment: Files::new(),
            workloads: BTreeMap::new(),
            profile,
            namespace_pattern: None,
            config_file: None,
            precedence: Precedence::Name,
        }
    }

    /// Reads a world file of the corpus.
    pub(crate) fn from_json(json: &serde_json::Value) -> Self {
        let files =
            |value: &serde_json::Value| -> Files { serde_json::from_value(value.clone()).unwrap() };
        let inputs = &json["inputs"];
        let mut world = Self::new(json["env"].as_str().unwrap(), Profile::Kalypso);
        world.base = files(&inputs["control-plane-main"]);
        world.environment = files(&inputs["control-plane-env"]);
        for (name, repository) in inputs["workloads"].as_object().unwrap() {
            world.add_workloads(name, files(repository));
        }
        world
    }

    /// Reads the folder `inputs` of a case of the corpus.
    pub(crate) fn from_folder(env: &str, profile: Profile, inputs: &Path) -> Self {
        let mut world = Self::new(env, profile);
        world.base = read_files(&inputs.join("control-plane-main"));
        world.environment = read_files(&inputs.join("control-plane-env"));
        let workloads = inputs.join("workloads");
        if workloads.is_dir() {
            for entry in fs::read_dir(workloads).unwrap() {
                let entry = entry.unwrap();
                world.add_workloads(entry.file_name().to_str().unwrap(), read_files(&entry.path()));
            }
        }
        world
    }

    /// The corpus names repositories `<owner>-<repo>`; registrations have their addresses.
    fn add_workloads(&mut self, name: &str, files: Files) {
        let texts = self.base.values().chain(self.environment.values());
        let addresses = texts.flat_map(|text| text.lines()).filter_map(|line| {
            let address = line.trim().strip_prefix("repo:")?.trim().trim_matches(['"', '\'']);
            let mut parts = address.rsplitn(3, '/');
            let (repository, owner) = (parts.next()?, parts.next()?);
            (format!("{owner}-{repository}") == name).then(|| address.to_owned())
        });
        if let Some(address) = addresses.min() {
            self.workloads.insert(address, files);
        }
    }
}

/// Reads all files below `folder` as text, by their path in it.
pub(crate) fn read_files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(relative, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}
