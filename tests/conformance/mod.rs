//! The conformance corpus: what the real system did, case by case.
//!
//! The corpus lies beside the repository, in `../shared/conformance`; without it the test says that it skips.

mod config;
mod skipped;
mod templates;
mod trees;
mod updates;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// How many cases of a suite went which way.
#[derive(Default)]
struct Counts {
    passed: usize,
    skipped: BTreeMap<&'static str, usize>,
    waiting: usize,
    failed: usize,
}

/// The results of all suites.
#[derive(Default)]
pub(crate) struct Tally {
    suites: BTreeMap<String, Counts>,
    failures: Vec<String>,
}

#[test]
fn the_corpus_is_met() {
    if !corpus().is_dir() {
        tell(&format!("conformance: skipped, there is no {}", corpus().display()));
        return;
    }
    let mut tally = Tally::default();
    config::run(&mut tally);
    templates::run(&mut tally);
    trees::run(&mut tally, "oracle", crate::oracle::evaluate);
    trees::run(&mut tally, "engine", crate::engine::evaluate);
    updates::run(&mut tally);
    tell(&tally.table());
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
}

/// Writes past the capture of output: the counts are what a reader of the log looks for.
fn tell(text: &str) {
    io::Write::write_all(&mut io::stderr(), format!("\n{text}\n").as_bytes()).unwrap_or_default();
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance")
}

fn read_json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(corpus().join(path)).unwrap()).unwrap()
}

impl Tally {
    /// Notes that a case waits for a later issue.
    pub(crate) fn waits(&mut self, suite: &str) {
        self.suites.entry(suite.to_owned()).or_default().waiting += 1;
    }

    /// Notes whether `case` gave what it must.
    ///
    /// A case that skipped.rs lists must differ: one that passes again has no business there.
    pub(crate) fn check(&mut self, suite: &str, case: &str, result: Result<(), String>) {
        let counts = self.suites.entry(suite.to_owned()).or_default();
        let failure = match (skipped::rule(suite, case), result) {
            (None, Ok(())) => {
                counts.passed += 1;
                return;
            }
            (Some(rule), Err(_)) => {
                *counts.skipped.entry(rule).or_default() += 1;
                return;
            }
            (Some(rule), Ok(())) => format!("is listed as skipped by {rule}, but passes"),
            (None, Err(difference)) => difference,
        };
        counts.failed += 1;
        self.failures.push(format!("{suite} {case}: {failure}"));
    }

    /// Notes whether `case` gave `expected`.
    pub(crate) fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        suite: &str,
        case: &str,
        found: &T,
        expected: &T,
    ) {
        let same = found == expected;
        let difference = || difference(&format!("{expected:#?}"), &format!("{found:#?}"));
        self.check(suite, case, if same { Ok(()) } else { Err(difference()) });
    }

    fn table(&self) -> String {
        let mut table = format!(
            "{:<34} {:>6} {:>7} {:>7} {:>6}\n",
            "suite", "passed", "skipped", "waiting", "failed"
        );
        let mut all = Counts::default();
        for (suite, counts) in &self.suites {
            write_row(&mut table, suite, counts);
            all.passed += counts.passed;
            all.waiting += counts.waiting;
            all.failed += counts.failed;
            for (rule, count) in &counts.skipped {
                *all.skipped.entry(rule).or_default() += count;
            }
        }
        write_row(&mut table, "all", &all);
        table
    }
}

fn write_row(table: &mut String, suite: &str, counts: &Counts) {
    let skipped: usize = counts.skipped.values().sum();
    let rules: Vec<String> =
        counts.skipped.iter().map(|(rule, count)| format!("{rule}: {count}")).collect();
    let Counts { passed, waiting, failed, skipped: _ } = counts;
    let row = format!(
        "{suite:<34} {passed:>6} {skipped:>7} {waiting:>7} {failed:>6}  {}",
        rules.join(", ")
    );
    writeln!(table, "{}", row.trim_end()).expect("because a string takes all");
}

/// Returns the lines that only one of two texts has.
fn difference(expected: &str, found: &str) -> String {
    let only = |sign: char, a: &str, b: &str| -> Vec<String> {
        let known: BTreeSet<&str> = b.lines().collect();
        a.lines()
            .filter(|it| !known.contains(it))
            .take(12)
            .map(|it| format!("{sign} {it:.600}"))
            .collect()
    };
    let lines = [only('-', expected, found), only('+', found, expected)].concat();
    if lines.is_empty() { format!("other order:\n{expected}\n{found}") } else { lines.join("\n") }
}
