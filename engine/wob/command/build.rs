//! `wob build`: renders environments and writes their trees.

mod write;

use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use wob_host::Counts;
use wob_rules::AssignmentRecord;

use self::write::Outcome;
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::count,
    session::{JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Render environments and write their trees
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Build {
    /// What to build
    #[command(flatten)]
    patterns: Patterns,
    /// Write to DIR instead of wob-out/<environment>; may hold {environment}
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<Utf8PathBuf>,
    /// Overwrite files that wob did not write, or that were edited since
    #[arg(long)]
    force: bool,
}

/// Where trees go that nobody gave another place to.
const DEFAULT_OUT: &str = "wob-out";

const LONG_ABOUT: &str = "\
Renders environments and writes their trees.

Without a pattern, every environment is built. Each tree goes to wob-out/<environment>, or to the folder that -o \
names, such as a checkout of the GitOps repository. Only files that differ are written, and only files that wob \
wrote are deleted. An assignment that fails keeps its last good output; the others go on.

Targets:
  //env:stage                        the whole tree of an environment
  //env/stage/large:all              every assignment on a cluster type
  //env/stage/large:app-test         one assignment
  //workload:app  //cluster-type/stage:large  //policy/stage:p  //config/stage:c  //template:t
                                     everything that depends on a source object
  //:templates/t.yaml                everything that depends on a source file
  //env/stage/...  //...             everything below";

const EXAMPLES: &str = "\
Examples:
  wob build //env:stage
  wob build //... -- -//env/prod/...
  wob build //env:dev --override-input https://github.com/org/app-src=../app-src
  wob build //env:prod -o ../gitops --strict";

/// An environment that was built, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonBuilt<'b> {
    environment: &'b str,
    /// Where the tree lies; absent if nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'b str>,
    /// The BLAKE3 Merkle root of the tree.
    root: String,
    git_tree: &'b str,
    dirty: bool,
    files: Counts,
    assignments: &'b [AssignmentRecord],
}

#[derive(Debug, Serialize)]
struct JsonBuild<'b> {
    environments: Vec<JsonBuilt<'b>>,
}

impl Build {
    /// Builds what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.build(common, streams).unwrap_or_else(|exit| exit)
    }

    fn build(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let session = Session::start(common, &self.patterns, streams)?;
        let folders = self.folders(common, &session)?;
        let built = session.build(common)?;
        let report = session.diagnose(&built);
        let mut outcomes = vec![];
        let mut failed = None;
        for target in &built {
            let folder = &folders[&target.built.environment];
            match self.write(&session, target, folder, common) {
                Ok(outcome) => outcomes.push(outcome),
                Err(exit) => {
                    failed = failed.max(Some(exit));
                    if exit == Exit::Interrupted {
                        break;
                    }
                }
            }
        }
        let verdict = session.verdict(&report, common);
        if self.out.is_none() && outcomes.iter().any(|it| it.written) {
            hide_from_git(&session.workspace.root.join(DEFAULT_OUT));
        }
        let exit = failed.unwrap_or(verdict);
        if streams.is_json() {
            let environments = outcomes.iter().map(Outcome::to_json).collect();
            streams.json(&JsonResult {
                result: JsonBuild { environments },
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
        }
        session.finish(&report, common, Results::Talk);
        if !streams.is_json() {
            for outcome in &outcomes {
                streams.result(&outcome.to_text());
            }
        }
        Ok(exit)
    }

    /// Returns the folder of each selected environment.
    fn folders(
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

impl Outcome {
    fn to_json(&self) -> JsonBuilt<'_> {
        JsonBuilt {
            environment: &self.record.environment,
            output: self.written.then_some(self.shown.as_str()),
            root: self.record.root.to_string(),
            git_tree: &self.record.git_tree,
            dirty: self.record.dirty,
            files: self.counts,
            assignments: &self.record.assignments,
        }
    }

    /// Returns the line that names what failed; empty if nothing did.
    fn failed(&self) -> String {
        const NAMED: usize = 5;
        let failed = self.record.assignments.iter().filter(|it| it.failed);
        let mut names: Vec<String> =
            failed.map(|it| format!("{}:{}", it.cluster_type, it.target)).collect();
        let all = names.len();
        if all > NAMED {
            names.truncate(NAMED);
            names.push(format!("{} more", all - NAMED));
        }
        match all {
            0 => String::new(),
            _ => format!("  failed; what was built of them before stays: {}\n", names.join(", ")),
        }
    }

    /// Returns what people read: what was assigned, and where it was written.
    fn to_text(&self) -> String {
        let record = &self.record;
        let mut on: BTreeMap<&str, usize> = BTreeMap::new();
        for it in &record.assignments {
            *on.entry(it.cluster_type.as_str()).or_default() += 1;
        }
        let on: Vec<String> = on.into_iter().map(|(name, n)| format!("{name} {n}")).collect();
        let assigned = count(record.assignments.len(), "assignment", "assignments");
        let assigned =
            if on.is_empty() { assigned } else { format!("{assigned}: {}", on.join(", ")) };
        let Counts { added, changed, unchanged, deleted, .. } = self.counts;
        let files = [
            (added, "added"),
            (changed, "changed"),
            (deleted, "deleted"),
            (unchanged, "unchanged"),
        ];
        let files: Vec<String> = files
            .into_iter()
            .filter(|it| it.0 > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        let to =
            if self.written { format!(" -> {}", self.shown) } else { " not written".to_owned() };
        let dirty = if record.dirty { " (dirty: overridden or edited sources)" } else { "" };
        format!(
            "//env:{}{to}\n  {assigned}\n{}  files: {}\n  root: {}{dirty}\n",
            record.environment,
            self.failed(),
            files.join(", "),
            record.root,
        )
    }
}

/// Lets git ignore the default output, so that a build leaves a clean checkout clean.
fn hide_from_git(folder: &Utf8Path) {
    let path = folder.join(".gitignore");
    if !path.exists() {
        // Without it the folder shows up in `git status`; that is no reason to fail a build.
        fs::write(path, "*\n").unwrap_or_default();
    }
}
