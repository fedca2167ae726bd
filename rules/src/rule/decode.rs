//! Reads `spec` of a `rule.yaml`; what it does not know is an error, lest a misspelt limit be no limit.

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{
    Diagnostic, Place, Severity, Value, did_you_mean,
    yaml::{Node, NodeKind},
};

use super::{
    FileContent, OutputName, Parameter, ParameterType, Presence, Rule, RuleFile, RuleKind,
    SourceKind, TemplateFile, parameter::matcher,
};
use crate::{
    decode::{Fields, Problems, shown},
    resource::Meta,
};

/// The end of every template file's name.
const EXTENSION: &str = ".j2";

/// Says whether a file of this name may be a template of a rule.
pub fn is_template_name(name: &str) -> bool {
    name.len() > EXTENSION.len() && name.ends_with(EXTENSION)
}

/// Reads the rule; `None` if a part is missing without which it means nothing.
pub(crate) fn decode(
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Rule> {
    let types = RuleKind::ALL.map(RuleKind::as_str);
    let kind = spec.text("type", problems);
    let kind = kind.and_then(|it| one_of(&it, spec, "type", &types, problems));
    let kind = kind.and_then(|it| RuleKind::ALL.into_iter().find(|kind| kind.as_str() == it));
    let description = spec.text("description", problems);
    let sources = sources(spec, problems);
    let parameters = parameters(spec, problems);
    let files = files(spec, problems);
    Some(Rule {
        meta: meta?,
        kind: kind?,
        description: description?.to_string(),
        sources,
        parameters,
        files,
    })
}

/// Makes errors of what [`Fields::finish`] only warns of.
pub(crate) fn strict(problems: &mut Problems) {
    for diagnostic in &mut problems.diagnostics {
        if diagnostic.code == "unknown-field" {
            diagnostic.severity = Severity::Error;
            for label in &mut diagnostic.labels {
                "unknown".clone_into(&mut label.text);
            }
        }
    }
}

/// Returns a text that may be absent, and must be one of `known`.
fn word(
    fields: &mut Fields<'_>,
    key: &'static str,
    known: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let text = fields.optional_text(key, problems)?;
    one_of(&text, fields, key, known, problems)
}

fn one_of(
    text: &str,
    fields: &Fields<'_>,
    key: &str,
    known: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let found = known.iter().find(|it| **it == text).copied();
    if found.is_none() {
        let message = format!("`{key}` of {} can't be `{}`", fields.owner(), shown(text));
        problems.push(unknown_word(message, text, known, fields.place.key(key)));
    }
    found
}

fn unknown_word(message: String, text: &str, known: &[&'static str], place: Place) -> Diagnostic {
    let help = did_you_mean(text, known.iter().copied()).map_or_else(
        || {
            let list = known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>();
            format!("write one of {}", list.join(", "))
        },
        |it| format!("did you mean `{it}`?"),
    );
    Diagnostic::error("unknown-value", message).at(place, "unknown").help(help)
}

fn sources(spec: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<SourceKind> {
    let known = SourceKind::ALL.map(SourceKind::as_str);
    let mut sources = BTreeSet::new();
    for (node, place) in spec.list("sources", problems) {
        let value = node.to_value();
        let text = value.as_str().unwrap_or_default();
        if let Some(it) = SourceKind::parse(text) {
            sources.insert(it);
        } else {
            let message = format!("{} can't take the source `{}`", spec.owner(), shown(text));
            problems.push(unknown_word(message, text, &known, place));
        }
    }
    sources
}

fn parameters(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<Parameter> {
    let Some(entries) = spec.optional_mapping("parameters", problems) else { return vec![] };
    let mut parameters = vec![];
    for (name, node, place) in entries.entries() {
        let owner: Arc<str> = format!("parameter `{}`", shown(name)).into();
        let head = |it: char| it.is_ascii_alphabetic() || it == '_';
        if !name.starts_with(head) || !name.chars().all(|it| head(it) || it.is_ascii_digit()) {
            let message = format!("{owner} can't be named in a template");
            problems.push(
                Diagnostic::error("bad-name", message)
                    .at(place.on_key(), "here")
                    .help("write letters, digits and `_`, a letter first: `pollInterval`"),
            );
            continue;
        }
        let Some(mut fields) = Fields::open(node, place, "", &owner, problems) else { continue };
        parameters.extend(parameter(name, &mut fields, problems));
        fields.finish(&[], problems);
    }
    parameters
}

fn parameter(name: &str, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Parameter> {
    let types = ParameterType::ALL.map(ParameterType::as_str);
    let kind = fields.text("type", problems);
    let kind = kind.and_then(|it| one_of(&it, fields, "type", &types, problems));
    let items = word(fields, "items", &types, problems).and_then(ParameterType::parse);
    let description = fields.text("description", problems);
    let required = fields.flag("required", problems);
    let default = fields.node("default");
    let pattern = fields.optional_text("pattern", problems);
    let allowed = fields.list("allowed", problems).into_iter().map(|it| it.0.to_value()).collect();
    let kind = kind.and_then(ParameterType::parse)?;
    // Of what is built in, a test compiles the patterns and checks the defaults: that takes longer than all else of reading it.
    let is_proven = Rule::is_builtin_file(&fields.place.file);
    if items.is_some() && !kind.has_items() {
        problems.push(useless(fields, "items", "only lists and mappings have items"));
    }
    let presence = match (&default, required) {
        (Some((node, _)), false) => Presence::Default(node.to_value()),
        (None, true) => Presence::Required,
        (Some(_), true) => {
            problems.push(useless(fields, "required", "it has a default"));
            return None;
        }
        (None, false) => {
            let message = format!("{} has neither `default` nor `required`", fields.owner());
            problems.push(
                Diagnostic::error("missing-field", message)
                    .at(fields.place.clone(), "one of them is missing here")
                    .help("add `default:`, or `required: true`"),
            );
            return None;
        }
    };
    let of_texts = kind == ParameterType::String
        || (kind.has_items() && items.is_none_or(|it| it == ParameterType::String));
    if pattern.is_some() && !of_texts {
        problems.push(useless(fields, "pattern", "only texts match patterns"));
    }
    let parameter = Parameter {
        name: name.into(),
        place: fields.place.clone(),
        kind,
        items,
        description: description?.to_string(),
        presence,
        allowed,
        pattern: pattern.filter(|it| is_proven || is_pattern(it, fields, problems)),
    };
    if !is_proven {
        check_default(&parameter, default, problems);
    }
    Some(parameter)
}

/// A default that its own rule refuses would only be found by those who set nothing.
fn check_default(parameter: &Parameter, default: Option<(&Node, Place)>, problems: &mut Problems) {
    let Some((node, place)) = default else { return };
    if let Err(reason) = parameter.check(&node.to_value()) {
        let message = format!("the default of parameter `{}` {reason}", parameter.name);
        problems.push(
            Diagnostic::error("bad-parameter", message)
                .at(place, "the default")
                .help("mend the default, or what the parameter takes"),
        );
    }
}

fn is_pattern(text: &str, fields: &Fields<'_>, problems: &mut Problems) -> bool {
    let Err(reason) = matcher(text) else { return true };
    let message = format!("`pattern` of {} is no regular expression", fields.owner());
    problems.push(
        Diagnostic::error("unknown-value", message)
            .at(fields.place.key("pattern"), "here")
            .help("write one without look-around and back-references")
            .note(shown(&reason)),
    );
    false
}

fn useless(fields: &Fields<'_>, key: &str, why: &str) -> Diagnostic {
    Diagnostic::error(
        "unknown-value",
        format!("`{key}` of {} means nothing: {why}", fields.owner()),
    )
    .at(fields.place.key(key).on_key(), "here")
    .help("remove it")
}

fn files(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<RuleFile> {
    let has = (spec.node("manifests").is_some(), spec.node("files").is_some());
    match has {
        (true, false) => {
            let templates = templates(spec, "manifests", problems);
            vec![RuleFile { name: OutputName::standard(), content: FileContent::Yaml, templates }]
        }
        (false, true) => {
            let owner: Arc<str> = format!("a file of {}", spec.owner()).into();
            let items = spec.list("files", problems);
            let files = items.into_iter().filter_map(|(node, place)| {
                let mut fields = Fields::open(node, place, "", &owner, problems)?;
                let file = file(&mut fields, problems);
                fields.finish(&[], problems);
                file
            });
            let files: Vec<RuleFile> = files.collect();
            refuse_same_names(&files, spec, problems);
            files
        }
        (both, _) => {
            let message = if both {
                format!("{} has both `manifests` and `files`", spec.owner())
            } else {
                format!("{} has neither `manifests` nor `files`", spec.owner())
            };
            problems.push(
                Diagnostic::error("missing-field", message)
                    .at(spec.place.clone(), "here")
                    .help("list the templates of the one file as `manifests`, or name the files as `files`"),
            );
            vec![]
        }
    }
}

fn file(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RuleFile> {
    let name = match fields.optional_text("name", problems) {
        None => OutputName::standard(),
        Some(text) => match OutputName::new(&text) {
            Ok(name) => name,
            Err(reason) => {
                let message = format!("the file name `{}` {reason}", shown(&text));
                problems.push(
                    Diagnostic::error("bad-name", message)
                        .at(fields.place.key("name"), "here")
                        .help("write a name such as `pull.sh` or `{stem}.sh`"),
                );
                return None;
            }
        },
    };
    let content = match word(fields, "content", &["yaml", "text"], problems) {
        Some("text") => FileContent::Text,
        _ => FileContent::Yaml,
    };
    let templates = templates(fields, "templates", problems);
    if content == FileContent::Text && templates.len() > 1 {
        let message =
            format!("the text file `{}` has {} templates", name.as_str(), templates.len());
        problems.push(
            Diagnostic::error("unknown-value", message)
                .at(fields.place.key("templates"), "only YAML documents can be joined")
                .help("write one template"),
        );
    }
    Some(RuleFile { name, content, templates })
}

fn refuse_same_names(files: &[RuleFile], spec: &Fields<'_>, problems: &mut Problems) {
    for (index, file) in files.iter().enumerate() {
        if files[..index].iter().any(|it| it.name == file.name) {
            let name = file.name.as_str();
            let message = format!("{} names two files `{name}`", spec.owner());
            problems.push(
                Diagnostic::error("bad-name", message)
                    .at(spec.place.key("files").index(index), "the second one")
                    .help("give it another name"),
            );
        }
    }
}

fn templates(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<TemplateFile> {
    let items = fields.list(key, problems);
    if items.is_empty() {
        let message = format!("{} names no templates", fields.owner());
        problems.push(
            Diagnostic::error("missing-field", message)
                .at(fields.place.clone(), format!("`{key}` is missing here"))
                .help(format!("add `{key}:` with the names of files that end in `.j2`")),
        );
    }
    let mut templates = vec![];
    for (node, place) in items {
        let text = match (&node.kind, node.to_value()) {
            (NodeKind::Scalar(_), Value::String(text)) => text,
            _ => "".into(),
        };
        let is_file = is_template_name(&text)
            && !text.contains(['/', '\\', ':'])
            && !text.contains(char::is_control);
        if is_file {
            templates.push(TemplateFile { name: text, place });
        } else {
            let message = format!("{} names a template `{}`", fields.owner(), shown(&text));
            problems.push(
                Diagnostic::error("bad-name", message)
                    .at(place, "not a file beside it whose name ends in `.j2`")
                    .help("write the name of a file such as `application.yaml.j2`"),
            );
        }
    }
    templates
}
