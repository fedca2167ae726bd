//! A workspace on disk, in one of three layouts, that a draft is written to.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    oracle::world::{Files, Precedence, Profile, World},
    property::{
        Random,
        draft::{Draft, Edit},
    },
    support::git,
};

/// How a workspace is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// The base and the environment are folders.
    Folders,
    /// So they are, in a git repository.
    FoldersInGit,
    /// They are branches.
    Branches,
}

/// How an input is overridden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Option,
    LocalSettings,
}

/// What files show as their time after an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Right,
    /// That of the file before.
    Kept,
    Past,
    Future,
}

/// The workspace is the folder `ws`; what else there is lies beside it.
pub(super) struct Ground {
    folder: tempfile::TempDir,
    pub(super) layout: Layout,
    /// One for each branch where branches hold whole workspaces, else only one.
    drafts: Vec<Draft>,
    /// Which of the two branches is checked out.
    branch: usize,
    /// What is on disk, by its path in the workspace.
    pub(super) files: Files,
    /// What each branch had when it was left.
    committed: [Files; 2],
    /// The base as it is pinned, the commit, and the environment as it is on its branch.
    pinned: Files,
    pin: String,
    environment: Files,
    overrides: BTreeMap<String, (How, Value)>,
    pub(super) clock: Clock,
}

const FLEET: &str = "https://git.example/fleet";
const BRANCHES: [&str; 2] = ["main", "dev"];
/// What is no part of a branch.
const OWN: [&str; 2] = ["wob.local.yaml", "../"];

impl Ground {
    pub(super) fn new(layout: Layout, scene: u64) -> Self {
        let mut draft = Draft::draw_sound(&mut Random::new(scene));
        if layout == Layout::Branches {
            draft.scene.precedence = Precedence::Name;
        }
        let mut ground = Self {
            folder: tempfile::tempdir().unwrap(),
            layout,
            drafts: vec![draft],
            branch: 0,
            files: Files::new(),
            committed: [Files::new(), Files::new()],
            pinned: Files::new(),
            pin: String::new(),
            environment: Files::new(),
            overrides: BTreeMap::new(),
            clock: Clock::Right,
        };
        fs::create_dir(ground.at()).unwrap();
        git(ground.top(), &["init", "-q", "--bare", "gitops.git"]);
        if layout != Layout::Folders {
            ground.git(&["init", "-q"]);
            let excluded = "wob-out/\nwob.local.yaml\n";
            let branches = if layout == Layout::Branches { "wob.yaml\n" } else { "" };
            fs::create_dir_all(ground.at().join(".git/info")).unwrap();
            fs::write(ground.at().join(".git/info/exclude"), format!("{excluded}{branches}"))
                .unwrap();
        }
        if layout == Layout::Branches {
            ground.git(&["remote", "add", "origin", FLEET]);
            ground.write();
            ground.commit();
            ground.pin();
            ground.committed[0] = ground.in_branch();
            ground.git(&["checkout", "-q", "--orphan", "dev"]);
            ground.git(&["rm", "-rqf", "."]);
            ground.files.retain(|path, _| is_own(path) || path == "wob.yaml");
            ground.branch = 1;
            ground.write();
            ground.commit();
        }
        ground
    }

    /// Returns the workspace's folder.
    pub(super) fn at(&self) -> PathBuf {
        self.top().join("ws")
    }

    /// Returns the folder that all is in.
    pub(super) fn top(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.at(), args)
    }

    fn draft(&mut self) -> &mut Draft {
        let last = self.drafts.len() - 1;
        &mut self.drafts[self.branch.min(last)]
    }

    /// Edits the sources, not yet those on disk.
    pub(super) fn edit(&mut self, edit: Edit, random: &mut Random) -> bool {
        if self.layout == Layout::Branches && edit == Edit::Precedence {
            // What is pinned was written for one of them.
            return false;
        }
        self.draft().edit(edit, random)
    }

    /// Changes a value so that its file is as long as before.
    pub(super) fn edit_unseen(&mut self, random: &mut Random) {
        self.draft().edit_unseen(random);
        self.clock = Clock::Kept;
    }

    /// Overrides a workload's repository, or ends that.
    pub(super) fn toggle_override(&mut self, random: &mut Random) {
        let number = random.below(2);
        let address = address(number);
        if self.overrides.remove(&address).is_none() {
            let how = if random.chance(50) { How::Option } else { How::LocalSettings };
            self.overrides.insert(address, (how, Draft::workload(random, number)));
        }
    }

    /// Commits what is there.
    pub(super) fn commit(&mut self) -> bool {
        if self.layout == Layout::Folders {
            return false;
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        true
    }

    /// Commits what is there, and checks the other branch out.
    pub(super) fn switch(&mut self) -> bool {
        if !self.commit() {
            return false;
        }
        self.committed[self.branch] = self.in_branch();
        let other = 1 - self.branch;
        if self.layout == Layout::FoldersInGit && self.drafts.len() == 1 {
            self.git(&["checkout", "-q", "-b", BRANCHES[1]]);
            self.drafts.push(self.drafts[0].clone());
            self.committed[1] = self.committed[0].clone();
        } else {
            self.git(&["checkout", "-q", BRANCHES[other]]);
        }
        self.branch = other;
        let layout = self.layout;
        let stays = |path: &str| is_own(path) || layout == Layout::Branches && path == "wob.yaml";
        self.files.retain(|path, _| stays(path));
        self.files.extend(self.committed[other].clone());
        true
    }

    /// Makes the base's branch what is promoted, and checks the environment's branch out, where the pin is an edit.
    pub(super) fn promote(&mut self) -> bool {
        if self.layout != Layout::Branches {
            return false;
        }
        if self.branch == 1 {
            self.switch();
        }
        self.write();
        self.commit();
        self.pin();
        self.switch()
    }

    fn pin(&mut self) {
        self.pin = self.git(&["rev-parse", "HEAD"]);
        let world = self.draft().world();
        self.pinned = world.base;
    }

    /// Returns what is on disk and belongs to the branch.
    fn in_branch(&self) -> Files {
        let settings = self.layout == Layout::Branches;
        let is_in = |path: &str| !(is_own(path) || settings && path == "wob.yaml");
        let files = self.files.iter().filter(|(path, _)| is_in(path));
        files.map(|(path, it)| (path.clone(), it.clone())).collect()
    }

    /// Writes the sources; returns the world that they are.
    pub(super) fn write(&mut self) -> World {
        let mut world = self.draft().world();
        let mut files = Files::new();
        for (address, (_, workload)) in &self.overrides {
            let text = serde_json::to_string_pretty(workload).unwrap() + "\n";
            let texts = Files::from([("workloads/other.yaml".to_owned(), text)]);
            put(&mut files, &elsewhere(address), &texts);
        }
        for (address, texts) in &world.workloads {
            put(&mut files, &below(address), texts);
        }
        for address in self.overrides.keys() {
            let text = files[&format!("{}/workloads/other.yaml", elsewhere(address))].clone();
            let texts = Files::from([("workloads/other.yaml".to_owned(), text)]);
            world.workloads.insert(address.clone(), texts);
        }
        let local: Vec<Value> = self
            .overridden(How::LocalSettings)
            .map(|address| json!({"url": address, "path": elsewhere(address)}))
            .collect();
        if !local.is_empty() {
            files.insert("wob.local.yaml".to_owned(), format!("{}\n", json!({"inputs": local})));
        }
        files.insert("wob.yaml".to_owned(), self.settings(&world));
        match (self.layout, self.branch) {
            (Layout::Folders | Layout::FoldersInGit, _) => {
                put(&mut files, "base", &world.base);
                put(&mut files, "env", &world.environment);
            }
            (Layout::Branches, 0) => {
                files.extend(world.base.clone());
                files.insert(".sourceignore".to_owned(), ".environments/\n".to_owned());
                let spec = json!({"controlPlane": {"repo": FLEET, "branch": "dev", "path": "."}});
                files.insert(
                    ".environments/dev.yaml".to_owned(),
                    object("Environment", "dev", &spec),
                );
            }
            (Layout::Branches, _) => {
                files.extend(world.environment.clone());
                let spec =
                    json!({"repo": FLEET, "branch": "main", "path": ".", "commit": self.pin});
                files.insert("base-repo.yaml".to_owned(), object("BaseRepo", "main", &spec));
                self.environment = world.environment.clone();
            }
        }
        self.write_files(files, &world);
        if self.layout == Layout::Branches {
            world.base = self.pinned.clone();
            world.environment = self.environment.clone();
        }
        world
    }

    fn write_files(&mut self, files: Files, world: &World) {
        for path in self.files.keys().filter(|it| !files.contains_key(*it)) {
            fs::remove_file(self.at().join(path)).unwrap();
        }
        for number in 0..10 {
            let folder = self.at().join(below(&address(number)));
            if world.workloads.contains_key(&address(number)) {
                // An empty folder is a source, too.
                fs::create_dir_all(folder).unwrap();
            } else {
                fs::remove_dir_all(folder).unwrap_or_default();
            }
        }
        if self.layout != Layout::Branches {
            for folder in ["base", "env"] {
                fs::create_dir_all(self.at().join(folder)).unwrap();
            }
        }
        for (path, text) in files.iter().filter(|(path, it)| self.files.get(*path) != Some(it)) {
            let path = self.at().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let before = fs::metadata(&path).and_then(|it| it.modified()).ok();
            fs::write(&path, text).unwrap();
            self.set_clock(&path, before);
        }
        self.files = files;
    }

    fn set_clock(&self, path: &Path, before: Option<SystemTime>) {
        let time = match self.clock {
            Clock::Right => None,
            Clock::Kept => before,
            Clock::Past => Some(SystemTime::UNIX_EPOCH + Duration::from_secs(700_000_000)),
            Clock::Future => Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)),
        };
        if let Some(time) = time {
            File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
        }
    }

    /// Writes the same bytes again, or only sets the times.
    pub(super) fn touch(&self) {
        for path in self.files.keys() {
            let path = self.at().join(path);
            if self.clock == Clock::Right {
                fs::write(&path, fs::read(&path).unwrap()).unwrap();
            }
            self.set_clock(&path, None);
        }
    }

    fn overridden(&self, by: How) -> impl Iterator<Item = &String> {
        self.overrides.iter().filter(move |(_, (how, _))| *how == by).map(|it| it.0)
    }

    /// Returns the options that say where other repositories are.
    pub(super) fn inputs(&self) -> Vec<String> {
        let addresses = (0..10).map(address);
        let place = |address: String| match self.overrides.get(&address) {
            // What is registered and not there is missing.
            None => Some(format!("--override-input={address}={}", below(&address))),
            Some((How::Option, _)) => {
                Some(format!("--override-input={address}={}", elsewhere(&address)))
            }
            Some((How::LocalSettings, _)) => None,
        };
        addresses.filter_map(place).collect()
    }

    fn settings(&mut self, world: &World) -> String {
        let profile = |it: Profile| match it {
            Profile::Standard => "standard",
            Profile::Kalypso => "kalypso",
        };
        let precedence = match world.precedence {
            Precedence::Name => "name",
            Precedence::Specificity => "specificity",
        };
        let mut settings = json!({"configPrecedence": precedence});
        if self.layout == Layout::Branches {
            settings["profile"] = json!(profile(world.profile));
            return format!("{settings}\n");
        }
        settings["base"] = json!("base");
        let mut environment = json!({"path": "env"});
        if self.draft().is_profile_own {
            environment["profile"] = json!(profile(world.profile));
        } else {
            settings["profile"] = json!(profile(world.profile));
        }
        settings["environments"] = json!({"dev": environment});
        format!("{settings}\n")
    }
}

fn put(files: &mut Files, folder: &str, texts: &Files) {
    files.extend(texts.iter().map(|(path, it)| (format!("{folder}/{path}"), it.clone())));
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    let object = json!({
        "apiVersion": "scheduler.kalypso.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    format!("{object}\n")
}

fn is_own(path: &str) -> bool {
    OWN.iter().any(|it| path.starts_with(it))
}

/// Returns the address of a repository that a scene can name.
fn address(number: usize) -> String {
    format!("https://git.example/w{number}")
}

/// Returns the folder that stands for a repository.
fn below(address: &str) -> String {
    format!("../repositories/{}", name_of(address))
}

/// Returns the folder that overrides it.
fn elsewhere(address: &str) -> String {
    format!("../elsewhere/{}", name_of(address))
}

fn name_of(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or(address)
}
