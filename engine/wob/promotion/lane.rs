//! One environment's branch: where it is, and what a new commit on it would be built upon.

use wob_engine::{FilePath, did_you_mean};
use wob_host::{BranchName, Commit, Edit, GitId, Interrupt, Moved};
use wob_rules::{Name, promotion::Pin, resource::Environment};

use super::{PromotionError, pins::Place};
use crate::workspace::{BranchTips, Plane, branch_of};

/// The branch of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Lane<'p> {
    /// The control plane that it belongs to.
    pub(super) plane: &'p Plane,
    /// The environment.
    pub(crate) environment: &'p Environment,
    /// Where the branch is, here and at `origin`.
    tips: BranchTips,
    /// The newer of both.
    pub(crate) tip: Commit,
    /// The folder of the branch that is the control plane; none for all of it.
    pub(super) folder: Option<FilePath>,
}

impl<'p> Lane<'p> {
    /// Finds the branch of the environment `name`.
    pub(crate) fn open(plane: &'p Plane, name: &str) -> Result<Self, PromotionError> {
        let environment = plane.environments.iter().find(|it| it.meta.name.as_str() == name);
        let environment = environment.ok_or_else(|| unknown(plane, name))?;
        let branch = branch_of(&environment.control_plane);
        let missing = || PromotionError::NoBranch {
            branch: branch.to_owned(),
            environment: environment.meta.name.clone(),
            repository: plane.repository.address().to_owned(),
        };
        let tips = plane.tips(branch)?.ok_or_else(missing)?;
        let tip = newer(plane, &tips)?.ok_or_else(missing)?.clone();
        let folder = Some(&environment.control_plane.path).filter(|it| !it.is_empty());
        let folder = folder.and_then(|it| FilePath::new(it).ok());
        Ok(Self { plane, environment, tips, tip, folder })
    }

    /// Returns the environment's name.
    pub(crate) fn name(&self) -> &'p Name {
        &self.environment.meta.name
    }

    /// Returns the branch's name.
    pub(crate) fn branch(&self) -> &str {
        self.tips.name.as_str()
    }

    /// Writes a commit after which `base` is pinned; the branch stays where it is. `place` is where a commit is pinned now.
    pub(crate) fn pin(
        &self,
        place: Option<&Place>,
        base: GitId,
        message: &str,
        interrupt: &Interrupt,
    ) -> Result<Commit, PromotionError> {
        let base = base.to_string();
        let file = match place {
            Some(place) => {
                let bytes = place.with(&base).map_err(|reason| PromotionError::Pin {
                    path: place.path.to_string(),
                    branch: self.branch().to_owned(),
                    reason,
                })?;
                (place.path.clone(), bytes)
            }
            None => self.new_file(&base)?,
        };
        let repository = &self.plane.repository;
        let edit = Edit { parent: &self.tip, files: &[file], message };
        Ok(repository.commit_files(&self.tips.name, &edit, interrupt)?)
    }

    /// Moves the user's own branch to `commit`.
    pub(crate) fn move_to(&self, commit: &Commit, subject: &str) -> Result<Moved, PromotionError> {
        let own = self.tips.own.as_ref().map(|it| it.id);
        Ok(self.plane.repository.move_branch(&self.tips.name, own, commit.id, subject)?)
    }

    /// Returns what the commit of the base that a pin names is called; none if it is not here.
    pub(crate) fn subject_of(&self, pinned: &str) -> Option<String> {
        let commit = self.plane.repository.resolve(pinned).ok()?;
        Some(self.plane.repository.details(&commit).ok()?.subject)
    }

    /// Returns how many commits of the branch are not at `origin`, as far as is known; none if there is no such branch there.
    pub(crate) fn unpushed(&self) -> Option<usize> {
        let origin = self.tips.origin.as_ref()?;
        self.plane.repository.commits_between(origin.id, self.tip.id).ok()
    }

    /// Returns how many commits at `origin`, as far as is known, the user's own branch lacks; none if there is no such branch.
    pub(crate) fn unpulled(&self) -> Option<usize> {
        let own = self.tips.own.as_ref()?;
        self.plane.repository.commits_between(own.id, self.tip.id).ok()
    }

    /// Says whether a part of the history is missing here.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.plane.repository.is_shallow()
    }

    /// Says whether the user has this branch, too.
    pub(crate) fn has_own(&self) -> bool {
        self.tips.own.is_some()
    }

    /// Returns the name of the branch, as git allows it.
    pub(crate) fn branch_name(&self) -> &BranchName {
        &self.tips.name
    }

    /// Returns where a file of the control plane lies in the repository.
    pub(super) fn path_of(&self, path: FilePath) -> FilePath {
        match &self.folder {
            Some(folder) => FilePath::new(&format!("{folder}/{path}"))
                .expect("because both of its parts are paths"),
            None => path,
        }
    }

    fn new_file(&self, base: &str) -> Result<(FilePath, Vec<u8>), PromotionError> {
        let repo = &self.environment.control_plane.repo;
        let (path, text) = Pin::file(repo, &self.plane.base_branch, base);
        let path = self.path_of(path);
        if self.plane.repository.file_id(&self.tip, &path)?.is_some() {
            let (path, branch) = (path.to_string(), self.branch().to_owned());
            return Err(PromotionError::InTheWay { path, branch });
        }
        Ok((path, text.into_bytes()))
    }
}

impl Plane {
    /// Returns the last commit of the base branch.
    pub(crate) fn base_tip(&self) -> Result<Commit, PromotionError> {
        let tips = self.tips(&self.base_branch)?;
        let tip = tips.as_ref().map(|it| newer(self, it)).transpose()?.flatten().cloned();
        match tip {
            Some(tip) => Ok(tip),
            None => Ok(self.repository.resolve(&self.base_branch)?),
        }
    }
}

/// Returns the newer of the user's own branch and that of `origin`; `None` if there is neither.
fn newer<'t>(plane: &Plane, tips: &'t BranchTips) -> Result<Option<&'t Commit>, PromotionError> {
    let (Some(own), Some(origin)) = (&tips.own, &tips.origin) else {
        return Ok(tips.own.as_ref().or(tips.origin.as_ref()));
    };
    let descends = |a: &Commit, b: &Commit| plane.repository.descends_from(a.id, b.id);
    if descends(own, origin)? {
        Ok(Some(own))
    } else if descends(origin, own)? {
        Ok(Some(origin))
    } else {
        Err(PromotionError::Diverged { branch: tips.name.as_str().to_owned() })
    }
}

fn unknown(plane: &Plane, name: &str) -> PromotionError {
    let known = plane.environments.iter().map(|it| it.meta.name.as_str()).collect();
    PromotionError::Unknown { name: name.escape_debug().to_string(), help: guess(name, known) }
}

/// Returns which of the environments `known` may be meant by `name`, or which there are.
pub(crate) fn guess(name: &str, known: Vec<&str>) -> String {
    if let Some(guess) = did_you_mean(name, known.iter().copied()) {
        return format!("did you mean `{guess}`?");
    }
    let known: Vec<String> = known.into_iter().map(|it| format!("`{it}`")).collect();
    if known.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    }
}
