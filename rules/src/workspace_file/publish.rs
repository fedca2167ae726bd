//! `publish` of wob.yaml: where trees are published, and what is allowed on the way.

use wob_engine::{Diagnostic, Value, did_you_mean};

use crate::decode::{Fields, Problems, shown};

/// What `publish.forge` may be. A test of the command holds it together with the forges that there are.
pub const FORGE_NAMES: [&str; 5] = ["github", "gitlab", "gitea", "azure-devops", "none"];

/// How an environment is published; what is not set is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishSettings {
    /// `forge`: one of [`FORGE_NAMES`].
    pub forge: Option<String>,
    /// `repo`: `URL` or `URL#BRANCH`, instead of what GitOpsRepos say.
    pub repo: Option<String>,
    /// `autoMerge`: whether pull requests are merged once their checks have passed.
    pub auto_merge: Option<bool>,
    /// `maxDeletions`: how many files a publication may delete.
    pub max_deletions: Option<u64>,
    /// `maxNamespaceDeletions`: how many namespaces a publication may delete.
    pub max_namespace_deletions: Option<u64>,
    /// `issues`: whether assignments that fail are told as issues.
    pub issues: Option<bool>,
}

impl PublishSettings {
    /// Joins these settings with those of an environment, which win.
    #[must_use]
    pub fn resolve(&self, own: Option<&Self>) -> Self {
        let default = Self::default();
        let own = own.unwrap_or(&default);
        Self {
            forge: own.forge.clone().or_else(|| self.forge.clone()),
            repo: own.repo.clone().or_else(|| self.repo.clone()),
            auto_merge: own.auto_merge.or(self.auto_merge),
            max_deletions: own.max_deletions.or(self.max_deletions),
            max_namespace_deletions: own.max_namespace_deletions.or(self.max_namespace_deletions),
            issues: own.issues.or(self.issues),
        }
    }
}

/// Reads `publish`.
pub(super) fn publish(fields: &mut Fields<'_>, problems: &mut Problems) -> PublishSettings {
    let Some(mut fields) = fields.optional_mapping("publish", problems) else {
        return PublishSettings::default();
    };
    let forge = fields.optional_text("forge", problems).and_then(|text| {
        if FORGE_NAMES.contains(&&*text) {
            return Some(text.to_string());
        }
        let message = format!("unknown forge `{}`", shown(&text));
        let guess = did_you_mean(&text, FORGE_NAMES).map(|it| format!("did you mean `{it}`? "));
        let known = FORGE_NAMES.map(|it| format!("`{it}`")).join(", ");
        let help = format!("{}known forges: {known}", guess.unwrap_or_default());
        let diagnostic = Diagnostic::error("unknown-value", message);
        problems.push(diagnostic.at(fields.place.key("forge"), "here").help(help));
        None
    });
    let settings = PublishSettings {
        forge,
        repo: fields.optional_text("repo", problems).map(|it| it.to_string()),
        auto_merge: fields.optional_flag("autoMerge", problems),
        max_deletions: number(&mut fields, "maxDeletions", problems),
        max_namespace_deletions: number(&mut fields, "maxNamespaceDeletions", problems),
        issues: fields.optional_flag("issues", problems),
    };
    fields.finish(&[], problems);
    settings
}

fn number(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<u64> {
    let (node, place) = fields.node(key)?;
    let number = if let Value::Int(it) = node.to_value() { u64::try_from(it).ok() } else { None };
    if number.is_none() {
        let message = format!("`publish.{key}` must be a number of 0 or more");
        problems
            .push(Diagnostic::error("wrong-type", message).at(place, "here").help("write `10`"));
    }
    number
}
