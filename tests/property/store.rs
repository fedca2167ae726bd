//! Laws of builds that remember: whatever was edited, and whatever became of the cache, the tree is what the oracle says,
//! nothing is rendered that need not be, and what was rendered is explained by a file that was edited.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Mutex,
};

use serde_json::{Value, json};
use wob_engine::Digest;
use wob_rules::{Files as Rendered, Known, KnownFile, Subtree, build_with};

use super::{for_each_seed, random::Random, scene::Scene};
use crate::{
    engine::Workspace,
    oracle::{
        self,
        world::{Files, Precedence, Profile, World},
    },
    support::{contents, wob_command},
};

/// Builds of one seed.
const STEPS: usize = 16;

#[test]
fn builds_remember_without_a_trace_in_the_tree() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut steps = 0;
    for_each_seed(12, |random| {
        let mut user = User::new(random);
        for _ in 0..STEPS {
            let edit = user.edit(random);
            user.build(&edit);
            *seen.entry(edit).or_default() += 1;
            steps += 1;
        }
        for (doing, number) in &user.counts {
            *seen.entry(doing.clone()).or_default() += number;
        }
    });
    // One seed alone need not see everything.
    if steps > 10 * STEPS {
        for doing in ["rendered", "unchanged", "cutOffEarly", "fromStore", "failed"] {
            assert!(seen.get(doing).is_some_and(|it| *it > 4), "{seen:?}");
        }
    }
}

/// A user with a workspace on disk, and what must be known of it.
struct User {
    folder: tempfile::TempDir,
    scene: Scene,
    /// Earlier states, to return to.
    history: Vec<Scene>,
    /// Which layout of files is used.
    layout: u64,
    /// What is written behind the text of a file, and means nothing.
    trailers: BTreeMap<String, String>,
    /// The files of the last build, by path.
    files: Files,
    /// The digest of the inputs of each assignment of the last build; none if that is not known to wob.
    before: Option<BTreeMap<String, Option<Digest>>>,
    /// Whether wob may have lost its note of it.
    forgets: bool,
    /// The digests of inputs whose results are in the store for sure.
    surely: BTreeSet<Digest>,
    /// Those whose results may be there.
    maybe: BTreeSet<Digest>,
    tree: BTreeMap<String, Vec<u8>>,
    counts: BTreeMap<String, usize>,
}

impl User {
    fn new(random: &mut Random) -> Self {
        let mut user = Self {
            folder: tempfile::tempdir().unwrap(),
            scene: Scene::draw(random),
            history: vec![],
            layout: 1,
            trailers: BTreeMap::new(),
            files: Files::new(),
            before: None,
            forgets: false,
            surely: BTreeSet::new(),
            maybe: BTreeSet::new(),
            tree: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        user.build("the first build");
        user
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    /// Does something to the sources or to the cache, and says what.
    fn edit(&mut self, random: &mut Random) -> String {
        self.history.push(self.scene.clone());
        let what = match random.below(100) {
            0..40 => {
                self.scene.edit(random);
                "edits an object"
            }
            40..48 => {
                self.scene.edit(random);
                self.scene.edit(random);
                self.scene.edit(random);
                "edits several objects"
            }
            48..56 => {
                self.scene = self.history[random.below(self.history.len())].clone();
                "returns to an earlier state"
            }
            56..62 => {
                self.layout = 3 - self.layout;
                "moves objects between files"
            }
            62..72 => {
                let paths: Vec<String> = self.files.keys().cloned().collect();
                let path = &paths[random.below(paths.len())];
                let text = random.pick(&["\n", "# a comment\n", "\n\n# why\n\n"]);
                self.trailers.entry(path.clone()).or_default().push_str(text);
                "writes a comment or white space"
            }
            72..76 => {
                self.scene.profile = match self.scene.profile {
                    Profile::Standard => Profile::Kalypso,
                    Profile::Kalypso => Profile::Standard,
                };
                "changes a setting"
            }
            76..78 => "does nothing",
            78..80 => {
                self.scene.edit(random);
                "builds twice at once"
            }
            80..84 => {
                for path in self.files.keys() {
                    let path = self.at().join(path);
                    fs::write(&path, fs::read(&path).unwrap()).unwrap();
                }
                "touches every file"
            }
            84..88 => {
                self.remove(&["home"]);
                "removes the cache"
            }
            88..91 => {
                self.remove(&["home/.cache/wob/store/packs"]);
                "removes the packs"
            }
            91..94 => {
                self.remove(&["home/.cache/wob/store/notes"]);
                "removes the notes"
            }
            _ => {
                self.damage(random);
                "damages a file of the cache"
            }
        };
        what.to_owned()
    }

    fn remove(&mut self, folders: &[&str]) {
        for folder in folders {
            // What is not there need not be removed.
            fs::remove_dir_all(self.at().join(folder)).unwrap_or_default();
        }
        if folders.iter().any(|it| !it.ends_with("notes")) {
            self.surely.clear();
            self.maybe.clear();
        }
        if folders.iter().any(|it| !it.ends_with("packs")) {
            self.before = None;
        }
    }

    /// Flips a bit of a file of the cache, or cuts it.
    fn damage(&mut self, random: &mut Random) {
        let store = self.at().join("home/.cache/wob/store");
        let files: Vec<PathBuf> = contents(&store).keys().map(|it| store.join(it)).collect();
        if files.is_empty() {
            return;
        }
        let path = &files[random.below(files.len())];
        let mut bytes = fs::read(path).unwrap();
        let place = random.below(bytes.len().max(1));
        if random.chance(50) {
            bytes.truncate(place);
        } else if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << random.below(8);
        }
        fs::write(path, bytes).unwrap();
        self.surely.clear();
        // There may be a note for another place, too.
        self.forgets = path.extension().is_some_and(|it| it == "last");
    }

    /// Writes the sources; returns the world that they are, and which files differ from those of the last build.
    fn write(&mut self) -> (World, BTreeSet<String>) {
        let world = self.scene.lay_out(self.layout);
        let mut files = Files::from([("wob.yaml".to_owned(), settings(&world))]);
        let sources = [("base".to_owned(), &world.base), ("env".to_owned(), &world.environment)];
        let workloads = world.workloads.iter().map(|(it, files)| (below(it), files));
        for (folder, texts) in sources.into_iter().chain(workloads) {
            // An empty folder is a source, too.
            fs::create_dir_all(self.at().join(&folder)).unwrap();
            files.extend(texts.iter().map(|(path, it)| (format!("{folder}/{path}"), it.clone())));
        }
        for (path, trailer) in &self.trailers {
            if let Some(text) = files.get_mut(path) {
                text.push_str(trailer);
            }
        }
        for path in self.files.keys().filter(|it| !files.contains_key(*it)) {
            fs::remove_file(self.at().join(path)).unwrap();
        }
        for address in addresses() {
            if !world.workloads.contains_key(&address) {
                fs::remove_dir_all(self.at().join(below(&address))).unwrap_or_default();
            }
        }
        for (path, text) in files.iter().filter(|(path, it)| self.files.get(*path) != Some(it)) {
            let path = self.at().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let paths = self.files.keys().chain(files.keys());
        let edited = paths.filter(|it| self.files.get(*it) != files.get(*it)).cloned().collect();
        self.files = files;
        (world, edited)
    }

    /// Builds by the command, and checks everything that must hold.
    fn build(&mut self, edit: &str) {
        let (world, edited) = self.write();
        let mut args = vec!["build".to_owned(), "--explain=explained.json".to_owned()];
        // What is registered and not there is missing in both.
        for address in addresses() {
            args.push(format!("--override-input={address}={}", below(&address)));
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let second = edit.starts_with("builds twice").then(|| {
            let args = [&args[..1], &args[2..], &["-o", "wob-out/second"]].concat();
            let mut second = wob_command(self.at(), &args);
            second.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        });
        let output = wob_command(self.at(), &args).output().unwrap();
        if let Some(mut second) = second {
            let is_good = second.wait().unwrap().success();
            let second = contents(&self.at().join("wob-out/second"));
            let first = contents(&self.at().join("wob-out/dev"));
            assert!(!is_good || first == second, "{edit}");
        }
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{edit}: {talk}");
        self.check_tree(&world, output.status, edit);
        let explained = fs::read(self.at().join("explained.json")).unwrap();
        let explained: Value = serde_json::from_slice(&explained).unwrap();
        self.check_work(&world, &explained, edit);
        self.check_causes(&explained, &edited, edit);
        if edit.starts_with("damages") {
            // What is damaged, but was not read, is found out now rather than in a later step.
            wob_command(self.at(), &["cache", "verify"]).output().unwrap();
            self.surely.clear();
        }
    }

    /// What was built is what the oracle says; what else is there was there before.
    fn check_tree(&mut self, world: &World, status: ExitStatus, edit: &str) {
        let expected = oracle::evaluate(world);
        let found = contents(&self.at().join("wob-out/dev"));
        let found: BTreeMap<String, Vec<u8>> =
            found.into_iter().filter(|(path, _)| !path.starts_with('.')).collect();
        for (path, text) in &expected.files {
            let found = found.get(path).map(|it| String::from_utf8_lossy(it));
            assert_eq!(found.as_deref(), Some(text.as_str()), "{edit}: {path}");
        }
        for (path, bytes) in found.iter().filter(|it| !expected.files.contains_key(it.0)) {
            assert!(!status.success(), "{edit}: {path} should not be there");
            assert_eq!(self.tree.get(path), Some(bytes), "{edit}: {path} was not there before");
        }
        self.tree = found;
    }

    /// Exactly that was rendered which had to be.
    fn check_work(&mut self, world: &World, explained: &Value, edit: &str) {
        let workspace = Workspace::new(world);
        let (db, input) = workspace.parts();
        let recorder = Recorder::default();
        let built = build_with(db, input, &recorder);
        let kept = recorder.0.into_inner().unwrap();
        let mut now = BTreeMap::new();
        let told = explained["assignments"].as_array().unwrap();
        assert_eq!(told.len(), built.assignments.len(), "{edit}");
        for (it, told) in built.assignments.iter().zip(told) {
            let label =
                format!("//env/dev/{}:{}", it.assignment.cluster_type, it.assignment.target);
            assert_eq!(told["label"], label.as_str(), "{edit}");
            let doing = told["doing"].as_str().unwrap();
            *self.counts.entry(doing.to_owned()).or_default() += 1;
            let before = self.before.as_ref().map(|it| it.get(&label).copied().flatten());
            now.insert(label, it.inputs);
            let Some(inputs) = it.inputs.filter(|_| !it.failed) else {
                assert_eq!(doing, "failed", "{edit}: {told}");
                continue;
            };
            // Of two that build, either may find what the other has just rendered.
            let is_lost = !self.maybe.contains(&inputs) && !edit.starts_with("builds twice");
            if !kept.contains(&inputs) || is_lost {
                assert_eq!(doing, "rendered", "{edit}: {told}");
            } else if self.surely.contains(&inputs) {
                assert_ne!(doing, "rendered", "{edit}: {told}");
            }
            if doing != "rendered" {
                let is_same = before == Some(Some(inputs));
                let is_told_same = matches!(doing, "unchanged" | "cutOffEarly");
                let is_forgotten = self.forgets && !is_told_same;
                assert!(is_told_same == is_same || is_forgotten, "{edit}: {told}");
            }
        }
        self.before = Some(now);
        self.forgets = false;
        self.maybe.extend(&kept);
        self.surely.extend(&kept);
    }

    /// Whatever has other inputs is explained by a file that was edited, at a line that says it.
    fn check_causes(&self, explained: &Value, edited: &BTreeSet<String>, edit: &str) {
        let told = &explained["environments"][0]["edited"];
        let Some(told) = told.as_array() else { return };
        let told: BTreeSet<String> =
            told.iter().map(|it| it["file"].as_str().unwrap().to_owned()).collect();
        // A repository is read only while something registers it.
        let differing = told.symmetric_difference(edited);
        let differing: Vec<&String> =
            differing.filter(|it| !it.starts_with("repositories/")).collect();
        assert!(differing.is_empty(), "{edit}: {differing:?}");
        let edited = &told;
        for it in explained["assignments"].as_array().unwrap() {
            let causes = it["causes"].as_array().unwrap();
            match it["doing"].as_str().unwrap() {
                "unchanged" | "failed" => continue,
                "cutOffEarly" => {
                    assert!(!edited.is_empty() && causes.is_empty(), "{edit}: {it}");
                    continue;
                }
                _ => {}
            }
            let is_plain = |it: &Value| it["file"].is_null() && it["part"].is_null();
            let names = |it: &Value| it["file"].as_str().is_some_and(|it| edited.contains(it));
            let is_caused = causes.iter().any(|it| is_plain(it) || names(it));
            assert!(is_caused, "{edit} in {edited:?}: {it:#}");
            for cause in causes {
                self.check_line(cause, edit);
            }
        }
    }

    /// A value that is said to be set or changed stands in the line that is named.
    fn check_line(&self, cause: &Value, edit: &str) {
        let text = cause["text"].as_str().unwrap();
        let mut words = text.split(' ').rev();
        let (Some(key), Some("changed" | "sets"), true) =
            (words.next(), words.next(), text.matches(' ').count() == 3)
        else {
            return;
        };
        let line = cause["line"].as_u64().unwrap_or_else(|| panic!("{edit}: {cause} has no line"));
        let line = usize::try_from(line).unwrap();
        let file = &self.files[cause["file"].as_str().unwrap()];
        let line = file.lines().nth(line - 1).unwrap();
        assert!(line.contains(key), "{edit}: {cause} names `{line}`");
    }
}

/// Notes what could be remembered.
#[derive(Default)]
struct Recorder(Mutex<BTreeSet<Digest>>);

impl Known for Recorder {
    fn expect(&self, _: &[Subtree]) {}

    fn files(&self, _: Digest) -> Option<Vec<KnownFile>> {
        None
    }

    fn keep(&self, inputs: Digest, _: &Rendered) {
        self.0.lock().unwrap().insert(inputs);
    }
}

fn settings(world: &World) -> String {
    let profile = match world.profile {
        Profile::Standard => "standard",
        Profile::Kalypso => "kalypso",
    };
    let precedence = match world.precedence {
        Precedence::Name => "name",
        Precedence::Specificity => "specificity",
    };
    let settings = json!({
        "base": "base", "environments": {"dev": {"path": "env"}},
        "profile": profile, "configPrecedence": precedence,
    });
    format!("{settings}\n")
}

/// Returns every address that a scene can name.
fn addresses() -> impl Iterator<Item = String> {
    (0..10).map(|it| format!("https://git.example/w{it}"))
}

/// Returns the folder that stands for a repository.
fn below(address: &str) -> String {
    format!("repositories/{}", address.rsplit('/').next().unwrap())
}
