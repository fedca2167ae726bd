//! `wob why --where-used THING`: the assignments and files that depend on a line, a config key or a template.

use std::sync::Arc;

use serde::Serialize;
use wob_engine::{At, Content, Database, FileName, Step, did_you_mean};
use wob_rules::{
    EnvironmentInput, assignments, discover, environment_model,
    why::{Fate, How, Thing, Unknown, Use, thing_at, things_named, uses},
};

use super::unknown;
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::{Texts as _, count, printable},
    session::{JsonResult, Session, Target},
    stream::Streams,
};

/// The files of a workspace that are no sources.
const SETTINGS: [&str; 2] = ["wob.yaml", "wob.local.yaml"];

/// An assignment that depends on the thing, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonUse {
    label: String,
    /// `config`, `layer`, `template`, `schema`, `target`, `clusterType`, `policy` or `environment`.
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<Fate>,
    files: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonUses {
    where_used: String,
    uses: Vec<JsonUse>,
}

/// Lists what depends on the thing that `text` names, in the part of the workspace that `label` names.
pub(super) fn where_used(
    label: Option<&str>,
    text: &str,
    common: &Common,
    streams: &Streams,
) -> Result<Exit, Exit> {
    let wanted = label.into_iter().map(ToOwned::to_owned).collect();
    let session = Session::start(common, &Patterns { wanted, trailing: vec![] }, streams)?;
    let things = find(&session, text).map_err(|it| unknown(streams, &it))?;
    let mut found = vec![];
    for target in &session.targets {
        let Some(input) = target.input else { continue };
        for thing in &things {
            let uses = if concerns_all(&session, target, input, thing) {
                whole(&session.loaded.db, input)
            } else {
                uses(&session.loaded.db, input, thing, &|| session.interrupt.is_set())
            };
            found.extend(selected(&session, target, input, uses));
        }
    }
    if session.interrupt.is_set() {
        return Err(session.interrupted());
    }
    found.sort_by(|a, b| a.label.cmp(&b.label));
    found.dedup_by(|b, a| a.label == b.label && a.how == b.how && a.files == b.files);
    if streams.is_json() {
        streams.json(&JsonResult {
            result: JsonUses { where_used: text.to_owned(), uses: found },
            diagnostics: vec![],
            exit_code: Exit::Ok.number(),
        });
        return Ok(Exit::Ok);
    }
    for it in &found {
        streams.result(&printable(&shown(it)));
    }
    if found.is_empty() {
        streams.say(&format!("no assignment depends on `{}`", printable(text)));
    } else {
        streams.say(&format!("used by {}", count(found.len(), "assignment", "assignments")));
    }
    Ok(Exit::Ok)
}

/// Says whether a thing is a setting of the workspace or of an environment, or declares that environment.
fn concerns_all(
    session: &Session<'_>,
    target: &Target,
    input: EnvironmentInput,
    thing: &Thing,
) -> bool {
    let Thing::Node(place, _) = thing else { return false };
    let At::Node { document, path, .. } = &place.at else { return false };
    if SETTINGS.contains(&place.file.as_str()) {
        return match &**path {
            [Step::Key(environments), Step::Key(name), ..] if **environments == *"environments" => {
                **name == *target.name.as_str()
            }
            _ => true,
        };
    }
    let db = &session.loaded.db;
    let bases = input.bases(db).iter().filter(|it| it.repository.is_some());
    let mut sources = bases.filter_map(|it| it.source.as_ref().ok());
    sources.any(|base| {
        discover::environments(db, *base).0.iter().any(|it| {
            let is_here =
                matches!(&it.meta.place.at, At::Node { document: own, .. } if own == document);
            it.meta.name == target.name && it.meta.place.file == place.file && is_here
        })
    })
}

fn whole(db: &Database, input: EnvironmentInput) -> Vec<Use> {
    let of = |it: &wob_rules::Assignment| Use {
        cluster_type: it.cluster_type.clone(),
        target: it.target.clone(),
        how: How::Environment,
        files: vec![],
    };
    assignments(db, input).iter().map(of).collect()
}

fn selected(
    session: &Session<'_>,
    target: &Target,
    input: EnvironmentInput,
    uses: Vec<Use>,
) -> Vec<JsonUse> {
    let all = assignments(&session.loaded.db, input);
    let is_selected = |it: &Use| {
        let is_it =
            |a: &wob_rules::Assignment| a.cluster_type == it.cluster_type && a.target == it.target;
        all.iter().position(is_it).is_some_and(|index| target.selected.has(index))
    };
    let of = |it: Use| {
        let (how, key, fate) = match it.how {
            How::Config { key, fate } => ("config", Some(key.to_string()), Some(fate)),
            How::Layer => ("layer", None, None),
            How::Template => ("template", None, None),
            How::Schema => ("schema", None, None),
            How::Target => ("target", None, None),
            How::ClusterType => ("clusterType", None, None),
            How::Policy => ("policy", None, None),
            How::Environment => ("environment", None, None),
        };
        let label = format!("//env/{}/{}:{}", target.name, it.cluster_type, it.target);
        JsonUse { label, how, key, fate, files: it.files }
    };
    uses.into_iter().filter(is_selected).map(of).collect()
}

fn shown(it: &JsonUse) -> String {
    let files = it.files.join(", ");
    let what = match (it.how, it.fate) {
        ("config", Some(Fate::Lost)) => "composed in, but another layer overrides it".to_owned(),
        ("config", _) if files.is_empty() => "composed in, but no template reads it".to_owned(),
        ("config", _) => format!("composed in, read by {files}"),
        ("layer", _) if files.is_empty() => "applies, but no template reads its keys".to_owned(),
        ("layer", _) => format!("applies, read by {files}"),
        ("template", _) if files.is_empty() => "its template".to_owned(),
        ("template", _) => format!("writes {files}"),
        ("schema", _) => "its config is checked against it".to_owned(),
        ("policy", _) => "assigned by it".to_owned(),
        ("environment", _) => "part of the environment".to_owned(),
        ("clusterType", _) if files.is_empty() => "its cluster type".to_owned(),
        ("clusterType", _) => format!("its cluster type, read by {files}"),
        (_, _) if files.is_empty() => "its target".to_owned(),
        (_, _) => format!("its target, read by {files}"),
    };
    format!("{}\n  {what}\n", it.label)
}

/// Finds the things that `text` may name.
fn find(session: &Session<'_>, text: &str) -> Result<Vec<Thing>, Unknown> {
    let db = &session.loaded.db;
    let inputs: Vec<EnvironmentInput> = session.targets.iter().filter_map(|it| it.input).collect();
    if let Some((file, line)) = text.rsplit_once(':')
        && let Ok(line) = line.parse()
    {
        return at_line(session, &inputs, file, line);
    }
    let mut things: Vec<Thing> = inputs.iter().flat_map(|it| things_named(db, *it, text)).collect();
    things.dedup();
    if things.is_empty() {
        return Err(nothing_named(db, &inputs, text));
    }
    Ok(things)
}

fn at_line(
    session: &Session<'_>,
    inputs: &[EnvironmentInput],
    file: &str,
    line: u32,
) -> Result<Vec<Thing>, Unknown> {
    let settings: Vec<(FileName, Arc<str>)> = SETTINGS
        .iter()
        .map(|it| FileName::new(it))
        .filter_map(|name| session.loaded.texts.text(&name).map(|text| (name, text)))
        .collect();
    let mut all = texts(&session.loaded.db, inputs);
    all.extend(settings.iter().map(|(name, text)| (name, &**text)));
    let is_it = |name: &FileName| {
        let name = name.as_str();
        name == file || name.rsplit_once(':').is_some_and(|(_, path)| path == file)
    };
    let mut found: Vec<&(&FileName, &str)> = all.iter().filter(|(name, _)| is_it(name)).collect();
    found.sort();
    found.dedup();
    if found.is_empty() {
        let names: Vec<&str> = all.iter().map(|it| it.0.as_str()).collect();
        let help = did_you_mean(file, names.iter().copied()).map_or_else(
            || "paths are relative to the workspace".to_owned(),
            |it| format!("did you mean `{it}`?"),
        );
        let reason = format!("no source is named `{}`", file.escape_debug());
        return Err(Unknown { reason, help });
    }
    let things: Vec<Thing> =
        found.iter().filter_map(|(name, text)| thing_at(name, text, line)).collect();
    if things.is_empty() {
        return Err(Unknown {
            reason: format!("nothing is said on line {line} of `{file}`"),
            help: "name a line with a key or a value".to_owned(),
        });
    }
    Ok(things)
}

/// Returns the names and texts of all sources.
fn texts<'d>(db: &'d Database, inputs: &[EnvironmentInput]) -> Vec<(&'d FileName, &'d str)> {
    let mut texts = vec![];
    for input in inputs {
        let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
        let workloads = input.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
        for source in bases.chain(workloads).copied().chain([input.control_plane(db)]) {
            for file in source.files(db) {
                if let Content::Text { text, .. } = file.content(db) {
                    texts.push((file.name(db), &**text));
                }
            }
        }
    }
    texts
}

fn nothing_named(db: &Database, inputs: &[EnvironmentInput], text: &str) -> Unknown {
    let mut known: Vec<String> = vec![];
    for input in inputs {
        let model = environment_model(db, *input);
        for map in &model.config_maps {
            known.extend(map.data.keys().map(|key| format!("{}/{key}", map.name)));
            known.push(map.name.clone());
        }
        known.extend(model.config_schemas.iter().map(|it| it.name.clone()));
        known.extend(model.templates.keys().map(ToString::to_string));
    }
    known.extend(wob_rules::builtin::names().map(ToOwned::to_owned));
    let guess = did_you_mean(text, known.iter().map(String::as_str));
    let help = guess.map_or_else(
        || {
            "write FILE:LINE, CONFIGMAP/KEY, or the name of a ConfigMap, ConfigSchema or Template"
                .to_owned()
        },
        |it| format!("did you mean `{it}`?"),
    );
    Unknown { reason: format!("nothing is named `{}`", text.escape_debug()), help }
}
