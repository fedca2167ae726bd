//! `wait` of wob.yaml: who says what clusters run, and how long `wob wait` waits for it.

use std::sync::Arc;

use wob_engine::{
    Diagnostic, Place,
    yaml::{Node, NodeKind},
};

use crate::{
    decode::{Fields, Problems, as_text},
    schedule::{ProgramSetting, program},
};

/// What is set of waiting, for all environments or for one; what is not set is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitSettings {
    /// Who says what clusters run.
    pub source: Option<WaitSource>,
    /// How many subscribers there are.
    pub subscribers: Option<u32>,
    /// The names of the statuses and checks that are subscribers; a `*` at the end stands for the rest.
    pub statuses: Vec<String>,
    /// How long a failure may last before it counts, in seconds.
    pub tolerate_seconds: Option<u32>,
    /// How long to wait in all, in seconds.
    pub timeout_seconds: Option<u32>,
}

/// Who says what clusters run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitSource {
    /// The statuses and checks of the commit on the forge.
    Forge,
    /// A file, relative to the workspace, or an `http` address.
    Document(String),
    /// A program of the workspace.
    Program(ProgramSetting),
}

impl WaitSource {
    /// Reads what the command line or the settings name.
    pub fn named(text: &str) -> Self {
        if text == "forge" { Self::Forge } else { Self::Document(text.to_owned()) }
    }
}

impl WaitSettings {
    /// Returns these settings with what they leave out taken from `others`.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let statuses = if self.statuses.is_empty() { &others.statuses } else { &self.statuses };
        Self {
            source: self.source.clone().or_else(|| others.source.clone()),
            subscribers: self.subscribers.or(others.subscribers),
            statuses: statuses.clone(),
            tolerate_seconds: self.tolerate_seconds.or(others.tolerate_seconds),
            timeout_seconds: self.timeout_seconds.or(others.timeout_seconds),
        }
    }
}

/// Reads the field.
pub(super) fn wait(fields: &mut Fields<'_>, problems: &mut Problems) -> WaitSettings {
    let mut settings = WaitSettings::default();
    let Some(mut fields) = fields.optional_mapping("wait", problems) else { return settings };
    if let Some((node, place)) = fields.node("source") {
        settings.source = source(node, place, problems);
    }
    settings.subscribers = number(&mut fields, "subscribers", problems);
    settings.tolerate_seconds = number(&mut fields, "tolerateSeconds", problems);
    settings.timeout_seconds = number(&mut fields, "timeoutSeconds", problems);
    let owner: Arc<str> = fields.owner().into();
    for (node, place) in fields.list("statuses", problems) {
        let name = as_text(node, place, "wait.statuses", &owner, problems);
        settings.statuses.extend(name.map(|it| it.to_string()));
    }
    fields.finish(&[], problems);
    settings
}

fn source(node: &Node, place: Place, problems: &mut Problems) -> Option<WaitSource> {
    if let NodeKind::Mapping(_) = node.kind {
        let owner = "the source of `wait`";
        let mut fields = Fields::open(node, place, "", &owner.into(), problems)?;
        let program = program(&mut fields, owner, problems);
        fields.finish(&[], problems);
        return program.map(WaitSource::Program);
    }
    as_text(node, place, "wait.source", "wob.yaml", problems).map(|it| WaitSource::named(&it))
}

fn number(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<u32> {
    let (node, place) = fields.node(key)?;
    let number = node.to_value().as_int().and_then(|it| u32::try_from(it).ok());
    if number.is_none() {
        let message = format!("`wait.{key}` must be a whole number, without quotes");
        let wrong = Diagnostic::error("wrong-type", message);
        problems.push(wrong.at(place, "here").help("write a number such as `10`"));
    }
    number
}
