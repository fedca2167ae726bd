//! Why an environment was not published, as people and programs read it.

use wob_host::{OutputError, PushError};

use super::{push::Push, result::Published};
use crate::exit::Exit;

/// Why an environment was not published.
#[derive(Debug)]
pub(super) enum Failure {
    /// The user stopped it; that was said.
    Stopped(Exit),
    /// Something is in the way.
    Refused(Refusal),
    /// Somebody else was faster, as this says.
    Raced(String),
    /// The copy in the cache cannot be used, as this says.
    Copy(String),
}

/// What is in the way.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Why, without what it is about; after `help: ` the way out.
    reason: String,
    /// What comes before that for people.
    intro: String,
    /// How wob ends for it.
    pub(super) exit: Exit,
    /// What had been found out.
    published: Option<Box<Published>>,
}

impl Refusal {
    /// Says why `environment` is not published.
    pub(super) fn new(environment: &str, reason: &str, exit: Exit) -> Self {
        Self::with_intro(format!("`{environment}` is not published: "), reason, exit)
    }

    /// Says the same in a sentence of its own.
    pub(super) fn plain(reason: &str, exit: Exit) -> Self {
        Self::with_intro(String::new(), reason, exit)
    }

    fn with_intro(intro: String, reason: &str, exit: Exit) -> Self {
        Self { reason: reason.to_owned(), intro, exit, published: None }
    }

    /// Returns what people read.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.intro, self.reason)
    }

    /// Returns what programs read; `nothing` is published if no more is known.
    pub(super) fn published(self, nothing: impl FnOnce() -> Published) -> Published {
        let published = self.published.map_or_else(nothing, |it| *it);
        published.refused(&self.reason)
    }
}

impl Failure {
    /// Adds what had been found out.
    pub(super) fn about(self, published: Published) -> Self {
        let Self::Refused(refusal) = self else { return self };
        Self::Refused(Refusal { published: Some(Box::new(published)), ..refusal })
    }
}

impl Push<'_> {
    /// Says why nothing is published.
    pub(super) fn refused(&self, reason: &str, exit: Exit) -> Failure {
        let to = self.apart.as_ref().map_or(String::new(), |it| format!(" to `{it}`"));
        let intro = format!("`{}` is not published{to}: ", self.environment());
        Failure::Refused(Refusal::with_intro(intro, reason, exit))
    }

    /// Says why what was pushed has no pull request as it should be; the next run finds it.
    pub(super) fn unfinished(&self, reason: &str) -> Failure {
        let environment = self.environment();
        let intro =
            format!("`{environment}` is pushed, but its pull request is not as it should be: ");
        Failure::Refused(Refusal::with_intro(intro, reason, Exit::Outside))
    }

    /// Says why git did not do it.
    pub(super) fn pushing(&self, error: &PushError) -> Failure {
        let (help, exit) = match error {
            PushError::Interrupted(_) => return Failure::Stopped(self.session.interrupted()),
            PushError::Raced { .. } => return Failure::Raced(error.to_string()),
            PushError::Copy { .. } => return Failure::Copy(error.to_string()),
            PushError::Unauthorized { .. } => (
                "\n  help: `git push` must work there by itself, with a credential helper or a key",
                Exit::Outside,
            ),
            PushError::Refused { .. } | PushError::Failed { .. } => ("", Exit::Outside),
            PushError::Program(_) => {
                ("\n  help: wob pushes with the program `git`; install it", Exit::Local)
            }
            PushError::Cache(_) => ("", Exit::Local),
        };
        self.refused(&format!("{error}{help}"), exit)
    }

    /// Says why the copy in the cache could not be written.
    pub(super) fn writing(&self, error: &OutputError) -> Failure {
        if matches!(error, OutputError::Interrupted(_)) {
            return Failure::Stopped(self.session.interrupted());
        }
        if matches!(error, OutputError::Git(_)) {
            return Failure::Copy(error.to_string());
        }
        self.refused(&error.to_string(), Exit::Local)
    }
}
