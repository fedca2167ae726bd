//! `wob affected --base REV`: the labels whose output is not the same, for CI to decide what to do.

use std::collections::BTreeSet;

use clap::{ValueEnum, builder::NonEmptyStringValueParser};
use serde::Serialize;
use wob_rules::{
    Name,
    changes::{self, Affected as Found},
};

use super::diff::{Revisions, interrupt, tell_uncompared};
use crate::{
    args::{Common, Output, Patterns, Programs},
    comparison::{Built, Context, Side, SideEnvironment},
    exit::Exit,
    report::{Report, count, printable},
    session::JsonResult,
    stream::{Results, Streams, json_diagnostics},
    workspace::State,
};

/// How many jobs GitHub makes of one matrix.
const JOBS: usize = 256;

/// List the labels whose manifests a change affects
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Affected {
    /// What to look at
    #[command(flatten)]
    patterns: Patterns,
    /// The revision to compare with; in a workspace of branches, also BRANCH@REVISION
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new())]
    base: String,
    /// The revision to look at, instead of the files as they lie here
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new())]
    head: Option<String>,
    /// Of what the labels are
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    by: By,
    /// What may run
    #[command(flatten)]
    programs: Programs,
}

/// Of what labels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// Assignments, and environments where files of no assignment differ
    #[default]
    Assignment,
    /// Cluster types
    ClusterType,
    /// Environments
    Environment,
}

const LONG_ABOUT: &str = "\
Lists the labels whose manifests are not the same at two revisions: those whose files differ by a single byte, those that are \
new or gone, and those that can be built at one of the two only. Both sides are built, so nothing is guessed. If it is not \
known of a whole environment what is in it at one of the two, that is said, and the exit code is not 0.

--output is one of text and label (the default: one label a line), json, and matrix, which is what a GitHub Actions job \
takes as its matrix: {\"include\":[{\"label\":…,\"environment\":…,\"clusterType\":…,\"target\":…}]}.

A revision is read as `wob diff` does. Where a shallow clone does not have it, the exit code is 36, and the command that \
fetches it is told.";

const EXAMPLES: &str = "\
Examples:
  wob affected --base origin/main
  wob affected --base HEAD~1 --head HEAD --by environment
  wob affected --base origin/main --by environment --output=matrix //env:stage //env:prod";

/// Something that is affected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    label: String,
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

#[derive(Debug, Serialize)]
struct JsonAffected<'a> {
    base: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a str>,
    affected: &'a BTreeSet<Item>,
    /// Labels of what is not known at one of the two.
    uncompared: &'a [String],
}

#[derive(Debug, Serialize)]
struct Matrix<'a> {
    include: &'a BTreeSet<Item>,
}

impl Affected {
    /// Lists what is affected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.list(&self.programs.with(common), streams).unwrap_or_else(|exit| exit)
    }

    fn list(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let interrupt = interrupt(streams)?;
        let revisions = Revisions::open(common, streams, &interrupt)?;
        let head = self.head.as_deref().map_or(Ok(State::default()), |it| revisions.at(it))?;
        let base = revisions.at(&self.base)?;
        let context = Context { common, patterns: &self.patterns, streams, interrupt: &interrupt };
        let (old, _session, new) = context.build_both(base, head)?;
        let (items, unread) = self.items(&old.side, &new.side);
        let doubts = old.told_beside(&new, &unread);
        let Built { report, exit, .. } = new;
        // Who takes the list for all there is to do must not do too little.
        let exit = if unread.is_empty() { exit } else { exit.or(old.exit).or(Exit::Sources) };
        self.write((&items, &unread), &report, exit, streams);
        streams.report(&report, Results::Data, "");
        tell_uncompared(&unread, &doubts, streams);
        Ok(exit)
    }

    /// Returns what is affected, and the labels of environments of which that is not known.
    fn items(&self, old: &Side, new: &Side) -> (BTreeSet<Item>, Vec<String>) {
        let names: BTreeSet<&Name> =
            old.environments.keys().chain(new.environments.keys()).collect();
        let mut items = BTreeSet::new();
        let mut unread = vec![];
        if old.may_have_more() || new.may_have_more() {
            unread.push("//...".to_owned());
        }
        for name in names {
            if old.may_have(name) || new.may_have(name) {
                unread.push(format!("//env:{name}"));
                continue;
            }
            let sides = [old.environments.get(name), new.environments.get(name)];
            let built = sides.map(|it| it.map(|it| &it.target.built));
            if built.iter().flatten().any(|it| it.unsure) {
                unread.push(format!("//env:{name}"));
            }
            let found = changes::affected(built[0], built[1]);
            self.add(name, &found, sides, &mut items);
        }
        (items, unread)
    }

    /// Adds what is affected of one environment, and selected on a side that has it.
    fn add(
        &self,
        environment: &Name,
        found: &Found,
        sides: [Option<&SideEnvironment>; 2],
        items: &mut BTreeSet<Item>,
    ) {
        let whole = || Item {
            label: format!("//env:{environment}"),
            environment: environment.to_string(),
            cluster_type: None,
            target: None,
        };
        for (cluster_type, target) in &found.assignments {
            let is_selected =
                |side: &SideEnvironment| side.has_selected(cluster_type.as_str(), target.as_str());
            if !sides.into_iter().flatten().any(is_selected) {
                continue;
            }
            let below = format!("//env/{environment}/{cluster_type}");
            items.insert(match self.by {
                By::Assignment => Item {
                    label: format!("{below}:{target}"),
                    cluster_type: Some(cluster_type.to_string()),
                    target: Some(target.to_string()),
                    ..whole()
                },
                By::ClusterType => Item {
                    label: format!("{below}:all"),
                    cluster_type: Some(cluster_type.to_string()),
                    ..whole()
                },
                By::Environment => whole(),
            });
        }
        let is_whole = |side: &SideEnvironment| side.target.selected.is_whole();
        if !found.other_files.is_empty() && sides.into_iter().flatten().all(is_whole) {
            items.insert(whole());
        }
    }

    fn write(
        &self,
        (items, uncompared): (&BTreeSet<Item>, &[String]),
        report: &Report,
        exit: Exit,
        streams: &Streams,
    ) {
        let output = streams.output();
        if output == Output::Json {
            streams.json(&JsonResult {
                result: JsonAffected {
                    base: &self.base,
                    head: self.head.as_deref(),
                    affected: items,
                    uncompared,
                },
                diagnostics: json_diagnostics(report),
                exit_code: exit.number(),
            });
        } else if output == Output::Matrix {
            if items.len() > JOBS {
                streams.say(&format!(
                    "warning: {}, and GitHub takes at most {JOBS} jobs of a matrix\n  \
                     help: write `--by environment`",
                    count(items.len(), "label", "labels")
                ));
            }
            streams.json_line(&Matrix { include: items });
        } else {
            let line = |it: &Item| format!("{}\n", printable(&it.label));
            streams.result(&items.iter().map(line).collect::<String>());
            streams.say(&match items.len() {
                0 if exit == Exit::Ok => "nothing is affected".to_owned(),
                0 => "nothing is known to be affected".to_owned(),
                many => format!("{} affected", count(many, "label is", "labels are")),
            });
        }
    }
}
