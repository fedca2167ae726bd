//! That nothing may be left out of a frame: whatever two states of an environment differ in, but for values of config, tells
//! their frames apart.

use std::{collections::BTreeSet, sync::Arc};

use salsa::Setter as _;
use wob_engine::{
    Content, Database, Digest, FileName, FilePath, Origin, Place, Source, SourceFile,
};
use wob_rules::{
    Answer, BaseSource, Check, CheckMode, EnvironmentInput, Frame, KubernetesVersion, Name,
    ParameterSettings, Profile, SCHEDULERS, Scheduler, SchedulerSetting, Settings, Unavailable,
    Validation, discover,
};

use crate::{
    engine::{Framed, Workspace},
    oracle::world::{self, World},
};

const SETTINGS: &str = "version: 1\n";

/// What is said of a repository that is not there.
fn missing(reason: &str) -> Unavailable {
    Unavailable { reason: reason.to_owned(), help: None }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn map(name: &str, labels: &str, data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{platform-config: 'true'{labels}}}}}\ndata: {{{data}}}\n"
    )
}

/// A base that can be had and one that cannot, and two registrations of which nothing can be had.
fn workspace() -> Workspace {
    let mut world = World::new("dev", world::Profile::Standard);
    let registration = |name: &str| {
        format!(
            "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: WorkloadRegistration\nmetadata: {{name: {name}}}\nspec:\n  workspace: team\n  workload: {{repo: 'https://example.org/{name}', branch: main, path: .}}\n"
        )
    };
    world.base.insert("app.yaml".to_owned(), registration("app"));
    let base = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: BaseRepo\nmetadata: {name: main}\nspec: {repo: 'https://example.org/base', branch: main, path: .}\n";
    world.environment.insert("base.yaml".to_owned(), base.to_owned());
    world.environment.insert("a.yaml".to_owned(), map("a", "", "KEY: one"));
    world.environment.insert("b.yaml".to_owned(), map("b", ", tier: front", "OTHER: one"));
    let mut workspace = Workspace::new(&world);
    workspace.change(|db, input| {
        let mut bases = input.bases(db).clone();
        bases.push(BaseSource { repository: None, source: Err(missing("it is away")) });
        input.set_bases(db).to(bases);
    });
    workspace
}

/// A folder with a schema.
fn schemas(db: &Database, name: &str, text: &str) -> Source {
    let content = Content::Text { text: text.into(), digest: Digest::of(text.as_bytes()) };
    let path = FilePath::new(name).unwrap();
    let file = SourceFile::new(db, FileName::new(name), path, content);
    Source::new(db, Origin::default(), vec![file], vec![])
}

fn check(db: &Database, version: &str, schema: &str) -> Check {
    let kubernetes = KubernetesVersion::parse(version).unwrap();
    Check { mode: CheckMode::On, kubernetes, folders: vec![schemas(db, "s.json", schema)] }
}

fn validate(
    db: &mut Database,
    input: EnvironmentInput,
    change: impl FnOnce(&mut Validation, &Database),
) {
    let mut validation = Validation::clone(input.validation(db));
    change(&mut validation, db);
    input.set_validation(db).to(Arc::new(validation));
}

type Change = fn(&mut Database, EnvironmentInput);

/// For each part of a frame that is in no source file: what is changed first, and what then.
const PARTS: [(&str, Change, Change); 14] = [
    ("the name", nothing, |db, input| {
        input.set_name(db).to("test".to_owned());
    }),
    ("settings", nothing, |db, input| {
        input.set_settings(db).to(Arc::new(Settings::of(Profile::Kalypso)));
    }),
    ("parameters", nothing, |db, input| {
        let cluster_types = [(name("edge"), <_>::default())].into();
        let parameters = ParameterSettings { cluster_types, ..ParameterSettings::default() };
        input.set_parameters(db).to(Arc::new(parameters));
    }),
    ("who schedules", nothing, |db, input| {
        let mut scheduling = input.scheduling(db).clone();
        let place = Place::file(&FileName::new("wob.yaml"));
        let name = Some(Scheduler::name(SCHEDULERS[1]));
        scheduling.setting = Some(SchedulerSetting { name, program: None, place });
        input.set_scheduling(db).to(scheduling);
    }),
    ("what a program answered", nothing, |db, input| {
        let mut scheduling = input.scheduling(db).clone();
        scheduling.answer = Some(Answer::Failed {
            reason: "it ended".to_owned(),
            help: String::new(),
            notes: vec![],
        });
        input.set_scheduling(db).to(scheduling);
    }),
    ("which base", nothing, |db, input| {
        let mut bases = input.bases(db).clone();
        bases[0].repository = discover::base_repos(db, input.control_plane(db)).pop();
        input.set_bases(db).to(bases);
    }),
    ("why a base is missing", nothing, |db, input| {
        let mut bases = input.bases(db).clone();
        bases[1].source = Err(missing("it is asleep"));
        input.set_bases(db).to(bases);
    }),
    ("a base without files", nothing, |db, input| {
        let mut bases = input.bases(db).clone();
        let source = Source::new(db, Origin::default(), vec![], vec![]);
        bases.push(BaseSource { repository: None, source: Ok(source) });
        input.set_bases(db).to(bases);
    }),
    ("which workload", nothing, |db, input| {
        let mut workloads = input.workloads(db).clone();
        "crew".clone_into(&mut workloads[0].registration.workspace);
        input.set_workloads(db).to(workloads);
    }),
    ("why a workload is missing", nothing, |db, input| {
        let mut workloads = input.workloads(db).clone();
        workloads[0].source = Err(missing("it is asleep"));
        input.set_workloads(db).to(workloads);
    }),
    ("checks", nothing, |db, input| {
        validate(db, input, |it, db| it.every = check(db, "1.30", "{}"));
    }),
    (
        "a schema",
        |db, input| validate(db, input, |it, db| it.every = check(db, "1.30", "{}")),
        |db, input| validate(db, input, |it, db| it.every = check(db, "1.30", "{ }")),
    ),
    (
        "which cluster type is checked",
        |db, input| {
            validate(db, input, |it, db| {
                it.cluster_types.insert(name("edge"), check(db, "1.30", "{}"));
            });
        },
        |db, input| {
            validate(db, input, |it, _| {
                let check = it.cluster_types.pop_first().unwrap().1;
                it.cluster_types.insert(name("core"), check);
            });
        },
    ),
    (
        "how a cluster type is checked",
        |db, input| {
            validate(db, input, |it, db| {
                it.cluster_types.insert(name("edge"), check(db, "1.30", "{}"));
            });
        },
        |db, input| {
            validate(db, input, |it, db| {
                it.cluster_types.insert(name("edge"), check(db, "1.31", "{}"));
            });
        },
    ),
];

fn nothing(_: &mut Database, _: EnvironmentInput) {}

fn frame(workspace: &Workspace, settings: &str) -> Frame {
    Framed::of(workspace, settings).frame
}

fn state(workspace: &Workspace, settings: &str) -> Digest {
    let (db, input) = workspace.parts();
    Frame::state(db, input, settings)
}

/// Returns the files in which values have changed; `None` if anything else has.
fn edits(workspace: &Workspace, before: &Frame, settings: &str) -> Option<BTreeSet<String>> {
    let (db, input) = workspace.parts();
    let edit = before.edit_of_values(db, input, settings)?;
    assert_eq!(edit.frame, frame(workspace, settings));
    assert_eq!(edit.frame.shape(), before.shape());
    Some(edit.files.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_in_no_source_file_tells_frames_apart() {
    for (part, first, then) in PARTS {
        let mut workspace = workspace();
        workspace.change(first);
        let before = Framed::of(&workspace, SETTINGS);
        let (frame_before, was) = (&before.frame, state(&workspace, SETTINGS));
        assert_eq!(edits(&workspace, frame_before, SETTINGS), Some(BTreeSet::new()), "{part}");
        workspace.change(then);
        assert!(before.edit(&workspace, SETTINGS).is_none(), "{part}");
        assert_ne!(frame(&workspace, SETTINGS).shape(), frame_before.shape(), "{part}");
        assert_ne!(state(&workspace, SETTINGS), was, "{part}");
    }
    let workspace = workspace();
    let (before, other) = (frame(&workspace, SETTINGS), "version: 1 # why\n");
    assert_eq!(edits(&workspace, &before, other), None);
    assert_ne!(frame(&workspace, other).shape(), before.shape());
    assert_ne!(state(&workspace, other), state(&workspace, SETTINGS));
}

/// What a file says is told apart, but for values.
#[test]
fn what_files_say_tells_frames_apart() {
    let text = |data: &str| map("a", ", tier: front", data) + "---\n" + &map("z", "", "MORE: one");
    let first = text("KEY: one");
    let edited = Some(BTreeSet::from(["env:a.yaml".to_owned()]));
    let swapped = map("z", "", "MORE: one") + "---\n" + &map("a", ", tier: front", "KEY: one");
    let with_policy = format!(
        "{first}---\napiVersion: scheduler.kalypso.io/v1alpha1\nkind: GitOpsRepo\nmetadata: {{name: g}}\nspec: {{repo: 'https://example.org/g', branch: dev, path: .}}\n"
    );
    let cases: [(&str, String, &Option<BTreeSet<String>>); 12] = [
        ("a value", text("KEY: two"), &edited),
        ("a comment", format!("# why\n{first}"), &edited),
        ("a key", text("YEK: one"), &None),
        ("one key more", text("KEY: one, NEW: one"), &None),
        ("a template", text("KEY: '{{ .one }}'"), &None),
        ("a label", first.replace("front", "back"), &None),
        ("a name", first.replace("name: a", "name: b"), &None),
        ("an order", swapped, &None),
        ("a place", format!("apiVersion: v1\nkind: Secret\n---\n{first}"), &None),
        ("something else", with_policy, &None),
        ("an error", text("KEY: [one]"), &None),
        ("an error behind it", format!("{first}---\n{{"), &None),
    ];
    for (what, then, wanted) in cases {
        for is_back in [false, true] {
            let (from, to) = if is_back { (&then, &first) } else { (&first, &then) };
            let mut workspace = workspace();
            workspace.put("env", "a.yaml", from);
            let (before, was) = (frame(&workspace, SETTINGS), state(&workspace, SETTINGS));
            workspace.put("env", "a.yaml", to);
            assert_eq!(edits(&workspace, &before, SETTINGS), *wanted, "{what}");
            let is_same = frame(&workspace, SETTINGS).shape() == before.shape();
            assert_eq!(is_same, wanted.is_some(), "{what}");
            assert_ne!(state(&workspace, SETTINGS), was, "{what}");
        }
    }
}

/// Which files there are, and what they are called.
#[test]
fn which_files_there_are_tells_frames_apart() {
    let with = |files: &[(&str, &str)]| {
        let mut workspace = workspace();
        for (path, text) in files {
            workspace.put("env", path, text);
        }
        workspace
    };
    let (text, more) = (map("c", "", "KEY: one"), map("d", "", "KEY: one"));
    let without = with(&[("c.yaml", &text)]);
    let before = frame(&without, SETTINGS);
    for (what, files) in [
        ("one more", &[("c.yaml", &*text), ("d.yaml", &*more)][..]),
        ("an empty one", &[("c.yaml", &*text), ("d.yaml", "")]),
        ("another name", &[("e.yaml", &*text)]),
        ("one less", &[]),
    ] {
        let workspace = with(files);
        assert_eq!(edits(&workspace, &before, SETTINGS), None, "{what}");
        assert_ne!(frame(&workspace, SETTINGS).shape(), before.shape(), "{what}");
        assert_ne!(state(&workspace, SETTINGS), state(&without, SETTINGS), "{what}");
    }
}

/// Of what is no config, its bytes count, and where they are.
#[test]
fn what_is_no_config_tells_frames_apart() {
    let [with, other, renamed] =
        [("t.j2", "one"), ("t.j2", "two"), ("u.j2", "one")].map(|(path, text)| {
            let mut workspace = workspace();
            workspace.put("env", path, text);
            workspace
        });
    let before = frame(&with, SETTINGS);
    for workspace in [&other, &renamed] {
        assert_eq!(edits(workspace, &before, SETTINGS), None);
        assert_ne!(frame(workspace, SETTINGS).shape(), before.shape());
    }
}
