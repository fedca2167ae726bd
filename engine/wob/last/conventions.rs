//! The conventions of the output that a build had, and who chose them: wob.yaml, or the command line.

use serde::{Deserialize, Serialize};
use wob_engine::Digest;
use wob_rules::{EnvironmentInput, Profile, Settings};

use super::explanation::ToldCause;
use crate::session::Session;

/// What a build had for its conventions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conventions {
    /// The profile.
    profile: Profile,
    /// Whether wob.yaml says another one, and `--profile` has won.
    is_by_option: bool,
    /// The digest of what wob.yaml says.
    of_workspace: [u8; 32],
}

impl Conventions {
    /// Returns those of this build.
    pub(super) fn of(session: &Session<'_>, input: EnvironmentInput) -> Self {
        let db = &session.loaded.db;
        let settings = &session.workspace.settings;
        let own = settings.environments.iter().find(|it| it.0.as_str() == input.name(db).as_str());
        let said: Settings = settings.output.resolve(own.map(|it| &it.1.output), None);
        let profile = input.settings(db).profile;
        let of_workspace = *Digest::of(format!("{said:?}").as_bytes()).as_bytes();
        Self { profile, is_by_option: profile != said.profile, of_workspace }
    }

    /// Returns the cause that is on the command line and in no file, if there is one.
    pub(super) fn option_since(&self, before: &Self, part: &str) -> Option<ToldCause> {
        if self.profile == before.profile {
            return None;
        }
        let text = match (self.is_by_option, before.is_by_option) {
            (true, _) => format!("`--profile={}` wins over wob.yaml", self.profile),
            (false, true) => {
                format!("`--profile={}` is not there any more, as it was before", before.profile)
            }
            (false, false) => return None,
        };
        Some(ToldCause { part: Some(part.to_owned()), text, at: None })
    }

    /// Says whether wob.yaml says what it said `before`.
    pub(super) fn says_the_same(&self, before: &Self) -> bool {
        self.of_workspace == before.of_workspace
    }
}
