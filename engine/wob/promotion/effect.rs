//! What a promotion changes: the environment is built as its branch is, and as it would be.

use std::collections::BTreeMap;

use serde::Serialize;
use wob_engine::{Digest, Tree};
use wob_host::Commit;
use wob_rules::BuiltAssignment;

use super::{Lane, Opened, PromotionError};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::{Report, count},
    session::{BuiltTarget, Session},
    stream::{Results, Streams},
    workspace::{Start, State},
};

/// How many assignments of one kind are named.
const NAMED: usize = 20;

/// What is different in an environment once a commit is promoted to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Effect {
    /// The labels of assignments that are new.
    pub(crate) added: Vec<String>,
    /// The labels of those with other files.
    pub(crate) changed: Vec<String>,
    /// The labels of those that are gone.
    pub(crate) removed: Vec<String>,
    /// The labels of those that cannot be built any more.
    pub(crate) broken: Vec<String>,
    /// How many files of the tree are added, changed or removed.
    pub(crate) files: usize,
}

/// What an environment was built to.
#[derive(Debug, Default)]
struct Outline {
    /// The files of each assignment by label; none of one that failed.
    assignments: BTreeMap<String, Option<Vec<(String, Digest)>>>,
    files: BTreeMap<String, Digest>,
    unsure: bool,
}

/// Returns what is different in the environment of `lane` if its branch is at `after`; says why if that is not known.
pub(super) fn effect(
    opened: &Opened<'_>,
    lane: &Lane<'_>,
    after: &Commit,
) -> Result<(Effect, Report), Exit> {
    let Opened { common, streams, interrupt, .. } = opened;
    let patterns = Patterns { wanted: vec![format!("//env:{}", lane.name())], trailing: vec![] };
    let start = |commit: &Commit, streams, before| {
        let branches = BTreeMap::from([(lane.branch().to_owned(), commit.id)]);
        let start = Start { state: State { branches, ..State::default() }, before };
        Session::start_from(common, &patterns, streams, start, interrupt.clone())
    };
    // What is to be said of the sources is said once, of those that will count.
    let silent = Streams::new(&Common { quiet: true, verbose: 0, ..(*common).clone() });
    let first = start(&lane.tip, &silent, None)?;
    let old = first.build(common)?.first().map(Outline::of).unwrap_or_default();
    let second = start(after, streams, Some(first.loaded))?;
    let built = second.build(common)?;
    let report = second.diagnose(&built);
    let verdict = second.verdict(&report, common);
    let Some(target) = built.first() else {
        second.finish(&report, common, Results::Talk);
        return Err(if verdict == Exit::Ok { Exit::Sources } else { verdict });
    };
    let origin = target.input.control_plane(&second.loaded.db).origin(&second.loaded.db);
    if origin.commit.as_deref() != Some(&*after.id.to_string()) {
        let (environment, branch) = (lane.name().clone(), lane.branch().to_owned());
        let error = PromotionError::Elsewhere { environment, url: origin.url.clone(), branch };
        return Err(opened.fail(error));
    }
    let effect = Effect::between(&old, &Outline::of(target), lane.name().as_str());
    if !effect.broken.is_empty() {
        second.finish(&report, common, Results::Talk);
    }
    Ok((effect, report))
}

impl Outline {
    fn of(target: &BuiltTarget) -> Self {
        let built = &target.built;
        let label = |it: &BuiltAssignment| {
            let (cluster_type, target) = (&it.assignment.cluster_type, &it.assignment.target);
            format!("//env/{}/{cluster_type}:{target}", built.environment)
        };
        let files = |it: &BuiltAssignment| {
            let files = it.files.iter().map(|(name, blob)| (name.to_owned(), blob.digest()));
            (!it.failed).then(|| files.collect())
        };
        Self {
            assignments: built.assignments.iter().map(|it| (label(it), files(it))).collect(),
            files: files_of(&built.tree),
            unsure: built.unsure,
        }
    }
}

fn files_of(tree: &Tree) -> BTreeMap<String, Digest> {
    tree.files().map(|(path, blob)| (path.to_string(), blob.digest())).collect()
}

impl Effect {
    fn between(old: &Outline, new: &Outline, environment: &str) -> Self {
        let mut effect = Self::default();
        for (label, files) in &new.assignments {
            match (old.assignments.get(label), files) {
                (Some(None), None) => {}
                (_, None) => effect.broken.push(label.clone()),
                (None, Some(_)) => effect.added.push(label.clone()),
                (Some(before), after) if before != after => effect.changed.push(label.clone()),
                (Some(_), Some(_)) => {}
            }
        }
        let gone = old.assignments.keys().filter(|it| !new.assignments.contains_key(*it));
        effect.removed = gone.cloned().collect();
        if new.unsure && !old.unsure {
            // It is not known what is scheduled, so what seems to be gone may not be.
            effect.removed.clear();
            effect.broken.push(format!("//env:{environment}"));
        }
        let differs = new.files.iter().filter(|(path, it)| old.files.get(*path) != Some(it));
        let removed = old.files.keys().filter(|it| !new.files.contains_key(*it));
        effect.files = differs.count() + removed.count();
        effect
    }

    /// Returns what people read: how many assignments are different, and which.
    pub(crate) fn to_text(&self) -> String {
        let kinds = [
            (&self.added, '+', "added"),
            (&self.changed, '~', "changed"),
            (&self.removed, '-', "removed"),
            (&self.broken, '!', "broken"),
        ];
        let kinds = kinds.into_iter().filter(|it| !it.0.is_empty());
        let counts: Vec<String> =
            kinds.clone().map(|(all, _, what)| format!("{} {what}", all.len())).collect();
        let files = count(self.files, "file", "files");
        if counts.is_empty() {
            return format!("  no assignment is different; {files}\n");
        }
        let lines = kinds.map(|(labels, mark, _)| {
            let more = labels.len().saturating_sub(NAMED);
            let more = if more > 0 { format!("    {mark} {more} more\n") } else { String::new() };
            let lines = labels.iter().take(NAMED).map(|it| format!("    {mark} {it}\n"));
            lines.collect::<String>() + &more
        });
        format!("  assignments: {}; {files}\n{}", counts.join(", "), lines.collect::<String>())
    }
}
