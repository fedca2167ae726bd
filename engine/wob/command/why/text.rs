//! Explanations for people: narrow lines, the answer first, each place on a line of its own.

use std::fmt::{self, Display};

use wob_rules::why::{Fate, Side};

use super::view::{
    ConfigView, DescentView, InputView, LabelView, OverviewView, SayView, ScalarView, WhyView,
};
use crate::report::{AtView, around, printable};

/// Writes an answer.
pub(super) fn told(label: &str, view: &WhyView) -> String {
    let mut out = Text::default();
    match view {
        WhyView::Assignment(it) => out.overview(label, it),
        WhyView::Config(it) => out.config_value(it),
        WhyView::Value(it) => out.scalar(it),
        WhyView::File(it) => out.file(it),
    }
    printable(&out.text).into_owned()
}

/// A text that grows by lines.
#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn line(&mut self, indent: usize, line: impl Display) {
        let line = format!("{:indent$}{line}", "");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn overview(&mut self, label: &str, it: &OverviewView) {
        self.line(0, label);
        self.line(2, "namespace");
        self.input(4, &it.namespace);
        self.line(2, "assigned by");
        for policy in &it.policies {
            self.line(4, &policy.name);
            self.line(6, &policy.at);
        }
        self.line(2, "files");
        for file in &it.files {
            self.line(4, format_args!("{}  by template {}", file.file, file.template));
            self.line(6, format_args!("{}  chosen here", file.chosen));
            match &file.at {
                Some(at) => self.line(6, at),
                None => self.line(6, format_args!("built-in rule {}", file.template)),
            }
        }
        self.line(2, "config layers, later ones win");
        for layer in &it.layers {
            self.line(4, &layer.layer);
            self.line(6, &layer.at);
            self.labels(6, &layer.labels);
        }
        self.line(2, "config values");
        for value in &it.config {
            self.line(4, format_args!("{} = {}", value.key, value.value));
            for say in value.says.iter().rev().filter(|it| it.fate != Fate::Lost) {
                self.line(6, &say.at);
            }
            let lost = value.says.iter().filter(|it| it.fate == Fate::Lost).count();
            if lost > 0 {
                self.line(6, format_args!("overrides {lost} more"));
            }
        }
    }

    fn config_value(&mut self, it: &ConfigView) {
        self.line(0, format_args!("{}{} = {}", it.key, it.pointer, it.value));
        self.says(2, &it.says, Detail::Labels);
    }

    /// Writes what layers say, the winner first.
    fn says(&mut self, indent: usize, says: &[SayView], detail: Detail) {
        for say in says.iter().rev() {
            let fate = match say.fate {
                Fate::Wins => "wins",
                Fate::Merged => "part",
                Fate::Lost => "lost",
            };
            self.line(indent, format_args!("{fate}  {}  {}", say.layer, say.value));
            self.line(indent + 6, &say.at);
            if detail == Detail::Labels {
                self.labels(indent + 6, &say.labels);
            }
        }
    }

    fn labels(&mut self, indent: usize, labels: &[LabelView]) {
        if labels.is_empty() {
            self.line(indent, "applies to all");
        }
        for label in labels {
            let side = match label.side {
                Side::ClusterTypeName => "the cluster type's name",
                Side::TargetName => "the target's name",
                Side::WorkloadName => "the workload's name",
                Side::ClusterTypeLabel => "a label of the cluster type",
                Side::TargetLabel => "a label of the target",
            };
            self.line(indent, format_args!("{}: {} is {side}", label.label, label.value));
            if let Some(at) = &label.at {
                self.line(indent + 2, at);
            }
        }
    }

    fn scalar(&mut self, it: &ScalarView) {
        self.line(0, format_args!("{} = {}", Name(it), it.value));
        self.line(2, format_args!("written by template {}", it.template));
        let mut before: Option<&AtView> = None;
        for at in &it.places {
            // Several tags of one line wrote it; the first one leads there.
            if before.is_none_or(|it| (&it.file, it.line) != (&at.file, at.line)) {
                self.place(4, at);
            }
            before = Some(at);
        }
        if !it.inputs.is_empty() {
            self.line(2, "from");
        }
        for input in &it.inputs {
            self.input(4, input);
        }
        if !it.conditions.is_empty() {
            self.line(2, "decided by");
        }
        let mut told: Vec<&str> = it.inputs.iter().map(|it| it.path.as_str()).collect();
        for condition in &it.conditions {
            self.place(4, &condition.at);
            for input in &condition.inputs {
                if told.contains(&input.path.as_str()) {
                    self.line(6, format_args!("{}, as above", input.path));
                } else {
                    self.input(6, input);
                    told.push(&input.path);
                }
            }
        }
    }

    fn file(&mut self, values: &[ScalarView]) {
        for it in values {
            self.line(0, format_args!("{} = {}", Name(it), it.value));
            if let Some(at) = it.places.first() {
                self.line(2, at);
            }
            for input in &it.inputs {
                self.line(4, &input.path);
            }
        }
    }

    /// Writes a place with its line.
    fn place(&mut self, indent: usize, at: &AtView) {
        self.line(indent, at);
        if !at.text.is_empty() {
            self.line(indent + 2, around(at));
        }
    }

    fn input(&mut self, indent: usize, it: &InputView) {
        match &it.descent {
            DescentView::Unset => self.line(indent, format_args!("{} is not set", it.path)),
            DescentView::Several
            | DescentView::Config(_)
            | DescentView::Said { .. }
            | DescentView::Made { .. }
            | DescentView::Parameter { .. } => {
                self.line(indent, format_args!("{} = {}", it.path, it.value));
                self.descent(indent + 2, &it.descent);
            }
        }
    }

    fn descent(&mut self, indent: usize, descent: &DescentView) {
        match descent {
            DescentView::Config(it) => self.says(indent, &it.says, Detail::Places),
            DescentView::Said { at } | DescentView::Parameter { set: Some(at), .. } => {
                self.line(indent, at);
            }
            DescentView::Made { pattern, of } => {
                match pattern {
                    Some(pattern) => self.line(indent, format_args!("made as {pattern}")),
                    None => self.line(indent, "made of"),
                }
                for input in of {
                    self.input(indent + 2, input);
                }
            }
            DescentView::Parameter { rule, set: None } => {
                self.line(indent, format_args!("default of rule {rule}"));
            }
            DescentView::Several => self.line(indent, "said in several places"),
            DescentView::Unset => {}
        }
    }
}

/// How much is told of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Where it says the value.
    Places,
    /// Why it applies, too.
    Labels,
}

/// The address of a scalar.
struct Name<'v>(&'v ScalarView);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.file)?;
        match (&self.0.document, &self.0.pointer, self.0.line) {
            (Some(document), Some(pointer), _) => write!(f, "#{document}{pointer}"),
            (_, _, Some(line)) => write!(f, ":{line}"),
            (_, _, None) => Ok(()),
        }
    }
}
