//! `wob rules list|show NAME`: the rules that there are, and what one of them takes and emits.

mod definition;

use std::fmt::Write as _;

use serde::Serialize;
use wob_engine::did_you_mean;

use self::definition::{Definition, JsonRule, definitions};
use wob_host::Interrupt;

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::{JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
    workspace::{State, Workspace, WorkspaceError},
};

/// List the rules that render manifests, or show one of them
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the rules that cluster types may use, those of the workspace included, or shows one: its \
                  parameters with their types, defaults and where the workspace sets them, which sources of manifests \
                  it takes, which files it emits, and its README.\n\n\
                  A rule of the workspace hides a built-in one of its name.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Rules {
    /// What to do
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  wob rules list
  wob rules show flux
  wob rules show argocd --output=json";

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all rules
    List,
    /// Show one rule
    Show {
        /// Its name, as cluster types write it
        name: String,
    },
}

#[derive(Debug, Serialize)]
struct JsonRules<'r> {
    rules: Vec<JsonRule<'r>>,
}

impl Rules {
    /// Lists or shows.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.rules(common, streams).unwrap_or_else(|exit| exit)
    }

    fn rules(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        // Built-in rules are there without a workspace, too.
        let session = match Workspace::find(common, State::default(), &Interrupt::default()) {
            Err(WorkspaceError::NotFound(_)) => None,
            Ok(_) | Err(_) => Some(Session::start(common, &Patterns::default(), streams)?),
        };
        let all = definitions(session.as_ref());
        let chosen: Vec<&Definition<'_>> = match &self.action {
            Action::List => all.iter().collect(),
            Action::Show { name } => all.iter().filter(|it| it.is_named(name)).collect(),
        };
        if let (Action::Show { name }, []) = (&self.action, chosen.as_slice()) {
            streams.fail(&unknown(name, &all));
            return Ok(Exit::Usage);
        }
        let text: String = match &self.action {
            Action::List => list(&chosen),
            Action::Show { .. } => {
                chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
        };
        let json = |diagnostics, exit_code| JsonResult {
            result: JsonRules { rules: chosen.iter().map(|it| it.json()).collect() },
            diagnostics,
            exit_code,
        };
        let Some(session) = &session else {
            if streams.is_json() {
                streams.json(&json(vec![], Exit::Ok.number()));
            } else {
                streams.result(&text);
            }
            return Ok(Exit::Ok);
        };
        let mut report = session.diagnose(&[]);
        report.items.retain(|it| it.diagnostic.is_error());
        if streams.is_json() {
            let exit = session.verdict(&report, common);
            streams.json(&json(json_diagnostics(&report), exit.number()));
        } else {
            streams.result(&text);
        }
        Ok(session.finish(&report, common, Results::Data))
    }
}

fn list(rules: &[&Definition<'_>]) -> String {
    let width = rules.iter().map(|it| it.rule.name().chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for it in rules {
        let (name, kind) = (it.rule.name(), it.rule.kind.as_str());
        let _ = writeln!(text, "{name:width$}  {kind:10}  {}", it.rule.description);
        let mut remarks: Vec<String> = vec![];
        if !it.rule.is_builtin() {
            remarks.push(it.origin());
        }
        remarks.extend(it.hides.map(|name| format!("hides the built-in rule `{name}`")));
        if !remarks.is_empty() {
            let _ = writeln!(text, "{:width$}  {:10}  {}", "", "", remarks.join("; "));
        }
    }
    text
}

fn unknown(name: &str, all: &[Definition<'_>]) -> String {
    let names: Vec<&str> = all.iter().flat_map(Definition::names).collect();
    let help = did_you_mean(name, names.iter().copied()).map_or_else(
        || "`wob rules list` shows what there is".to_owned(),
        |guess| format!("did you mean `{guess}`?"),
    );
    format!("there is no rule `{}`\n  help: {help}", name.escape_debug())
}
