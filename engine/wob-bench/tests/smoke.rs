//! The bench runs on a small fleet, counts right and prints what docs/performance.md documents. No time is judged.
#![expect(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    reason = "tests may be blunt, and compare ratios"
)]

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
fn runs(arguments: &[&str]) -> Option<Value> {
    let wob = std::path::Path::new(env!("CARGO_BIN_EXE_wob-bench")).with_file_name("wob");
    let runs = ["--output", "json", "--runs", wob.to_str().unwrap()];
    wob.exists().then(|| serde_json::from_str(&bench(&[&runs[..], arguments].concat())).unwrap())
}

/// Every run took time and memory, and so did what is beside it.
fn names(report: &Value) -> Vec<&str> {
    let fleet = &report["fleets"][0];
    assert_eq!(fleet["assignments"], 100);
    let check = |run: &Value| {
        assert!(run["seconds"].as_f64().unwrap() > 0.0, "{run}");
        // More than the smallest program takes, and less than any run of so few assignments does.
        if let Some(peak) = run["peakBytes"].as_u64() {
            assert!((1_000_000..2_000_000_000).contains(&peak), "{run}");
        }
        if let Some(beside) = run.get("beside") {
            let ratio = run["seconds"].as_f64().unwrap() / beside["seconds"].as_f64().unwrap();
            assert!((run["ratio"].as_f64().unwrap() - ratio).abs() < 1e-6, "{run}");
        }
    };
    let runs = fleet["runs"].as_array().unwrap();
    runs.iter().for_each(check);
    // A cold run takes more than what starts it.
    assert!(runs[0]["peakBytes"].is_u64() || !cfg!(target_os = "linux"), "{runs:?}");
    runs.iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[test]
fn runs_into_files_are_measured() {
    let Some(report) = runs(&["--parts", "files"]) else { return };
    assert_eq!(
        names(&report),
        [
            "cold, into files",
            "nothing to do",
            "one value changed",
            "nothing to do, output trusted",
            "one value changed, output trusted",
            "a value refused, output trusted",
            "a value refused mended, output trusted",
            "a value that is no YAML, output trusted",
            "a value that is no YAML mended, output trusted",
            "a label of a cluster type changed",
            "a policy that came or went",
            "a template changed to no effect",
        ]
    );
}

#[test]
fn runs_into_a_branch_are_beside_their_floors() {
    let Some(report) = runs(&["--parts", "branch"]) else { return };
    let expected =
        ["cold, into a pack", "nothing to do, into a branch", "one value changed, into a branch"];
    assert_eq!(names(&report), expected);
    let runs = &report["fleets"][0]["runs"];
    assert_eq!(runs[0]["beside"]["name"], "rendering, hashing and compressing alone");
    // The value reaches the configs of five cluster types, and two of them override it.
    assert_eq!(runs[2]["beside"]["name"], "an edit of 3 files' tree by gix alone");
}

#[test]
fn publications_are_beside_their_floors() {
    let Some(report) = runs(&["--parts", "publish"]) else { return };
    let names = names(&report);
    let expected = [
        "all published for the first time",
        "nothing to publish",
        "one value changed, published",
        "one value changed, published, but for the push",
        "one value changed, proposed",
        "telling what changes in it",
    ];
    assert_eq!(names[..6], expected);
    assert!(names[6..].iter().all(|it| it.starts_with("of all that, ")), "{names:?}");
    let beside = |index: usize| report["fleets"][0]["runs"][index]["beside"]["name"].clone();
    let files = beside(2).as_str().unwrap().split(' ').nth(3).unwrap().to_owned();
    assert_ne!(files, "0");
    assert_eq!(beside(5), format!("{files} files of two trees found by gix alone"));
}

#[test]
fn edits_are_watched() {
    let Some(report) = runs(&["--parts", "watch", "--edits", "3"]) else { return };
    let watch = &report["fleets"][0]["watch"];
    assert_eq!((&watch["edits"], &watch["files"]), (&3.into(), &3.into()));
    for times in [watch, &watch["floor"]] {
        let [median, p99, max] =
            ["medianSeconds", "p99Seconds", "maxSeconds"].map(|it| times[it].as_f64().unwrap());
        assert!(0.0 < median && median <= p99 && p99 <= max, "{watch}");
    }
}

/// Each peer is measured or said to be left out.
#[test]
fn peers_are_measured_where_they_are() {
    let Some(report) = runs(&["--parts", "peers"]) else { return };
    let names = names(&report);
    assert_eq!(names[0], "cold, printed");
    let left_out = report["fleets"][0]["leftOut"].as_array().unwrap();
    for peer in ["jrsonnet", "kubectl kustomize"] {
        let run = format!("printed, beside {peer}");
        let is_left_out = left_out.iter().any(|it| it["name"] == peer);
        assert!(names.contains(&run.as_str()) != is_left_out, "{peer}: {report}");
    }
}

#[test]
fn growth_compares_the_smallest_fleet_with_the_largest() {
    let text = bench(&["--assignments", "20", "--no-write", "--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let growth = report["growth"].as_array().unwrap();
    let names: Vec<&str> = growth.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["parse", "schedule", "compose", "render", "hash", "build"]);
    for it in growth {
        // The smallest fleet of ten cluster types has that many.
        assert_eq!((&it["from"], &it["to"]), (&50.into(), &100.into()));
        let each = it["times"].as_f64().unwrap() / 2.0;
        assert!(each > 0.0 && (it["timesEach"].as_f64().unwrap() - each).abs() < 1e-6, "{it}");
    }
}

#[test]
fn a_run_that_fails_says_why() {
    let output = Command::new(env!("CARGO_BIN_EXE_wob-bench"))
        .args(["--assignments", "100", "--parts", "files", "--runs", "no-such-wob"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no-such-wob") && message.contains("No such file"), "{message}");
}
