//! Statements: what an attestation says of a tree. An in-toto Statement v1 with a SLSA Provenance v1 predicate.
//!
//! The names of the fields are those of the in-toto attestation framework (spec/v1, `statement`, `resource_descriptor`,
//! `digest_set`) and of SLSA's provenance (v1, `provenance.proto`). **Invariant:** a statement is a function of the tree, its
//! record and the builder's name; there is no time in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wob_engine::{Blob, FilePath, RECORD_PATH, Tree, git_blob_id, part_path};
use wob_host::sha256;
use wob_rules::{Record, RecordTexts, SourceRecord};

/// What a statement in an envelope is.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// How a tree is made from its dependencies; docs/guides/proof.md.
const BUILD_TYPE: &str = "urn:wob:build:environment:v1";
/// Who builds, unless somebody else is named.
pub(crate) const BUILDER: &str = "urn:wob:builder";

/// What is said of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Resource>,
    predicate_type: String,
    predicate: Provenance,
}

/// A thing that is told by its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Resource {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    uri: String,
    digest: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: Parameters,
    resolved_dependencies: Vec<Resource>,
}

/// What whoever builds chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    labels: Vec<String>,
    environment: String,
    profile: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Builder {
    id: String,
    #[serde(default)]
    version: BTreeMap<String, String>,
}

impl Statement {
    /// Says what is known of `tree`, whose record is `record`, written as `texts`, and which `builder` built.
    pub(crate) fn new<F>(
        tree: &Tree,
        record: &Record<F>,
        texts: &RecordTexts,
        builder: &str,
    ) -> Self {
        let label = format!("//env:{}", record.environment);
        let dependencies = record.sources.iter().map(dependency).collect();
        let builder = Builder {
            id: builder.to_owned(),
            version: BTreeMap::from([("wob".to_owned(), record.wob.clone())]),
        };
        Self {
            kind: STATEMENT.to_owned(),
            subject: subjects(&label, tree, texts),
            predicate_type: PREDICATE.to_owned(),
            predicate: Provenance {
                build_definition: BuildDefinition {
                    build_type: BUILD_TYPE.to_owned(),
                    external_parameters: Parameters {
                        labels: vec![label],
                        environment: record.environment.clone(),
                        profile: record.profile.to_string(),
                    },
                    resolved_dependencies: dependencies,
                },
                run_details: RunDetails { builder },
            },
        }
    }

    /// Reads a statement; `None` if it is none about a tree of wob.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(text).ok()?;
        let definition = &read.predicate.build_definition;
        let is_ours = read.kind == STATEMENT
            && read.predicate_type == PREDICATE
            && definition.build_type == BUILD_TYPE;
        is_ours.then_some(read)
    }

    /// Prints the statement: JSON with a final newline.
    pub(crate) fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("because it is plain data");
        text.push('\n');
        text
    }

    /// Returns the environment that it is about.
    pub(crate) fn environment(&self) -> &str {
        &self.predicate.build_definition.external_parameters.environment
    }

    /// Returns who is said to have built it.
    pub(crate) fn builder(&self) -> &str {
        &self.predicate.run_details.builder.id
    }

    /// Says where this statement is not what `wanted`, which was made from a tree, would say.
    pub(crate) fn contradictions(&self, wanted: &Self) -> Vec<String> {
        let mut found = differing("the subject", &self.subject, &wanted.subject);
        let (own, other) = (&self.predicate.build_definition, &wanted.predicate.build_definition);
        if own.external_parameters != other.external_parameters {
            found.push("the environment or its profile is another than the record says".to_owned());
        }
        found.extend(differing(
            "the dependency",
            &own.resolved_dependencies,
            &other.resolved_dependencies,
        ));
        found
    }
}

fn digests(all: &[(&str, String)]) -> BTreeMap<String, String> {
    all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Names the tree as a commit has it, its files without the record, and the record, which names those of its parts.
fn subjects(label: &str, tree: &Tree, texts: &RecordTexts) -> Vec<Resource> {
    let text = &texts.head;
    let mut whole = tree.clone();
    let path = FilePath::new(RECORD_PATH).expect("because the path is constant");
    whole.insert(&path, Blob::new(text.as_bytes()));
    for (folder, text) in &texts.parts {
        whole.insert(&part_path(folder), text.clone());
    }
    let subject = |name: String, digest| Resource { name, uri: String::new(), digest };
    vec![
        subject(label.to_owned(), digests(&[("gitTree", whole.git_id().to_string())])),
        subject(
            format!("{label} without .wob"),
            digests(&[
                ("gitTree", tree.git_id().to_string()),
                ("wobRoot", tree.root().to_string()),
            ]),
        ),
        subject(
            format!("{label}/{RECORD_PATH}"),
            digests(&[
                ("gitBlob", git_blob_id(text.as_bytes()).to_string()),
                ("sha256", sha256(text.as_bytes())),
            ]),
        ),
    ]
}

fn dependency(source: &SourceRecord) -> Resource {
    let parts = [
        ("gitCommit", source.commit.clone()),
        ("gitTree", source.tree.clone()),
        ("blake3", source.digest.map(|it| it.to_string())),
    ];
    let digest = parts.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?))).collect();
    Resource { name: format!("{}/{}", source.role, source.name), uri: uri(source), digest }
}

/// Returns where a source is had, as SPDX writes it: `git+https://host/repository@branch`.
fn uri(source: &SourceRecord) -> String {
    let SourceRecord { url, reference, .. } = source;
    let scheme = if url.contains("://") { "git+" } else { "" };
    let reference = reference.as_ref().map(|it| format!("@{it}"));
    format!("{scheme}{url}{}", reference.unwrap_or_default())
}

/// Says which of two lists of things are not the same, by name.
fn differing(what: &str, found: &[Resource], wanted: &[Resource]) -> Vec<String> {
    let by_name = |all: &[Resource]| -> BTreeMap<String, Resource> {
        all.iter().map(|it| (it.name.clone(), it.clone())).collect()
    };
    let (found_by, wanted_by) = (by_name(found), by_name(wanted));
    let mut all = vec![];
    for (name, it) in &found_by {
        match wanted_by.get(name) {
            Some(other) if other == it => {}
            Some(_) => all.push(format!("{what} `{name}` is another")),
            None => all.push(format!("{what} `{name}` is not there")),
        }
    }
    for name in wanted_by.keys().filter(|it| !found_by.contains_key(*it)) {
        all.push(format!("{what} `{name}` is not attested"));
    }
    if all.is_empty() && found != wanted {
        all.push(format!("{what} is named twice, or in another order"));
    }
    all
}
