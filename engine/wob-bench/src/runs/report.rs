//! What was measured of runs of the command: a table for people, JSON for programs.

#![expect(clippy::float_arithmetic, reason = "times and ratios are what a bench prints")]

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    growth::{self, Growth, growth},
    launch::Took,
    peers::Peer,
    report::plural,
};

/// What was measured of all fleets.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunsReport {
    /// The version of this shape.
    version: u32,
    /// The version of wob.
    wob: String,
    rounds: usize,
    seed: u64,
    fleets: Vec<RunReport>,
    growth: Vec<Growth>,
}

/// What was measured of one fleet; times in seconds, the best of all rounds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunReport {
    pub(crate) assignments: usize,
    pub(crate) runs: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) watch: Option<Watched>,
    /// What was not measured.
    pub(crate) left_out: Vec<LeftOut>,
}

/// One kind of run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    name: String,
    #[serde(flatten)]
    took: Took,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    /// How many times that of `beside` the run takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

/// What a run compares with: another program, or what it cannot do without.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Beside {
    name: String,
    #[serde(flatten)]
    took: Took,
}

/// Something that was not measured, and why.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOut {
    pub(crate) name: &'static str,
    pub(crate) reason: String,
}

/// How long it took from a saved edit until every file of the output was what it must be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Watched {
    pub(crate) edits: usize,
    /// How many files each edit changes.
    pub(crate) files: usize,
    #[serde(flatten)]
    pub(crate) latency: Latency,
    pub(crate) peak_bytes: Option<u64>,
    /// The same without wob: one file renamed, noticed and read.
    pub(crate) floor: Latency,
}

/// Seconds of many edits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    #[serde(rename = "medianSeconds")]
    median: f64,
    #[serde(rename = "p99Seconds")]
    p99: f64,
    #[serde(rename = "maxSeconds")]
    max: f64,
}

impl Latency {
    /// Orders `seconds` and picks; zeroes if there are none.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        // The least that so many of a hundred do not exceed.
        let rank = |percent: usize| {
            let index = (seconds.len() * percent).div_ceil(100).saturating_sub(1);
            seconds.get(index).copied().unwrap_or_default()
        };
        Self { median: rank(50), p99: rank(99), max: rank(100) }
    }

    fn to_text(self) -> String {
        let [median, p99, max] = [self.median, self.p99, self.max].map(milliseconds);
        format!("median {median} ms, p99 {p99} ms, max {max} ms")
    }
}

impl LeftOut {
    /// Says that a program is not installed.
    pub(crate) fn missing(peer: &dyn Peer) -> Self {
        Self { name: peer.name(), reason: "it is not installed".to_owned() }
    }
}

impl Beside {
    pub(crate) fn new(name: &str, took: Took) -> Self {
        Self { name: name.to_owned(), took }
    }

    /// A floor, which is part of a process that holds more than it needs.
    pub(crate) fn floor(name: &str, seconds: f64) -> Self {
        Self::new(name, Took { seconds, peak_bytes: None })
    }

    /// Returns the better of two rounds.
    pub(crate) fn better(self, other: &Self) -> Self {
        Self { name: self.name, took: self.took.least(other.took) }
    }
}

impl Run {
    pub(crate) fn new(name: &str, took: Took, beside: Option<Beside>) -> Self {
        let ratio = beside.as_ref().map(|it| took.seconds / it.took.seconds.max(1e-9));
        Self { name: name.to_owned(), took, beside, ratio }
    }
}

impl RunReport {
    pub(crate) fn new(assignments: usize) -> Self {
        Self { assignments, runs: vec![], watch: None, left_out: vec![] }
    }

    /// Prints the table.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        self.print(&mut text).expect("because writing to a text cannot fail");
        text
    }

    fn print(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{} assignments", self.assignments)?;
        if !self.runs.is_empty() {
            writeln!(
                text,
                "{:34}{:>10}{:>6}{:>10}{:>6}{:>8}  beside",
                "run", "ms", "MB", "ms", "MB", "ratio"
            )?;
        }
        for it in &self.runs {
            let other = it.beside.as_ref();
            let ratio = it.ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
            writeln!(
                text,
                "{:34}{:>10}{:>6}{:>10}{:>6}{ratio:>8}  {}",
                it.name,
                milliseconds(it.took.seconds),
                megabytes(it.took.peak_bytes),
                other.map_or_else(|| "-".to_owned(), |it| milliseconds(it.took.seconds)),
                other.map_or_else(|| "-".to_owned(), |it| megabytes(it.took.peak_bytes)),
                other.map_or("", |it| it.name.as_str()),
            )?;
        }
        if let Some(it) = &self.watch {
            writeln!(
                text,
                "watched: {} edits of {} files each, from saved to written",
                it.edits, it.files
            )?;
            writeln!(text, "  {}; {} MB", it.latency.to_text(), megabytes(it.peak_bytes))?;
            writeln!(text, "  a file renamed and noticed alone: {}", it.floor.to_text())?;
        }
        self.left_out.iter().try_for_each(|it| writeln!(text, "without {}: {}", it.name, it.reason))
    }
}

impl RunsReport {
    pub(crate) fn new(rounds: usize, seed: u64, fleets: Vec<RunReport>) -> Self {
        let seconds = |fleet: &RunReport| -> Vec<(String, f64)> {
            fleet.runs.iter().map(|it| (it.name.clone(), it.took.seconds)).collect()
        };
        let named: Vec<_> = fleets.iter().map(|it| (it.assignments, seconds(it))).collect();
        let borrowed = named.iter().map(|(size, runs)| {
            (*size, runs.iter().map(|(name, seconds)| (name.as_str(), *seconds)).collect())
        });
        let growth = growth(&borrowed.collect::<Vec<_>>());
        let wob = env!("CARGO_PKG_VERSION").to_owned();
        Self { version: 1, wob, rounds, seed, fleets, growth }
    }

    /// Prints what comes after the tables of the fleets.
    pub(crate) fn end(&self) -> String {
        let growth = growth::to_text(&self.growth);
        let rounds = plural(self.rounds, "round");
        format!("{}\nwob {}; best of {rounds}", growth.trim_start(), self.wob)
            .trim_start()
            .to_owned()
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1}", seconds * 1000.0)
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |it| (it / 1_000_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_what_so_many_do_not_exceed() {
        let latency =
            |count: u32| Latency::of((1..=count).rev().map(|it| f64::from(it) / 1000.0).collect());
        assert_eq!(latency(200).to_text(), "median 100.0 ms, p99 198.0 ms, max 200.0 ms");
        assert_eq!(latency(3).to_text(), "median 2.0 ms, p99 3.0 ms, max 3.0 ms");
        assert_eq!(latency(1).to_text(), "median 1.0 ms, p99 1.0 ms, max 1.0 ms");
        assert_eq!(latency(0).to_text(), "median 0.0 ms, p99 0.0 ms, max 0.0 ms");
    }
}
