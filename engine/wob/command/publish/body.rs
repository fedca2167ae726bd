//! What a commit and a pull request say.

use std::{collections::BTreeMap, fmt::Write as _};

use wob_engine::{Diagnostic, Severity};
use wob_host::{Change, Counts, ManualCommit, OutputError, Plan};
use wob_rules::{
    Record,
    lint::{self, Coverage},
    problems,
};

use super::deletions::Deletions;
use crate::{
    command::build::provenance,
    comparison::{COMMENT, Compared},
    report::count,
    session::{BuiltTarget, Session},
};

/// How many of each kind of thing are listed.
const LISTED: usize = 20;

/// How many characters the meaning of a change may have: as many as forges take, without what stands before it.
const MEANING: usize = COMMENT - 8000;

/// What is published.
pub(super) struct Content<'c> {
    pub(super) target: &'c BuiltTarget,
    pub(super) record: Record,
    pub(super) plan: Plan,
    /// The commit of the base, if it is another than before.
    pub(super) promoted: Option<String>,
    /// What others did on the branch.
    pub(super) manual: Vec<ManualCommit>,
    pub(super) deletions: Deletions,
    /// What that means, as Markdown.
    pub(super) meaning: String,
    pub(super) session: &'c Session<'c>,
}

/// Returns what the commit says: what changes, and from what it was made.
pub(super) fn commit_message(content: &Content<'_>) -> String {
    let record = &content.record;
    let mut lines = vec![
        format!("Deploy {}: {}", record.environment, changes(content.plan.counts())),
        String::new(),
    ];
    lines.extend(content.promoted.iter().map(|it| format!("Promoted: {it}")));
    lines.extend(failing(content).map(|it| format!("Failing: {it}")));
    let warnings = remarks(content).into_iter().filter(|it| !it.is_error());
    let in_line = |it: &str| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let warnings: Vec<String> =
        warnings.map(|it| format!("Warning: {}: {}", it.code, in_line(&it.message))).collect();
    lines.extend(warnings.iter().take(LISTED).cloned());
    if warnings.len() > LISTED {
        lines.push(format!("Warning: {} more", warnings.len() - LISTED));
    }
    lines.push(provenance(&record.root, &record.sources));
    lines.join("\n")
}

/// Returns the title of the pull request.
pub(super) fn title(content: &Content<'_>) -> String {
    let environment = &content.record.environment;
    match &content.promoted {
        Some(commit) => format!("Deploy {environment} (promotes {})", short(commit)),
        None => format!("Deploy {environment}"),
    }
}

/// Returns the body of the pull request, as Markdown.
pub(super) fn body(content: &Content<'_>) -> String {
    let record = &content.record;
    let mut text = format!(
        "wob built `{}` anew: {}.\n",
        plain(&record.environment),
        changes(content.plan.counts())
    );
    if let Some(commit) = &content.promoted {
        text.extend(["\nPromotes the base commit `", &plain(commit), "`.\n"]);
    }
    text += &changes_by_cluster_type(content);
    text += &list(
        "Failing; what was published of it before stays",
        failing(content).map(|it| format!("`{it}`")),
    );
    let namespaces = content.deletions.namespaces.iter();
    text += &list("Namespaces that go", namespaces.map(|it| format!("`{}`", plain(it))));
    let files = content.deletions.files.iter();
    text += &list("Files that go", files.map(|it| format!("`{}`", plain(it))));
    text += &list(
        "Commits on this branch that wob did not make",
        content.manual.iter().map(|it| {
            let files = count(it.files.len(), "file", "files");
            format!(
                "`{}` {} by {}, {files}",
                short(&it.commit),
                plain(&it.subject),
                plain(&it.author)
            )
        }),
    );
    text += &warnings(content);
    text += &sources(record);
    // Last, because it may be long, and forges cut what is too long for them.
    if !content.meaning.is_empty() {
        text.extend(["\n", &content.meaning]);
    }
    text
}

/// Says what `plan` means, as Markdown: which objects and fields change, and which lines of the sources made it so.
pub(super) fn meaning(
    session: &Session<'_>,
    target: &BuiltTarget,
    plan: &Plan,
) -> Result<String, OutputError> {
    /// How many files may change. What is new everywhere is told by the counts.
    const MOST_FILES: usize = 5000;
    if plan.changes.len() > MOST_FILES {
        return Ok(String::new());
    }
    let compared = Compared::planned(session, target, plan)?;
    Ok(if compared.differs() { compared.to_markdown(MEANING) } else { String::new() })
}

/// Returns how many files change, in words.
fn changes(counts: Counts) -> String {
    let Counts { added, changed, deleted, foreign, edited, .. } = counts;
    let parts = [(added, "added"), (changed + foreign + edited, "changed"), (deleted, "deleted")];
    let parts = parts.into_iter().filter(|it| it.0 > 0).map(|(n, what)| format!("{n} {what}"));
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => "no file changes".to_owned(),
        [first, rest @ ..] => {
            let (n, what) = first.split_once(' ').unwrap_or((first, ""));
            let files = if n == "1" { "file" } else { "files" };
            [&[format!("{n} {files} {what}")], rest].concat().join(", ")
        }
    }
}

/// Returns a table of what changes on each cluster type.
fn changes_by_cluster_type(content: &Content<'_>) -> String {
    let prefix = content.target.built.prefix.as_str();
    let below = if prefix.is_empty() {
        String::new()
    } else {
        format!("{}/", prefix.trim_end_matches('/'))
    };
    let mut rows: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (path, change) in &content.plan.changes {
        let path = path.as_str().strip_prefix(&below).unwrap_or(path.as_str());
        let top = path.split_once('/').map_or("", |it| it.0);
        // What reconcilers do not read belongs to none.
        let row = rows.entry(if top.starts_with('.') { "" } else { top }).or_default();
        row[match change {
            Change::Added => 0,
            Change::Changed | Change::Foreign | Change::Edited => 1,
            Change::Deleted => 2,
        }] += 1;
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut text =
        "\n| cluster type | added | changed | deleted |\n|---|---:|---:|---:|\n".to_owned();
    for (name, [added, changed, deleted]) in rows {
        let name = if name.is_empty() { "(none)" } else { name };
        writeln!(text, "| `{}` | {added} | {changed} | {deleted} |", plain(name))
            .expect("because a text can be written to");
    }
    text
}

fn failing<'c>(content: &'c Content<'_>) -> impl Iterator<Item = String> + 'c {
    let failed = content.record.assignments.iter().filter(|it| it.failed);
    failed
        .map(|it| format!("//env/{}/{}:{}", content.record.environment, it.cluster_type, it.target))
}

/// Returns what is wrong with the environment, and what is legal but surely wrong, as far as it alone tells.
fn remarks(content: &Content<'_>) -> Vec<Diagnostic> {
    let silenced = &content.session.workspace.settings.silenced;
    let db = &content.session.loaded.db;
    let mut all = problems([&content.target.built]);
    all.extend(lint::warnings(db, &[content.target.input], Coverage::Some));
    all.retain(|it| it.severity != Severity::Advice && !silenced.contains(it.code));
    all
}

fn warnings(content: &Content<'_>) -> String {
    list(
        "Remarks on the sources",
        remarks(content).into_iter().map(|it| {
            let kind = if it.is_error() { "error" } else { "warning" };
            format!("{kind} `{}`: {}", it.code, plain(&it.message))
        }),
    )
}

fn sources(record: &Record) -> String {
    list(
        "Sources",
        record.sources.iter().map(|it| {
            let commit =
                it.commit.as_deref().map(|it| format!(" `{}`", short(it))).unwrap_or_default();
            format!("{} `{}`:{commit} {}", it.role, plain(&it.name), plain(&it.url))
        }),
    )
}

/// Returns a heading and a list; nothing if it is empty.
fn list(heading: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("\n### {heading}\n\n");
    for item in items.iter().take(LISTED) {
        text.extend(["* ", item, "\n"]);
    }
    if items.len() > LISTED {
        writeln!(text, "* … {} more", items.len() - LISTED)
            .expect("because a text can be written to");
    }
    text
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Keeps the words of others from being Markdown, a mention, or a second line.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            it if it.is_control() => plain.push(' '),
            '<' => plain.push_str("&lt;"),
            '|' => plain.push('¦'),
            // A zero-width space, so that nobody is called.
            '@' => plain.push_str("@\u{200b}"),
            it => plain.push(it),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_said_in_words() {
        let counts =
            |added, changed, deleted| Counts { added, changed, deleted, ..Counts::default() };
        for (given, words) in [
            (counts(0, 0, 0), "no file changes"),
            (counts(1, 0, 0), "1 file added"),
            (counts(3, 1, 2), "3 files added, 1 changed, 2 deleted"),
            (counts(0, 2, 0), "2 files changed"),
        ] {
            assert_eq!(changes(given), words);
        }
    }

    #[test]
    fn the_words_of_others_stay_words() {
        assert_eq!(plain("<img>\n| @team"), "&lt;img> ¦ @\u{200b}team");
        assert_eq!(list("x", std::iter::empty()), "");
        let long = list("Files", (0..25).map(|it| it.to_string()));
        assert!(long.ends_with("* 19\n* … 5 more\n"), "{long}");
    }
}
