//! What a commit and a pull request say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use wob_engine::{FilePath, Tree};
use wob_host::{Change, Counts, ManualCommit, OutputError};
use wob_rules::BuiltAssignment;

use super::{deletions::Deletions, made::Made};
use crate::{
    command::build::provenance,
    comparison::{COMMENT, Compared},
    report::count,
    session::Session,
    timings,
};

/// How many of each kind of thing are listed.
const LISTED: usize = 20;

/// How many characters the meaning of a change may have: as many as forges take, without what stands before it.
const MEANING: usize = COMMENT - 8000;

/// What is published.
pub(super) struct Content<'c> {
    pub(super) made: &'c Made<'c>,
    /// The commit of the base, if it is another than before.
    pub(super) promoted: Option<String>,
    /// What others did on the branch.
    pub(super) manual: Vec<ManualCommit>,
    pub(super) deletions: Deletions,
    /// What that means, as Markdown.
    pub(super) meaning: String,
    pub(super) session: &'c Session<'c>,
}

impl Content<'_> {
    /// Returns the name of the environment.
    pub(super) fn environment(&self) -> &str {
        &self.made.target().built.environment
    }

    /// Lists the assignments that fail.
    pub(super) fn failing(&self) -> impl Iterator<Item = &BuiltAssignment> {
        self.made.target().built.assignments.iter().filter(|it| it.failed)
    }

    fn failing_labels(&self) -> impl Iterator<Item = String> {
        let label = |it: &BuiltAssignment| {
            let its = &it.assignment;
            format!("//env/{}/{}:{}", self.environment(), its.cluster_type, its.target)
        };
        self.failing().map(label)
    }
}

/// Returns what the commit says: what changes, and from what it was made.
pub(super) fn commit_message(content: &Content<'_>) -> String {
    let mut lines = vec![
        format!("Deploy {}: {}", content.environment(), changes(content.made.plan().counts())),
        String::new(),
    ];
    lines.extend(content.promoted.iter().map(|it| format!("Promoted: {it}")));
    lines.extend(content.failing_labels().map(|it| format!("Failing: {it}")));
    let warnings = content.made.remarks(content.session).into_iter().filter(|it| !it.is_error());
    let in_line = |it: &str| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let warnings: Vec<String> =
        warnings.map(|it| format!("Warning: {}: {}", it.code, in_line(&it.message))).collect();
    lines.extend(warnings.iter().take(LISTED).cloned());
    if warnings.len() > LISTED {
        lines.push(format!("Warning: {} more", warnings.len() - LISTED));
    }
    lines.push(provenance(content.made.root(), content.made.sources()));
    lines.join("\n")
}

/// Returns the title of the pull request.
pub(super) fn title(content: &Content<'_>) -> String {
    let environment = content.environment();
    match &content.promoted {
        Some(commit) => format!("Deploy {environment} (promotes {})", short(commit)),
        None => format!("Deploy {environment}"),
    }
}

/// Returns the body of the pull request, as Markdown.
pub(super) fn body(content: &Content<'_>) -> String {
    let mut text = format!(
        "wob built `{}` anew: {}.\n",
        plain(content.environment()),
        changes(content.made.plan().counts())
    );
    if let Some(commit) = &content.promoted {
        text.extend(["\nPromotes the base commit `", &plain(commit), "`.\n"]);
    }
    text += &changes_by_cluster_type(content);
    text += &list(
        "Failing; what was published of it before stays",
        content.failing_labels().map(|it| format!("`{it}`")),
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
    text += &sources(content);
    // Last, because it may be long, and forges cut what is too long for them.
    if !content.meaning.is_empty() {
        text.extend(["\n", &content.meaning]);
    }
    text
}

/// Says what the plan of `made` means, as Markdown: which objects and fields change, and which lines of the sources made it so.
pub(super) fn meaning(session: &Session<'_>, made: &Made<'_>) -> Result<String, OutputError> {
    /// How many files may change. What is new everywhere is told by the counts.
    const MOST_FILES: usize = 5000;
    let (target, plan) = (made.target(), made.plan());
    if plan.changes.len() > MOST_FILES {
        return Ok(String::new());
    }
    let _span = timings::span_of("compare", &target.built.environment);
    let mut compared = Compared::planned(session, target, (plan, &Tree::default()))?;
    if made.is_of_changes() {
        // Another file of the cluster type, which does not change, may hold that namespace.
        let paths = compared.without_namespace().filter_map(|it| FilePath::new(it).ok());
        let parts: BTreeSet<FilePath> =
            paths.filter_map(|it| FilePath::new(target.built.part_of(&it)?).ok()).collect();
        if !parts.is_empty() {
            let stay = plan.unchanged_in(parts.iter())?;
            compared = Compared::planned(session, target, (plan, &stay))?;
        }
    }
    let differs = compared.differs();
    Ok(if differs { compared.to_markdown(MEANING) } else { String::new() })
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
    let prefix = content.made.target().built.prefix.as_str();
    let below = if prefix.is_empty() {
        String::new()
    } else {
        format!("{}/", prefix.trim_end_matches('/'))
    };
    let mut rows: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for (path, change) in content.made.plan().changes.iter() {
        let path = path.as_str().strip_prefix(&below).unwrap_or(path.as_str());
        let top = path.split_once('/').map_or("", |it| it.0);
        // What reconcilers do not read belongs to none.
        let row = rows.entry(if top.starts_with('.') { "" } else { top }.to_owned()).or_default();
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
        let name = if name.is_empty() { "(none)" } else { &name };
        writeln!(text, "| `{}` | {added} | {changed} | {deleted} |", plain(name))
            .expect("because a text can be written to");
    }
    text
}

fn warnings(content: &Content<'_>) -> String {
    list(
        "Remarks on the sources",
        content.made.remarks(content.session).into_iter().map(|it| {
            let kind = if it.is_error() { "error" } else { "warning" };
            format!("{kind} `{}`: {}", it.code, plain(&it.message))
        }),
    )
}

fn sources(content: &Content<'_>) -> String {
    list(
        "Sources",
        content.made.sources().iter().map(|it| {
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
