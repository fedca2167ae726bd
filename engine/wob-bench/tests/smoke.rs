//! The bench runs on a small fleet, counts right and prints what docs/performance.md documents. No time is judged.

use std::process::Command;

use serde_json::Value;

fn bench(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wob-bench"))
        .args(["--assignments", "100", "--rounds", "1"])
        .args(arguments)
        .output()
        .expect("because cargo built it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("because it prints text")
}

#[test]
fn json_has_every_stage_and_right_counts() {
    let report: Value = serde_json::from_str(&bench(&["--output", "json"])).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["threads"], 2);
    let fleet = &report["fleets"][0];
    let counts = &fleet["counts"];
    assert_eq!(counts["assignments"], 100);
    assert_eq!(counts["clusterTypes"], 10);
    assert_eq!(counts["targets"], 20);
    // Three files each, and a README for each cluster type comes with the record, which no stage but `write` has.
    assert_eq!(counts["files"], 300);
    let names: Vec<&str> =
        fleet["stages"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["parse", "schedule", "compose", "render", "hash", "write", "build"]);
    for stage in fleet["stages"].as_array().unwrap() {
        for field in ["seconds", "microsPerAssignment", "floorSeconds", "ratio"] {
            assert!(stage[field].as_f64().unwrap() > 0.0, "{field} of {stage}");
        }
        if cfg!(target_os = "linux") {
            assert!(stage["peakBytes"].is_u64() && stage["keptBytes"].is_u64(), "{stage}");
        }
    }
}

#[test]
fn the_table_has_a_line_for_each_stage() {
    let table = bench(&["--no-write", "--threads", "1"]);
    for stage in ["parse", "schedule", "compose", "render", "hash", "build"] {
        assert!(table.lines().any(|it| it.starts_with(stage)), "{stage} in {table}");
    }
    assert!(table.contains("100 assignments: 10 cluster types, 20 targets"), "{table}");
}

#[test]
fn the_same_seed_gives_the_same_sources() {
    let generate = |seed: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet");
        bench(&["--generate", path.to_str().unwrap(), "--seed", seed]);
        let mut texts = vec![];
        let mut folders = vec![path.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    let name = entry.path().strip_prefix(&path).unwrap().to_owned();
                    texts.push((name, std::fs::read_to_string(entry.path()).unwrap()));
                }
            }
        }
        texts.sort();
        texts
    };
    assert_eq!(generate("7"), generate("7"));
    assert_ne!(generate("7"), generate("8"));
}

/// The command lies beside the bench if cargo was asked for the whole workspace.
#[test]
fn runs_of_the_command_are_measured() {
    let wob = std::path::Path::new(env!("CARGO_BIN_EXE_wob-bench")).with_file_name("wob");
    if !wob.exists() {
        return;
    }
    let runs = ["--runs", wob.to_str().unwrap(), "--output", "json"];
    let report: Value = serde_json::from_str(&bench(&runs)).unwrap();
    assert_eq!(report[0]["assignments"], 100);
    let runs = report[0]["runs"].as_array().unwrap();
    let names: Vec<&str> = runs.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let expected = [
        "cold",
        "nothing to do",
        "nothing to do, output trusted",
        "one value changed",
        "a template changed to no effect",
    ];
    assert_eq!(names, expected);
    assert!(runs.iter().all(|it| it["seconds"].as_f64().unwrap() > 0.0), "{runs:?}");
}
