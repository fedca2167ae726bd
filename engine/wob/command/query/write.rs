//! Writes the answer of a query: for people, for programs, for those that draw graphs.

use std::fmt::Write as _;

use serde::Serialize;
use wob_engine::Place;
use wob_rules::{
    Name,
    graph::{Direction, Graph, NodeId},
    query::Answer,
};

use crate::{
    args::Output,
    exit::Exit,
    report::{Finder, Report, Texts, printable},
    session::JsonResult,
    stream::{Streams, json_diagnostics},
};

/// An answer and the graph it is about.
pub(super) struct Found<'f, 'd> {
    pub(super) graph: &'f Graph<'d>,
    pub(super) answer: &'f Answer,
    pub(super) texts: &'f dyn Texts,
}

#[derive(Debug, Serialize)]
struct JsonAnswer<'g> {
    results: Vec<JsonNode<'g>>,
}

/// A node as programs read it.
#[derive(Debug, Serialize)]
struct JsonNode<'g> {
    label: &'g str,
    kind: &'static str,
    environments: Vec<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// What of the answer it depends on directly.
    dependencies: Vec<&'g str>,
}

/// Writes `found` as the user wants it.
pub(super) fn answer(streams: &Streams, found: &Found<'_, '_>, report: &Report, exit: Exit) {
    match streams.output() {
        Output::Json => streams.json(&JsonResult {
            result: JsonAnswer { results: found.json() },
            diagnostics: json_diagnostics(report),
            exit_code: exit.number(),
        }),
        Output::Text | Output::Label => {
            let label = |it| format!("{}\n", found.label(it));
            streams.result(&found.nodes().map(label).collect::<String>());
        }
        Output::LabelKind => {
            let line = |it| format!("{} {}\n", found.kind(it), found.label(it));
            streams.result(&found.nodes().map(line).collect::<String>());
        }
        Output::Location => streams.result(&found.locations()),
        Output::Graph => streams.result(&found.graphviz()),
        Output::Mermaid => streams.result(&found.mermaid()),
        Output::Markdown | Output::Html | Output::Unified | Output::Matrix => {
            unreachable!("because queries are not told to write so")
        }
    }
}

impl<'f> Found<'f, '_> {
    /// Returns the nodes along the path if there is one, else sorted by label.
    fn nodes(&self) -> Box<dyn Iterator<Item = NodeId> + '_> {
        match &self.answer.path {
            Some(path) => Box::new(path.iter().copied()),
            None => Box::new(self.answer.nodes.iter()),
        }
    }

    fn label(&self, id: NodeId) -> String {
        printable(&self.graph.node(id).label).into_owned()
    }

    fn kind(&self, id: NodeId) -> &'static str {
        self.graph.node(id).kind.as_str()
    }

    /// Returns the direct dependencies of a node that are in the answer too.
    fn dependencies(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let all = self.graph.neighbours(id, Direction::Dependencies).iter().copied();
        all.filter(|it| self.answer.nodes.contains(*it))
    }

    fn json(&self) -> Vec<JsonNode<'f>> {
        let graph = self.graph;
        let mut finder = Finder::new(self.texts);
        let node = |id| {
            let node = graph.node(id);
            let start = node.place.as_ref().and_then(|it| finder.start(it));
            JsonNode {
                label: &node.label,
                kind: node.kind.as_str(),
                environments: graph.environments_of(id).map(Name::as_str).collect(),
                file: node.place.as_ref().map(|it| it.file.as_str()),
                line: start.map(|it| it.line),
                column: start.map(|it| it.column),
                dependencies: self.dependencies(id).map(|it| &*graph.node(it).label).collect(),
            }
        };
        self.nodes().map(node).collect()
    }

    fn locations(&self) -> String {
        let mut finder = Finder::new(self.texts);
        let mut text = String::new();
        for id in self.nodes() {
            let place = self.graph.node(id).place.as_ref();
            let place = place.map_or("-".to_owned(), |it| located(it, &mut finder));
            let line = format!("{place}: {} {}", self.kind(id), self.label(id));
            writeln!(text, "{line}").expect("because a string takes all");
        }
        text
    }

    /// Returns a graph in Graphviz's language.
    fn graphviz(&self) -> String {
        let quoted = |id| {
            let label = self.label(id).replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{label}\"")
        };
        let mut text = "digraph wob {\n  node [shape=box];\n".to_owned();
        for id in self.nodes() {
            writeln!(text, "  {}", quoted(id)).expect("because a string takes all");
            for to in self.dependencies(id) {
                writeln!(text, "  {} -> {}", quoted(id), quoted(to))
                    .expect("because a string takes all");
            }
        }
        text.push_str("}\n");
        text
    }

    /// Returns a graph in Mermaid's language, which names nodes by words.
    fn mermaid(&self) -> String {
        let mut text = "graph LR\n".to_owned();
        for id in self.nodes() {
            let label = self.label(id).replace('"', "#quot;");
            writeln!(text, "  n{}[\"{label}\"]", id.index()).expect("because a string takes all");
        }
        for id in self.nodes() {
            for to in self.dependencies(id) {
                writeln!(text, "  n{} --> n{}", id.index(), to.index())
                    .expect("because a string takes all");
            }
        }
        text
    }
}

/// Returns `file:line:column`, or the file if it is meant as a whole.
fn located(place: &Place, finder: &mut Finder<'_>) -> String {
    let file = printable(place.file.as_str());
    match finder.start(place) {
        Some(at) => format!("{file}:{}:{}", at.line, at.column),
        None => file.into_owned(),
    }
}
