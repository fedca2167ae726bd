//! From spanned YAML to resources: byte offsets stop here.
//!
//! **Invariant:** decoding never fails. An object that is wrong becomes diagnostics and [`Damage`].

mod damage;
mod fields;
mod kinds;
mod placement;
mod stray;

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{
    At, Content, Diagnostic, FileName, Place, Refusal, Severity, SourceFile, Span, Value,
    yaml::{self, Document, Limits, Node, NodeKind, Parsed},
};

pub use self::damage::{BrokenLayer, Damage};
pub(crate) use self::fields::{Fields, Problems, as_text, shown};
use self::stray::Stray;
use crate::{
    Rule,
    resource::{IgnoredObject, Resource},
    rule::{RULE_API_VERSION, RULE_KIND, is_template_name},
};

/// The API group and version of every kind but ConfigMap and Rule.
pub const API_VERSION: &str = "scheduler.kalypso.io/v1alpha1";

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The objects of known kinds, in written order.
    pub resources: Vec<Resource>,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// The objects that wob does not use.
    pub ignored: Vec<IgnoredObject>,
    /// Every problem, in written order of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Decoded {
    fn note_stray(&mut self, stray: Option<Stray>) {
        if let Some(Stray { diagnostic, damage }) = stray {
            self.diagnostics.push(diagnostic);
            self.damage.extend(damage);
        }
    }
}

/// Parses and decodes a file. A changed comment or white space gives an equal result.
///
/// The parsed text is let go: whoever draws a diagnostic parses that one file again.
#[salsa::tracked(returns(ref))]
pub fn decode_file(db: &dyn salsa::Database, file: SourceFile) -> Decoded {
    let name = file.name(db);
    if is_template_name(file.path(db).file_name()) {
        // It is part of a rule, if of anything, and fails that rule only.
        return Decoded::default();
    }
    match file.content(db) {
        Content::Text { text, .. } => {
            decode_text(name, text, &yaml::parse(text, &Limits::default()))
        }
        // Who reads only a part asks only about what needs no more.
        Content::Unread { .. } => Decoded::default(),
        Content::Refused(refusal) => Decoded {
            diagnostics: vec![refused(name, refusal)],
            damage: vec![Damage::Config],
            ..Decoded::default()
        },
    }
}

fn decode_text(name: &FileName, text: &str, parsed: &Parsed) -> Decoded {
    let mut decoded = Decoded::default();
    for (index, document) in parsed.documents.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let place = Place::document(name, index);
        let broken = parsed.problems.iter().any(|it| it.is_error() && within(it.span, document));
        if broken {
            decoded.damage.extend(damage::of_document(document));
        } else {
            decode_object(&document.root, &place, &mut decoded);
        }
    }
    let read = parsed.documents.last().map_or(0, |it| it.span.end);
    let outside = |span: Span| !parsed.documents.iter().any(|it| within(span, it));
    let is_lost = |it: &yaml::Problem| it.is_error() && outside(it.span);
    if parsed.problems.iter().any(is_lost) {
        let rest = text.get(read as usize..).unwrap_or_default();
        decoded.damage.extend(damage::of_unreadable(rest));
    }
    let explained = wrong_types(&decoded.diagnostics, text, parsed);
    for problem in &parsed.problems {
        let is_lint =
            concerns_known_kind(problem.span, parsed) && !explained.contains(&problem.span);
        if problem.is_error() || is_lint {
            decoded.diagnostics.push(yaml_problem(name, problem));
        }
    }
    decoded
}

/// Returns where values of a wrong type stand: what a lint says of them has been said already.
fn wrong_types(diagnostics: &[Diagnostic], text: &str, parsed: &Parsed) -> BTreeSet<Span> {
    let wrong = diagnostics.iter().filter(|it| it.code == "wrong-type");
    let labels = wrong.filter_map(|it| it.labels.first());
    labels.map(|it| yaml::resolve(parsed, text, &it.place.at)).collect()
}

fn within(span: Span, document: &Document) -> bool {
    document.span.start <= span.start && span.start < document.span.end
}

/// A lint is worth showing only where wob reads the value.
fn concerns_known_kind(span: Span, parsed: &Parsed) -> bool {
    let known = |it: &&Document| kind_of(&it.root).is_some_and(|(api, kind)| is_known(&api, &kind));
    parsed.documents.iter().filter(known).any(|it| within(span, it))
}

fn yaml_problem(name: &FileName, problem: &yaml::Problem) -> Diagnostic {
    let at = |span| Place { file: name.clone(), at: At::Bytes(span) };
    let mut diagnostic = match problem.severity {
        Severity::Error => Diagnostic::error(problem.kind.code(), problem.message.clone()),
        Severity::Warning | Severity::Advice => {
            Diagnostic::warning(problem.kind.code(), problem.message.clone())
        }
    };
    diagnostic = diagnostic.at(at(problem.span), "here");
    if let Some((span, text)) = &problem.related {
        diagnostic = diagnostic.at(at(*span), text.clone());
    }
    diagnostic.help.clone_from(&problem.help);
    diagnostic
}

/// Returns the problem of a file whose content could not be had.
pub fn refused(name: &FileName, refusal: &Refusal) -> Diagnostic {
    let (code, message, help) = match refusal {
        Refusal::NotUtf8 { offset } => (
            "not-utf8",
            format!("`{name}` is not UTF-8 text: byte {offset} is not part of a character"),
            "save the file as UTF-8, or hide it in .sourceignore",
        ),
        Refusal::TooLarge { size, limit } => (
            "file-too-large",
            format!("`{name}` has {size} bytes, more than the limit of {limit}"),
            "split the file, hide it in .sourceignore, or raise `limits.fileBytes` in wob.yaml",
        ),
        Refusal::LinkLeaves { target } => (
            "link-leaves-source",
            format!("`{name}` is a link to `{}`, outside of its source", shown(target)),
            "copy the file into the source, or hide the link in .sourceignore",
        ),
        Refusal::Unreadable { reason } => (
            "unreadable-file",
            format!("`{name}` can't be read: {reason}"),
            "make the file readable, or hide it in .sourceignore",
        ),
    };
    Diagnostic::error(code, message).at(Place::file(name), "this file").help(help)
}

fn decode_object(root: &Node, place: &Place, decoded: &mut Decoded) {
    let Some((api_version, kind)) = kind_of(root) else {
        if !root.is_null() {
            decoded.ignored.push(ignored(root, place, None));
        }
        decoded.note_stray(stray::without_kind(root, place));
        return;
    };
    if &*api_version == "v1" && &*kind == "List" {
        decode_list(root, place, decoded);
        return;
    }
    if !is_known(&api_version, &kind) {
        decoded.ignored.push(ignored(root, place, Some((&api_version, &kind))));
        decoded.note_stray(stray::of_unknown_kind(root, (&api_version, &kind), place));
        return;
    }
    let mut problems = Problems::default();
    let resource = kinds::decode(&kind, root, place, &mut problems, &mut decoded.damage);
    if resource.is_none() || problems.has_errors() {
        decoded.damage.extend(damage::of_object(root, place));
    } else {
        decoded.resources.extend(resource);
    }
    decoded.diagnostics.extend(problems.into_diagnostics());
}

fn decode_list(root: &Node, place: &Place, decoded: &mut Decoded) {
    if let Some(Node { kind: NodeKind::List(items), .. }) = root.get("items") {
        let place = place.key("items");
        for (index, item) in items.iter().enumerate() {
            // A list in a list is not an object; it would only serve to nest without end.
            if kind_of(item).is_none_or(|(_, kind)| &*kind != "List") {
                decode_object(item, &place.index(index), decoded);
            }
        }
    }
}

/// Decodes the `rule.yaml` of a rule that is built into wob.
pub(crate) fn decode_builtin(root: &Node, place: &Place, problems: &mut Problems) -> Option<Rule> {
    let resource = kinds::decode(RULE_KIND, root, place, problems, &mut vec![]);
    if let Some(Resource::Rule(rule)) = resource { Some(rule) } else { None }
}

/// Returns `apiVersion` and `kind`, if both are texts.
fn kind_of(root: &Node) -> Option<(Arc<str>, Arc<str>)> {
    Some((text_at(root, &["apiVersion"])?, text_at(root, &["kind"])?))
}

/// Returns the text at the end of `path`, if there is one.
fn text_at(root: &Node, path: &[&str]) -> Option<Arc<str>> {
    let node = path.iter().try_fold(root, |node, key| node.get(key))?;
    match node.to_value() {
        Value::String(it) => Some(it),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

fn is_known(api_version: &str, kind: &str) -> bool {
    match api_version {
        API_VERSION => kinds::KINDS.contains(&kind),
        RULE_API_VERSION => kind == RULE_KIND,
        "v1" => kind == "ConfigMap",
        _ => false,
    }
}

fn ignored(root: &Node, place: &Place, kind: Option<(&str, &str)>) -> IgnoredObject {
    let At::Node { document, .. } = place.at else { unreachable!("because objects are nodes") };
    IgnoredObject {
        file: place.file.clone(),
        document,
        api_version: kind.map(|it| it.0.to_owned()),
        kind: kind.map(|it| it.1.to_owned()),
        name: text_at(root, &["metadata", "name"]).map(|it| it.to_string()),
    }
}
