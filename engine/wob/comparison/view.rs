//! Changes as people and programs see them: secrets masked, causes found. docs/output.md documents the shape.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use wob_engine::Value;
use wob_rules::changes::{Class, Edit, Group, Site, What};

use super::Compared;
use crate::{
    exit::Exit,
    report::{AtView, MASK, Secrecy, ValueView, shown},
    session::JsonResult,
    stream::json_diagnostics,
    text_diff::{Hunk, hunks},
};

/// How many lines around a difference of a text are shown.
const AROUND: usize = 1;

/// One change, and everywhere it happens.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    pub(crate) class: Class,
    /// What differs.
    #[serde(rename = "what")]
    pub(crate) kind: Kind,
    /// Whether it is new, other or gone.
    #[serde(rename = "change")]
    pub(crate) edit: Edit,
    /// The object's; absent if it is no object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_version: Option<String>,
    #[serde(rename = "kind", skip_serializing_if = "Option::is_none")]
    pub(crate) object_kind: Option<String>,
    /// The object's name, if it is the same in all places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The name of the file; of an assignment, its target.
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<ValueView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<ValueView>,
    /// Of texts, the lines that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<String>,
    /// In how many places it happens.
    pub(crate) count: usize,
    pub(crate) places: Vec<PlaceView>,
    pub(crate) causes: Vec<CauseView>,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    ClusterType,
    Assignment,
    Object,
    Field,
    Text,
    Bytes,
    Noise,
}

/// Where a change happens.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlaceView {
    pub(crate) label: String,
    /// The file in the tree; of an assignment or cluster type, its folder.
    pub(crate) path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
}

/// A line of the sources because of which something differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CauseView {
    /// What it says.
    pub(crate) what: String,
    /// On which side it says so.
    pub(crate) side: SideName,
    /// Where; none if it is said nowhere any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<AtView>,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SideName {
    Before,
    After,
}

/// How much differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Changes, each counted once however many places it has.
    pub(crate) changes: usize,
    /// Files whose bytes differ.
    pub(crate) files: usize,
    /// Assignments that any change is about.
    pub(crate) assignments: usize,
    /// Changes by class.
    pub(crate) classes: BTreeMap<Class, usize>,
}

impl Change {
    /// Shows a group, its values as `secrecy` says.
    pub(super) fn new(group: Group, mut causes: Vec<CauseView>, secrecy: Secrecy) -> Self {
        let Group { class, what, sites } = group;
        let object = sites[0].object.clone();
        let file = match &what {
            What::Assignment(_) => sites[0].target.as_deref().unwrap_or_default().to_owned(),
            What::ClusterType(_) => String::new(),
            What::Object(_)
            | What::Field { .. }
            | What::Text { .. }
            | What::Bytes(_)
            | What::Noise(_) => sites[0].file_name().to_owned(),
        };
        if secrecy == Secrecy::Secret {
            for at in causes.iter_mut().filter_map(|it| it.at.as_mut()) {
                // In a text block, nothing on the line tells that it is a secret.
                at.text = String::new();
            }
        }
        let is_one =
            |it: &Site| it.object.as_ref().map(|it| &it.name) == object.as_ref().map(|it| &it.name);
        let name = object.as_ref().filter(|_| sites.iter().all(is_one)).map(|it| it.name.clone());
        let seen = Seen::of(&what, secrecy);
        let text = |it: &Arc<str>| Some(it.to_string()).filter(|it| !it.is_empty());
        Self {
            class,
            kind: seen.kind,
            edit: seen.edit,
            api_version: object.as_ref().and_then(|it| text(&it.api_version)),
            object_kind: object.as_ref().and_then(|it| text(&it.kind)),
            name: name.as_ref().and_then(text),
            file,
            field: seen.field,
            before: seen.before,
            after: seen.after,
            lines: seen.lines,
            count: sites.len(),
            places: sites.into_iter().map(PlaceView::new).collect(),
            causes,
        }
    }

    /// Returns the sign that diffs put before it.
    pub(crate) fn sign(&self) -> char {
        match self.edit {
            Edit::Added => '+',
            Edit::Changed => '~',
            Edit::Deleted => '-',
        }
    }

    /// Returns what differs in a few words: `ConfigMap platform-config /data/REPLICAS`.
    pub(crate) fn title(&self) -> String {
        let mut words: Vec<String> = vec![];
        match self.kind {
            Kind::ClusterType => words.push("cluster type".to_owned()),
            Kind::Assignment => words.push(format!("workload {}", self.file)),
            Kind::Object | Kind::Field => {
                words.extend(self.object_kind.clone());
                words.extend(self.name.clone());
                if self.object_kind.is_none() {
                    words.push(self.file.clone());
                }
                words.extend(self.field.clone().filter(|it| !it.is_empty()));
            }
            Kind::Text | Kind::Bytes | Kind::Noise => words.push(self.file.clone()),
        }
        words.join(" ")
    }

    /// Returns the labels of the places, each once.
    pub(crate) fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = self.places.iter().map(|it| &*it.label).collect();
        labels.dedup();
        labels
    }
}

/// A comparison as programs read it.
#[derive(Debug, Serialize)]
pub(crate) struct JsonCompared<'c> {
    before: &'c str,
    after: &'c str,
    summary: &'c Summary,
    changes: &'c [Change],
    uncompared: &'c [String],
}

impl Compared {
    /// Returns the comparison as programs read it, with how wob ends.
    pub(crate) fn to_json(&self, exit: Exit) -> JsonResult<'_, JsonCompared<'_>> {
        let [before, after] = &self.names;
        let Self { summary, changes, uncompared, .. } = self;
        JsonResult {
            result: JsonCompared { before, after, summary, changes, uncompared },
            diagnostics: json_diagnostics(&self.report),
            exit_code: exit.number(),
        }
    }
}

/// What is seen of a change.
struct Seen {
    kind: Kind,
    edit: Edit,
    field: Option<String>,
    before: Option<ValueView>,
    after: Option<ValueView>,
    lines: Vec<String>,
}

impl Seen {
    fn of(what: &What, secrecy: Secrecy) -> Self {
        let plain =
            |kind, edit| Self { kind, edit, field: None, before: None, after: None, lines: vec![] };
        match what {
            What::ClusterType(edit) => plain(Kind::ClusterType, *edit),
            What::Assignment(edit) => plain(Kind::Assignment, *edit),
            What::Object(edit) => plain(Kind::Object, *edit),
            What::Bytes(edit) => plain(Kind::Bytes, *edit),
            What::Noise(edit) => plain(Kind::Noise, *edit),
            What::Field { path, before, after } => {
                let view = |it: &Option<Value>| it.as_ref().map(|it| shown(Some(it), secrecy));
                Self {
                    field: Some(path.to_string()),
                    before: view(before),
                    after: view(after),
                    lines: if secrecy == Secrecy::Secret {
                        vec![]
                    } else {
                        lines_of(before.as_ref(), after.as_ref())
                    },
                    ..plain(Kind::Field, edit(before.as_ref(), after.as_ref()))
                }
            }
            What::Text { before, after } => Self {
                lines: if secrecy == Secrecy::Secret {
                    vec![MASK.to_owned()]
                } else {
                    diff(
                        before.as_deref().unwrap_or_default(),
                        after.as_deref().unwrap_or_default(),
                    )
                },
                ..plain(Kind::Text, edit(before.as_ref(), after.as_ref()))
            },
        }
    }
}

fn edit<T>(before: Option<&T>, after: Option<&T>) -> Edit {
    match (before, after) {
        (None, _) => Edit::Added,
        (Some(_), Some(_)) => Edit::Changed,
        (Some(_), None) => Edit::Deleted,
    }
}

/// Of texts of several lines, returns the lines that differ.
fn lines_of(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    let text = |it: Option<&Value>| {
        it.map_or(Some(String::new()), |it| it.as_str().map(ToOwned::to_owned))
    };
    match (text(before), text(after)) {
        (Some(a), Some(b)) if a.trim_end().contains('\n') || b.trim_end().contains('\n') => {
            diff(&a, &b)
        }
        (_, _) => vec![],
    }
}

/// Returns the lines that differ with those around them, secrets masked.
fn diff(before: &str, after: &str) -> Vec<String> {
    let Some(hunks) = hunks(before.as_bytes(), after.as_bytes(), AROUND) else { return vec![] };
    let of_hunk = |it: &Hunk| -> Vec<String> {
        it.lines.iter().map(|it| format!("{}{}", it.sign, it.text.trim_end())).collect()
    };
    hunks.iter().map(of_hunk).collect::<Vec<_>>().join(&"…".to_owned())
}

impl PlaceView {
    fn new(site: Site) -> Self {
        let label = site.label();
        let object = site.object.as_ref();
        let namespace = object.map(|it| it.namespace.to_string()).unwrap_or_default();
        let name = object.map(|it| it.name.to_string()).unwrap_or_default();
        Self { label, path: site.path, namespace, name }
    }
}

impl Summary {
    pub(super) fn of(changes: &[Change], files: usize) -> Self {
        let mut classes = BTreeMap::new();
        let mut assignments: Vec<&str> = vec![];
        for change in changes {
            *classes.entry(change.class).or_default() += 1;
            assignments.extend(change.labels());
        }
        assignments.retain(|it| it.starts_with("//env/") && !it.ends_with(":all"));
        assignments.sort_unstable();
        assignments.dedup();
        Self { changes: changes.len(), files, assignments: assignments.len(), classes }
    }
}
