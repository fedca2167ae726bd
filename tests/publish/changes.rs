//! Publishing what has changed alone: whatever is edited, merged, moved, damaged or lost, it says and commits what a build of
//! everything does.
//!
//! `WOB_STEPS_CASES` says how many lives are drawn, `WOB_PROPERTY_SEED` repeats one.

use std::{collections::BTreeSet, fs, path::Path};

use super::{DEV, World};
use crate::{
    cli::{copy, edit},
    property::{
        Random,
        lives::{Counts, Lives, for_each_life},
    },
    support::{git, seen, write},
};

/// What happens before something is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Nothing,
    /// A value becomes another one that everybody has.
    Value,
    /// One that few have does.
    Narrow,
    Comment,
    /// Namespaces are called otherwise, so that all of a cluster type share one, or each has its own.
    Namespace,
    /// A policy selects fewer targets, or all again.
    Policy,
    /// A cluster type comes or goes.
    ClusterType,
    Template,
    /// Something that is legal but surely wrong comes or goes: a layer of nobody.
    Warning,
    /// So does a field that nobody reads.
    UnknownField,
    /// And a value that wins over that of a more special layer.
    Precedence,
    /// What waits to be merged is, as it is.
    Merge,
    /// It is, with a commit of two parents.
    MergeCommit,
    /// It is, as a commit of somebody else.
    Squash,
    /// Somebody commits a file of his own to the branch that clusters read.
    ByHand,
    /// He edits a file of wob's there.
    EditByHand,
    /// He edits what wob notes of a part there.
    EditRecord,
    /// That branch goes back by a commit.
    Rewind,
    /// What waits to be merged is deleted.
    Drop,
    LoseNotes,
    LoseCache,
    /// Only the copy of the GitOps repository is lost.
    LoseCopy,
}

const EVENTS: [(u32, Event); 22] = [
    (8, Event::Nothing),
    (16, Event::Value),
    (14, Event::Narrow),
    (6, Event::Comment),
    (5, Event::Namespace),
    (6, Event::Policy),
    (6, Event::ClusterType),
    (3, Event::Template),
    (3, Event::Warning),
    (6, Event::UnknownField),
    (6, Event::Precedence),
    (16, Event::Merge),
    (9, Event::MergeCommit),
    (14, Event::Squash),
    (6, Event::ByHand),
    (5, Event::EditByHand),
    (5, Event::EditRecord),
    (6, Event::Rewind),
    (6, Event::Drop),
    (4, Event::LoseNotes),
    (5, Event::LoseCache),
    (6, Event::LoseCopy),
];

/// How a publication went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    /// Only what had changed was built.
    Changes,
    /// Everything was.
    Everything,
    Pushed,
    Merged,
    Pending,
    /// Nothing was to be done, and that was known without building everything.
    UnchangedAtOnce,
    /// Only what had changed of several environments was built.
    SeveralAtOnce,
    /// Only what had changed was, and there were warnings.
    WarnedAtOnce,
    /// Both.
    SeveralWarnedAtOnce,
    /// Only what had changed was built, and files went.
    DeletedAtOnce,
}

const SIGHTS: [Sight; 10] = [
    Sight::Changes,
    Sight::Everything,
    Sight::Pushed,
    Sight::Merged,
    Sight::Pending,
    Sight::UnchangedAtOnce,
    Sight::SeveralAtOnce,
    Sight::WarnedAtOnce,
    Sight::SeveralWarnedAtOnce,
    Sight::DeletedAtOnce,
];

/// A layer that few have, and that gives a namespace its name.
fn layer(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: few\n  labels:\n    platform-config: \"true\"\n    workload: timetable\n\
         data:\n  TIME_ZONE: {value}\n"
    )
}

/// A layer that wins by its name over another one, which is more special.
fn wide(value: &str) -> String {
    layer("x")
        .replace("name: few", "name: zz-wide")
        .replace("TIME_ZONE: x", &format!("CREW: {value}"))
}

fn narrow() -> String {
    let text = wide("own").replace("name: zz-wide", "name: aa-narrow");
    text.replace("    workload", "    cluster-type: lab\n    workload")
}

struct Publisher<'s> {
    world: World,
    /// What is published, mostly.
    patterns: &'static [&'static str],
    sights: &'s Counts<Sight>,
}

impl<'s> Publisher<'s> {
    fn new(scene: u64, sights: &'s Counts<Sight>) -> Self {
        let world = World::by_path();
        let plane = world.plane();
        write(&plane, &[("base/config/few.yaml", &layer("Europe/Rome"))]);
        let patterns: &[&str] = match scene % 8 {
            0..3 => &[DEV],
            3..7 => &[DEV, "//env:stage"],
            _ => &["//..."],
        };
        for branch in ["stage", "prod"] {
            git(&world.gitops(), &["branch", branch, "dev"]);
        }
        if scene.is_multiple_of(2) {
            copy(&world.gitops(), &world.path("org/apart.git"));
            let own = plane.join("environments/stage/gitops-repo.yaml");
            edit(&own, "org/gitops.git", "org/apart.git");
        }
        if !scene.is_multiple_of(4) {
            let (wide, narrow) = (wide("own"), narrow());
            let files =
                [("base/config/zz-wide.yaml", &*wide), ("base/config/aa-narrow.yaml", &*narrow)];
            write(&plane, &files);
            toggle(&plane.join("wob.yaml"), "validate:\n  clusterTypes:\n    lba: off\n");
            let lab = plane.join("environments/dev/cluster-types/lab.yaml");
            edit(&lab, "region: fjord", "region: fjord\n    regoin: fjord");
        }
        if scene.is_multiple_of(5) {
            // Another branch of the same repository gets the tree, too.
            git(&world.gitops(), &["branch", "other", "dev"]);
            let own = plane.join("environments/dev/gitops-repo.yaml");
            let text = fs::read_to_string(&own).unwrap();
            let other =
                text.replace("name: dev", "name: other").replace("branch: dev", "branch: other");
            fs::write(plane.join("environments/dev/other.yaml"), other).unwrap();
        }
        world.commit();
        Self { world, patterns, sights }
    }

    fn home(&self, name: &str) -> std::path::PathBuf {
        self.world.path(name)
    }

    /// Lets `event` happen; says whether there was something to happen.
    fn happen(&self, event: Event, random: &mut Random) -> bool {
        let plane = self.world.plane();
        let zone = *random.pick(&[&"Oslo", &"Bergen", &"Paris"]);
        match event {
            Event::Nothing => return true,
            Event::Value => {
                let file = plane.join("base/config/company.yaml");
                let text = fs::read_to_string(&file).unwrap();
                let line = text.lines().find(|it| it.contains("TIME_ZONE")).unwrap();
                fs::write(&file, text.replace(line, &format!("  TIME_ZONE: Europe/{zone}")))
                    .unwrap();
            }
            Event::Narrow => {
                write(&plane, &[("base/config/few.yaml", &layer(&format!("Europe/{zone}")))]);
            }
            Event::Comment => {
                let file = plane.join("base/config/company.yaml");
                let text = fs::read_to_string(&file).unwrap();
                fs::write(&file, format!("{text}# {zone}\n")).unwrap();
            }
            Event::Namespace => toggle(
                &plane.join("wob.yaml"),
                "\nnamespacePattern: 'n-{environment}-{clusterType}'\n",
            ),
            Event::Policy => {
                let policy = plane.join("environments/dev/scheduling/try-everything.yaml");
                let [all, few] =
                    ["labelSelector: {}", "labelSelector: {matchLabels: {workload: timetable}}"]
                        .map(|it| format!("  deploymentTargetSelector:\n    {it}\n"));
                let is_all = fs::read_to_string(&policy).unwrap().contains(&all);
                if is_all { edit(&policy, &all, &few) } else { edit(&policy, &few, &all) }
            }
            Event::ClusterType => {
                let lab = plane.join("environments/dev/cluster-types/lab.yaml");
                let away = self.world.path("lab.yaml");
                let (from, to) = if lab.exists() { (&lab, &away) } else { (&away, &lab) };
                fs::rename(from, to).unwrap();
            }
            Event::Template => return self.edit_template(zone),
            Event::Warning | Event::UnknownField | Event::Precedence => self.warn(event, zone),
            Event::Merge | Event::MergeCommit | Event::Squash => return self.merge(event),
            Event::ByHand => {
                let text = format!("{zone} {}\n", random.number());
                self.world.by_hand(&[("NOTES.md", &text)]);
            }
            Event::EditByHand | Event::EditRecord => return self.edit_by_hand(event, random),
            Event::Rewind => {
                if git(&self.world.gitops(), &["rev-list", "--count", "--first-parent", "dev"])
                    == "1"
                {
                    return false;
                }
                git(&self.world.gitops(), &["update-ref", "refs/heads/dev", "dev~1"]);
            }
            Event::Drop => {
                let Some(head) = self.head() else { return false };
                git(&self.world.gitops(), &["branch", "-q", "-D", &head]);
            }
            Event::LoseNotes => lose(&self.home("home").join(".cache/wob/store/notes")),
            Event::LoseCache => lose(&self.home("home")),
            Event::LoseCopy => lose(&self.home("home").join(".cache/wob/git")),
        }
        let is_clean = git(&plane, &["status", "--porcelain"]).is_empty();
        if !is_clean {
            self.world.commit();
        }
        true
    }

    /// Lets a warning come, or go.
    fn warn(&self, event: Event, zone: &str) {
        let plane = self.world.plane();
        let company = plane.join("base/config/company.yaml");
        let idle = plane.join("environments/dev/config/idle.yaml");
        if event == Event::UnknownField {
            toggle_line(&company, "  labels:\n", "  lables: {}\n");
        } else if event == Event::Precedence {
            write(&plane, &[("base/config/zz-wide.yaml", &wide(zone))]);
        } else if idle.exists() {
            fs::remove_file(idle).unwrap();
        } else {
            let text = layer(zone).replace("workload: timetable", "zone: nowhere");
            fs::write(idle, text.replace("name: few", "name: idle")).unwrap();
        }
    }

    fn edit_template(&self, zone: &str) -> bool {
        let folder = self.world.plane().join("base/templates");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        let text = fs::read_to_string(&files[0]).unwrap();
        fs::write(&files[0], format!("{text}# {zone}\n")).unwrap();
        self.world.commit();
        true
    }

    /// The branch of `dev` that waits to be merged.
    fn head(&self) -> Option<String> {
        self.heads("org/gitops.git").into_iter().find(|it| it.starts_with("deployment/dev/"))
    }

    /// The branches of a repository that wait to be merged.
    fn heads(&self, repository: &str) -> Vec<String> {
        let heads = ["for-each-ref", "--format=%(refname:short)", "refs/heads/deployment"];
        git(&self.world.path(repository), &heads).lines().map(str::to_owned).collect()
    }

    fn merge(&self, event: Event) -> bool {
        let mut is_any = false;
        for repository in ["org/gitops.git", "org/apart.git"] {
            if !self.world.path(repository).exists() {
                continue;
            }
            for head in self.heads(repository) {
                let mut parts = head.split('/').skip(1);
                let name = parts.next().unwrap();
                let branch = name.split_once('+').map_or(name, |it| it.1).to_owned();
                is_any |= self.merge_one(event, repository, (&head, &branch));
            }
        }
        is_any
    }

    fn merge_one(&self, event: Event, repository: &str, (head, branch): (&str, &str)) -> bool {
        let gitops = self.world.path(repository);
        if git(&gitops, &["rev-parse", &format!("{head}^")]) != git(&gitops, &["rev-parse", branch])
        {
            return false;
        }
        let tree = format!("{head}^{{tree}}");
        let commit = if event == Event::MergeCommit {
            git(&gitops, &["commit-tree", &tree, "-p", branch, "-p", head, "-m", "merged"])
        } else if event == Event::Squash {
            git(&gitops, &["commit-tree", &tree, "-p", branch, "-m", "squashed"])
        } else {
            head.to_owned()
        };
        git(&gitops, &["update-ref", &format!("refs/heads/{branch}"), &commit]);
        true
    }

    fn edit_by_hand(&self, event: Event, random: &mut Random) -> bool {
        let all = git(&self.world.gitops(), &["ls-tree", "-r", "--name-only", "dev"]);
        let is_record = |it: &str| it.starts_with(".wob/parts/");
        let is_own = |it: &str| it.contains('/') && !it.starts_with('.');
        let is_it = |it: &&str| if event == Event::EditRecord { is_record(it) } else { is_own(it) };
        let files: Vec<&str> = all.lines().filter(is_it).collect();
        if files.is_empty() {
            return false;
        }
        let file = files[random.below(files.len())];
        let text = self.world.show(&format!("dev:{file}"));
        self.world.by_hand(&[(file, &format!("{text}\n\n"))]);
        true
    }

    /// Publishes as whoever has this cache; returns what he sees, and what the repositories have then.
    fn publish(&self, home: &str, args: &[&str]) -> (String, String) {
        let args = [&["publish", "--timings=../timings.json"], args].concat();
        let mut command = self.world.command(&self.world.plane(), &args);
        let output = command.env("HOME", self.home(home)).output().unwrap();
        let references = ["org/gitops.git", "org/apart.git"].map(|it| {
            let folder = self.world.path(it);
            let list = ["for-each-ref", "--format=%(refname) %(objectname)"];
            if folder.exists() { git(&folder, &list) } else { String::new() }
        });
        (seen(&output), references.join("\n"))
    }

    /// Publishes, and wants whoever has no cache at all to do the same.
    fn step(&self, args: &[&str], what: &str) {
        let (now, before) = (self.world.path("org"), self.world.path("before"));
        lose(&before);
        copy(&now, &before);
        lose(&self.home("fresh"));
        let wanted = self.publish("fresh", args);
        lose(&now);
        copy(&before, &now);
        let found = self.publish("home", args);
        let difference = similar::TextDiff::from_lines(&wanted.0, &found.0);
        assert!(found.0 == wanted.0, "{what} is told otherwise:\n{}", difference.unified_diff());
        assert_eq!(found.1, wanted.1, "{what}");
        self.see(&found.0, args);
    }

    fn see(&self, told: &str, args: &[&str]) {
        let are_several = args.iter().any(|it| ["//...", "//env:stage"].contains(it));
        let stages = stages(&self.world.path("timings.json"));
        let is_whole = stages.contains("compose");
        let sight = if is_whole { Sight::Everything } else { Sight::Changes };
        self.sights.add(sight, 1);
        for (words, sight) in [
            (" is pushed\n", Sight::Pushed),
            (" is published\n", Sight::Merged),
            (" waits to be merged\n", Sight::Pending),
        ] {
            self.sights.add(sight, usize::from(told.contains(words)));
        }
        let is_unchanged = told.contains(" is as it should be\n") && !is_whole;
        self.sights.add(Sight::UnchangedAtOnce, usize::from(is_unchanged));
        let words = [" (warning)\n", "\"severity\": \"warning\""];
        let is_warned = words.iter().any(|it| told.contains(it));
        for (sight, is_seen) in [
            (Sight::SeveralAtOnce, are_several),
            (Sight::WarnedAtOnce, is_warned),
            (Sight::SeveralWarnedAtOnce, are_several && is_warned),
            (Sight::DeletedAtOnce, told.contains(" deleted")),
        ] {
            self.sights.add(sight, usize::from(is_seen && !is_whole));
        }
    }
}

/// Returns the names of what took time.
fn stages(path: &Path) -> BTreeSet<String> {
    let trace: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let names = trace.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned());
    names.collect()
}

fn lose(path: &Path) {
    fs::remove_dir_all(path).unwrap_or_default();
}

/// Adds `text` to the end of a file, or removes it from there.
fn toggle(file: &Path, text: &str) {
    let now = fs::read_to_string(file).unwrap();
    let other = now.strip_suffix(text).map_or_else(|| format!("{now}{text}"), str::to_owned);
    fs::write(file, other).unwrap();
}

/// Adds a line before another one, or removes it from there.
fn toggle_line(file: &Path, before: &str, line: &str) {
    let now = fs::read_to_string(file).unwrap();
    let both = format!("{line}{before}");
    let has = now.contains(&both);
    let other = if has { now.replace(&both, before) } else { now.replace(before, &both) };
    fs::write(file, other).unwrap();
}

#[test]
fn every_publication_is_that_of_a_build_of_everything() {
    let (events, sights) = (Counts::new(), Counts::new());
    let cases = std::env::var("WOB_STEPS_CASES").ok().and_then(|it| it.parse().ok());
    let lives = Lives { cases: cases.unwrap_or(8), steps: 26 };
    for_each_life(lives, &EVENTS, |scene, steps| {
        let publisher = Publisher::new(scene, &sights);
        publisher.step(publisher.patterns, "the first");
        for (index, &(event, dice)) in steps.iter().enumerate() {
            let mut random = Random::new(dice);
            let what = format!("step {index}, {event:?}");
            events.add(event, usize::from(publisher.happen(event, &mut random)));
            let patterns = if random.chance(20) { &[DEV][..] } else { publisher.patterns };
            if random.chance(30) {
                let args = [patterns, &["--dry-run"]].concat();
                publisher.step(&args, &format!("{what}, dry"));
            }
            let direct: &[&str] = if random.chance(25) { &["--auto-merge"] } else { &[] };
            let more: &[&str] = match random.below(8) {
                0 => &["--output=json"],
                1 => &["--strict"],
                2 => &["--allow-deletions"],
                _ => &[],
            };
            publisher.step(&[patterns, direct, more].concat(), &what);
        }
    });
    events.assert_each(EVENTS.into_iter().map(|it| it.1), 1);
    sights.assert_each(SIGHTS, 3);
}

/// A namespace that all assignments of a cluster type share is there as long as one of them is, though nothing else of that one changes.
#[test]
fn a_namespace_that_stays_in_other_files_is_not_said_to_go() {
    let sights = Counts::new();
    let publisher = Publisher::new(0, &sights);
    let mut random = Random::new(0);
    let mut happen = |event| assert!(publisher.happen(event, &mut random), "{event:?}");
    for shared in [false, true] {
        if shared {
            happen(Event::Namespace);
        }
        publisher.step(&[DEV, "--auto-merge"], "all are there");
        happen(Event::Policy);
        publisher.step(&[DEV, "--dry-run"], "some go");
        assert!(!stages(&publisher.world.path("timings.json")).contains("compose"), "{shared}");
        let said = publisher.publish("home", &[DEV, "--dry-run"]).0;
        assert_eq!(said.contains("namespaces deleted"), !shared, "{said}");
        happen(Event::Policy);
    }
}

/// What a publication told of the sources that it left out, and of the stages of which it told the time.
fn looked(world: &World, args: &[&str]) -> (usize, bool) {
    let text = world.published(&[&[DEV, "-v", "--timings=../timings.json"], args].concat());
    let left_out = text.split_once("no edit concerns them: ");
    let left_out = left_out.map_or(0, |it| it.1.split_once(' ').unwrap().0.parse().unwrap());
    let stages = stages(&world.path("timings.json"));
    assert_eq!(stages.contains("compose"), stages.contains("build"), "{stages:?}");
    (left_out, stages.contains("compose"))
}

#[test]
fn only_what_has_changed_is_read_and_built() {
    let world = World::by_path();
    let few = |value: &str| {
        // What only one cluster type has.
        let text = layer(value).replace("workload: timetable", "cluster-type: lab");
        write(&world.plane(), &[("base/config/few.yaml", &text)]);
        world.commit();
    };
    few("one");
    assert_eq!(looked(&world, &["--auto-merge"]), (0, true));
    let (left_out, everything) = looked(&world, &["--auto-merge"]);
    assert!(left_out > 3 && !everything, "nothing has changed");
    few("two");
    let (left_out, everything) = looked(&world, &["--auto-merge"]);
    assert!(left_out > 0 && !everything, "{left_out}");
    // What waits to be merged is not what the next one replaces.
    looked(&world, &[]);
    for value in ["three", "four"] {
        few(value);
        let (left_out, everything) = looked(&world, &[]);
        assert!(left_out > 0 && !everything, "{value}: {left_out}");
    }
    // Until it is merged: then it is.
    git(&world.gitops(), &["update-ref", "refs/heads/dev", &world.head()]);
    let (left_out, everything) = looked(&world, &[]);
    assert!(left_out > 0 && !everything, "{left_out}");
    few("five");
    let (left_out, everything) = looked(&world, &[]);
    assert!(left_out > 0 && !everything, "{left_out}");
    // More than a value.
    edit(&world.plane().join("base/config/few.yaml"), "data:\n", "data:\n  NEW: key\n");
    world.commit();
    assert_eq!(looked(&world, &[]), (0, false));
    // What may concern everybody.
    edit(&world.plane().join("wob.yaml"), "version: 1", "# why\nversion: 1");
    world.commit();
    assert!(looked(&world, &[]).1);
}

#[test]
fn several_environments_with_warnings_are_published_as_quickly() {
    let world = World::by_path();
    git(&world.gitops(), &["branch", "stage", "dev"]);
    let few = |value: &str| {
        // A layer of one cluster type, and another one of nobody.
        let text = layer(value).replace("workload: timetable", "cluster-type: lab");
        let idle = layer("x").replace("workload: timetable", "zone: nowhere");
        let idle = idle.replace("name: few", "name: idle");
        let files = [
            ("environments/dev/config/few.yaml", &*text),
            ("environments/dev/config/idle.yaml", &*idle),
        ];
        write(&world.plane(), &files);
        world.commit();
    };
    let company = world.plane().join("base/config/company.yaml");
    edit(&company, "  labels:", "  lables: {}\n  labels:");
    few("one");
    let both = ["//env:stage", "--auto-merge"];
    assert_eq!(looked(&world, &both), (0, true));
    let (left_out, everything) = looked(&world, &both);
    assert!(left_out > 3 && !everything, "nothing has changed");
    for value in ["two", "three"] {
        few(value);
        let (left_out, everything) = looked(&world, &both);
        assert!(left_out > 0 && !everything, "{value}: {left_out}");
        let text = world.published(&[DEV, "//env:stage", "--dry-run"]);
        assert!(
            text.contains("unknown-field") && text.contains("config-applies-nowhere"),
            "{text}"
        );
    }
}
