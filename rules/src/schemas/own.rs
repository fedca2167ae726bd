//! The schemas of a workspace: CustomResourceDefinitions, and JSON Schemas that are named as kubeconform names them.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wob_engine::{
    At, Content, Diagnostic, FileName, Place, Severity, Source, SourceFile, Value,
    yaml::{self, Node},
};

use super::{
    KubernetesVersion, bundled, crd,
    schema::{Nulls, Schema},
};
use crate::compose::Unusable;

/// The schemas of one folder.
#[derive(Debug, Default)]
pub(crate) struct OwnSchemas {
    /// By the versions of Kubernetes that they are for, and the name that [`names`] gives kinds; `None` is for all.
    by_name: BTreeMap<(Option<KubernetesVersion>, String), Option<Schema>>,
    /// What is wrong with them.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What a folder says about a kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'s> {
    Schema(&'s Schema),
    /// There is one, but it cannot be used; that was reported.
    Unusable,
}

/// Reads the schemas of `folder`.
#[salsa::tracked(returns(ref), no_eq)]
pub(crate) fn own_schemas(db: &dyn salsa::Database, folder: Source) -> OwnSchemas {
    let mut own = OwnSchemas::default();
    for file in folder.files(db) {
        own.read(db, *file);
    }
    own.diagnostics.sort();
    own
}

impl OwnSchemas {
    /// Returns the schema of a kind, one for `version` alone before one for all versions.
    pub(super) fn find(
        &self,
        api_version: &str,
        kind: &str,
        version: KubernetesVersion,
    ) -> Option<Found<'_>> {
        let names = names(api_version, kind);
        let found = [Some(version), None].into_iter().find_map(|version| {
            names.iter().find_map(|name| self.by_name.get(&(version, name.clone())))
        })?;
        Some(found.as_ref().map_or(Found::Unusable, Found::Schema))
    }

    fn read(&mut self, db: &dyn salsa::Database, file: SourceFile) {
        let (name, path) = (file.name(db), file.path(db).as_str());
        let version = path.split('/').rev().skip(1).find_map(KubernetesVersion::of_folder);
        let Content::Text { text, .. } = file.content(db) else {
            let message = format!("`{name}` cannot be read as a schema");
            let help = "save it as UTF-8 text, or take it out of the folder";
            let place = Place::file(name);
            self.diagnostics.push(
                Diagnostic::error("schema-invalid", message).at(place, "this file").help(help),
            );
            return;
        };
        let parsed = yaml::parse(text, &yaml::Limits::default());
        if let Some(problem) = parsed.problems.iter().find(|it| it.severity == Severity::Error) {
            let message = format!("schema file `{name}` is broken: {}", problem.message);
            let place = Place { file: name.clone(), at: At::Bytes(problem.span) };
            let mut diagnostic = Diagnostic::error("schema-invalid", message).at(place, "here");
            diagnostic.help.clone_from(&problem.help);
            self.diagnostics.push(diagnostic);
            return;
        }
        for (index, document) in parsed.documents.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            if is_definition(&document.root) {
                self.define(version, &document.root, &Place::document(name, index));
            }
        }
        let stem = path.strip_suffix(".json");
        if let Some(stem) =
            stem.filter(|_| !parsed.documents.iter().any(|it| is_definition(&it.root)))
        {
            self.json_schema(version, stem, text, name);
        }
    }

    fn define(&mut self, version: Option<KubernetesVersion>, root: &Node, place: &Place) {
        for custom in crd::schemas(&Json::from(&root.to_value())) {
            let what = format!("the definition of `{}` `{}`", custom.api_version, custom.kind);
            let schema = match custom.schema {
                Some(mut json) => {
                    json["definitions"] = bundled::metadata().into_iter().collect();
                    Schema::new(json, Nulls::Kept)
                }
                None => Err(Unusable {
                    message: "it has no schema".to_owned(),
                    pointer: None,
                    help: "write `schema.openAPIV3Schema` for each of its versions".to_owned(),
                }),
            };
            let name = full_name(&custom.api_version, &custom.kind);
            self.insert((version, name), schema, &what, place.key("spec").key("versions"));
        }
    }

    /// Files that are not named after a kind are none of our business.
    fn json_schema(
        &mut self,
        version: Option<KubernetesVersion>,
        stem: &str,
        text: &str,
        file: &FileName,
    ) {
        let Some(name) = name_of_file(stem) else { return };
        let schema = serde_json::from_str(text).map_err(|error| Unusable {
            message: format!("it is not JSON: {error}"),
            pointer: None,
            help: "write the schema as JSON".to_owned(),
        });
        let schema = schema.and_then(|mut json: Json| {
            // Those of Kubernetes' own kinds name a dialect that does not exist: any.
            if json["$schema"] == "http://json-schema.org/schema#" {
                json["$schema"] = "http://json-schema.org/draft-07/schema#".into();
            }
            Schema::new(json, Nulls::Dropped)
        });
        self.insert((version, name), schema, &format!("schema file `{file}`"), Place::file(file));
    }

    /// Of two schemas of one kind, the first in the order of paths counts.
    fn insert(
        &mut self,
        key: (Option<KubernetesVersion>, String),
        schema: Result<Schema, Unusable>,
        what: &str,
        place: Place,
    ) {
        let schema = match schema {
            Ok(schema) => Some(schema),
            Err(unusable) => {
                let message = format!("{what} cannot be used: {}", unusable.message);
                let mut diagnostic = Diagnostic::error("schema-invalid", message)
                    .at(place, "here")
                    .help(unusable.help);
                diagnostic.notes.extend(unusable.pointer.map(|it| format!("at `{it}`")));
                self.diagnostics.push(diagnostic);
                None
            }
        };
        self.by_name.entry(key).or_insert(schema);
    }
}

fn is_definition(root: &Node) -> bool {
    let text = |key: &str| root.get(key).map(Node::to_value);
    text("kind") == Some(Value::from("CustomResourceDefinition"))
        && text("apiVersion") == Some(Value::from("apiextensions.k8s.io/v1"))
}

/// Returns what schemas of a kind may be called, the most telling first; see [`name_of_file`].
fn names(api_version: &str, kind: &str) -> [String; 2] {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let first = group.split('.').next().unwrap_or_default();
    let short = if group.is_empty() {
        format!("{kind}-{version}")
    } else {
        format!("{kind}-{first}-{version}")
    };
    [full_name(api_version, kind), short.to_lowercase()]
}

fn full_name(api_version: &str, kind: &str) -> String {
    format!("{api_version}/{kind}").to_lowercase()
}

/// Returns the name that a file stands for: `deployment-apps-v1` as kubeconform has it, with the first word of the
/// group, and `group/kind_v1` as catalogues of CRDs have it.
fn name_of_file(stem: &str) -> Option<String> {
    let (folders, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let is_version = |it: &str| {
        let rest = it.strip_prefix('v').unwrap_or_default();
        rest.starts_with(|it: char| it.is_ascii_digit())
            && rest.bytes().all(|it| it.is_ascii_alphanumeric())
    };
    if let Some((kind, version)) = name.rsplit_once('_') {
        let group = folders.rsplit('/').next().unwrap_or_default();
        let is_name = is_version(version) && group.contains('.');
        return is_name.then(|| full_name(&format!("{group}/{version}"), kind));
    }
    let (kind, version) = name.rsplit_once('-')?;
    // A full group is as good as its first word.
    let kind = kind.split('.').next().unwrap_or(kind);
    is_version(version).then(|| format!("{kind}-{version}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_kinds() {
        let name = |stem| name_of_file(stem);
        assert_eq!(name("deployment-apps-v1").as_deref(), Some("deployment-apps-v1"));
        assert_eq!(
            name("a/certificate-cert-manager-v1").as_deref(),
            Some("certificate-cert-manager-v1")
        );
        assert_eq!(name("ingress-networking.k8s.io-v1").as_deref(), Some("ingress-networking-v1"));
        assert_eq!(
            name("x/cert-manager.io/certificate_v1").as_deref(),
            Some("cert-manager.io/v1/certificate")
        );
        for stranger in ["package", "package-lock", "deployment", "values.schema", "x_v1", "a-v"] {
            assert_eq!(name(stranger), None, "{stranger}");
        }
        let [full, short] = names("cert-manager.io/v1", "Certificate");
        assert_eq!(
            (full.as_str(), short.as_str()),
            ("cert-manager.io/v1/certificate", "certificate-cert-manager-v1")
        );
        assert_eq!(names("v1", "Pod")[1], "pod-v1");
    }
}
