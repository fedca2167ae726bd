//! The pull requests that wob made for one purpose: at most one is open, and no other is ever touched.

use super::{Forge, ForgeError, Mark, NewPullRequest, PullRequest};

/// The pull requests of one purpose, such as publishing one environment.
#[derive(Clone, Copy, Debug)]
pub struct OwnPullRequests<'o> {
    /// Where they are.
    pub forge: &'o dyn Forge,
    /// What each of them carries.
    pub mark: &'o Mark,
    /// What the names of their branches begin with.
    pub heads: &'o str,
    /// The branch that they merge into.
    pub base: &'o str,
}

/// What the one open pull request shall be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The branch to merge.
    pub head: &'w str,
    /// Its title.
    pub title: &'w str,
    /// What it says, without the mark.
    pub body: &'w str,
    /// Labels, and whether it shall have each; others stay as they are.
    pub labels: &'w [(&'w str, bool)],
}

impl OwnPullRequests<'_> {
    /// Lists those that are open, sorted by number.
    ///
    /// # Errors
    /// See [`ForgeError`].
    pub fn open(&self) -> Result<Vec<PullRequest>, ForgeError> {
        let mut all = self.forge.open_pull_requests(self.heads)?;
        all.retain(|it| {
            it.base == self.base && it.head.starts_with(self.heads) && self.mark.is_in(&it.body)
        });
        Ok(all)
    }

    /// Opens the pull request from `wanted.head`, or brings the one that is open up to date. Returns it, and whether it is
    /// new.
    ///
    /// # Errors
    /// See [`ForgeError`]; [`ForgeError::Exists`] if somebody else has opened one from this branch.
    pub fn open_or_update(&self, wanted: &Wanted<'_>) -> Result<(PullRequest, bool), ForgeError> {
        let body = self.mark.on(wanted.body, self.forge.longest_body());
        let find = || -> Result<Option<PullRequest>, ForgeError> {
            Ok(self.open()?.into_iter().find(|it| it.head == wanted.head))
        };
        let (mut found, is_new) = match find()? {
            Some(found) => (found, false),
            None => (self.open_new(wanted, &body, &find)?, true),
        };
        // Forges may change line ends, and trim.
        let plain = |it: &str| it.replace("\r\n", "\n").trim_end().to_owned();
        if found.title != wanted.title || plain(&found.body) != plain(&body) {
            self.forge.edit(found.number, wanted.title, &body)?;
            wanted.title.clone_into(&mut found.title);
            found.body = body;
        }
        for (label, is_wanted) in wanted.labels {
            match (found.labels.iter().position(|it| it == label), is_wanted) {
                (None, true) => {
                    self.forge.add_label(found.number, label)?;
                    found.labels.push((*label).to_owned());
                }
                (Some(at), false) => {
                    self.forge.remove_label(found.number, label)?;
                    found.labels.remove(at);
                }
                (Some(_), true) | (None, false) => {}
            }
        }
        found.labels.sort();
        Ok((found, is_new))
    }

    /// Opens a pull request, also if nobody knows whether the forge has heard it the first time.
    fn open_new(
        &self,
        wanted: &Wanted<'_>,
        body: &str,
        find: &dyn Fn() -> Result<Option<PullRequest>, ForgeError>,
    ) -> Result<PullRequest, ForgeError> {
        let Wanted { title, head, .. } = *wanted;
        let new = NewPullRequest { title, body, head, base: self.base };
        match self.forge.open(&new) {
            Ok(opened) => Ok(opened),
            Err(error @ ForgeError::Exists { .. }) => find()?.ok_or(error),
            Err(error) if error.is_doubtful() => match find()? {
                Some(found) => Ok(found),
                None => self.forge.open(&new),
            },
            Err(error) => Err(error),
        }
    }

    /// Closes all that are open but the one from `head`, and says why on each; returns those closed.
    ///
    /// # Errors
    /// See [`ForgeError`].
    pub fn close_others(
        &self,
        head: Option<&str>,
        reason: &str,
    ) -> Result<Vec<PullRequest>, ForgeError> {
        let others = self.open()?.into_iter().filter(|it| Some(it.head.as_str()) != head);
        let others: Vec<PullRequest> = others.collect();
        for it in &others {
            self.comment(it.number, reason)?;
            self.forge.close(it.number)?;
        }
        Ok(others)
    }

    /// Says something on a pull request, in the comment that wob made before if there is one.
    ///
    /// # Errors
    /// See [`ForgeError`].
    pub fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let body = self.mark.on(text, self.forge.longest_body());
        let find = || -> Result<_, ForgeError> {
            let comments = self.forge.comments(number)?;
            Ok(comments.into_iter().find(|it| self.mark.is_in(&it.body)))
        };
        match find()? {
            Some(before) if before.body == body => Ok(()),
            Some(before) => self.forge.edit_comment(number, &before, &body),
            None => match self.forge.add_comment(number, &body) {
                Err(error) if error.is_doubtful() && find()?.is_none() => {
                    self.forge.add_comment(number, &body)
                }
                Err(error) if !error.is_doubtful() => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }
}
