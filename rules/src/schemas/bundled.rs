//! The schemas that come with wob: what rules/schemas/ states, for every known version of Kubernetes.
//!
//! To add one, state it in a file there; a new file needs a line in `FILES`.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use serde_json::Value as Json;

use super::{
    KubernetesVersion,
    schema::Schema,
    stated::{Stated, StatedKind, Translator},
};

/// The files, those asked most first. The first one states `ObjectMeta`, which every other uses.
const FILES: [&str; 6] = [
    include_str!("../../schemas/core.yaml"),
    include_str!("../../schemas/flux.yaml"),
    include_str!("../../schemas/argocd.yaml"),
    include_str!("../../schemas/fleet.yaml"),
    include_str!("../../schemas/zarf.yaml"),
    include_str!("../../schemas/kustomize.yaml"),
];

static STATED: LazyLock<Vec<Stated>> =
    LazyLock::new(|| FILES.iter().map(|text| Stated::read(text)).collect());

/// The schemas of one version of Kubernetes; each is made when it is first asked for.
struct Catalogue {
    /// By `apiVersion`, then `kind`.
    kinds: BTreeMap<&'static str, BTreeMap<&'static str, Made>>,
    files: BTreeMap<&'static str, Made>,
}

struct Made {
    stated: &'static Stated,
    of: Of,
    schema: OnceLock<Schema>,
}

#[derive(Clone, Copy)]
enum Of {
    Kind(&'static StatedKind),
    File(&'static wob_engine::Value),
}

/// Returns the schema of a kind in `version`.
pub(super) fn of_kind(
    api_version: &str,
    kind: &str,
    version: KubernetesVersion,
) -> Option<&'static Schema> {
    Some(catalogue(version).kinds.get(api_version)?.get(kind)?.schema(version))
}

/// Returns the schema of a file that is known by its name and holds no kind.
pub(super) fn of_file(name: &str, version: KubernetesVersion) -> Option<&'static Schema> {
    Some(catalogue(version).files.get(name)?.schema(version))
}

/// Lists `apiVersion` and `kind` of everything that is known in `version`, sorted.
pub(super) fn kinds(
    version: KubernetesVersion,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let kinds = catalogue(version).kinds.iter();
    kinds.flat_map(|(api_version, kinds)| kinds.keys().map(|kind| (*api_version, *kind)))
}

/// Says in which versions of Kubernetes a kind is known, if it is in any.
pub(super) fn other_versions(api_version: &str, kind: &str) -> Option<String> {
    let kinds = STATED.iter().flat_map(|it| &it.kinds);
    let mut found = kinds.filter(|it| it.api_version == api_version && it.kind == kind);
    found.next().map(|it| it.versions.words())
}

/// Returns the definitions that the metadata of a custom object needs.
pub(super) fn metadata() -> BTreeMap<String, Json> {
    Translator::new(&STATED[0], &STATED[0], KubernetesVersion::LAST).metadata()
}

impl Made {
    fn new(stated: &'static Stated, of: Of) -> Self {
        Self { stated, of, schema: OnceLock::new() }
    }

    fn schema(&self, version: KubernetesVersion) -> &Schema {
        self.schema.get_or_init(|| {
            let translator = Translator::new(self.stated, &STATED[0], version);
            let json = match self.of {
                Of::Kind(kind) => translator.kind(kind),
                Of::File(structure) => translator.file(structure),
            };
            let schema = Schema::new(json, self.stated.nulls);
            schema.expect("because a test compiles every statement")
        })
    }
}

fn catalogue(version: KubernetesVersion) -> &'static Catalogue {
    static ALL: LazyLock<Vec<Catalogue>> =
        LazyLock::new(|| KubernetesVersion::all().map(Catalogue::new).collect());
    &ALL[version.index()]
}

impl Catalogue {
    fn new(version: KubernetesVersion) -> Self {
        let mut catalogue = Self { kinds: BTreeMap::new(), files: BTreeMap::new() };
        for stated in STATED.iter() {
            for kind in stated.kinds.iter().filter(|it| it.versions.hold(version)) {
                let made = Made::new(stated, Of::Kind(kind));
                let kinds = catalogue.kinds.entry(&kind.api_version).or_default();
                kinds.insert(&kind.kind, made);
            }
            for (name, structure) in &stated.files {
                catalogue.files.insert(name, Made::new(stated, Of::File(structure)));
            }
        }
        catalogue
    }
}
