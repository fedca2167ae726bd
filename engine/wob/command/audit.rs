//! `wob audit [PATTERN]`: builds several times under conditions that must not matter, and compares; `--against` compares with
//! what was committed.

mod against;
mod compare;
mod condition;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use self::{
    compare::{Difference, compare},
    condition::{Condition, Run, mark},
};
use crate::{
    args::{Common, Patterns, Programs},
    exit::Exit,
    progress::Progress,
    proof::Against,
    report::{count, printable},
    session::Session,
    stream::Streams,
};

/// Prove that trees are what their sources give, and nothing else
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Audit {
    /// What to audit
    #[command(flatten)]
    patterns: Patterns,
    /// Keep the trees of all builds in DIR, to look at what differs
    #[arg(long, value_name = "DIR", conflicts_with = "against")]
    keep: Option<Utf8PathBuf>,
    /// Build again what lies in REPO at COMMIT, in each commit from A to B, or in a folder, and compare
    ///
    /// REPO is a path or an address; COMMIT a branch, a tag or an id. In `REPO#A..B`, A itself is left out; without A, the
    /// whole history is audited. A tree that is no root of a commit: `REPO#COMMIT:FOLDER`.
    #[arg(long, value_name = "REPO#COMMIT|REPO#A..B|DIR")]
    against: Option<Against>,
    /// What may run
    #[command(flatten)]
    programs: Programs,
}

const LONG_ABOUT: &str = "\
Builds several times under conditions that must not matter, and compares the trees file by file.

The first build is as usual. Others have another workspace folder whose files were made in another order, with times \
from 1970 to 2096, another working folder, home, time zone, locale, umask, SOURCE_DATE_EPOCH, number of threads, and an \
empty cache; the last one is as the first, with what that one left behind. The clock itself goes on from build to build, \
but is not set; no code that schedules, composes or renders can read it.

Every difference is listed. For each assignment that differs, audit names the part of its inputs that did, or the line \
of the result if the inputs were the same. It exits with 6 if anything differs.

With --against, nothing is varied: each tree is built again from the sources that its `.wob/tree.json` names, at the \
commits that it names, and compared file by file. What is not as the record says was changed by hand: it is shown, and \
the exit code is 5. What is as the record says, but not what the sources give, is not reproducible: 6. A source that \
cannot be had proves nothing: 36, or 32 if a host fails. A record that contradicts itself: 40. Of a history, each \
commit gets a verdict, and the worst decides: 40, 6, 36, 32, 5.";

const EXAMPLES: &str = "\
Examples:
  wob audit //env:prod --keep=../audit
  wob audit --against=../gitops#stage
  wob audit --against=https://github.com/org/gitops#v1.0..prod --output=json";

/// How many differences are shown.
const SHOWN: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAudit<'a> {
    builds: Vec<&'static str>,
    files: usize,
    differences: &'a [Difference],
    exit_code: u8,
}

impl Audit {
    /// Audits what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        let audited = match &self.against {
            Some(against) => {
                against::audit(against, &self.patterns, &self.programs.with(common), streams)
            }
            None if self.programs.run_programs => {
                streams.fail(
                    "--run-programs is for what commits have\n  help: name a tree with --against, or leave it out",
                );
                Err(Exit::Usage)
            }
            None => self.audit(common, streams),
        };
        audited.unwrap_or_else(|exit| exit)
    }

    fn audit(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        // Wrong patterns and sources are told once, not once for each build.
        let session = Session::start(common, &self.patterns, streams)?;
        let fail = |error: &dyn std::fmt::Display, exit| {
            streams.fail(&error.to_string());
            exit
        };
        let temporary = tempfile::tempdir()
            .map_err(|it| fail(&format!("could not make a temporary folder: {it}"), Exit::Local))?;
        let folder = match &self.keep {
            Some(folder) => {
                let folder = camino::absolute_utf8(folder).map_err(|it| fail(&it, Exit::Local))?;
                if folder.exists() {
                    return Err(fail(&format!("`{folder}` exists already"), Exit::Local));
                }
                folder
            }
            None => Utf8PathBuf::from_path_buf(temporary.path().to_owned())
                .map_err(|it| fail(&format!("`{}` is not UTF-8", it.display()), Exit::Local))?,
        };
        mark(&folder).map_err(|it| fail(&it, it.exit()))?;
        let progress = Progress::start(streams.wants_progress(), "auditing");
        let mut runs: Vec<Run> = vec![];
        for condition in Condition::ALL {
            progress.now(&format!("building {}", condition.name()));
            if session.interrupt.is_set() {
                return Err(session.interrupted());
            }
            let run = Run::build(condition, &session, common, &self.patterns, &folder);
            let run = run.map_err(|it| fail(&it, it.exit()))?;
            runs.push(run);
        }
        drop(progress);
        let (first, others) = runs.split_first().expect("because there are several conditions");
        let mut differences = vec![];
        for run in others {
            let found = compare(first, run).map_err(|it| fail(&it, Exit::Local))?;
            differences.extend(found);
        }
        let files = first.files().map_err(|it| fail(&it, Exit::Local))?.len();
        let exit = if differences.is_empty() { first.exit } else { Exit::NotReproducible };
        tell(&differences, files, exit, self.keep.as_deref(), streams);
        Ok(exit)
    }
}

fn tell(
    differences: &[Difference],
    files: usize,
    exit: Exit,
    kept: Option<&Utf8Path>,
    streams: &Streams,
) {
    let builds = Condition::ALL.map(Condition::name);
    if streams.is_json() {
        let (builds, exit_code) = (builds.to_vec(), exit.number());
        return streams.json(&JsonAudit { builds, files, differences, exit_code });
    }
    let all = count(files, "file", "files");
    if differences.is_empty() {
        let same = format!("{all} are the same in {} builds\n", builds.len());
        return streams.result(&same);
    }
    for it in differences.iter().take(SHOWN) {
        streams.result(&format!("{}\n", printable(&it.to_string())));
    }
    if differences.len() > SHOWN {
        streams.result(&format!("… {} more\n", differences.len() - SHOWN));
    }
    let kept = kept.map_or_else(
        || "run it again with --keep=DIR to look at the trees".to_owned(),
        |it| format!("the trees are in `{it}`"),
    );
    let differ = count(differences.len(), "difference", "differences");
    streams.fail(&format!("not reproducible: {differ} in {all}\n  help: {kept}"));
}
