//! `wob query EXPRESSION`: asks what depends on what.

mod write;

use clap::builder::NonEmptyStringValueParser;
use wob_engine::{Diagnostic, Span};
use wob_host::Interrupt;
use wob_rules::{
    Doubt, EnvironmentInput, Name, decode_file, environment_model,
    graph::{Graph, GraphEnvironment},
    query::{Answer, Needs, QueryError, evaluate, parse},
};

use crate::{
    args::Common,
    exit::Exit,
    report::{Report, printable},
    session,
    stream::{Results, Streams},
    workspace::{Loaded, LoadedEnvironment, Start},
};

/// Ask what depends on what
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Query {
    /// What to ask; several words are one expression
    #[arg(required = true, value_name = "EXPRESSION", value_parser = NonEmptyStringValueParser::new())]
    expression: Vec<String>,
}

const LONG_ABOUT: &str = "\
Asks what depends on what: environments, assignments, objects and files are nodes of a graph.

The language is that of `bazel query`: labels are sets, joined by + (union), - (except) and ^ (intersect), from left \
to right; names that hold other signs stand in quotes.

  deps(x, depth)  rdeps(universe, x, depth)  allrdeps(x, depth)  somepath(a, b)  allpaths(a, b)
  kind(pattern, x)  attr(name, pattern, x)  filter(pattern, x)  labels(name, x)  set(a b)  some(x, n)
  let v = x in $v
  owner('path')  assignments(x)  selected_by(policy)  selects(target)  unassigned(x)  env(name)

--output is one of label (the default), label-kind, location, json, graph (for Graphviz) and mermaid. \
docs/guides/query.md explains all of it.";

const EXAMPLES: &str = "\
Examples:
  wob query 'assignments(owner(base/templates/default.yaml))'
  wob query 'deps(//env/stage/large:app-test)' --output=label-kind
  wob query 'somepath(//env:prod, //template:argocd)' --output=mermaid
  wob query 'unassigned(//...)' --output=location";

impl Query {
    /// Answers the question.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.query(common, streams).unwrap_or_else(|exit| exit)
    }

    fn query(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let text = self.expression.join(" ");
        let refuse = |error: QueryError| {
            streams.fail(&drawn(&text, &error));
            Exit::Usage
        };
        let expression = parse(&text).map_err(refuse)?;
        let needs = Needs::of(&expression);
        let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        let needed = |it: &Name| needs.has(it.as_str());
        let (_, loaded) = session::read(common, &needed, streams, Start::default(), &interrupt)?;
        let environments: Vec<GraphEnvironment> =
            loaded.environments.iter().map(LoadedEnvironment::to_graph).collect();
        let graph = Graph::build(&loaded.db, &environments, needs.output_files);
        streams.say_more(&format!(
            "the graph has {} nodes and {} edges",
            graph.len(),
            graph.edges()
        ));
        let report = Report::new(lost(&loaded), &loaded.texts);
        let answer = evaluate(&graph, &expression).map_err(|error| {
            // What can't be read may hold what was asked for.
            streams.report(&report, Results::Data, "");
            refuse(error)
        })?;
        let exit = verdict(&report, &loaded, common);
        write::answer(
            streams,
            &write::Found { graph: &graph, answer: &answer, texts: &loaded.texts },
            &report,
            exit,
        );
        streams.report(&report, Results::Data, "");
        if exit != Exit::Ok {
            streams.say("note: not everything could be read, so the answer may lack something");
        }
        if is_empty(&answer) {
            streams.say("note: the answer is empty");
        }
        Ok(exit)
    }
}

fn is_empty(answer: &Answer) -> bool {
    answer.nodes.is_empty()
}

/// Returns the errors because of which the graph may lack something; none if it lacks nothing.
fn lost(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut errors = loaded.diagnostics.clone();
    for input in loaded.environments.iter().filter_map(|it| it.input) {
        let model = environment_model(&loaded.db, input);
        let damage = &model.damage;
        let is_whole = damage.doubt == Doubt::Nothing
            && damage.templates.is_empty()
            && damage.layers.is_empty();
        if !is_whole {
            errors.extend(model.diagnostics.iter().cloned());
            errors.extend(decoded(loaded, input));
        }
    }
    errors.retain(Diagnostic::is_error);
    errors
}

fn decoded(loaded: &Loaded, input: EnvironmentInput) -> Vec<Diagnostic> {
    let db = &loaded.db;
    let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let workloads = input.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
    let sources = bases.chain(workloads).copied().chain([input.control_plane(db)]);
    let files = sources.flat_map(|it| it.files(db));
    files.flat_map(|it| decode_file(db, *it).diagnostics.clone()).collect()
}

fn verdict(report: &Report, loaded: &Loaded, common: &Common) -> Exit {
    let is_outside = |code: &str| loaded.outside_failed && code == "input-unavailable";
    if report.items.is_empty() {
        Exit::Ok
    } else if report.items.iter().all(|it| is_outside(it.diagnostic.code)) {
        Exit::Outside
    } else if common.keep_going {
        Exit::Partial
    } else {
        Exit::Sources
    }
}

/// Draws an error below the line of the expression that it is about.
fn drawn(text: &str, error: &QueryError) -> String {
    let (line, column, marked) = around(text, error.span);
    let (space, mark) = (" ".repeat(column), "^".repeat(marked.max(1)));
    let help = error.help.as_ref().map_or(String::new(), |it| format!("\n  help: {it}"));
    format!("{}\n  {line}\n  {space}{mark}{help}", error.message)
}

/// Returns what of a line fits a terminal around `span`, where in it the span begins, and how long it is.
fn around(text: &str, span: Span) -> (String, usize, usize) {
    /// How many characters are shown before the span, and how many in all.
    const BEFORE: usize = 40;
    const WIDTH: usize = 76;
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |it| it + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |it| start + it);
    let before: Vec<char> = text[line_start..start].chars().collect();
    let skipped =
        if line_end - line_start <= WIDTH { 0 } else { before.len().saturating_sub(BEFORE) };
    let shown: String = text[line_start..line_end].chars().skip(skipped).take(WIDTH).collect();
    let column = before.len() - skipped;
    let marked = text[start..end.min(line_end)].chars().count();
    let left = shown.chars().count().saturating_sub(column);
    // Every character that is not printable is as wide as its replacement.
    (printable(&shown).into_owned(), column, marked.min(left))
}
