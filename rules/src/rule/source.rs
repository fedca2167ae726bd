//! Manifest sources: where a workload's manifests are, read once from the free mapping of its deployment target.

use std::{collections::BTreeMap, fmt, sync::Arc};

use wob_engine::{Diagnostic, Map, Place, Value, did_you_mean};
use wob_template::{JinjaData, JinjaMap};

use crate::decode::shown;

/// Where the manifests of a workload are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestSource {
    /// A folder of a git repository.
    Git {
        /// The repository's address.
        repo: Arc<str>,
        /// What of it.
        revision: GitRevision,
        /// The folder, as written; `.` for the root.
        path: Arc<str>,
    },
    /// A chart of a Helm repository.
    Helm {
        /// The repository's address.
        repo: Arc<str>,
        /// The chart's name.
        chart: Arc<str>,
        /// The chart's version.
        version: Arc<str>,
    },
    /// An artifact of an OCI registry.
    Oci {
        /// Its address, without `oci://`.
        address: Arc<str>,
        /// Which one.
        reference: OciReference,
        /// What it is.
        artifact: Artifact,
        /// The folder in it, as written; `.` for the root.
        path: Arc<str>,
    },
}

/// What of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitRevision {
    /// The tip of a branch.
    Branch(Arc<str>),
    /// A tag.
    Tag(Arc<str>),
    /// A commit.
    Commit(Arc<str>),
}

/// Which artifact of an OCI repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OciReference {
    /// What a tag names today.
    Tag(Arc<str>),
    /// This one, for ever.
    Digest(Arc<str>),
}

/// What an OCI artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// An archive of manifests.
    Manifests,
    /// A Helm chart.
    Chart,
}

/// The kinds of sources that rules tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A folder of a git repository.
    Git,
    /// A chart of a Helm repository.
    Helm,
    /// Manifests in an OCI registry.
    Oci,
    /// A chart in an OCI registry.
    OciChart,
}

impl SourceKind {
    /// Every kind, in the order in which help texts list them.
    pub const ALL: [Self; 4] = [Self::Git, Self::Helm, Self::Oci, Self::OciChart];

    /// Returns the word in `spec.sources`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Helm => "helm",
            Self::Oci => "oci",
            Self::OciChart => "oci-chart",
        }
    }

    /// Returns the kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// Returns what people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Git => "a folder of a git repository",
            Self::Helm => "a chart of a Helm repository",
            Self::Oci => "manifests in an OCI registry",
            Self::OciChart => "a chart in an OCI registry",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The keys that mean something; others are for templates of the workspace.
const KEYS: [&str; 10] =
    ["repo", "branch", "tag", "commit", "path", "chart", "version", "oci", "digest", "artifact"];

impl ManifestSource {
    /// Reads `manifests` of a deployment target, which stands at `place`; `owner` is what messages call the target.
    ///
    /// # Errors
    /// Everything that is missing, contradicts itself or can't be meant.
    pub(crate) fn read(
        manifests: &BTreeMap<Arc<str>, Arc<str>>,
        place: &Place,
        owner: &str,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader { manifests, place, owner, diagnostics: vec![] };
        let source = if reader.has("oci") {
            reader.oci()
        } else if reader.has("chart") {
            reader.helm()
        } else {
            reader.git()
        };
        let Reader { diagnostics, .. } = reader;
        source.filter(|_| diagnostics.is_empty()).ok_or(diagnostics)
    }

    /// Returns its kind.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Git { .. } => SourceKind::Git,
            Self::Helm { .. } => SourceKind::Helm,
            Self::Oci { artifact: Artifact::Manifests, .. } => SourceKind::Oci,
            Self::Oci { artifact: Artifact::Chart, .. } => SourceKind::OciChart,
        }
    }

    /// The fields that templates see of a `source`, in byte order.
    const FIELDS: [&'static str; 12] = [
        "branch", "chart", "commit", "digest", "folder", "kind", "path", "registry", "revision",
        "tag", "url", "version",
    ];

    /// Returns what templates see as `source`: every key is there for every kind, empty where it means nothing.
    ///
    /// `revision` is whichever of branch, tag, commit, version and digest says which one; `folder` is `path` without `./`.
    pub(crate) fn view(&self) -> Map {
        let field = |key: &str| (key.into(), Value::String(self.field(key).unwrap_or_default()));
        Self::FIELDS.into_iter().map(field).collect()
    }

    /// Returns one field of [`ManifestSource::view`]; `None` if it has no such field.
    pub(crate) fn field(&self, name: &str) -> Option<Arc<str>> {
        let nothing = Arc::default;
        Some(match (name, self) {
            ("kind", _) => self.kind().as_str().into(),
            ("folder", _) => {
                let path = self.field("path")?;
                let parts = path.split('/').filter(|it| !matches!(*it, "" | "."));
                parts.collect::<Vec<&str>>().join("/").into()
            }
            ("path", Self::Git { path, .. } | Self::Oci { path, .. }) => path.clone(),
            ("path", Self::Helm { .. }) => ".".into(),
            ("url", Self::Git { repo, .. } | Self::Helm { repo, .. }) => repo.clone(),
            ("url", Self::Oci { address, .. }) => format!("oci://{address}").into(),
            ("revision", _) => self.revision().1.clone(),
            ("branch" | "tag" | "commit" | "digest", _) => {
                let (key, revision) = self.revision();
                if key == name { revision.clone() } else { nothing() }
            }
            ("version", Self::Helm { version, .. }) => version.clone(),
            ("version", Self::Oci { reference: OciReference::Tag(tag), artifact, .. })
                if *artifact == Artifact::Chart =>
            {
                tag.clone()
            }
            ("chart", Self::Helm { chart, .. }) => chart.clone(),
            ("chart" | "registry", Self::Oci { address, artifact: Artifact::Chart, .. }) => {
                let (registry, chart) = address.rsplit_once('/').unwrap_or(("", address));
                if name == "chart" { chart.into() } else { registry.into() }
            }
            ("version" | "chart" | "registry", _) => nothing(),
            _ => return None,
        })
    }

    /// Returns which revision is meant, and the key that says it.
    fn revision(&self) -> (&'static str, &Arc<str>) {
        match self {
            Self::Git { revision: GitRevision::Branch(it), .. } => ("branch", it),
            Self::Git { revision: GitRevision::Tag(it), .. }
            | Self::Oci { reference: OciReference::Tag(it), .. } => ("tag", it),
            Self::Git { revision: GitRevision::Commit(it), .. } => ("commit", it),
            Self::Helm { version, .. } => ("version", version),
            Self::Oci { reference: OciReference::Digest(it), .. } => ("digest", it),
        }
    }
}

impl JinjaMap for ManifestSource {
    fn get(&self, key: &str) -> Option<JinjaData> {
        self.field(key).map(JinjaData::from)
    }

    fn entries(&self) -> Box<dyn Iterator<Item = (Arc<str>, JinjaData)> + Send + Sync + '_> {
        let entry = |key: &str| Some((Arc::from(key), self.get(key)?));
        Box::new(Self::FIELDS.into_iter().filter_map(entry))
    }
}

struct Reader<'r> {
    manifests: &'r BTreeMap<Arc<str>, Arc<str>>,
    place: &'r Place,
    owner: &'r str,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn git(&mut self) -> Option<ManifestSource> {
        self.refuse(&["version", "digest", "artifact"], "a git repository");
        let repo = self.needed("repo", "the address of a git repository");
        let revision = self.one_of(&["branch", "tag", "commit"]);
        let path = self.path();
        let (key, text) = revision?;
        let revision = match key {
            "branch" => GitRevision::Branch(text),
            "tag" => GitRevision::Tag(text),
            _ => GitRevision::Commit(text),
        };
        Some(ManifestSource::Git { repo: repo?, revision, path })
    }

    fn helm(&mut self) -> Option<ManifestSource> {
        self.refuse(
            &["branch", "tag", "commit", "digest", "artifact", "path"],
            "a chart of a Helm repository",
        );
        let repo = self.needed("repo", "the address of the chart's Helm repository");
        if let (Some(repo), Some(chart)) = (&repo, self.text("chart"))
            && let Some(address) = repo.strip_prefix("oci://")
        {
            let message =
                format!("`repo` of {} is an OCI registry, not a Helm repository", self.owner);
            let address = address.trim_end_matches('/');
            let help = format!(
                "write `oci: oci://{}/{}` and `artifact: chart`, and the version as `tag`",
                shown(address),
                shown(&chart)
            );
            self.wrong("repo", message, help);
        }
        let version = self.needed("version", "the version of the chart");
        let chart = self.needed("chart", "the name of the chart");
        Some(ManifestSource::Helm { repo: repo?, chart: chart?, version: version? })
    }

    fn oci(&mut self) -> Option<ManifestSource> {
        self.refuse(&["repo", "branch", "commit", "chart", "version"], "an OCI registry");
        let address = self.needed("oci", "the address of the artifact");
        let reference = self.one_of(&["tag", "digest"]);
        let artifact = match self.text("artifact").as_deref() {
            None | Some("manifests") => Artifact::Manifests,
            Some("chart") => Artifact::Chart,
            Some(other) => {
                let message = format!("`artifact` of {} can't be `{}`", self.owner, shown(other));
                self.wrong("artifact", message, "write `manifests` or `chart`".to_owned());
                return None;
            }
        };
        let address = address?;
        let address = address.strip_prefix("oci://").unwrap_or(&address).trim_end_matches('/');
        let path = self.path();
        if artifact == Artifact::Chart && self.has("path") {
            self.refuse(&["path"], "a chart");
        }
        let reference = match reference? {
            ("tag", text) => OciReference::Tag(text),
            (_, text) => {
                let digits = text.strip_prefix("sha256:").unwrap_or_default();
                if digits.len() != 64 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
                    let message =
                        format!("`digest` of {} is `{}`, which is none", self.owner, shown(&text));
                    self.wrong("digest", message, "write `sha256:` and 64 digits".to_owned());
                }
                OciReference::Digest(text)
            }
        };
        Some(ManifestSource::Oci { address: address.into(), reference, artifact, path })
    }

    fn has(&self, key: &str) -> bool {
        self.manifests.get(key).is_some_and(|it| !it.is_empty())
    }

    fn text(&self, key: &str) -> Option<Arc<str>> {
        self.manifests.get(key).filter(|it| !it.is_empty()).cloned()
    }

    fn path(&mut self) -> Arc<str> {
        let path = self.text("path").unwrap_or_else(|| ".".into());
        if path.split('/').any(|it| it == "..") || path.contains(char::is_control) {
            let message = format!("`path` of {} leads out of its source", self.owner);
            self.wrong("path", message, "write a folder below the root, without `..`".to_owned());
        }
        path
    }

    fn needed(&mut self, key: &str, what: &str) -> Option<Arc<str>> {
        let text = self.text(key);
        if text.is_none() {
            let message = format!("`manifests` of {} has no `{key}`", self.owner);
            self.missing(&[key], message, format!("add `{key}:` with {what}"));
        }
        text
    }

    fn one_of(&mut self, keys: &[&'static str]) -> Option<(&'static str, Arc<str>)> {
        let found: Vec<_> =
            keys.iter().filter_map(|key| self.text(key).map(|it| (*key, it))).collect();
        let list = keys.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            [one] => Some(one.clone()),
            [] => {
                let message = format!("`manifests` of {} has none of {list}", self.owner);
                self.missing(keys, message, format!("add one of {list}"));
                None
            }
            [first, second, ..] => {
                let message = format!(
                    "`manifests` of {} has both `{}` and `{}`",
                    self.owner, first.0, second.0
                );
                let diagnostic = Diagnostic::error("bad-source", message)
                    .at(self.place.key(second.0).on_key(), "one too many")
                    .at(self.place.key(first.0).on_key(), "the other one")
                    .help(format!("keep one of {list}"));
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn missing(&mut self, keys: &[&str], message: String, help: String) {
        let mut strangers = self.manifests.keys().filter(|it| !KEYS.contains(&&***it));
        let near = strangers.find_map(|it| Some((it, did_you_mean(it, keys.iter().copied())?)));
        let diagnostic = Diagnostic::error("bad-source", message);
        self.diagnostics.push(match near {
            Some((typo, key)) => diagnostic
                .at(self.place.key(typo).on_key(), "no rule reads this")
                .help(format!("did you mean `{key}`?")),
            None => diagnostic
                .at(self.place.clone(), "says where the workload's manifests are")
                .help(help),
        });
    }

    fn refuse(&mut self, keys: &[&str], what: &str) {
        for key in keys {
            if !self.has(key) {
                continue;
            }
            let message = format!("`{key}` of {} says nothing about {what}", self.owner);
            let help = format!(
                "remove it; git takes `repo`, `branch`, `tag` or `commit`, and `path`; Helm `repo`, `chart` and \
                 `version`; OCI `oci`, `tag` or `digest`, and `artifact: chart` for charts{}",
                if *key == "repo" { "; write the address as `oci` only" } else { "" }
            );
            let place = self.place.key(key).on_key();
            self.diagnostics.push(
                Diagnostic::error("bad-source", message)
                    .at(place, "contradicts the others")
                    .help(help),
            );
        }
    }

    fn wrong(&mut self, key: &str, message: String, help: String) {
        self.diagnostics.push(
            Diagnostic::error("bad-source", message).at(self.place.key(key), "here").help(help),
        );
    }
}
