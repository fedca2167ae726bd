//! Causes: which lines of the sources made a part of a file other than it was.
//!
//! A line is a cause if what it says went into the part and is not what went in on the other side. Where no value differs, the
//! template does. Of an other side that is not known, every line that went into the part may be a cause, and is told.

use std::{cell::OnceCell, collections::BTreeSet};

use wob_engine::{Database, Digest, Place, Step, Value, looks_secret, yaml};
use wob_template::DataPath;

use super::{
    Address, ConfigWhy, Deciding, Descent, Fate, Input, LayerSay, Matched, Part, ScalarWhy,
    TemplatePlace, Which, case::Case, config::is_container,
};
use crate::{
    Assignment, EnvironmentInput, InputPart, Inputs, LayerId, Name, Parts,
    compose::value_at,
    render::{self, CompiledTemplate},
};

/// How many scalars of a mapping or list are asked for their causes.
const ASKED: usize = 16;

/// A line that made something other than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What it says: `.ConfigData.REPLICAS`, `template`, `policy`.
    pub what: String,
    /// Where; none if it is said nowhere any more, or by the settings of the workspace.
    pub place: Option<TemplatePlace>,
}

/// What is told of a part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Why it is not what it was.
    pub causes: Vec<Cause>,
    /// Whether something went into it that looks like a secret.
    pub reads_secret: bool,
}

/// An assignment on one side of a comparison, with what went into it on the other side.
pub struct Causes<'d> {
    case: Option<Case<'d>>,
    other: Option<&'d Inputs>,
    /// What decides on both sides, if that is known of both.
    deciding: Option<[&'d Deciding; 2]>,
    /// What templates saw on the other side.
    data: OnceCell<Value>,
}

/// What decides about the causes of a change: where it is the same, so are they.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseKey {
    layers: Vec<LayerId>,
    templates: [Digest; 3],
    /// The parts that are other than on the other side.
    parts: Vec<(String, Digest)>,
    /// The labels that the other side does not have.
    labels: Vec<String>,
    /// The assignment, if a part is its own.
    own: Option<(Name, Name)>,
}

impl<'d> Causes<'d> {
    /// Looks at `assignment`; `other` is what went into it on the other side, and `deciding` what decides on this and on the
    /// other side, if that is known.
    pub fn new(
        db: &'d Database,
        environment: EnvironmentInput,
        assignment: &'d Assignment,
        other: Option<&'d Inputs>,
        deciding: Option<[&'d Deciding; 2]>,
    ) -> Self {
        let case = Case::new(db, environment, assignment);
        Self { case, other, deciding, data: OnceCell::new() }
    }

    /// Returns what decides about the causes; none if the assignment has no files.
    pub fn key(&self) -> Option<CauseKey> {
        let case = self.case.as_ref()?;
        let inputs = case.inputs();
        let layers = case.ids.clone();
        let templates = inputs.cluster_type.templates().map(|it| it.digest());
        if self.other.is_none() {
            // Values that are the same in many places mostly come from the same layers.
            let (parts, labels, own) = (vec![], vec![], None);
            return Some(CauseKey { layers, templates, parts, labels, own });
        }
        let there = self.other.map(Parts::parts).unwrap_or_default();
        let there: BTreeSet<(&str, Digest)> =
            there.iter().map(|it| (&*it.name, it.digest)).collect();
        let mut parts = inputs.parts();
        parts.retain(|it| !there.contains(&(&*it.name, it.digest)));
        let is_shared =
            |it: &InputPart| ["config.", "template."].iter().any(|kind| it.name.starts_with(kind));
        let assignment = case.assignment;
        let own = !parts.iter().all(is_shared);
        Some(CauseKey {
            layers,
            templates,
            parts: parts.into_iter().map(|it| (it.name, it.digest)).collect(),
            labels: self
                .deciding
                .map_or_else(Vec::new, |[here, there]| here.new_labels(assignment, there)),
            own: own.then(|| (assignment.cluster_type.clone(), assignment.target.clone())),
        })
    }

    /// Returns why the part of a file at `address` is not what it was, each cause once; none if nothing can be told.
    ///
    /// `values` are those of the part on the other and on this side, if it has one on both.
    pub fn of(&self, address: &Address, values: Option<[&Value; 2]>) -> Told {
        let mut told = Told::default();
        let Some(case) = &self.case else { return told };
        // Of a mapping or list, its parts are asked.
        let parts =
            || scalars(case, address).iter().filter_map(|it| case.scalar(it).ok()).collect();
        let asked = case.scalar(address).map_or_else(|_| parts(), |it| vec![it]);
        for why in asked {
            told.reads_secret |= why.inputs.iter().any(|it| is_secret(&it.path));
            for cause in self.of_scalar(case, &why, values) {
                if !told.causes.contains(&cause) {
                    told.causes.push(cause);
                }
            }
        }
        told
    }

    /// Returns the template of a file, and where the cluster type names it: the cause of what only bytes tell.
    pub fn of_file(&self, name: &str) -> Vec<Cause> {
        let Some(case) = &self.case else { return vec![] };
        let overview = case.overview();
        let file = overview.files.into_iter().find(|it| it.file == name);
        let place = file.map(|it| it.place.unwrap_or(it.chosen));
        let place = place.map(TemplatePlace::Source);
        place.into_iter().map(|it| Cause { what: "template".to_owned(), place: Some(it) }).collect()
    }

    fn of_scalar(
        &self,
        case: &Case<'_>,
        why: &ScalarWhy,
        values: Option<[&Value; 2]>,
    ) -> Vec<Cause> {
        let files = case.files();
        let Some(file) = files.iter().find(|it| it.name == why.file) else { return vec![] };
        let before = self.other.map(|it| template_of(it, file.role));
        if let Some(before) = before
            && before.name() != file.template.name()
        {
            let place = case.cluster_type.meta.place.key("spec").key(file.role);
            return vec![Cause { what: file.role.to_owned(), place: Some(said(&place)) }];
        }
        let mut causes = vec![];
        let part = PartOf { template: file.template, values };
        for input in &why.inputs {
            self.of_input(case, input, part, &mut causes);
        }
        // What only decided whether the part is there is no line of it, unless it is known to be another.
        if self.other.is_some() {
            for input in why.conditions.iter().flat_map(|it| &it.inputs) {
                self.of_input(case, input, part, &mut causes);
            }
        }
        let is_other = before.is_none_or(|it| it.digest() != file.template.digest());
        if causes.iter().all(|it| it.place.is_none()) && is_other {
            let place =
                |it: &TemplatePlace| Cause { what: "template".to_owned(), place: Some(it.clone()) };
            causes.extend(why.places.iter().map(place));
        }
        if causes.iter().any(|it| it.place.is_some()) {
            causes.retain(|it| it.place.is_some());
        }
        causes
    }

    /// Adds what an input comes from, if it is not what it was.
    fn of_input(&self, case: &Case<'_>, input: &Input, part: PartOf<'_>, causes: &mut Vec<Cause>) {
        if self.is_same(input, part.template) {
            return;
        }
        let what = shown(&input.path);
        match &input.descent {
            Descent::Config(why) => {
                for why in self.narrowed(case, why, input, part) {
                    for say in why.says.iter().filter(|it| it.fate != Fate::Lost) {
                        causes.extend(self.new_labels(case, say));
                        let place = Some(said(&say.place));
                        causes.push(Cause { what: what.clone(), place });
                    }
                }
            }
            Descent::Said(place) => causes.push(Cause { what, place: Some(said(place)) }),
            Descent::Made { pattern, of } => {
                let before = causes.len();
                for it in of {
                    self.of_input(case, it, part, causes);
                }
                if causes.len() == before {
                    let what = pattern.as_ref().map_or(what, |it| format!("the pattern {it}"));
                    causes.push(Cause { what, place: None });
                }
            }
            Descent::Parameter { rule, set } => {
                let what = format!("{what} of {rule}");
                causes.push(Cause { what, place: set.as_ref().map(said) });
            }
            Descent::Several | Descent::Unset => causes.push(Cause { what, place: None }),
        }
    }

    /// Returns the labels because of which a layer applies here, and not on the other side.
    fn new_labels(&self, case: &Case<'_>, say: &LayerSay) -> Vec<Cause> {
        let Some([_, there]) = self.deciding else { return vec![] };
        let is_new =
            |it: &&Matched| !there.has_label(case.assignment, it.side, &it.label, &it.value);
        let new = say.labels.iter().filter(is_new);
        let of = |it: &Matched| Cause {
            what: format!("label {}", it.label),
            place: it.place.as_ref().map(said),
        };
        new.map(of).collect()
    }

    /// Of a config value that has parts, explains those that are not the same on the other side.
    fn narrowed(
        &self,
        case: &Case<'_>,
        why: &ConfigWhy,
        input: &Input,
        part: PartOf<'_>,
    ) -> Vec<ConfigWhy> {
        let was = self.was(input, part.template).or_else(|| part.was(input).cloned());
        let mut paths = vec![];
        if let (Some(now), Some(was)) = (input.value.as_ref().map(read), was.as_ref().map(read)) {
            other_leaves(&now, &was, &mut why.path.clone(), &mut paths);
        }
        let parts = paths.iter().take(ASKED).filter_map(|it| case.config(&why.key, it));
        let parts: Vec<ConfigWhy> = parts.collect();
        if parts.is_empty() { vec![why.clone()] } else { parts }
    }

    /// Says whether an input was the same on the other side; of one that is not known, nothing was.
    fn is_same(&self, input: &Input, template: &CompiledTemplate) -> bool {
        let Some(other) = self.other else { return false };
        let is_of_name = input.path.first() == Some(&Step::Key("target".into()));
        let own = self.case.as_ref().map(|it| &it.assignment.target);
        if is_of_name {
            own == Some(&other.target.name)
        } else {
            self.was(input, template) == input.value
        }
    }

    /// Returns what an input was on the other side.
    fn was(&self, input: &Input, template: &CompiledTemplate) -> Option<Value> {
        let other = self.other?;
        if input.path.first() == Some(&Step::Key("params".into())) {
            let parameters = other.cluster_type.parameters.of(template.name()).cloned();
            let parameters = Value::Map(parameters.unwrap_or_default());
            return value_at(&parameters, &input.path[1..]).cloned();
        }
        let data = self.data.get_or_init(|| render::data(other, &other.cluster_type.reconciler));
        value_at(data, &input.path).cloned()
    }
}

/// A part of a file, as far as its causes go by it.
#[derive(Clone, Copy)]
struct PartOf<'p> {
    /// What made it.
    template: &'p CompiledTemplate,
    /// What it says on the other and on this side, if it says something on both.
    values: Option<[&'p Value; 2]>,
}

impl<'p> PartOf<'p> {
    /// Returns what an input was on the other side, where the part is nothing but its value.
    fn was(&self, input: &Input) -> Option<&'p Value> {
        let [was, is] = self.values?;
        input.value.as_ref().is_some_and(|it| read(it) == read(is)).then_some(was)
    }
}

/// Of a mapping or list, the scalars in it.
fn scalars(case: &Case<'_>, address: &Address) -> Vec<Address> {
    let Part::Node { document: Which::Index(index), pointer } = &address.part else {
        return vec![address.clone()];
    };
    let is_within = |it: &Address| match &it.part {
        Part::Node { document: Which::Index(other), pointer: inner } => {
            let rest = inner.strip_prefix(pointer.as_str());
            other == index && rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        }
        Part::Node { .. } | Part::Line(_) | Part::Whole => false,
    };
    case.addresses(&address.file).into_iter().filter(is_within).take(ASKED).collect()
}

/// Returns the template that makes the files of a role.
fn template_of<'i>(inputs: &'i Inputs, role: &str) -> &'i CompiledTemplate {
    match role {
        "reconciler" => &inputs.cluster_type.reconciler,
        "namespaceService" => &inputs.cluster_type.namespace_service,
        _ => &inputs.cluster_type.config_type,
    }
}

/// Returns a value, or what its text means if that has parts.
fn read(value: &Value) -> Value {
    let text = value.as_str().filter(|it| it.contains(':'));
    let parsed = text.and_then(|it| yaml::parse_value(it).ok()).filter(is_container);
    parsed.unwrap_or_else(|| value.clone())
}

/// Lists the parts of `now` that `was` does not have as they are.
fn other_leaves(now: &Value, was: &Value, path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    match (now, was) {
        (now, was) if now == was => {}
        (Value::Map(now), Value::Map(was)) => {
            for (key, it) in now {
                path.push(Step::Key(key.clone()));
                other_leaves(it, was.get(key).unwrap_or(&Value::Null), path, found);
                path.pop();
            }
        }
        _ if path.is_empty() => {}
        _ => found.push(path.clone()),
    }
}

fn is_secret(path: &DataPath) -> bool {
    path.iter().any(|it| matches!(it, Step::Key(key) if looks_secret(key)))
}

fn said(place: &Place) -> TemplatePlace {
    TemplatePlace::Source(place.clone())
}

/// Returns the way to an input as templates write it: `.ConfigData.REPLICAS`.
fn shown(path: &DataPath) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!(".{key}"),
        Step::Index(index) => format!(".{index}"),
    };
    path.iter().map(step).collect()
}
