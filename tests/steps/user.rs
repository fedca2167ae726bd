//! A user who edits, builds, loses things and is interrupted, and everything that must hold nevertheless.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    Event, Sight,
    cache::{self, Left, Sure},
    ground::{Clock, Ground, Layout},
    place::{Place, Tree},
    report::{is_at_once, report},
    work::{Expected, Knowledge, Look},
};
use crate::{
    oracle::{self, world::World},
    property::{Random, draft::other, lives::Counts},
    support::{contents, wob_command},
};

const FRESH: &str = "fresh";

pub(super) struct User<'s> {
    ground: Ground,
    knowledge: Knowledge,
    sights: &'s Counts<Sight>,
}

/// How one build is run.
struct Run<'r> {
    /// What happens to it, in all words.
    event: Event,
    what: &'r str,
    place: Place,
    options: Vec<String>,
    is_explained: bool,
    /// What was there before.
    before: Tree,
}

impl<'s> User<'s> {
    pub(super) fn new(layout: Layout, scene: u64, sights: &'s Counts<Sight>) -> Self {
        let ground = Ground::new(layout, scene);
        let mut user = Self { ground, knowledge: Knowledge::default(), sights };
        user.step(Event::Nothing, scene, "the first build");
        user
    }

    fn home(&self) -> PathBuf {
        self.ground.top().join("home")
    }

    /// Lets `event` happen, builds, and checks everything; says whether there was something to happen.
    pub(super) fn step(&mut self, event: Event, dice: u64, what: &str) -> bool {
        let mut random = Random::new(dice);
        let place = Place::draw(&mut random);
        self.ground.clock = match random.below(10) {
            0 => Clock::Past,
            1 => Clock::Future,
            2 => Clock::Kept,
            _ => Clock::Right,
        };
        let happened = self.happen(event, place, &mut random);
        let mut world = self.ground.write();
        let mut options = self.ground.inputs();
        if event == Event::ProfileOption {
            world.profile = other(world.profile);
            options.push(format!("--profile={:?}", world.profile).to_lowercase());
        }
        let is_lost = matches!(event, Event::LoseOutput | Event::LoseTree);
        if !is_lost && random.chance(15) {
            options.push("--trust-output".to_owned());
            self.sights.add(Sight::Trusted, 1);
        }
        if random.chance(15) {
            options.push("--output=json".to_owned());
            self.sights.add(Sight::Json, 1);
        }
        let is_explained = event != Event::Again && random.chance(60);
        let before = place.tree(self.ground.top());
        self.build(&Run { event, what, place, options, is_explained, before }, &world, &mut random);
        happened
    }

    fn happen(&mut self, event: Event, place: Place, random: &mut Random) -> bool {
        let (home, top) = (self.home(), self.ground.top().to_owned());
        let left = |results, notes| Left { results, notes };
        match event {
            Event::Edit(edit) => return self.ground.edit(edit, random),
            Event::EditUnseen => self.ground.edit_unseen(random),
            Event::Touch | Event::Past | Event::Future => {
                let clocks = [(Event::Past, Clock::Past), (Event::Future, Clock::Future)];
                let clock = clocks.iter().find(|(it, _)| *it == event);
                self.ground.clock = clock.map_or(Clock::Right, |it| it.1);
                self.ground.touch();
            }
            Event::Override => self.ground.toggle_override(random),
            Event::Commit => return self.ground.commit(),
            Event::Switch => return self.ground.switch(),
            Event::Promote => return self.ground.promote(),
            Event::LoseOutput => return place.lose_file(&top, random),
            Event::LoseTree => place.lose(&top),
            Event::LoseCache => {
                cache::lose(&home, "");
                self.knowledge.lose(left(Sure::Gone, Sure::Gone));
            }
            Event::LosePacks => {
                cache::lose(&home, ".cache/wob/store/packs");
                self.knowledge.lose(left(Sure::Gone, Sure::There));
            }
            Event::LoseNotes => {
                cache::lose(&home, ".cache/wob/store/notes");
                self.knowledge.lose(left(Sure::There, Sure::Gone));
            }
            Event::Damage => match cache::damage(&home, random) {
                Some(left) => self.knowledge.lose(left),
                None => return false,
            },
            Event::Collect => {
                let args = ["cache", "gc", "--max-age=0s", "--keep=0B"].map(str::to_owned);
                assert!(self.run(&args).status.success());
                self.knowledge.lose(left(Sure::Perhaps, Sure::Perhaps));
            }
            Event::Nothing
            | Event::Again
            | Event::ProfileOption
            | Event::Second
            | Event::Beside
            | Event::Kill => {}
        }
        true
    }

    fn command(&self, args: &[String], home: PathBuf) -> Command {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = wob_command(&self.ground.at(), &args);
        command.env("HOME", home);
        command
    }

    fn run(&self, args: &[String]) -> Output {
        self.command(args, self.home()).output().unwrap()
    }

    fn spawn(&self, args: &[String]) -> Child {
        let mut command = self.command(args, self.home());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Builds by the command, and checks everything that must hold.
    fn build(&mut self, run: &Run<'_>, world: &World, random: &mut Random) {
        let Run { event, what, .. } = *run;
        let top = self.ground.top().to_owned();
        fs::remove_dir_all(top.join(FRESH)).unwrap_or_default();
        run.place.copy_to(&top, FRESH);
        let mut args = vec!["build".to_owned(), "-v".to_owned()];
        args.extend(run.options.iter().cloned());
        let plain = args.clone();
        args.extend(run.place.options());
        let checking = [&args[..], &["--check".to_owned()]].concat();
        if event == Event::Kill {
            self.kill(&args, random);
        } else if event == Event::Again {
            self.run(&args);
        }
        let second = self.second(event, &args, &plain);
        let asked = if run.is_explained {
            "--explain=../explained.json"
        } else {
            "--timings=../stages.json"
        };
        args.push(asked.to_owned());
        let output = self.run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{what}: {said}");
        if let Some(second) = second {
            let second = second.wait_with_output().unwrap();
            assert_eq!(second.status.code(), output.status.code(), "{what}: the second process");
        }
        self.see(run, &output);
        self.check_tree(run, world, &output);
        self.check_fresh(run, &plain, &output);
        if event == Event::Beside && output.status.success() {
            let beside = contents(&top.join("beside"));
            assert!(beside == contents(&self.folder_of(run)), "{what}: beside");
        }
        let checked = self.run(&checking);
        let differing = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), output.status.code(), "{what}: {differing}");
        self.check_work(run, world, &output);
    }

    /// Returns where a folder is like the one that was built beside: the fresh one of this run.
    fn folder_of(&self, run: &Run<'_>) -> PathBuf {
        let folder = self.ground.top().join("as-folder");
        fs::remove_dir_all(&folder).unwrap_or_default();
        for (path, bytes) in run.place.tree(self.ground.top()) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    /// Begins a build, and kills it.
    fn kill(&self, args: &[String], random: &mut Random) {
        let mut child = self.spawn(args);
        // Most builds of these workspaces are over after that.
        let moment = random.number() % 60_000;
        thread::sleep(Duration::from_micros(moment));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        self.sights.add(Sight::Killed, usize::from(status.code().is_none()));
    }

    /// Begins what runs at the same time.
    fn second(&self, event: Event, args: &[String], plain: &[String]) -> Option<Child> {
        if event == Event::Second {
            return Some(self.spawn(args));
        }
        (event == Event::Beside).then(|| {
            fs::remove_dir_all(self.ground.top().join("beside")).unwrap_or_default();
            let beside = ["-o", "../beside"].map(str::to_owned);
            self.spawn(&[plain, &beside[..]].concat())
        })
    }

    fn see(&self, run: &Run<'_>, output: &Output) {
        let place = match run.place {
            Place::Default => Sight::IntoFolder,
            Place::Another => Sight::IntoAnother,
            Place::Branch => Sight::IntoBranch,
        };
        self.sights.add(place, 1);
        self.sights.add(Sight::AtOnce, usize::from(is_at_once(output)));
        self.sights.add(Sight::Wrong, usize::from(!output.status.success()));
        let said = [&*output.stdout, &*output.stderr].concat();
        let is_warned = output.status.success()
            && [" (warning)\n", "\"severity\": \"warning\""]
                .iter()
                .any(|it| String::from_utf8_lossy(&said).contains(it));
        self.sights.add(Sight::Warned, usize::from(is_warned));
        if !output.status.success() || run.is_explained || is_at_once(output) {
            return;
        }
        let stages = fs::read_to_string(self.ground.top().join("stages.json")).unwrap();
        let is_quick = !stages.contains("\"compose\"");
        self.sights.add(Sight::WarnedQuickly, usize::from(is_warned && is_quick));
        let said = String::from_utf8_lossy(&said).into_owned();
        let is_moved = [" added", " deleted"].iter().any(|it| said.contains(it));
        self.sights.add(Sight::MovedQuickly, usize::from(is_moved && is_quick));
    }

    /// What was built is what the oracle says; what else is there was there before.
    fn check_tree(&self, run: &Run<'_>, world: &World, output: &Output) {
        let what = run.what;
        let expected = oracle::evaluate(world);
        let found = run.place.tree(self.ground.top());
        for (path, text) in &expected.files {
            let found = found.get(path).map(|it| String::from_utf8_lossy(it));
            assert_eq!(found.as_deref(), Some(text.as_str()), "{what}: {path}");
        }
        let others = found
            .iter()
            .filter(|(path, _)| !path.starts_with('.') && !expected.files.contains_key(*path));
        for (path, bytes) in others {
            assert!(!output.status.success(), "{what}: {path} should not be there");
            assert_eq!(run.before.get(path), Some(bytes), "{what}: {path} was not there before");
        }
    }

    /// Whoever has nothing of all this, his cache neither, gets the same, byte for byte, and is told the same.
    fn check_fresh(&self, run: &Run<'_>, plain: &[String], output: &Output) {
        let what = run.what;
        let top = self.ground.top();
        // What cannot be built stays as it was; then he has what was there.
        if output.status.success() {
            fs::create_dir_all(top.join(FRESH)).unwrap();
            run.place.empty(top, FRESH);
        }
        let args = [plain, &run.place.options_in(FRESH)[..]].concat();
        let fresh = self.command(&args, top.join(FRESH).join("home")).output().unwrap();
        let (found, wanted) = (run.place.tree(top), run.place.copied_tree(top, FRESH));
        let both: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
        let differing: Vec<_> =
            both.into_iter().filter(|it| found.get(*it) != wanted.get(*it)).collect();
        assert!(differing.is_empty(), "{what}: not as from nothing: {differing:?}");
        let (said, wanted) = (report(output), report(&fresh));
        let difference = similar::TextDiff::from_lines(&wanted, &said);
        assert!(said == wanted, "{what} is told otherwise:\n{}", difference.unified_diff());
    }

    fn check_work(&mut self, run: &Run<'_>, world: &World, output: &Output) {
        let Run { event, what, .. } = *run;
        let is_at_once = is_at_once(output);
        let expected = Expected::of(world);
        let profile = (event == Event::ProfileOption).then_some(world.profile);
        let look = Look { place: run.place, files: &self.ground.files, profile, is_at_once, what };
        // Of two that build, either may find what the other has just done.
        let is_alone = !matches!(event, Event::Second | Event::Beside | Event::Kill);
        if run.is_explained && is_alone {
            let explained = fs::read(self.ground.top().join("explained.json")).unwrap();
            let explained: Value = serde_json::from_slice(&explained).unwrap();
            self.knowledge.check_work(look, &expected, &explained, self.sights);
            self.knowledge.check_causes(look, &explained);
        }
        self.knowledge.learn(look, &expected);
        if event == Event::Damage {
            // What is damaged, but was not read, is found out now rather than in a later step.
            self.run(&["cache", "verify"].map(str::to_owned));
            self.knowledge.lose(Left { results: Sure::Perhaps, notes: Sure::There });
        }
    }
}
