//! Folders that do not exist yet wait with all that is in them, and are moved as a whole.

use std::{fs, sync::Arc};

use camino::Utf8Path;
use wob_engine::{Blob, Digest, Tree};
use wob_host::{Interrupt, Manifest, OutputError, OutputFolder, Overwrite, Plan, Standing};

use crate::{
    simulated::{Calls, Refusal, SimulatedDisk},
    support::{Sandbox, path, record, write},
};

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(name, text)| (path(name), Blob::new(text.as_bytes()))).collect()
}

fn plan(output: &OutputFolder, tree: &Tree) -> Result<Plan, OutputError> {
    output.plan(tree, &record(tree), &Standing::Unknown, &Interrupt::default())
}

fn build(output: &OutputFolder, tree: &Tree) -> Result<(), OutputError> {
    plan(output, tree)?.apply(Overwrite::Nothing, &Interrupt::default()).map(drop)
}

/// Lists what lies below `folder`, but for wob's own records.
fn listing(folder: &Utf8Path) -> Vec<String> {
    let (mut found, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        for entry in at.read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(folder).unwrap();
            if name.starts_with(".wob/parts") || name == ".wob/tree.json" || name == ".wob" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path().to_owned());
                found.push(format!("{name}/"));
            } else {
                found.push(format!("{name}: {}", fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Returns where a new folder waits.
fn waits(folder: &str) -> String {
    let above = folder.rsplit_once('/').map_or(".wob/new", |it| it.0);
    format!("{above}/.wob-new-{}", &Digest::of(folder.as_bytes()).to_string()[..16])
}

/// Each test is made with a new folder in the root, which waits elsewhere, and one in a folder that exists.
const NEW: [&str; 2] = ["new", "old/new"];

/// Says what lies in the output folder of a disk in memory, but for wob's own records and the empty folder that drafts lay in.
fn contents(disk: &SimulatedDisk) -> Vec<String> {
    let below = |it: &Utf8Path| it.strip_prefix(OUT).ok().map(ToString::to_string);
    let files = disk.files().into_iter().filter_map(|it| below(&it));
    let folders = disk.folders().into_iter().filter_map(|it| Some(below(&it)? + "/"));
    let mut all: Vec<String> = files.chain(folders).collect();
    all.retain(|it| {
        let own = [".wob/tree.json", ".wob/", ".wob/new/", "/"];
        !it.starts_with(".wob/parts/") && !own.contains(&&**it)
    });
    all.sort();
    all
}

const OUT: &str = "/out";

fn output_on(disk: &SimulatedDisk) -> OutputFolder {
    OutputFolder::on(Arc::new(disk.clone()), Utf8Path::new(OUT), None)
}

/// At whatever moment that is.
#[test]
fn somebody_elses_folder_that_appears_is_filled() {
    for new in NEW {
        let (deep, flat) = (format!("{new}/deep/x"), format!("{new}/y"));
        let next = tree(&[("old/x", "1"), (&deep, "2"), (&flat, "2")]);
        let mine = format!("{new}/deep/mine");
        let mut expected =
            ["old/", "old/x", &format!("{new}/"), &format!("{new}/deep/"), &mine, &deep, &flat]
                .map(ToOwned::to_owned);
        expected.sort();
        let (mut met, mut call) = (0, 0);
        loop {
            let disk = SimulatedDisk::default();
            let output = output_on(&disk);
            build(&output, &tree(&[("old/x", "1")])).unwrap();
            disk.visit(call, &Utf8Path::new(OUT).join(&mine));
            let result = build(&output, &next);
            if disk.heal() <= call {
                break;
            }
            // Between the last look and the move there is a moment in which the move fails.
            met += usize::from(matches!(result, Err(OutputError::HalfWritten { .. })));
            build(&output, &next).unwrap();
            assert_eq!(contents(&disk), expected, "{call}: {result:?}");
            call += 1;
        }
        assert!(call > 40 && met == 2, "{met} of {call}");
    }
}

#[test]
fn what_a_crash_left_is_taken_away() {
    for new in NEW {
        for next in [&[("old/x", "1")][..], &[("old/x", "1"), (&*format!("{new}/deep/x"), "3")]] {
            let sandbox = Sandbox::new();
            let output = OutputFolder::new(sandbox.path(), None);
            build(&output, &tree(&[("old/x", "1")])).unwrap();
            let announced = tree(&[(&format!("{new}/deep/x"), "2"), (&format!("{new}/y"), "2")]);
            let journal = serde_json::to_string(&Manifest::of(&announced)).unwrap() + "\n";
            let waiting = waits(new);
            write(
                sandbox.path(),
                &[(".wob/journal.json", &journal), (&format!("{waiting}/deep/x"), "ha")],
            );
            build(&output, &tree(next)).unwrap();
            let fresh = Sandbox::new();
            build(&OutputFolder::new(fresh.path(), None), &tree(next)).unwrap();
            assert_eq!(listing(sandbox.path()), listing(fresh.path()), "{new}");
        }
    }
}

/// A folder that was left is known for wob's own in the listing of others' files, and where a file must be.
#[test]
fn what_a_crash_left_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    let output = OutputFolder::new(sandbox.path(), None);
    build(&output, &tree(&[("a/x", "1")])).unwrap();
    write(sandbox.path(), &[(&format!("{}/deep/x", waits("a/new")), "ha")]);
    assert_eq!(plan(&output, &tree(&[("a/x", "1")])).unwrap().others.count, 0);
    build(&output, &tree(&[("a", "1")])).unwrap();
    assert_eq!(listing(sandbox.path()), ["a: 1"]);
}

#[test]
fn nothing_is_written_through_what_lies_where_a_new_folder_waits() {
    for new in NEW {
        for link in ["-> ../../outside", "-> nowhere", "somebody's"] {
            let sandbox = Sandbox::new();
            let out = sandbox.join("out");
            let output = OutputFolder::new(&out, None);
            build(&output, &tree(&[("old/x", "1")])).unwrap();
            write(sandbox.path(), &[("outside/mine", "mine")]);
            // As far up as wob's own folder is deep.
            write(&out, &[(&waits(new), &link.replace("../../", "../../../"))]);
            let result = build(&output, &tree(&[("old/x", "2"), (&format!("{new}/x"), "2")]));
            // Wob's own folder is swept, as what lies there can only be a draft.
            if new == "old/new" {
                let error = result.unwrap_err();
                assert!(matches!(error, OutputError::Busy { .. }), "{link}: {error}");
                assert_eq!(fs::read_to_string(out.join("old/x")).unwrap(), "1");
            } else {
                result.unwrap();
            }
            assert_eq!(listing(&sandbox.join("outside")), ["mine: mine"], "{link}");
        }
    }
}

/// Where there are many, several threads write them.
#[test]
fn many_files_wait_or_none() {
    let names: Vec<String> = (0..20)
        .flat_map(|it| (0..20).map(move |file| format!("c{}/a{it}/f{file}", it % 3)))
        .collect();
    let all: Vec<(&str, &str)> = names.iter().map(|it| (&**it, "text")).collect();
    let all = tree(&all);
    let whole = {
        let disk = SimulatedDisk::default();
        build(&output_on(&disk), &all).unwrap();
        contents(&disk)
    };
    let mut failed = 0;
    for call in (0..).step_by(7) {
        let disk = SimulatedDisk::default();
        let output = output_on(&disk);
        disk.fail(Calls::Only(call), Refusal::Os(28));
        let result = build(&output, &all);
        let calls = disk.heal();
        match result {
            Err(OutputError::Failed { .. }) => {
                failed += 1;
                assert_eq!(contents(&disk), Vec::<String>::new(), "{call}");
            }
            Err(OutputError::HalfWritten { .. }) | Ok(()) => {}
            Err(error) => panic!("{call}: {error}"),
        }
        build(&output, &all).unwrap();
        let found = contents(&disk);
        let differing: Vec<_> = found.iter().filter(|it| !whole.contains(it)).collect();
        assert!(found == whole, "{call}: {} files, among them {differing:?}", found.len());
        if call > calls {
            // Each file is created and filled, and little else: none is looked for or moved by itself.
            assert!(calls < names.len() * 5 / 2, "{calls} calls");
            break;
        }
    }
    assert!(failed > 100, "{failed} builds failed before anything was moved");
}
