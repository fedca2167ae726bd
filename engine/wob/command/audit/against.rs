//! `wob audit --against`: what was committed, or lies in a folder, is compared with what its sources give.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use wob_engine::{RECORD_PATH, folder_of_part};
use wob_host::Interrupt;

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    progress::Progress,
    proof::{Against, Author, Difference, How, Proof, Prover, Subject, Verdict},
    report::{count, printable},
    selection::Selection,
    stream::Streams,
};

/// How many files of a tree people are shown.
const FILES: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAgainst {
    against: String,
    trees: Vec<JsonTree>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTree {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wob: Option<String>,
    verdict: Verdict,
    files: usize,
    kept: usize,
    others: usize,
    reasons: Vec<String>,
    differences: Vec<Difference>,
}

/// Audits the trees that `against` names.
pub(super) fn audit(
    against: &Against,
    patterns: &Patterns,
    common: &Common,
    streams: &Streams,
) -> Result<Exit, Exit> {
    Selection::parse(patterns).map_err(|error| {
        streams.fail(&error.to_string());
        Exit::Usage
    })?;
    let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
        streams.fail(&error.to_string());
        Exit::Local
    })?;
    let progress = Progress::start(streams.wants_progress(), "reading what is there");
    let subjects = against.open(common, &interrupt).map_err(|failure| {
        streams.fail(&failure.message);
        failure.exit
    })?;
    drop(progress);
    if subjects.all.is_empty() {
        streams.fail("there is no commit between these two");
        return Err(Exit::Nothing);
    }
    let mut prover = Prover::new(common, patterns, streams, &interrupt);
    let (mut trees, mut verdicts) = (vec![], vec![]);
    // A history may be long, and records large: each is forgotten when its tree is judged.
    for subject in &subjects.all {
        let proof = prover.prove(subject).inspect_err(|_| {
            if let Some(commit) = subject.commit.as_ref().filter(|_| subjects.is_range) {
                streams.fail(&format!("the audit ended at commit {}", commit.id));
            }
        })?;
        verdicts.push((proof.verdict, !proof.outside, proof.exit()));
        if streams.is_json() {
            trees.push(to_json(subject, proof));
        } else {
            streams.result(&printable(&to_text(against, subject, &proof)));
        }
    }
    // Of what cannot be checked, a place that is wrong here is worse than a host that may be back later.
    let worst = verdicts.iter().max().map_or(Exit::Nothing, |it| it.2);
    if streams.is_json() {
        let against = against.shown();
        streams.json(&JsonAgainst { against, trees, exit_code: worst.number() });
    } else if subjects.is_range {
        streams.result(&summary(verdicts.iter().map(|it| it.0)));
    }
    Ok(worst)
}

fn to_json(subject: &Subject, proof: Proof) -> JsonTree {
    let (environment, wob) = proof.record.map(|it| (it.environment, it.wob)).unzip();
    JsonTree {
        commit: subject.commit.as_ref().map(|it| it.id.to_string()),
        author: subject.author.clone(),
        environment,
        wob,
        verdict: proof.verdict,
        files: proof.files,
        kept: proof.kept,
        others: proof.others,
        reasons: proof.reasons,
        differences: proof.differences,
    }
}

/// Returns what people read of one tree.
fn to_text(against: &Against, subject: &Subject, proof: &Proof) -> String {
    let name = match &subject.commit {
        Some(commit) => commit.id.to_string()[..10].to_owned(),
        None => against.shown(),
    };
    let environment = proof.record.as_ref().map(|it| format!(" //env:{}", it.environment));
    let mut text = format!("{name}{} {}", environment.unwrap_or_default(), proof.verdict.name());
    let facts = [
        (proof.files, "file", "files"),
        (proof.kept, "kept from an earlier build", "kept from an earlier build"),
        (proof.others, "other beside them", "others beside them"),
    ];
    let facts: Vec<String> = facts
        .into_iter()
        .filter(|it| it.0 > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    line(
        &mut text,
        &if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) },
    );
    if proof.verdict != Verdict::Proven
        && let Some(author) = &subject.author
    {
        line(&mut text, &format!("  committed by {author}"));
    }
    for reason in &proof.reasons {
        line(&mut text, &format!("  note: {reason}"));
    }
    for it in proof.differences.iter().take(FILES) {
        line(&mut text, &format!("  {} ({})", it.path, what(it)));
        for difference in it.diff.as_deref().unwrap_or_default().lines() {
            line(&mut text, &format!("    {difference}"));
        }
        if it.more_lines > 0 {
            line(&mut text, &format!("    … {} more lines", it.more_lines));
        }
    }
    let more = proof.differences.len().saturating_sub(FILES);
    if more > 0 {
        line(&mut text, &format!("  … {more} more"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("because a text can always grow");
}

/// Says whether a file is the record of a tree, or of a part of it.
fn is_record(path: &str) -> bool {
    path == RECORD_PATH || folder_of_part(path).is_some()
}

/// Says how a file differs, and who made it so.
fn what(difference: &Difference) -> &'static str {
    if is_record(&difference.path) && difference.by == Author::Wob {
        return "the record says something else than its sources give";
    }
    match (difference.by, difference.change) {
        (Author::Hand, How::Added) => "added by hand",
        (Author::Hand, How::Changed) => "edited by hand",
        (Author::Hand, How::Deleted) => "deleted by hand",
        (Author::Wob, How::Added) => "recorded, but its sources do not give it",
        (Author::Wob, How::Changed) => "recorded so, but its sources give another",
        (Author::Wob, How::Deleted) => "not recorded, but its sources give it",
    }
}

fn summary(verdicts: impl Iterator<Item = Verdict>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    verdicts.for_each(|it| *counts.entry(it).or_default() += 1);
    let all = counts.values().sum();
    let counts: Vec<String> =
        counts.iter().map(|(verdict, n)| format!("{n} {}", verdict.name())).collect();
    format!("{}: {}\n", count(all, "commit", "commits"), counts.join(", "))
}
