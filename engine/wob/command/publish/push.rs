//! Publishes one environment to one repository: fetch, compare, commit, push, propose.
//!
//! What wob keeps in the repository: branches `deployment/<environment>/<tree>`, of which one counts, and
//! `refs/wob/deployment/<environment>`, which says which one; of further branches of the same repository, these names end with
//! `+<branch>`. Whoever moves that reference has published; whoever finds it
//! moved begins anew. **Invariant:** a branch or pull request is removed only if it was seen before that reference was.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use wob_engine::RECORD_PATH;
use wob_host::{
    BranchName, Cache, Change, Destination as Place, GitId, ManualCommit, Outgoing, OutputBranch,
    OutputError, Patience, Plan, PushError, RefUpdate,
};
use wob_rules::{EnvironmentInput, environment_model};

use super::{
    How,
    body::{Content, commit_message, meaning},
    copies::Copies,
    deletions::Deletions,
    destination::Destination,
    failure::Failure,
    made::{BranchState, Made, Whole},
    notes::{TreeMark, TreeNotes},
    proposal::{propose, withdraw},
    result::{Outcome, Published, say_body},
};
use crate::{
    args::Common,
    exit::Exit,
    report::count,
    session::{Session, Target},
    timings,
};

/// How many digits of a tree's id name a branch.
const TREE_DIGITS: usize = 12;
/// How often branches may change while old ones are removed.
const CLEARINGS: usize = 3;
/// How many commits of others are reported.
const MANUAL_COMMITS: usize = 50;
/// How many files of others are named.
const NAMED: usize = 10;

/// One environment on its way to one repository.
pub(super) struct Push<'p> {
    pub(super) how: &'p How,
    pub(super) session: &'p Session<'p>,
    pub(super) common: &'p Common,
    pub(super) target: &'p Target,
    pub(super) input: EnvironmentInput,
    pub(super) destination: Destination,
    /// What people call the destination, where there are others.
    pub(super) apart: Option<String>,
    pub(super) patience: Patience,
}

/// What the repository holds.
pub(super) struct Seen {
    references: BTreeMap<String, GitId>,
    /// The last commit of the branch that clusters read.
    base: Option<GitId>,
    /// What wob published last.
    pointer: Option<GitId>,
}

/// What was found out before anything is done.
pub(super) struct Ready<'r> {
    pub(super) state: BranchState<'r>,
    pub(super) made: Made<'r>,
    /// What it means, as Markdown; none if nobody has asked yet.
    pub(super) meaning: Option<String>,
}

impl<'p> Push<'p> {
    /// Publishes what was built of everything, from a copy that is held or is opened for it; says why if that cannot be done.
    pub(super) fn run(
        &self,
        (cache, copies): (&Cache, &Copies),
        whole: &Whole<'_>,
    ) -> Result<Published, Failure> {
        let done = if let Some(held) = copies.of(cache, self) {
            self.try_run(held, whole)
        } else {
            let url = &self.destination.url;
            let outgoing = Outgoing::open(cache, url, &self.session.interrupt);
            self.try_run(&outgoing.map_err(|it| self.pushing(&it))?, whole)
        };
        match done {
            Err(Failure::Copy(reason)) => Err(self.refused(&reason, Exit::Local)),
            result => result,
        }
    }

    /// Publishes, if need be from a copy that is made anew.
    fn try_run(&self, outgoing: &Outgoing, whole: &Whole<'_>) -> Result<Published, Failure> {
        match self.run_with(outgoing, whole) {
            Err(Failure::Copy(reason)) => {
                self.session.streams.say_more(&format!("{reason}; making it anew"));
                outgoing.renew().map_err(|it| self.pushing(&it))?;
                self.run_with(outgoing, whole)
            }
            result => result,
        }
    }

    fn run_with(&self, outgoing: &Outgoing, whole: &Whole<'_>) -> Result<Published, Failure> {
        let state = self.reach(outgoing)?;
        let made = Made::whole(&state, whole).map_err(|it| self.writing(&it))?;
        self.publish(outgoing, &Ready { state, made, meaning: None })
    }

    /// Looks at the repository, of which `outgoing` is the copy, and at what is noted of the tree that it has.
    pub(super) fn reach(&self, outgoing: &Outgoing) -> Result<BranchState<'p>, Failure> {
        let seen = self.look(outgoing).map_err(|it| self.pushing(&it))?;
        if seen.base.is_none() && (self.destination.forge.is_some() || !self.is_direct()) {
            return Err(self.refused(
                &format!(
                    "`{}` has no branch `{}` to merge into\n  help: make it, be it with one empty commit",
                    outgoing.shown(),
                    self.destination.branch.as_str()
                ),
                Exit::Sources,
            ));
        }
        let branch = self.local("publish");
        outgoing.set_local(&branch, seen.base).map_err(|it| self.pushing(&it))?;
        let place = OutputBranch::open(outgoing.folder(), &branch);
        let place = Place::Branch(Box::new(place.map_err(|it| self.writing(&it))?));
        let head = place.previous().map_err(|it| self.writing(&it))?.text;
        let mark = seen.base.zip(head.as_deref());
        let mark = mark.map(|(base, head)| TreeMark::of(outgoing.folder(), base, head));
        Ok(BranchState {
            session: self.session,
            folder: outgoing.folder().to_owned(),
            seen,
            place,
            mark: mark.transpose().map_err(|it| self.writing(&it))?,
            head,
            notes: self.notes(outgoing.folder()),
        })
    }

    /// Returns the folder in which the copy of its repository lies, or would.
    pub(super) fn copy(&self, cache: &Cache) -> Utf8PathBuf {
        Outgoing::folder_of(cache, &self.destination.url)
    }

    /// Returns where it is noted what was published from the copy in `folder`; `None` if there is no cache.
    pub(super) fn notes(&self, folder: &Utf8Path) -> Option<TreeNotes> {
        TreeNotes::find(self.environment(), folder, &self.destination)
    }

    /// Says whether anything is noted of what was published there.
    pub(super) fn is_noted(&self, cache: &Cache) -> bool {
        self.notes(&self.copy(cache)).is_some_and(|it| !it.is_empty())
    }

    /// Brings what was found out to where it belongs.
    pub(super) fn publish(
        &self,
        outgoing: &Outgoing,
        ready: &Ready<'_>,
    ) -> Result<Published, Failure> {
        let Ready { state, made, meaning } = ready;
        let shown = outgoing.shown();
        self.session.streams.say_more(&format!("publishing `{}` to `{shown}`", self.environment()));
        let before = state.before();
        self.check_owner(before.as_ref())?;
        let promoted = self.promotes(before.as_ref());
        let span = timings::span_of("history", self.environment());
        let manual = match state.seen.base {
            Some(base) => outgoing.manual_commits(base, RECORD_PATH, MANUAL_COMMITS),
            None => Ok(vec![]),
        };
        let manual = manual.map_err(|it| self.pushing(&it))?;
        drop(span);
        let deletions = Deletions::of(made.plan()).map_err(|it| self.writing(&it))?;
        let meaning = meaning.clone().unwrap_or_default();
        let session = self.session;
        let content = Content { made, promoted, manual, deletions, meaning, session };
        let mut published = Published::new(&content, &shown, &self.destination);
        let done = self.bring((outgoing, ready), content, &mut published);
        done.map(|()| published.clone()).map_err(|it| it.about(published))
    }

    /// Says what `made` means, if the pull request shall say it.
    pub(super) fn meaning(
        &self,
        state: &BranchState<'_>,
        made: &Made<'_>,
    ) -> Result<String, OutputError> {
        let is_told = !self.is_direct() || self.how.dry_run;
        let is_news = made.plan().differs() || self.promotes(state.before().as_ref()).is_some();
        if is_told && is_news { meaning(self.session, made) } else { Ok(String::new()) }
    }

    /// Brings what was found out to where it belongs, and says in `published` what was done.
    fn bring(
        &self,
        (outgoing, ready): (&Outgoing, &Ready<'_>),
        mut content: Content<'_>,
        published: &mut Published,
    ) -> Result<(), Failure> {
        let Ready { state, made, meaning } = ready;
        self.check_others(made.plan(), &content.manual)?;
        if !made.plan().differs() && content.promoted.is_none() {
            self.unchanged(outgoing, &state.seen, &content, published)?;
            if !self.how.dry_run {
                made.keep(state);
            }
            return Ok(());
        }
        self.check_budget(&content.deletions)?;
        if meaning.is_none() {
            content.meaning = self.meaning(state, made).map_err(|it| self.writing(&it))?;
        }
        self.commit_and_push((outgoing, state), &content, published)
    }

    /// Reads what there is, and fetches the commits that matter.
    fn look(&self, outgoing: &Outgoing) -> Result<Seen, PushError> {
        let _span = timings::span_of("look at the repository", self.environment());
        let base_name = self.base_name();
        let pointer_name = self.pointer_name();
        let references = outgoing.references(&[&base_name, &pointer_name, &self.heads_name()])?;
        let base = references.get(&base_name).copied();
        let pointer = references.get(&pointer_name).copied();
        let wanted = [(base_name.as_str(), base), (pointer_name.as_str(), pointer)];
        let wanted: Vec<(&str, GitId)> =
            wanted.into_iter().filter_map(|(name, id)| Some((name, id?))).collect();
        outgoing.fetch(&wanted)?;
        Ok(Seen { references, base, pointer })
    }

    /// Commits and pushes, and has the rest done by the forge.
    fn commit_and_push(
        &self,
        (outgoing, state): (&Outgoing, &BranchState<'_>),
        content: &Content<'_>,
        published: &mut Published,
    ) -> Result<(), Failure> {
        let seen = &state.seen;
        let pending = self.pending(outgoing, seen, content)?;
        let commit = match pending {
            Some(pending) => pending,
            None => self.commit(state, content)?,
        };
        let tree = self.tree_of(outgoing, commit)?;
        let head = format!("{}{}", self.heads(), &tree.to_string()[..TREE_DIGITS]);
        published.commit = Some(commit.to_string());
        published.git_tree = Some(tree.to_string());
        if self.how.dry_run {
            published.branch = Some(head).filter(|_| !self.is_direct());
            published.outcome = Outcome::DryRun;
            say_body(content, self.session);
            return Ok(());
        }
        let span = timings::span_of("push", self.environment());
        if self.is_direct() {
            let update = RefUpdate { name: self.base_name(), from: seen.base, to: Some(commit) };
            outgoing.push(&[update]).map_err(|it| self.pushing(&it))?;
            published.outcome = Outcome::Merged;
            return self.clear(outgoing, seen.references.clone(), None, (seen.pointer, None));
        }
        published.branch = Some(head.clone());
        let head_name = format!("refs/heads/{head}");
        let updates = [
            RefUpdate { name: self.pointer_name(), from: seen.pointer, to: Some(commit) },
            RefUpdate {
                name: head_name.clone(),
                from: seen.references.get(&head_name).copied(),
                to: Some(commit),
            },
        ];
        let updates: Vec<RefUpdate> = updates.into_iter().filter(|it| it.from != it.to).collect();
        outgoing.push(&updates).map_err(|it| self.pushing(&it))?;
        published.outcome = if updates.is_empty() { Outcome::Pending } else { Outcome::Pushed };
        drop(span);
        let _span = timings::span_of("propose", self.environment());
        if let Some(forge) = &self.destination.forge {
            propose(self, outgoing, forge, content, published)?;
        } else {
            let names = [self.pointer_name(), self.heads_name()];
            let now = outgoing.references(&[&names[0], &names[1]]);
            let now = now.map_err(|it| self.pushing(&it))?;
            self.clear(outgoing, now, Some(&head_name), (Some(commit), Some(commit)))?;
        }
        Ok(())
    }

    /// Finds what is pushed already and holds the same files on top of the same commit.
    fn pending(
        &self,
        outgoing: &Outgoing,
        seen: &Seen,
        content: &Content<'_>,
    ) -> Result<Option<GitId>, Failure> {
        let Some(pointer) = seen.pointer else { return Ok(None) };
        if self.is_direct()
            || outgoing.parent(pointer).map_err(|it| self.pushing(&it))? != seen.base
        {
            return Ok(None);
        }
        let branch = self.local("pending");
        outgoing.set_local(&branch, Some(pointer)).map_err(|it| self.pushing(&it))?;
        let place = OutputBranch::open(outgoing.folder(), &branch);
        let previous = place.and_then(|it| it.previous()).map_err(|it| self.writing(&it))?;
        let pending: Option<Value> =
            previous.text.as_deref().and_then(|it| serde_json::from_str(it).ok());
        let Some(pending) = pending else { return Ok(None) };
        let is_same = pending["root"].as_str() == Some(&content.made.root().to_string())
            && pending["environment"].as_str() == Some(content.environment())
            && content.promoted.as_deref().is_none_or(|it| base_commit(Some(&pending)) == Some(it));
        Ok(is_same.then_some(pointer))
    }

    fn commit(&self, state: &BranchState<'_>, content: &Content<'_>) -> Result<GitId, Failure> {
        let message = commit_message(content);
        let committed = if self.how.dry_run {
            content.made.commit(state, &message)
        } else {
            content.made.commit_and_note(state, &message)
        };
        committed.map_err(|it| self.writing(&it))
    }

    fn tree_of(&self, outgoing: &Outgoing, commit: GitId) -> Result<GitId, Failure> {
        let repository = wob_host::Repository::open(outgoing.folder());
        let commit = repository.and_then(|it| it.resolve(&commit.to_string()));
        Ok(commit.map_err(|it| self.writing(&it.into()))?.tree)
    }

    /// The branch has it all; what was proposed before is not wanted any more.
    fn unchanged(
        &self,
        outgoing: &Outgoing,
        seen: &Seen,
        content: &Content<'_>,
        published: &mut Published,
    ) -> Result<(), Failure> {
        published.outcome = Outcome::Unchanged;
        if self.how.dry_run {
            return Ok(());
        }
        if let Some(forge) = &self.destination.forge {
            withdraw(self, outgoing, (seen.pointer, content), forge, published)?;
        }
        self.clear(outgoing, seen.references.clone(), None, (seen.pointer, None))
    }

    /// Removes the branches that wob made, but for `kept`, as long as nobody publishes meanwhile: the reference is
    /// `from`, and becomes `to`. `seen` is what there was when the reference was looked at.
    pub(super) fn clear(
        &self,
        outgoing: &Outgoing,
        seen: BTreeMap<String, GitId>,
        kept: Option<&str>,
        (from, to): (Option<GitId>, Option<GitId>),
    ) -> Result<(), Failure> {
        let mut seen = seen;
        for _ in 0..CLEARINGS {
            let old = seen.iter().filter(|(name, _)| name.starts_with(&self.heads_name()));
            let old = old.filter(|(name, _)| Some(name.as_str()) != kept);
            let mut updates: Vec<RefUpdate> = old
                .map(|(name, id)| RefUpdate { name: name.clone(), from: Some(*id), to: None })
                .collect();
            if updates.is_empty() || seen.get(&self.pointer_name()).copied() != from {
                return Ok(());
            }
            if from.is_some() {
                updates.insert(0, RefUpdate { name: self.pointer_name(), from, to });
            }
            match outgoing.push(&updates) {
                Ok(()) => return Ok(()),
                // A forge may have removed a branch with its pull request.
                Err(PushError::Raced { .. }) => {
                    let names = [self.pointer_name(), self.heads_name()];
                    let now = outgoing.references(&[&names[0], &names[1]]);
                    seen = now.map_err(|it| self.pushing(&it))?;
                }
                Err(error) => return Err(self.pushing(&error)),
            }
        }
        Ok(())
    }

    /// Refuses to replace the tree of another environment, whose files would all go.
    fn check_owner(&self, before: Option<&Value>) -> Result<(), Failure> {
        let owner = before.and_then(|it| it["environment"].as_str());
        let Some(owner) = owner.filter(|it| *it != self.environment()) else { return Ok(()) };
        if self.how.allow_deletions {
            return Ok(());
        }
        Err(self.refused(
            &format!(
                "`{}` holds the tree of `{owner}`, which would be replaced\n  \
                 help: give each environment a branch of its own; if it was renamed, allow it with --allow-deletions",
                self.destination.branch.as_str()
            ),
            Exit::Sources,
        ))
    }

    /// Tells what others did on the branch; refuses to go over it under `--strict`.
    fn check_others(&self, plan: &Plan, manual: &[ManualCommit]) -> Result<(), Failure> {
        let lost: Vec<String> = plan
            .conflicts()
            .map(|(path, change)| match change {
                Change::Edited => format!("{path} (edited since wob wrote it)"),
                Change::Foreign | Change::Added | Change::Changed | Change::Deleted => {
                    format!("{path} (not written by wob)")
                }
            })
            .collect();
        if lost.is_empty() && manual.is_empty() {
            return Ok(());
        }
        let named = |all: &[String]| {
            let mut lines: Vec<String> =
                all.iter().take(NAMED).map(|it| format!("\n      {it}")).collect();
            if all.len() > NAMED {
                lines.push(format!("\n      and {} more", all.len() - NAMED));
            }
            lines.concat()
        };
        let branch = self.destination.branch.as_str();
        let mut lines = vec![];
        for it in manual {
            let (commit, files) = (&it.commit[..7.min(it.commit.len())], named(&it.files));
            lines.push(format!("    {commit} {} by {}{files}", it.subject, it.author));
        }
        if !lost.is_empty() {
            let files = count(lost.len(), "file", "files");
            lines
                .push(format!("    {files} that the new tree replaces or deletes{}", named(&lost)));
        }
        let text = format!("`{branch}` has changes that wob did not make\n{}", lines.join("\n"));
        if self.common.strict {
            return Err(self.refused(
                &format!("--strict, and {text}\n  help: move them into the sources"),
                Exit::Sources,
            ));
        }
        self.session.streams.say(&format!("warning: {text}"));
        Ok(())
    }

    fn check_budget(&self, deletions: &Deletions) -> Result<(), Failure> {
        let refusal = deletions.refusal(&self.destination.settings);
        let Some(refusal) = refusal.filter(|_| !self.how.allow_deletions) else { return Ok(()) };
        Err(self.refused(
            &format!("{refusal}\n  help: if that is meant, allow it with --allow-deletions"),
            Exit::Sources,
        ))
    }

    /// Returns the commit that the base is pinned to.
    fn promoted(&self) -> Option<String> {
        let model = environment_model(&self.session.loaded.db, self.input);
        model.base_repo()?.reference.commit.clone()
    }

    /// Returns that commit, if it is another one than the record `before` names.
    fn promotes(&self, before: Option<&Value>) -> Option<String> {
        self.promoted().filter(|it| base_commit(before) != Some(it))
    }

    /// Says whether commits go onto the branch that clusters read, with nobody asked.
    fn is_direct(&self) -> bool {
        self.destination.forge.is_none() && self.destination.auto_merge
    }

    /// Returns what tells it from all others: environment, address and branch.
    pub(super) fn key(&self) -> (String, String, String) {
        let Destination { url, branch, .. } = &self.destination;
        (self.environment().to_owned(), url.clone(), branch.as_str().to_owned())
    }

    pub(super) fn environment(&self) -> &str {
        self.target.name.as_str()
    }

    /// Returns what the names of the branches begin with.
    pub(super) fn heads(&self) -> String {
        format!("deployment/{}/", self.name())
    }

    /// Returns what deployments to this branch are called: the environment, and the branch where another one of the repository
    /// gets the tree too.
    fn name(&self) -> String {
        match &self.destination.suffix {
            Some(suffix) => format!("{}+{suffix}", self.environment()),
            None => self.environment().to_owned(),
        }
    }

    pub(super) fn heads_name(&self) -> String {
        format!("refs/heads/{}", self.heads())
    }

    fn base_name(&self) -> String {
        format!("refs/heads/{}", self.destination.branch.as_str())
    }

    pub(super) fn pointer_name(&self) -> String {
        format!("refs/wob/deployment/{}", self.name())
    }

    /// Names a branch of the copy in the cache, which other deployments from there leave alone.
    fn local(&self, purpose: &str) -> BranchName {
        BranchName::new(&format!("{purpose}/{}", self.name()))
            .expect("because the names of environments and branches can be part of a branch's name")
    }
}

/// Returns the commit of the base that a record names.
fn base_commit(record: Option<&Value>) -> Option<&str> {
    let sources = record?["sources"].as_array()?;
    sources.iter().find(|it| it["role"] == "base")?["commit"].as_str()
}
