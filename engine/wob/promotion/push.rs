//! Brings a promotion to `origin`: onto the environment's branch, or beside it with a pull request.

use wob_host::{
    BranchName, Commit, Forge, GitId, Mark, Outgoing, OwnPullRequests, PullRequest, RefUpdate,
    StatusOutcome, Wanted,
};

use super::{Lane, Opened, PromotionError, say_status, short, status_name};
use crate::exit::Exit;

/// What a pull request says.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Its title, and the subject of the commit.
    pub(super) title: String,
    /// Its body.
    pub(super) body: String,
}

/// A branch that proposes a promotion, with its pull request.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The branch.
    pub(super) branch: BranchName,
    /// Where it is: a commit with the files that are proposed, new or from before.
    pub(super) commit: GitId,
    /// The pull request, and whether it is new; none if it is not known which forge `origin` is on.
    pub(super) request: Option<(PullRequest, bool)>,
}

/// The repository that the branch comes from.
struct Origin {
    address: String,
    outgoing: Outgoing,
    /// What it has, by full names.
    references: std::collections::BTreeMap<String, GitId>,
}

impl Opened<'_> {
    /// Pushes `commit` onto the environment's branch, and notes here where that is.
    pub(super) fn push(&self, lane: &Lane<'_>, commit: &Commit) -> Result<(), PromotionError> {
        let origin = self.origin(lane)?;
        let tip = self.tip(&origin, lane)?;
        let update = RefUpdate { name: full(lane.branch()), from: Some(tip), to: Some(commit.id) };
        origin.outgoing.push(&[update])?;
        let repository = &self.plane.repository;
        repository.note_origin(lane.branch_name(), commit.id)?;
        // The user's own branch follows, unless that would look like an edit, or it is elsewhere by now.
        if lane.has_own() && repository.checkout_of(lane.branch_name()).is_none() {
            lane.move_to(commit, "push")?;
        }
        Ok(())
    }

    /// Says on the forge that `base` is on its way to the environment.
    pub(super) fn announce(&self, lane: &Lane<'_>, base: &Commit) -> Result<(), Exit> {
        let address = self.plane.address(lane.name().as_str());
        let Some(forge) = self.forge(&address, lane.name()) else { return Ok(()) };
        let said = (StatusOutcome::Pending, "Promoted");
        say_status(forge.as_ref(), base.id, lane.name().as_str(), said, self.streams)
    }

    /// Says it once more if the forge has heard nothing: the run that pushed may have been cut off before it came to that.
    pub(super) fn announce_if_unheard(&self, lane: &Lane<'_>, base: &Commit) -> Result<(), Exit> {
        let address = self.plane.address(lane.name().as_str());
        let name = status_name(lane.name().as_str());
        let is_unheard = |forge: &dyn Forge| {
            let statuses = forge.statuses(base.id);
            statuses.is_ok_and(|all| all.iter().all(|it| it.name != name))
        };
        match self.forge(&address, lane.name()) {
            Some(forge) if is_unheard(forge.as_ref()) => self.announce(lane, base),
            Some(_) | None => Ok(()),
        }
    }

    /// Pushes `commit` as a branch of its own, and opens a pull request from there, or brings the one that is open up to date.
    pub(super) fn propose(
        &self,
        lane: &Lane<'_>,
        base: &Commit,
        commit: &Commit,
        words: &Words,
    ) -> Result<Proposal, PromotionError> {
        let origin = self.origin(lane)?;
        self.tip(&origin, lane)?;
        let heads = format!("promote/{}/", lane.name());
        let branch = format!("{heads}{}", short(&base.id.to_string()));
        let branch = BranchName::new(&branch).expect("because a name with digits behind it is one");
        let name = full(branch.as_str());
        let from = origin.references.get(&name).copied();
        let commit = if let Some(there) = from.filter(|it| self.is_same(*it, commit)) {
            there
        } else {
            origin.outgoing.push(&[RefUpdate { name, from, to: Some(commit.id) }])?;
            commit.id
        };
        let Some(forge) = self.forge(&origin.address, lane.name()) else {
            return Ok(Proposal { branch, commit, request: None });
        };
        let forge: &dyn Forge = forge.as_ref();
        let mark = Mark::new("promote", lane.name().as_str());
        let own = OwnPullRequests { forge, mark: &mark, heads: &heads, base: lane.branch() };
        let Words { title, body } = words;
        let wanted = Wanted { head: branch.as_str(), title, body, labels: &[] };
        let (request, is_new) = own.open_or_update(&wanted)?;
        let reason = format!("Superseded by #{}.", request.number);
        let closed = own.close_others(Some(branch.as_str()), &reason)?;
        let stale = closed.iter().filter_map(|it| {
            let name = full(&it.head);
            let from = *origin.references.get(&name)?;
            Some(RefUpdate { name, from: Some(from), to: None })
        });
        origin.outgoing.push(&stale.collect::<Vec<_>>())?;
        Ok(Proposal { branch, commit, request: Some((request, is_new)) })
    }

    fn origin(&self, lane: &Lane<'_>) -> Result<Origin, PromotionError> {
        let repository = &self.plane.repository;
        if self.common.offline {
            return Err(PromotionError::Offline);
        }
        let address = repository.origin_for_pushing().ok_or(PromotionError::NoOrigin)?;
        let outgoing = Outgoing::from(repository, &address, &self.interrupt);
        let wanted = [full(lane.branch()), format!("refs/heads/promote/{}/", lane.name())];
        let references = outgoing.references(&wanted.each_ref().map(String::as_str))?;
        Ok(Origin { address, outgoing, references })
    }

    /// Returns where the environment's branch is at `origin`, if what is here was built upon it.
    fn tip(&self, origin: &Origin, lane: &Lane<'_>) -> Result<GitId, PromotionError> {
        let branch = || lane.branch().to_owned();
        let tip = origin.references.get(&full(lane.branch())).copied();
        let tip = tip.ok_or_else(|| PromotionError::NotAtOrigin { branch: branch() })?;
        let repository = &self.plane.repository;
        let is_here = repository.resolve(&tip.to_string()).is_ok();
        if is_here && repository.descends_from(lane.tip.id, tip)? {
            return Ok(tip);
        }
        Err(PromotionError::Behind { branch: branch() })
    }

    /// Says whether two commits have the same files and come from the same commit.
    fn is_same(&self, there: GitId, commit: &Commit) -> bool {
        let repository = &self.plane.repository;
        let parents = |it: &Commit| repository.details(it).map(|it| it.parents).ok();
        repository
            .resolve(&there.to_string())
            .is_ok_and(|it| it.tree == commit.tree && parents(&it) == parents(commit))
    }
}

fn full(branch: &str) -> String {
    format!("refs/heads/{branch}")
}
