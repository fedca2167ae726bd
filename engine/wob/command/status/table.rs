//! What people read: one line for each environment, and below what does not fit into it.

use wob_host::StatusOutcome;

use super::state::{Drift, EnvironmentState, GitOpsState};
use crate::{
    promotion::short,
    report::{count, printable},
};

const HEAD: [&str; 7] =
    ["ENVIRONMENT", "PROMOTED", "BRANCH", "TREE", "GITOPS", "DRIFT", "CLUSTERS"];
/// How many files are named.
const NAMED: usize = 5;
/// Stands for what there is not.
const NOTHING: &str = "-";

/// Returns the table, with the remarks below it.
pub(super) fn to_text(states: &[EnvironmentState]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(states.iter().flat_map(rows_of));
    let width = |column: usize| rows.iter().map(|it| it[column].chars().count()).max();
    let widths: Vec<usize> = (0..HEAD.len()).map(|it| width(it).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.extend(states.iter().map(|state| match remarks(state).as_slice() {
        [] => String::new(),
        remarks => format!("\n{}\n  {}\n", state.environment, remarks.join("\n  ")),
    }));
    printable(&text).into_owned()
}

/// Returns one row for each GitOps repository; what is the same is said in the first.
fn rows_of(state: &EnvironmentState) -> Vec<[String; 7]> {
    let nothing = || NOTHING.to_owned();
    let promoted = state.promoted.as_ref().map(|it| short(&it.commit).to_owned());
    let branch = state.branch.as_ref().map(|it| short(&it.commit).to_owned());
    let tree = state.tree.as_ref().map(|it| it.root.chars().take(10).collect());
    let clusters = state.compliance.as_ref().map(|it| match it.state {
        StatusOutcome::Pending => "pending".to_owned(),
        StatusOutcome::Success => "success".to_owned(),
        StatusOutcome::Failure => "failure".to_owned(),
    });
    let mut rows: Vec<[String; 7]> = state
        .gitops
        .iter()
        .map(|it| {
            let mut row: [String; 7] = Default::default();
            row[4] = it.commit.as_deref().map_or_else(nothing, |it| short(it).to_owned());
            drift(it).clone_into(&mut row[5]);
            row
        })
        .collect();
    if rows.is_empty() {
        let mut row: [String; 7] = Default::default();
        (row[4], row[5]) = (nothing(), nothing());
        rows.push(row);
    }
    let first = &mut rows[0];
    first[0].clone_from(&state.environment);
    let cells = [(1, promoted), (2, branch), (3, tree), (6, clusters)];
    for (column, cell) in cells {
        first[column] = cell.unwrap_or_else(nothing);
    }
    rows
}

fn drift(gitops: &GitOpsState) -> &'static str {
    match gitops.drift {
        Drift::None => "none",
        Drift::Unpublished => "unpublished",
        Drift::Edited => "edited",
        Drift::Both => "unpublished, edited",
        Drift::Unknown => "unknown",
    }
}

fn remarks(state: &EnvironmentState) -> Vec<String> {
    let mut remarks = vec![];
    if let Some(promoted) = &state.promoted {
        let subject = promoted.subject.as_deref().unwrap_or("not in this clone");
        let behind = match promoted.behind {
            None => String::new(),
            Some(0) => ", the last commit of the base".to_owned(),
            Some(n) => format!(", {} behind the base", count(n, "commit", "commits")),
        };
        remarks.push(format!("promoted: {subject}{behind}"));
    }
    if let Some(unpushed @ 1..) = state.branch.as_ref().and_then(|it| it.unpushed) {
        remarks.push(format!("branch: {} not pushed", count(unpushed, "commit is", "commits are")));
    }
    if let Some(unpulled @ 1..) = state.branch.as_ref().and_then(|it| it.unpulled) {
        remarks.push(format!(
            "branch: {} not in your own branch, which is what is built; `git pull` gets them",
            count(unpulled, "commit of `origin` is", "commits of `origin` are")
        ));
    }
    if let Some(failed @ 1..) = state.tree.as_ref().map(|it| it.failed) {
        remarks.push(format!(
            "tree: {} not be built",
            count(failed, "assignment can", "assignments can")
        ));
    }
    for it in &state.gitops {
        let place = format!("{}#{}", it.repository, it.branch);
        match &it.commit {
            None if it.drift == Drift::Unpublished => {
                remarks.push(format!("gitops: {place} has no such branch"));
            }
            None => {}
            Some(_) if it.root.is_none() => {
                remarks.push(format!("gitops: {place} holds nothing that wob wrote"));
            }
            Some(_) if it.drift == Drift::None => {
                remarks.push(format!("gitops: {place} holds what is rendered"));
            }
            Some(_) => {
                remarks.extend(files("not published", &it.unpublished, &place));
                remarks.extend(files("not as wob wrote it", &it.edited, &place));
            }
        }
        for request in it.pull_requests.iter().flatten() {
            remarks.push(format!("#{} {} {}", request.number, request.title, request.url));
        }
    }
    if let Some(compliance) = state.compliance.as_ref().filter(|it| !it.description.is_empty()) {
        remarks.push(format!("clusters: {}", compliance.description));
    }
    remarks.extend(state.trouble.iter().map(|it| format!("not known: {it}")));
    remarks
}

fn files(what: &str, paths: &[String], place: &str) -> Option<String> {
    let named = paths.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len() {
        0 => None,
        n if n > NAMED => Some(format!("{what}: {named}, {} more; in {place}", n - NAMED)),
        _ => Some(format!("{what}: {named}; in {place}")),
    }
}
