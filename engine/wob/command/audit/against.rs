//! `wob audit --against`: what was committed, or lies in a folder, is compared with what its sources give.

use std::fmt::Write as _;

use serde::Serialize;
use wob_host::Interrupt;
use wob_rules::RECORD_PATH;

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
struct JsonAgainst<'a> {
    against: String,
    trees: Vec<JsonTree<'a>>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTree<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wob: Option<&'a str>,
    verdict: Verdict,
    files: usize,
    kept: usize,
    others: usize,
    reasons: &'a [String],
    differences: &'a [Difference],
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
    let mut proofs = vec![];
    for subject in &subjects.all {
        let proof = prover.prove(subject)?;
        if !streams.is_json() {
            streams.result(&printable(&to_text(against, subject, &proof)));
        }
        proofs.push(proof);
    }
    let exit = worst(&proofs);
    if streams.is_json() {
        let trees = subjects.all.iter().zip(&proofs).map(|(it, proof)| to_json(it, proof));
        let (against, trees) = (against.shown(), trees.collect());
        streams.json(&JsonAgainst { against, trees, exit_code: exit.number() });
    } else if subjects.is_range {
        streams.result(&summary(&proofs));
    }
    Ok(exit)
}

/// Returns how wob ends: by the worst verdict.
fn worst(proofs: &[Proof]) -> Exit {
    // Of what cannot be checked, a place that is wrong here is worse than a host that may be back later.
    let worst = proofs.iter().max_by_key(|it| (it.verdict, !it.outside));
    worst.map_or(Exit::Nothing, Proof::exit)
}

fn to_json<'a>(subject: &'a Subject, proof: &'a Proof) -> JsonTree<'a> {
    let record = proof.record.as_ref();
    JsonTree {
        commit: subject.commit.as_ref().map(|it| it.id.to_string()),
        author: subject.author.as_deref(),
        environment: record.map(|it| it.environment.as_str()),
        wob: record.map(|it| it.wob.as_str()),
        verdict: proof.verdict,
        files: proof.files,
        kept: proof.kept,
        others: proof.others,
        reasons: &proof.reasons,
        differences: &proof.differences,
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

/// Says how a file differs, and who made it so.
fn what(difference: &Difference) -> &'static str {
    if difference.path == RECORD_PATH && difference.by == Author::Wob {
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

fn summary(proofs: &[Proof]) -> String {
    let verdicts = [
        Verdict::Proven,
        Verdict::Edited,
        Verdict::NotCheckable,
        Verdict::NotReproducible,
        Verdict::Damaged,
    ];
    let of = |verdict| proofs.iter().filter(|it| it.verdict == verdict).count();
    let counted: Vec<String> = verdicts
        .into_iter()
        .filter(|it| of(*it) > 0)
        .map(|it| format!("{} {}", of(it), it.name()))
        .collect();
    format!("{}: {}\n", count(proofs.len(), "commit", "commits"), counted.join(", "))
}
