//! `wob list [PATTERN]`: what there is, and what runs where and why.

mod unassigned;

use std::fmt::Write as _;

use serde::Serialize;
use wob_rules::{
    Assignment, EnvironmentInput, Model, Name, Profile, assignments, decode_file,
    environment_model, resource::IgnoredObject,
};

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::{JsonResult, Session, Target},
    stream::{Results, Streams, json_diagnostics},
};

/// List environments, cluster types, workloads, targets and assignments
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists environments with their cluster types, policies, workloads, targets and assignments, and the \
                  policies that made each assignment.",
    after_long_help = EXAMPLES
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct List {
    /// What to list
    #[command(flatten)]
    patterns: Patterns,
    /// List the objects and files that wob does not use instead
    #[arg(long)]
    ignored: bool,
    /// List the targets and cluster types that nothing selects instead, with what came nearest
    #[arg(long, conflicts_with = "ignored")]
    unassigned: bool,
}

const EXAMPLES: &str = "\
Examples:
  wob list
  wob list //env/stage/large:all
  wob list //workload:app --output=json
  wob list //env:stage --unassigned";

/// An environment as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonEnvironment<'m> {
    environment: &'m str,
    profile: Profile,
    cluster_types: Vec<JsonClusterType<'m>>,
    policies: Vec<&'m str>,
    workloads: Vec<&'m str>,
    targets: Vec<JsonTarget<'m>>,
    assignments: Vec<JsonAssignment<'m>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonClusterType<'m> {
    name: &'m str,
    reconciler: &'m str,
    namespace_service: &'m str,
    config_type: &'m str,
}

#[derive(Debug, Serialize)]
struct JsonTarget<'m> {
    name: &'m str,
    workload: &'m str,
    workspace: &'m str,
}

#[derive(Debug, Serialize)]
struct JsonAssignment<'m> {
    label: String,
    #[serde(flatten)]
    assignment: &'m Assignment,
}

#[derive(Debug, Serialize)]
struct JsonList<'m> {
    environments: Vec<JsonEnvironment<'m>>,
}

/// What wob does not use, as programs read it.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct JsonIgnored {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct JsonIgnoredList {
    ignored: Vec<JsonIgnored>,
}

impl List {
    /// Lists what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.list(common, streams).unwrap_or_else(|exit| exit)
    }

    fn list(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let session = Session::start(common, &self.patterns, streams)?;
        let report = session.diagnose_schedule();
        let exit = session.verdict(&report, common);
        if self.ignored {
            let mut ignored: Vec<JsonIgnored> = session
                .targets
                .iter()
                .filter_map(|it| it.input)
                .flat_map(|it| ignored(&session, it))
                .collect();
            ignored.sort();
            ignored.dedup();
            if streams.is_json() {
                streams.json(&JsonResult {
                    result: JsonIgnoredList { ignored },
                    diagnostics: json_diagnostics(&report),
                    exit_code: exit.number(),
                });
            } else {
                for it in &ignored {
                    streams.result(&format!("{it}\n"));
                }
            }
        } else if self.unassigned {
            let unassigned = unassigned::all(&session);
            if streams.is_json() {
                streams.json(&JsonResult {
                    result: unassigned::JsonUnassignedList { unassigned },
                    diagnostics: json_diagnostics(&report),
                    exit_code: exit.number(),
                });
            } else {
                for it in &unassigned {
                    streams.result(&format!("{it}\n"));
                }
            }
        } else {
            let environments: Vec<JsonEnvironment<'_>> =
                session.targets.iter().filter_map(|it| environment(&session, it)).collect();
            if streams.is_json() {
                streams.json(&JsonResult {
                    result: JsonList { environments },
                    diagnostics: json_diagnostics(&report),
                    exit_code: exit.number(),
                });
            } else {
                for it in &environments {
                    streams.result(&it.to_string());
                }
            }
        }
        Ok(session.finish(&report, common, Results::Data))
    }
}

fn environment<'s>(session: &'s Session<'_>, target: &'s Target) -> Option<JsonEnvironment<'s>> {
    let (db, input) = (&session.loaded.db, target.input?);
    let model: &Model = environment_model(db, input);
    let chosen: Vec<&Assignment> = assignments(db, input)
        .iter()
        .enumerate()
        .filter(|(index, _)| target.selected.has(*index))
        .map(|(_, it)| it)
        .collect();
    let whole = target.selected == crate::selection::Selected::Whole;
    let is_used = |used: &dyn Fn(&Assignment) -> bool| whole || chosen.iter().any(|it| used(it));
    let cluster_types =
        model.cluster_types.values().filter(|it| is_used(&|a| a.cluster_type == it.meta.name));
    let targets: Vec<JsonTarget<'_>> = model
        .targets
        .values()
        .filter(|it| is_used(&|a| a.target == it.name))
        .map(|it| JsonTarget {
            name: it.name.as_str(),
            workload: &it.workload,
            workspace: &it.workspace,
        })
        .collect();
    let workloads = model.workloads.keys().map(Name::as_str);
    Some(JsonEnvironment {
        environment: target.name.as_str(),
        profile: input.settings(db).profile,
        cluster_types: cluster_types
            .map(|it| JsonClusterType {
                name: it.meta.name.as_str(),
                reconciler: &it.reconciler,
                namespace_service: &it.namespace_service,
                config_type: &it.config_type,
            })
            .collect(),
        policies: model
            .policies
            .keys()
            .filter(|it| is_used(&|a| a.policies.contains(it)))
            .map(Name::as_str)
            .collect(),
        workloads: workloads
            .filter(|it| whole || targets.iter().any(|t| t.workload == *it))
            .collect(),
        targets,
        assignments: chosen
            .into_iter()
            .map(|assignment| JsonAssignment {
                label: format!(
                    "//env/{}/{}:{}",
                    target.name, assignment.cluster_type, assignment.target
                ),
                assignment,
            })
            .collect(),
    })
}

impl std::fmt::Display for JsonEnvironment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.environment;
        writeln!(f, "//env:{name} ({})", self.profile)?;
        section(
            f,
            "cluster types",
            self.cluster_types.iter().map(|it| {
                let uses =
                    format!("{}, {}, {}", it.reconciler, it.namespace_service, it.config_type);
                (format!("//cluster-type/{name}:{}", it.name), uses)
            }),
        )?;
        section(
            f,
            "policies",
            self.policies.iter().map(|it| (format!("//policy/{name}:{it}"), String::new())),
        )?;
        section(
            f,
            "workloads",
            self.workloads.iter().map(|it| (format!("//workload:{it}"), String::new())),
        )?;
        section(
            f,
            "targets",
            self.targets.iter().map(|it| (it.name.to_owned(), it.workspace.to_owned())),
        )?;
        section(
            f,
            "assignments",
            self.assignments.iter().map(|it| {
                let policies: Vec<&str> = it.assignment.policies.iter().map(Name::as_str).collect();
                (it.label.clone(), policies.join(", "))
            }),
        )
    }
}

/// Writes a headed list of two columns.
fn section(
    f: &mut std::fmt::Formatter<'_>,
    head: &str,
    rows: impl Iterator<Item = (String, String)>,
) -> std::fmt::Result {
    let rows: Vec<(String, String)> = rows.collect();
    let width = rows.iter().map(|(first, _)| first.chars().count()).max().unwrap_or(0);
    writeln!(f, "  {head}: {}", rows.len())?;
    for (first, second) in rows {
        writeln!(f, "{}", format!("    {first:width$}  {second}").trim_end())?;
    }
    Ok(())
}

fn ignored(session: &Session<'_>, input: EnvironmentInput) -> Vec<JsonIgnored> {
    let db = &session.loaded.db;
    let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let workloads = input.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
    let mut all = vec![];
    for source in bases.chain(workloads).copied().chain([input.control_plane(db)]) {
        for file in source.files(db) {
            all.extend(decode_file(db, *file).ignored.iter().map(object));
        }
        all.extend(source.ignored_files(db).iter().map(|file| JsonIgnored {
            file: file.name(db).to_string(),
            document: None,
            api_version: None,
            kind: None,
            name: None,
            reason: ".sourceignore",
        }));
    }
    all
}

fn object(it: &IgnoredObject) -> JsonIgnored {
    JsonIgnored {
        file: it.file.to_string(),
        document: Some(it.document),
        api_version: it.api_version.clone(),
        kind: it.kind.clone(),
        name: it.name.clone(),
        reason: if it.kind.is_some() { "unknown kind" } else { "no Kubernetes object" },
    }
}

impl std::fmt::Display for JsonIgnored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut line = self.file.clone();
        if let Some(kind) = &self.kind {
            let _ = write!(line, "  {}/{kind}", self.api_version.as_deref().unwrap_or("-"));
        }
        if let Some(name) = &self.name {
            let _ = write!(line, " {name}");
        }
        write!(f, "{}  ({})", crate::report::printable(&line), self.reason)
    }
}
