//! `wob build`: renders environments and writes their trees.

mod summary;
mod write;

use std::{collections::BTreeMap, fs, time::Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use wob_host::{Counts, Interrupt};
use wob_rules::AssignmentRecord;

use self::{
    summary::{TreeText, Work, tell_unchanged},
    write::Outcome,
};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    journal::{Journal, JournalOutput, JournalPlace, Trust},
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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
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
    /// Do not look at every file of a tree whose own record is as wob left it
    ///
    /// Saves a look at each of them when nothing has changed. Edits of single files are then not noticed.
    #[arg(long)]
    trust_output: bool,
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
        let begin = Instant::now();
        // Programs get every assignment, which the journal does not tell.
        let place = if streams.is_json() { None } else { JournalPlace::find() };
        let trust = if self.trust_output { Trust::Record } else { Trust::Nothing };
        let journal = place.as_ref().and_then(|it| it.read(trust, &Interrupt::default()));
        if let Some(journal) = journal {
            tell_unchanged(&journal, begin, streams);
            return Exit::Ok;
        }
        self.build(common, streams, place.as_ref(), begin).unwrap_or_else(|exit| exit)
    }

    fn build(
        &self,
        common: &Common,
        streams: &Streams,
        place: Option<&JournalPlace>,
        begin: Instant,
    ) -> Result<Exit, Exit> {
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
        streams.say(&Work::of(&outcomes).to_text(begin));
        if exit == Exit::Ok && report.items.is_empty() {
            keep_journal(&session, &outcomes, place);
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

/// Keeps what the next run needs to tell that nothing has changed; nothing, if that cannot be told.
fn keep_journal(session: &Session<'_>, outcomes: &[Outcome], place: Option<&JournalPlace>) {
    let (Some(place), Some(things)) = (place, session.loaded.seen.settled()) else { return };
    let output = |it: &Outcome| {
        let written = it.written.then_some(&it.folder)?;
        JournalOutput::new(&it.record, written, &it.shown, &session.interrupt)
    };
    let outputs: Option<Vec<JournalOutput>> = outcomes.iter().map(output).collect();
    if let Some(outputs) = outputs {
        let remarks = session.loaded.remarks.clone();
        place.write(&Journal { things: things.to_vec(), remarks, outputs });
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
        let (root, environment) = (&record.root.to_string(), record.environment.as_str());
        let on = on.into_iter().collect();
        TreeText { environment, root, dirty: record.dirty, on }.to_text(
            &to,
            &self.failed(),
            &files.join(", "),
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
