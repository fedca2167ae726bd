//! `wob status`: where each environment stands, from the commit of the base to the clusters.

mod look;
mod state;
mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use self::{look::Look, state::EnvironmentState};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::{BuiltTarget, JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Show where each environment stands
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Status {
    /// The environments; by default all of them
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    /// Exit with 5 if any environment drifts, or has commits that are not pushed or not pulled
    #[arg(long)]
    exit_code: bool,
}

const LONG_ABOUT: &str = "\
Shows where each environment stands: which commit of the base is promoted, where its branch is, what that renders to, \
what the GitOps repository holds, which pull requests are open there, and what the clusters are said to run.

It drifts if the GitOps branch does not hold what would be rendered now (unpublished), or holds files that are not as \
wob wrote them (edited). Environments come in the order of promotion. With --exit-code, the exit code is 5 if any environment \
that is shown drifts, or if its branch and that of `origin` are not the same, such as after a promotion that was not pushed, or not pulled. To be behind \
the base, to have open pull requests, or what clusters say is no drift.

What lies elsewhere is fetched into the cache and asked of the forge; --offline takes what was fetched last, and asks \
nobody. What cannot be had is named, and the exit code is 32, whatever drifts.";

const EXAMPLES: &str = "\
Examples:
  wob status
  wob status stage prod
  wob status --exit-code //env:prod
  wob status --offline --output=json";

#[derive(Debug, Serialize)]
struct JsonStatus<'s> {
    environments: &'s [EnvironmentState],
}

impl Status {
    /// Shows it.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.status(common, streams).unwrap_or_else(|exit| exit)
    }

    fn status(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let label = |it: &String| {
            if it.starts_with("//") { it.clone() } else { format!("//env:{it}") }
        };
        let wanted = self.environments.iter().map(label).collect();
        let session = Session::start(common, &Patterns { wanted, trailing: vec![] }, streams)?;
        let built = session.build(common)?;
        let report = session.diagnose(&built);
        let by_name: BTreeMap<&str, &BuiltTarget> =
            built.iter().map(|it| (it.built.environment.as_str(), it)).collect();
        let look = Look::new(&session, common);
        let mut states = vec![];
        for name in look.in_order() {
            match look.environment(name, by_name.get(name.as_str()).copied()) {
                Ok(state) => states.push(state),
                Err(_) => return Err(session.interrupted()),
            }
        }
        let verdict = session.verdict(&report, common);
        let is_lacking = states.iter().any(|it| !it.trouble.is_empty());
        let drifts = self.exit_code && states.iter().any(EnvironmentState::drifts);
        let of_states = match (is_lacking, drifts) {
            (true, _) => Exit::Outside,
            (false, true) => Exit::Difference,
            (false, false) => Exit::Ok,
        };
        let exit = verdict.or(of_states);
        if streams.is_json() {
            streams.json(&JsonResult {
                result: JsonStatus { environments: &states },
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
        }
        session.finish(&report, common, Results::Data);
        if !streams.is_json() {
            streams.result(&table::to_text(&states));
        }
        Ok(exit)
    }
}
