//! `wob explain build [PATTERN]`: why each assignment was rendered in the last build, or not.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::{
    args::{Common, Patterns},
    command::build::{Into, Output, Work},
    exit::Exit,
    last::{Explanation, LastBuild},
    report::printable,
    session::{JsonResult, Session, Target},
    stream::Streams,
};

/// Explain what the last build did, and why
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub(super) struct Build {
    /// What to explain
    #[command(flatten)]
    patterns: Patterns,
    /// The folder that was built into instead of wob-out/<environment>; may hold {environment}
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: Option<Utf8PathBuf>,
    /// The branch that was built into; may hold {environment}
    #[arg(long, value_name = "REPO#BRANCH", conflicts_with = "out")]
    into: Option<Into>,
}

const LONG_ABOUT: &str = "\
Explains what the last build into a place did about each assignment, and why, in terms of the sources: which files were \
edited since the build before it, and which values, templates or parameters are other ones because of that.

  rendered        its templates ran
  from the store  it was rendered from the same inputs once, so nothing ran
  cut off early   a file that says something about it was edited, but what it is made from is as before
  failed          it could not be built

All others are unchanged. What is told was noted by the last build that looked at the sources: a run that had nothing to \
do changes nothing. `wob build --explain=FILE` writes the same for programs, with the inputs of every assignment.";

const EXAMPLES: &str = "\
Examples:
  wob explain build
  wob explain build //env/stage/large:shop-web-uat
  wob explain build //env:prod -o ../gitops --output=json";

/// One environment, as programs read it.
#[derive(Debug, Serialize)]
struct JsonExplained<'e> {
    environment: &'e str,
    work: Work,
    #[serde(flatten)]
    explanation: &'e Explanation,
}

#[derive(Debug, Serialize)]
struct JsonBuilds<'e> {
    environments: Vec<JsonExplained<'e>>,
}

impl Build {
    /// Tells what the last build noted.
    pub(super) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.explain(common, streams).unwrap_or_else(|exit| exit)
    }

    fn explain(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let session = Session::start(common, &self.patterns, streams)?;
        let output = Output::to(self.out.clone(), self.into.clone());
        let places = output.places(common, &session)?;
        let (mut all, mut unknown) = (vec![], vec![]);
        for target in &session.targets {
            let name = target.name.as_str();
            let shown = places[name].shown();
            match places[name].notes(name).as_ref().and_then(LastBuild::read) {
                Some(last) => all.push((target, shown, wanted(&session, target, last.explanation))),
                None => unknown
                    .push(format!("nothing is known of a build of `//env:{name}` into `{shown}`")),
            }
        }
        if all.is_empty() {
            let help = "\n  help: build it, or say where it went with -o or --into";
            for it in unknown {
                streams.fail(&format!("{it}{help}"));
            }
            return Err(Exit::Usage);
        }
        for it in unknown {
            streams.say(&format!("note: {it}"));
        }
        if streams.is_json() {
            let environments = all.iter().map(|(target, _, explanation)| JsonExplained {
                environment: target.name.as_str(),
                work: Work::explained(explanation),
                explanation,
            });
            streams.json(&JsonResult {
                result: JsonBuilds { environments: environments.collect() },
                diagnostics: vec![],
                exit_code: Exit::Ok.number(),
            });
            return Ok(Exit::Ok);
        }
        for (target, shown, explanation) in &all {
            let counts = Work::explained(explanation).counts();
            let text = format!("//env:{} -> {shown}: {counts}\n", target.name);
            streams.result(&printable(&(text + &explanation.to_text())));
        }
        Ok(Exit::Ok)
    }
}

/// Leaves out what is not selected; what is not there any more is selected if all of its environment is.
fn wanted(session: &Session<'_>, target: &Target, mut explanation: Explanation) -> Explanation {
    let Some(input) = target.input else { return explanation };
    let assignments = wob_rules::assignments(&session.loaded.db, input);
    let names = |is_selected: bool| {
        let all = assignments.iter().enumerate();
        let some = all.filter(move |(index, _)| target.selected.has(*index) == is_selected);
        some.map(|(_, it)| format!("{}:{}", it.cluster_type, it.target))
    };
    let left_out: BTreeSet<String> = names(false).collect();
    if !left_out.is_empty() {
        let wanted: BTreeSet<String> = names(true).collect();
        explanation.assignments = wanted.len();
        explanation.retain(&|it| wanted.contains(it));
    }
    explanation
}
