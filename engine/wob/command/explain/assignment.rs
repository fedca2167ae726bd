//! `wob explain assignment ENV CLUSTER-TYPE TARGET`: the policies and clauses that matched, or the one that failed.

use wob_engine::did_you_mean;
use wob_rules::{EnvironmentInput, Model, Name, environment_model, explain, fleet, scheduled};

use super::shown::Shown;
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::Places,
    session::{JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Explain why a target runs on a cluster type, or why it does not
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explains why a deployment target runs on a cluster type, or why it does not.\n\n\
                  Each policy is shown with its clauses, what each found, and where both stand. First come the \
                  policies that made the assignment, then those that miss the pair by the fewest clauses, with a way \
                  out. The scheduler `placement` also says how it ranked the cluster type.",
    after_long_help = EXAMPLES
)]
pub(super) struct Assignment {
    /// The environment
    environment: String,
    /// The cluster type
    cluster_type: String,
    /// The deployment target, by its full name <workload>-<target>
    target: String,
}

const EXAMPLES: &str = "\
Examples:
  wob explain assignment stage large shop-web-uat
  wob explain assignment stage large shop-web-uat --output=json";

impl Assignment {
    /// Explains the pair.
    pub(super) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.explain(common, streams).unwrap_or_else(|exit| exit)
    }

    fn explain(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let patterns =
            Patterns { wanted: vec![format!("//env:{}", self.environment)], trailing: vec![] };
        let session = Session::start(common, &patterns, streams)?;
        let report = session.diagnose_schedule();
        // Without sources there is nothing to explain but why there are none.
        let Some(input) = session.targets.iter().find_map(|it| it.input) else {
            return Ok(session.finish(&report, common, Results::Data));
        };
        let (cluster_type, target) = self.pair(&session, input).map_err(|unknown| {
            streams.fail(&unknown);
            Exit::Usage
        })?;
        let db = &session.loaded.db;
        let (fleet, decided) = (fleet(db, input), scheduled(db, input));
        let model = environment_model(db, input);
        let cluster_type = &model.cluster_types[&cluster_type];
        let explanation = explain(fleet, decided, cluster_type, &model.targets[&target]);
        let mut places = Places::new(&session.loaded.texts);
        let doubt = model.damage.doubt.max(decided.doubt);
        let shown = Shown::new(self, fleet, doubt, &explanation, &mut places);
        let exit = session.verdict(&report, common);
        if streams.is_json() {
            streams.json(&JsonResult {
                result: shown,
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
        } else {
            streams.result(&shown.to_string());
        }
        Ok(session.finish(&report, common, Results::Data))
    }

    /// Returns the names, or says that there is no such thing.
    fn pair(&self, session: &Session<'_>, input: EnvironmentInput) -> Result<(Name, Name), String> {
        let model = environment_model(&session.loaded.db, input);
        let cluster_types = model.cluster_types.keys();
        let cluster_type = find(cluster_types, &self.cluster_type).ok_or_else(|| {
            self.unknown("cluster type", &self.cluster_type, model.cluster_types.keys())
        })?;
        let target = find(model.targets.keys(), &self.target).ok_or_else(|| {
            elsewhere(model, &self.target).unwrap_or_else(|| {
                self.unknown("deployment target", &self.target, model.targets.keys())
            })
        })?;
        Ok((cluster_type, target))
    }

    fn unknown<'n>(&self, what: &str, text: &str, known: impl Iterator<Item = &'n Name>) -> String {
        let names: Vec<&str> = known.map(Name::as_str).collect();
        let help = match (did_you_mean(text, names.iter().copied()), names.len()) {
            (Some(guess), _) => format!("did you mean `{guess}`?"),
            (None, 0) => "there is none".to_owned(),
            (None, _) => format!("`wob list //env:{}` shows what there is", self.environment),
        };
        let text = text.escape_debug();
        format!("there is no {what} `{text}` in `//env:{}`\n  help: {help}", self.environment)
    }

    /// Returns the label by which the pair can be built.
    pub(super) fn label(&self) -> String {
        format!("//env/{}/{}:{}", self.environment, self.cluster_type, self.target)
    }

    /// Returns environment, cluster type and target, as they were written.
    pub(super) fn names(&self) -> [&str; 3] {
        [&self.environment, &self.cluster_type, &self.target]
    }
}

fn find<'n>(mut known: impl Iterator<Item = &'n Name>, text: &str) -> Option<Name> {
    known.find(|it| it.as_str() == text).cloned()
}

/// Says that a target is there, but meant for another environment.
fn elsewhere(model: &Model, text: &str) -> Option<String> {
    let mut targets = model
        .workloads
        .values()
        .flat_map(|workload| workload.targets.iter().map(move |it| (&workload.meta.name, it)));
    let (_, target) = targets.find(|(workload, it)| text == format!("{workload}-{}", it.name))?;
    let (other, this) = (target.environment.escape_debug(), &model.environment);
    Some(format!(
        "deployment target `{text}` is meant for the environment `{other}`, not for `{this}`\n  \
         help: write `wob explain assignment {other} …`, or change its `environment`"
    ))
}
