//! What a promotion changes: the environment is built as its branch is, and as it would be.

use std::collections::BTreeMap;

use serde::Serialize;
use wob_engine::Tree;
use wob_host::Commit;
use wob_rules::{
    Assignment, Built, BuiltAssignment, Name,
    changes::{affected, differing},
};

use super::{Lane, Opened, PromotionError};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::{Report, count},
    session::Session,
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
        let state = State { branches, ..State::default() };
        let start = Start { state, before, ..Start::default() };
        Session::start_from(common, &patterns, streams, start, interrupt.clone())
    };
    // What is to be said of the sources is said once, of those that will count.
    let silent = Streams::new(&Common { quiet: true, verbose: 0, ..(*common).clone() });
    let first = start(&lane.tip, &silent, None)?;
    let old = first.build(common)?.into_iter().next();
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
    let effect = Effect::between(old.as_ref().map(|it| &it.built), &target.built);
    if !effect.broken.is_empty() {
        second.finish(&report, common, Results::Talk);
    }
    Ok((effect, report))
}

impl Effect {
    fn between(old: Option<&Built>, new: &Built) -> Self {
        let mut effect = Self::default();
        let environment = &new.environment;
        let label =
            |it: &Assignment| format!("//env/{environment}/{}:{}", it.cluster_type, it.target);
        let before = old.map_or(&[][..], |it| &it.assignments);
        let found = affected(old, Some(new));
        for it in &new.assignments {
            let its = &it.assignment;
            let was = find(before, its);
            let is_other =
                found.assignments.contains(&(its.cluster_type.clone(), its.target.clone()));
            match was {
                Some(was) if was.failed && it.failed => {}
                _ if it.failed => effect.broken.push(label(its)),
                None => effect.added.push(label(its)),
                Some(_) if is_other => effect.changed.push(label(its)),
                Some(_) => {}
            }
        }
        let gone = before.iter().map(|it| &it.assignment);
        let gone = gone.filter(|it| find(&new.assignments, it).is_none());
        effect.removed = gone.map(label).collect();
        if new.unsure && !old.is_some_and(|it| it.unsure) {
            // It is not known what is scheduled, so what seems to be gone may not be.
            effect.removed.clear();
            effect.broken.push(format!("//env:{environment}"));
        }
        let nothing = Tree::default();
        effect.files = differing(old.map_or(&nothing, |it| &it.tree), &new.tree).len();
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

/// Finds an assignment among those of a build, which are sorted.
fn find<'b>(all: &'b [BuiltAssignment], wanted: &Assignment) -> Option<&'b BuiltAssignment> {
    fn key(it: &Assignment) -> (&Name, &Name) {
        (&it.cluster_type, &it.target)
    }
    let index = all.binary_search_by(|it| key(&it.assignment).cmp(&key(wanted)));
    index.ok().map(|it| &all[it])
}
