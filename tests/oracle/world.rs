//! Worlds: the sources of one environment as plain texts, and what must come out of them.
#![expect(clippy::unwrap_used, reason = "a damaged corpus may stop the test")]

use std::collections::BTreeMap;

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
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) env: String,
    pub(crate) base: Files,
    pub(crate) environment: Files,
    /// By the address of the repository.
    pub(crate) workloads: BTreeMap<String, Files>,
    pub(crate) profile: Profile,
    pub(crate) precedence: Precedence,
}

impl World {
    pub(crate) fn new(env: &str, profile: Profile) -> Self {
        Self {
            env: env.to_owned(),
            base: Files::new(),
            environment: Files::new(),
            workloads: BTreeMap::new(),
            profile,
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
