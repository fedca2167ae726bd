//! Which source files can be left out: those that say only what some subtrees need, and nothing that another file says too.

use std::collections::BTreeSet;

use salsa::Setter as _;
use wob_engine::{Database, FileName, FilePath, Place};
use wob_rules::{EnvironmentInput, ProgramSetting, SCHEDULERS, Scheduler, SchedulerSetting, reads};

use crate::{
    engine::Workspace,
    oracle::world::{self, World},
};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ";
/// Those of [`world`] that can be left out.
const LEFT_OUT: [&str; 5] = [
    "env:a.yaml",
    "env:b.yaml",
    "env:core.yaml",
    "env:edge.yaml",
    "https://example.org/app :w.yaml",
];

fn config(name: &str, site: &str, key: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{platform-config: 'true', site: {site}}}}}\ndata: {{{key}: one}}\n"
    )
}

/// A target on two cluster types, each with config of its own, and config that nobody has.
fn world() -> World {
    let mut world = World::new("dev", world::Profile::Standard);
    let mut put = |path: &str, text: String| drop(world.environment.insert(path.to_owned(), text));
    for (name, site) in [("core", "b"), ("edge", "a")] {
        let text = format!(
            "{API}ClusterType\nmetadata: {{name: {name}, labels: {{site: {site}}}}}\nspec: {{reconciler: flux}}\n"
        );
        put(&format!("{name}.yaml"), text);
    }
    let all = "spec:\n  deploymentTargetSelector: {labelSelector: {}}\n  clusterTypeSelector: {labelSelector: {}}\n";
    put("policy.yaml", format!("{API}SchedulingPolicy\nmetadata: {{name: all}}\n{all}"));
    put("a.yaml", config("a", "a", "KEY"));
    put("b.yaml", config("b", "b", "KEY"));
    put("nobody.yaml", config("nobody", "c", "KEY"));
    put("note.yaml", "apiVersion: v1\nkind: Secret\n".to_owned());
    let registration = "spec:\n  workspace: team\n  workload: {repo: 'https://example.org/app', branch: main, path: .}\n";
    world.base.insert(
        "app.yaml".to_owned(),
        format!("{API}WorkloadRegistration\nmetadata: {{name: app}}\n{registration}"),
    );
    let target = "{name: web, environment: dev, manifests: {repo: 'https://example.org/m', branch: dev, path: ./t}}";
    let workload = format!(
        "{API}Workload\nmetadata: {{name: shop}}\nspec: {{deploymentTargets: [{target}]}}\n"
    );
    let files = world::Files::from([("w.yaml".to_owned(), workload)]);
    world.workloads.insert("https://example.org/app".to_owned(), files);
    world
}

fn scheduler(db: &mut Database, input: EnvironmentInput, name: &str, program: Option<&str>) {
    let place = Place::file(&FileName::new("wob.yaml"));
    let found = SCHEDULERS.iter().find(|it| Scheduler::name(**it) == name).unwrap();
    let program = program.map(|it| ProgramSetting {
        path: FilePath::new(it).unwrap(),
        arguments: vec![],
        timeout_seconds: 1,
        place: place.clone(),
    });
    let mut scheduling = input.scheduling(db).clone();
    scheduling.setting = Some(SchedulerSetting { name: Some(found.name()), program, place });
    input.set_scheduling(db).to(scheduling);
}

/// Returns what can be left out; `None` if nothing may be.
fn left_out(workspace: &Workspace) -> Option<BTreeSet<String>> {
    let (db, input) = workspace.parts();
    let found = reads(db, input)?;
    let names = |it: &mut dyn Iterator<Item = &FileName>| -> BTreeSet<String> {
        it.map(ToString::to_string).collect()
    };
    let (files, always) = (names(&mut found.files.iter()), names(&mut found.always.iter()));
    assert!(files.is_disjoint(&always), "{files:?} {always:?}");
    Some(files)
}

#[test]
fn what_another_file_may_say_too_is_not_left_out() {
    let without = |lacking: &[&str]| -> BTreeSet<String> {
        LEFT_OUT.iter().filter(|it| !lacking.contains(*it)).map(|it| (*it).to_owned()).collect()
    };
    assert_eq!(left_out(&Workspace::new(&world())), Some(without(&[])));
    let twice = config("a", "a", "KEY") + "---\n" + &config("a", "a", "MORE");
    let of_nobody = config("a", "a", "KEY") + "---\n" + &config("x", "c", "KEY");
    let with_policy = config("a", "a", "KEY")
        + "---\n"
        + &format!(
            "{API}GitOpsRepo\nmetadata: {{name: g}}\nspec: {{repo: 'https://example.org/g', branch: dev, path: .}}\n"
        );
    let again = config("b", "a", "KEY");
    let with_another = config("a", "a", "KEY") + "---\napiVersion: v1\nkind: Secret\n";
    for (what, path, text, lacking) in [
        ("two of one name in it", "a.yaml", &twice, &["env:a.yaml"][..]),
        ("config of nobody in it", "a.yaml", &of_nobody, &["env:a.yaml"]),
        ("something else in it", "a.yaml", &with_policy, &["env:a.yaml"]),
        ("one of its name in another", "z.yaml", &again, &["env:b.yaml"]),
        ("the template of a rule", "t.j2", &"text".to_owned(), &[]),
        ("an empty file", "z.yaml", &String::new(), &[]),
        ("what nobody reads in it", "a.yaml", &with_another, &[]),
    ] {
        let mut world = world();
        world.environment.insert(path.to_owned(), text.clone());
        assert_eq!(left_out(&Workspace::new(&world)), Some(without(lacking)), "{what}");
    }
}

#[test]
fn what_others_are_weighed_against_is_not_left_out() {
    let mut workspace = Workspace::new(&world());
    workspace.change(|db, input| scheduler(db, input, "labels", None));
    assert_eq!(left_out(&workspace).map(|it| it.len()), Some(LEFT_OUT.len()));
    workspace.change(|db, input| scheduler(db, input, "placement", None));
    let wanted = ["env:a.yaml", "env:b.yaml", "https://example.org/app :w.yaml"];
    assert_eq!(left_out(&workspace), Some(wanted.map(str::to_owned).into()));
    workspace.change(|db, input| scheduler(db, input, "exec", Some("scheduler.sh")));
    assert_eq!(left_out(&workspace), None);
}

/// One map has layers of many.
#[test]
fn dotted_config_is_not_left_out() {
    for site in ["a", "c"] {
        let mut world = world();
        world.environment.insert("a.yaml".to_owned(), config("azure-app-config", site, "KEY"));
        let found = left_out(&Workspace::new(&world)).unwrap();
        assert!(!found.contains("env:a.yaml"), "{site}: {found:?}");
    }
}
