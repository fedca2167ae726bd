//! `wob render LABEL`: prints the documents of a target.

use serde::Serialize;
use wob_engine::Severity;
use wob_rules::Pattern;

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::{BuiltTarget, JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Print the documents of a target
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints the documents of a target on standard output, as `wob build` would write them.\n\n\
                  One file is printed byte for byte. Several are printed as one stream, each below a line that \
                  names it.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Render {
    /// What to print, such as //env/stage/large:app-test or //env/stage/large:app-test/config.yaml
    #[arg(value_name = "LABEL")]
    label: String,
}

const EXAMPLES: &str = "\
Examples:
  wob render //env/stage/large:app-test
  wob render //env/stage/large:app-test/namespace.yaml | kubectl diff -f -
  wob render //workload:app --output=json";

/// A file as programs read it.
#[derive(Debug, Serialize)]
struct JsonFile {
    environment: String,
    path: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct JsonRender {
    files: Vec<JsonFile>,
}

impl Render {
    /// Prints what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.render(common, streams).unwrap_or_else(|exit| exit)
    }

    fn render(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let patterns = Patterns { wanted: vec![self.label.clone()], trailing: vec![] };
        let session = Session::start(common, &patterns, streams)?.sparing();
        let built = session.build(common)?;
        let mut report = session.diagnose(&built);
        // What is wrong elsewhere matters only to those who look there.
        let failed = session.workspace.is_misread()
            || built.iter().any(|it| selected(it).any(|(_, it)| it.failed));
        if !failed {
            report.items.retain(|it| it.diagnostic.severity == Severity::Error);
        }
        let files: Vec<JsonFile> = built.iter().flat_map(|it| files(&session, it)).collect();
        let exit = if failed { session.verdict(&report, common) } else { Exit::Ok };
        if streams.is_json() {
            streams.json(&JsonResult {
                result: JsonRender { files },
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
            return Ok(exit);
        }
        if failed {
            session.finish(&report, common, Results::Data);
        } else if files.is_empty() {
            let name = &self.label;
            streams.fail(&format!(
                "`{name}` has no such file\n  help: name the assignment to see all of its files"
            ));
            return Ok(Exit::Usage);
        }
        match files.as_slice() {
            [file] => streams.result(&file.text),
            files => files.iter().for_each(|it| streams.result(&part(it))),
        }
        Ok(exit)
    }
}

/// Returns one document stream of several, which begins with a line that names it.
fn part(file: &JsonFile) -> String {
    let newline = if file.text.ends_with('\n') { "" } else { "\n" };
    format!("---\n# {}: {}\n{}{newline}", file.environment, file.path, file.text)
}

fn selected(target: &BuiltTarget) -> impl Iterator<Item = (usize, &wob_rules::BuiltAssignment)> {
    target.built.assignments.iter().enumerate().filter(|(index, _)| target.selected.has(*index))
}

fn files(session: &Session<'_>, target: &BuiltTarget) -> Vec<JsonFile> {
    let only = session.selection.wanted().iter().find_map(|it| match it {
        Pattern::OutputFile { file, .. } => Some(file.as_str()),
        Pattern::Everything
        | Pattern::Environment(_)
        | Pattern::ClusterType { .. }
        | Pattern::Assignment { .. }
        | Pattern::Object { .. }
        | Pattern::SourceFile(_) => None,
    });
    let mut files = vec![];
    for (_, built) in selected(target) {
        for (name, blob) in built.files.iter().filter(|(name, _)| only.is_none_or(|it| it == *name))
        {
            let folder = format!("{}/{}", built.assignment.cluster_type, built.assignment.target);
            files.push(JsonFile {
                environment: target.built.environment.clone(),
                path: format!("{folder}/{name}"),
                text: String::from_utf8_lossy(&blob.bytes()).into_owned(),
            });
        }
    }
    files
}
