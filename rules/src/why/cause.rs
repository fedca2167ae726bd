//! Causes: which lines of the sources made a part of a file other than it was.
//!
//! A line is a cause if what it says went into the part and is not what went in on the other side. Where no value differs, the
//! template does.

use std::cell::OnceCell;

use wob_engine::{Database, Place, Step, Value};
use wob_template::DataPath;

use super::{Address, Descent, Fate, Input, Part, ScalarWhy, TemplatePlace, Which, case::Case};
use crate::{
    Assignment, EnvironmentInput, Inputs,
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

/// An assignment on one side of a comparison, with what went into it on the other side.
pub struct Causes<'d> {
    case: Option<Case<'d>>,
    other: Option<&'d Inputs>,
    /// What templates saw on the other side.
    data: OnceCell<Value>,
}

impl<'d> Causes<'d> {
    /// Looks at `assignment`; `other` is what went into it on the other side, if that is known.
    pub fn new(
        db: &'d Database,
        environment: EnvironmentInput,
        assignment: &'d Assignment,
        other: Option<&'d Inputs>,
    ) -> Self {
        let case = Case::new(db, environment, assignment);
        Self { case, other, data: OnceCell::new() }
    }

    /// Returns why the part of a file at `address` is not what it was, each cause once; none if nothing can be told.
    pub fn of(&self, address: &Address) -> Vec<Cause> {
        let Some(case) = &self.case else { return vec![] };
        let mut causes = vec![];
        for address in scalars(case, address) {
            let Ok(why) = case.scalar(&address) else { continue };
            for cause in self.of_scalar(case, &why) {
                if !causes.contains(&cause) {
                    causes.push(cause);
                }
            }
        }
        causes
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

    fn of_scalar(&self, case: &Case<'_>, why: &ScalarWhy) -> Vec<Cause> {
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
        for input in why.inputs.iter().chain(why.conditions.iter().flat_map(|it| &it.inputs)) {
            self.of_input(input, file.template, &mut causes);
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
    fn of_input(&self, input: &Input, template: &CompiledTemplate, causes: &mut Vec<Cause>) {
        if self.is_same(input, template) {
            return;
        }
        let what = shown(&input.path);
        match &input.descent {
            Descent::Config(why) => {
                let says = why.says.iter().filter(|it| it.fate != Fate::Lost);
                causes.extend(
                    says.map(|it| Cause { what: what.clone(), place: Some(said(&it.place)) }),
                );
            }
            Descent::Said(place) => causes.push(Cause { what, place: Some(said(place)) }),
            Descent::Made { pattern, of } => {
                let before = causes.len();
                for it in of {
                    self.of_input(it, template, causes);
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

    /// Says whether an input was the same on the other side; of one that is not known, nothing was.
    fn is_same(&self, input: &Input, template: &CompiledTemplate) -> bool {
        let Some(other) = self.other else { return false };
        let was = if input.path.first() == Some(&Step::Key("params".into())) {
            let parameters =
                Value::Map(other.parameters.of(template.name()).cloned().unwrap_or_default());
            value_at(&parameters, &input.path[1..]).cloned()
        } else if input.path.first() == Some(&Step::Key("target".into())) {
            // It is a part of the target's name, by which the two sides were put together.
            return true;
        } else {
            let data = self.data.get_or_init(|| render::data(other, &other.reconciler));
            value_at(data, &input.path).cloned()
        };
        was == input.value
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
        "reconciler" => &inputs.reconciler,
        "namespaceService" => &inputs.namespace_service,
        _ => &inputs.config_type,
    }
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
