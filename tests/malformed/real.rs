//! The same through the real thing: a sample of malformations on disk, built by a process into a tree that was good.

use std::{collections::BTreeMap, fs, path::Path};

use tempfile::TempDir;
use wob_engine::Digest;

use super::{
    Case, cases,
    hand::{KINDS, Malformed},
    outcome::{self, Output},
    scenes::{RULES_PATH, Root, moved, scenes},
};
use crate::{
    cli::copy_example,
    property::Random,
    support::{contents, wob_in},
};

/// Every how many of the malformations one is tried.
const SAMPLE: usize = 9;

/// What a process leaves on disk is what the engine says, file by file.
#[test]
fn a_process_does_what_the_engine_says() {
    let mut scenes = scenes();
    let sample: Vec<Case> = cases(&scenes).into_iter().step_by(SAMPLE).collect();
    assert!(sample.len() >= 35, "{} cases", sample.len());
    for case in &sample {
        let temp = TempDir::new().unwrap();
        copy_example(case.example, temp.path());
        let scene = scenes.iter().find(|it| it.example == case.example).unwrap();
        fs::write(temp.path().join("base").join(RULES_PATH), &scene.world.base[RULES_PATH])
            .unwrap();
        let seen = wob_in(temp.path(), &["build"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let folders = scenes.iter().filter(|it| it.example == case.example);
        let folders = folders.flat_map(|it| it.folders.clone()).collect();
        lay_out(&folders, case, temp.path());
        let seen = wob_in(temp.path(), &["build"]);
        let what = format!("{} in {:?} {} of {}", case.kind, case.root, case.path, case.example);
        let code = seen.lines().next().unwrap();
        assert!(matches!(code, "exit: 0" | "exit: 1" | "exit: 32"), "{what}: {seen}");
        assert!(code == "exit: 0" || seen.contains("help:"), "{what}: {seen}");
        let of_case = scenes.iter_mut().filter(|it| it.example == case.example);
        for scene in of_case {
            let before = outcome::output(&scene.built, None);
            let after = if scene.has(&case.root) {
                outcome::output(&outcome::build(scene, case), Some(&before))
            } else {
                before
            };
            let found = on_disk(&temp.path().join("wob-out").join(&scene.world.env));
            assert!(found == after, "{what}, {}: {seen}", scene.world.env);
        }
    }
}

fn on_disk(folder: &Path) -> Output {
    let files = contents(folder).into_iter().filter(|it| !it.0.starts_with(".wob/"));
    files
        .map(|(path, bytes)| (wob_engine::FilePath::new(&path).unwrap(), Digest::of(&bytes)))
        .collect()
}

fn lay_out(folders: &BTreeMap<Root, String>, case: &Case, workspace: &Path) {
    let folder = workspace.join(&folders[&case.root]);
    let file = folder.join(&case.path);
    let whole = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    match &case.malformed {
        Malformed::Bytes(bytes) => fs::write(&file, bytes).unwrap(),
        Malformed::Gone => {}
        Malformed::Moved(to) => {
            let file = folder.join(moved(&case.path, to));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, whole).unwrap();
        }
        Malformed::LinkToNothing => std::os::unix::fs::symlink("nothing", &file).unwrap(),
    }
}

/// Settings that are wrong are wrong at a place, and then no output changes: everything depends on them.
#[test]
fn malformed_settings_change_nothing_or_are_right() {
    let (mut wrong, mut legal) = (0, 0);
    for (number, kind) in (0..).zip(&KINDS) {
        let example = ["minimal", "fleet"][number % 2];
        let temp = TempDir::new().unwrap();
        copy_example(example, temp.path());
        let file = temp.path().join("wob.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let mut random = Random::new(u64::try_from(number).unwrap());
        let slipped = (kind.slip)(&text, &mut random);
        let Some(Malformed::Bytes(bytes)) = slipped else { continue };
        let seen = wob_in(temp.path(), &["build"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let before = contents(&temp.path().join("wob-out"));
        fs::write(&file, &bytes).unwrap();
        let seen = wob_in(temp.path(), &["build"]);
        let what = format!("{} in {example}\n{}", kind.name, String::from_utf8_lossy(&bytes));
        let what: String = what.chars().take(3000).collect();
        if seen.starts_with("exit: 0\n") {
            legal += 1;
            // A legal change shows in the trees of a workspace that never had another one, too.
            let other = TempDir::new().unwrap();
            copy_example(example, other.path());
            fs::write(other.path().join("wob.yaml"), &bytes).unwrap();
            let again = wob_in(other.path(), &["build"]);
            assert!(again.starts_with("exit: 0\n"), "{what}: {again}");
            let after = contents(&temp.path().join("wob-out"));
            for (path, bytes) in contents(&other.path().join("wob-out")) {
                assert!(after.get(&path) == Some(&bytes), "{what}: {path}");
            }
            continue;
        }
        wrong += 1;
        assert!(matches!(seen.lines().next(), Some("exit: 1" | "exit: 32")), "{what}: {seen}");
        assert!(seen.contains("help:"), "{what}: {seen}");
        let after = contents(&temp.path().join("wob-out"));
        let is_record = |path: &str| path.contains(".wob/");
        for (path, bytes) in before.iter().filter(|it| !is_record(it.0)) {
            assert!(after.get(path) == Some(bytes), "{what}: {path} changed: {seen}");
        }
    }
    assert!(wrong >= 30 && legal >= 5, "{wrong} wrong, {legal} legal");
}
