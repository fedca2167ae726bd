//! Where trees go, and one round of building and writing them.

use std::{collections::BTreeMap, fs, io::Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::write::Outcome;
use crate::{
    args::Common,
    exit::Exit,
    report::{Report, count},
    session::{BuiltTarget, Session},
};

/// Where trees go.
#[derive(Debug, clap::Args)]
pub(crate) struct Destination {
    /// Write to DIR instead of wob-out/<environment>; may hold {environment}
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub(super) out: Option<Utf8PathBuf>,
    /// Overwrite files that wob did not write, or that were edited since
    #[arg(long)]
    pub(super) force: bool,
}

/// Where trees go that nobody gave another place to.
const DEFAULT_OUT: &str = "wob-out";

/// What one round of building and writing gave.
pub(crate) struct Round {
    /// What was built.
    pub(crate) built: Vec<BuiltTarget>,
    /// What became of it.
    pub(crate) outcomes: Vec<Outcome>,
    /// What is wrong.
    pub(crate) report: Report,
    /// How to end.
    pub(crate) exit: Exit,
}

impl Destination {
    /// Builds what `session` selects, and writes it.
    pub(crate) fn build(&self, session: &Session<'_>, common: &Common) -> Result<Round, Exit> {
        let folders = self.folders(common, session)?;
        let built = session.build(common)?;
        let report = session.diagnose(&built);
        let mut outcomes = vec![];
        let mut failed = None;
        for target in &built {
            let folder = &folders[&target.built.environment];
            match self.write(session, target, folder, common) {
                Ok(outcome) => outcomes.push(outcome),
                Err(exit) => {
                    failed = failed.max(Some(exit));
                    if exit == Exit::Interrupted {
                        break;
                    }
                }
            }
        }
        if self.out.is_none() && outcomes.iter().any(|it| it.written) {
            hide_from_git(&session.workspace.root.join(DEFAULT_OUT));
        }
        let exit = failed.unwrap_or_else(|| session.verdict(&report, common));
        Ok(Round { built, outcomes, report, exit })
    }

    /// Returns the folder of each selected environment.
    pub(crate) fn folders(
        &self,
        common: &Common,
        session: &Session<'_>,
    ) -> Result<BTreeMap<String, Utf8PathBuf>, Exit> {
        const PLACEHOLDER: &str = "{environment}";
        let Some(out) = &self.out else {
            let folder = |name: &str| session.workspace.root.join(DEFAULT_OUT).join(name);
            let all =
                session.targets.iter().map(|it| (it.name.to_string(), folder(it.name.as_str())));
            return Ok(all.collect());
        };
        if session.targets.len() > 1 && !out.as_str().contains(PLACEHOLDER) {
            session.streams.fail(&format!(
                "{} would be written to one folder `{out}`\n  \
                 help: select one, or write `-o '{out}/{PLACEHOLDER}'`",
                count(session.targets.len(), "environment", "environments")
            ));
            return Err(Exit::Usage);
        }
        let start = common.directory.clone().unwrap_or_default();
        let folder = |name: &str| start.join(out.as_str().replace(PLACEHOLDER, name));
        Ok(session
            .targets
            .iter()
            .map(|it| (it.name.to_string(), folder(it.name.as_str())))
            .collect())
    }
}

/// Lets git ignore the default output, so that a build leaves a clean checkout clean.
fn hide_from_git(folder: &Utf8Path) {
    // A link that somebody left at this name is not followed.
    let created = fs::File::create_new(folder.join(".gitignore"));
    // Without it the folder shows up in `git status`; that is no reason to fail a build.
    created.and_then(|mut it| it.write_all(b"*\n")).unwrap_or_default();
}
