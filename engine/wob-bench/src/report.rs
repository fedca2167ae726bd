//! What is printed: a table for people, JSON for programs.

#![expect(clippy::float_arithmetic, reason = "times and ratios are what a bench prints")]

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    growth::{self, Growth, growth},
    meter::{Cost, Times},
};

/// Shorter times of threads are not exact enough for a ratio.
const LEAST_CPU_SECONDS: f64 = 0.05;

/// What one run measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The version of wob.
    pub(crate) wob: String,
    /// How many threads the build used; all other stages use one.
    pub(crate) threads: usize,
    /// How often everything was measured; the best counts.
    pub(crate) rounds: usize,
    /// The seed of the fleets.
    pub(crate) seed: u64,
    /// The fleets, as asked for.
    pub(crate) fleets: Vec<FleetReport>,
    /// From the smallest of them to the largest.
    pub(crate) growth: Vec<Growth>,
}

/// What was measured on one fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetReport {
    pub(crate) counts: Counts,
    /// In the order of a build; the last is `build` itself: from sources in memory to a tree with digests.
    pub(crate) stages: Vec<Stage>,
}

/// How much there was to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) assignments: usize,
    pub(crate) cluster_types: usize,
    pub(crate) targets: usize,
    /// Composed configs that differ.
    pub(crate) compositions: usize,
    pub(crate) source_files: usize,
    pub(crate) source_bytes: usize,
    pub(crate) files: usize,
    pub(crate) bytes: usize,
}

/// One stage, and its floor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    /// The seconds of all threads, while they ran.
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) micros_per_assignment: f64,
    /// The greatest memory during the stage, beyond what there was before.
    pub(crate) peak_bytes: Option<u64>,
    /// The memory at its end, beyond what there was before.
    pub(crate) kept_bytes: Option<u64>,
    pub(crate) kept_bytes_per_assignment: Option<u64>,
    /// What the floor does.
    pub(crate) floor: String,
    pub(crate) floor_seconds: f64,
    pub(crate) floor_cpu_seconds: Option<f64>,
    /// How many times its floor the stage takes, by the time that threads ran if that is known and long enough.
    pub(crate) ratio: f64,
}

impl Report {
    /// Prints the tables.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "wob {}, {}; best of {}\n",
            self.wob,
            plural(self.threads, "thread"),
            plural(self.rounds, "round")
        );
        for fleet in &self.fleets {
            fleet.print(&mut text).expect("because writing to a text cannot fail");
        }
        text + &growth::to_text(&self.growth)
    }
}

/// Compares the smallest fleet with the largest, stage by stage.
pub(crate) fn growth_of(fleets: &[FleetReport]) -> Vec<Growth> {
    let sizes = fleets.iter().map(|fleet| {
        let seconds = fleet.stages.iter().map(|it| (it.name.as_str(), it.seconds));
        (fleet.counts.assignments, seconds.collect())
    });
    growth(&sizes.collect::<Vec<_>>())
}

impl FleetReport {
    /// Takes of each stage what was measured best, in this report or in `other`, another of the same fleet.
    pub(crate) fn better(mut self, other: &Self) -> Self {
        for (stage, other) in self.stages.iter_mut().zip(&other.stages) {
            stage.seconds = stage.seconds.min(other.seconds);
            stage.floor_seconds = stage.floor_seconds.min(other.floor_seconds);
            stage.cpu_seconds = least(stage.cpu_seconds, other.cpu_seconds);
            stage.floor_cpu_seconds = least(stage.floor_cpu_seconds, other.floor_cpu_seconds);
            stage.peak_bytes = stage.peak_bytes.min(other.peak_bytes);
            stage.kept_bytes = stage.kept_bytes.min(other.kept_bytes);
        }
        self
    }

    /// Adds the build, whose floor is that of its stages, shared among `threads`; then works out what follows.
    pub(crate) fn finish(mut self, mut build: Stage, threads: usize) -> Self {
        let stages = self.stages.iter().filter(|it| it.name != "write");
        build.floor_seconds =
            stages.clone().map(|it| it.floor_seconds).sum::<f64>() / to_float(threads);
        build.floor_cpu_seconds = stages.map(|it| it.floor_cpu_seconds).sum();
        build.floor = format!("the floors of parse to hash, by {}", plural(threads, "thread"));
        self.stages.push(build);
        let assignments = self.counts.assignments.max(1);
        for stage in &mut self.stages {
            stage.micros_per_assignment = stage.seconds * 1e6 / to_float(assignments);
            stage.kept_bytes_per_assignment = stage.kept_bytes.map(|it| it / assignments as u64);
            let cpu = stage.cpu_seconds.zip(stage.floor_cpu_seconds);
            // Writing waits for the disk; and the kernel counts short times too coarsely.
            let cpu = cpu.filter(|it| stage.name != "write" && it.0.min(it.1) > LEAST_CPU_SECONDS);
            let (took, floor) = cpu.unwrap_or((stage.seconds, stage.floor_seconds));
            stage.ratio = took / floor.max(1e-9);
        }
        self
    }

    fn print(&self, text: &mut String) -> std::fmt::Result {
        let Counts { assignments, cluster_types, targets, compositions, .. } = self.counts;
        let Counts { source_files, source_bytes, files, bytes, .. } = self.counts;
        writeln!(
            text,
            "\n{assignments} assignments: {cluster_types} cluster types, {targets} targets, {compositions} configs\n\
             {source_files} source files of {} bytes, {files} files of {} bytes\n",
            source_bytes / source_files.max(1),
            bytes / files.max(1)
        )?;
        writeln!(
            text,
            "{:<9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>9}{:>7}  floor",
            "stage", "s", "cpu s", "us/each", "peak MB", "kept MB", "B/each", "floor s", "ratio"
        )?;
        self.stages.iter().try_for_each(|it| it.print(text))
    }
}

impl Stage {
    /// Notes what was measured.
    pub(crate) fn new(name: &str, cost: Cost) -> Self {
        Self {
            name: name.to_owned(),
            seconds: cost.times.wall.as_secs_f64(),
            cpu_seconds: cost.times.cpu.map(|it| it.as_secs_f64()),
            micros_per_assignment: 0.0,
            peak_bytes: cost.peak_bytes,
            kept_bytes: cost.kept_bytes,
            kept_bytes_per_assignment: None,
            floor: String::new(),
            floor_seconds: 0.0,
            floor_cpu_seconds: None,
            ratio: 0.0,
        }
    }

    /// Notes the floor.
    pub(crate) fn with_floor(self, floor: &str, times: Times) -> Self {
        Self {
            floor: floor.to_owned(),
            floor_seconds: times.wall.as_secs_f64(),
            floor_cpu_seconds: times.cpu.map(|it| it.as_secs_f64()),
            ..self
        }
    }

    fn print(&self, text: &mut String) -> std::fmt::Result {
        let megabytes =
            |it: Option<u64>| it.map_or_else(|| "-".to_owned(), |it| (it / 1_000_000).to_string());
        let each =
            self.kept_bytes_per_assignment.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let cpu = self.cpu_seconds.map_or_else(|| "-".to_owned(), |it| format!("{it:.4}"));
        writeln!(
            text,
            "{:<9}{:>9.4}{cpu:>9}{:>9.2}{:>9}{:>9}{each:>8}{:>9.4}{:>7.1}  {}",
            self.name,
            self.seconds,
            self.micros_per_assignment,
            megabytes(self.peak_bytes),
            megabytes(self.kept_bytes),
            self.floor_seconds,
            self.ratio,
            self.floor
        )
    }
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a.min(b))
}

/// Counts are far below the 53 bits that a float holds.
pub(crate) fn to_float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
