//! Frames: everything that an environment is built from, but for what its config says. While the frame stays, another value
//! concerns exactly the assignments that have its layer, and nobody need look at the others.
//!
//! **Invariant:** two states of an environment whose frames fit have the same assignments, with the same layers, templates
//! and names of files, and the same is said about both, except about assignments that have an edited layer, and about what
//! an edited file itself says.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde::{Deserialize, Serialize};
use wob_engine::{Database, Diagnostic, Digest, FileName, Hasher, SourceFile};

use crate::{
    Layer, Name, SpecialLabels, assignments,
    compose::Layers,
    decode_file, environment_model,
    model::Target,
    queries::{self, EnvironmentInput, source_files, subject},
    resource::Resource,
    schedule::Assignment,
};

/// A frame, by digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Everything that is in no source file: settings, registrations, what a program answered.
    rest: [u8; 32],
    /// The source files, by name.
    files: BTreeMap<String, FileFrame>,
    /// The digest of all of it but the values: two frames that fit have the same.
    shape: [u8; 32],
}

/// One source file of a [`Frame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileFrame {
    /// Of its bytes.
    bytes: [u8; 32],
    /// Of what it says but for the values of config; none if it says anything else than config, or it has errors.
    outline: Option<[u8; 32]>,
}

impl Frame {
    /// Takes the frame of an environment; `settings` is the text of the workspace's settings.
    pub fn of(db: &Database, environment: EnvironmentInput, settings: &str) -> Self {
        let files = files(db, environment).map(|(file, is_source)| {
            let outline = is_source.then(|| outline(db, file)).flatten();
            (file.name(db).to_string(), FileFrame { bytes: bytes(db, file), outline })
        });
        let files: BTreeMap<String, FileFrame> = files.collect();
        let rest = rest(db, environment, settings);
        let shape = shape(&rest, &files);
        Self { rest, files, shape }
    }

    /// Returns the digest of all of it but the values.
    pub fn shape(&self) -> Digest {
        Digest::from_bytes(self.shape)
    }

    /// Returns the digest of everything that an environment is built from, values and all.
    pub fn state(db: &Database, environment: EnvironmentInput, settings: &str) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 state of an environment");
        hasher.add(&rest(db, environment, settings));
        for (file, _) in files(db, environment) {
            hasher.add(file.name(db).as_str().as_bytes());
            hasher.add(&bytes(db, file));
        }
        hasher.finish()
    }

    /// Returns the digest of what a file held; `None` if there was none of that name.
    pub fn digest_of(&self, file: &FileName) -> Option<Digest> {
        self.files.get(file.as_str()).map(|it| Digest::from_bytes(it.bytes))
    }

    /// Returns the frame of an environment as it is now, and the files of config in which values have changed since this one
    /// was taken; `None` if anything else has.
    pub fn edits(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        settings: &str,
    ) -> Option<(Self, BTreeSet<FileName>)> {
        if rest(db, environment, settings) != self.rest {
            return None;
        }
        let mut edited = BTreeMap::new();
        let mut count = 0;
        for (file, is_source) in files(db, environment) {
            count += 1;
            let before = self.files.get(file.name(db).as_str())?;
            let bytes = bytes(db, file);
            if bytes != before.bytes {
                let outline = is_source.then(|| outline(db, file)).flatten()?;
                if Some(outline) != before.outline {
                    return None;
                }
                edited.insert(file.name(db).clone(), FileFrame { bytes, outline: Some(outline) });
            }
        }
        if count != self.files.len() {
            return None;
        }
        let mut frame = self.clone();
        frame.files.extend(edited.iter().map(|(name, it)| (name.to_string(), *it)));
        Some((frame, edited.into_keys().collect()))
    }
}

fn shape(rest: &[u8; 32], files: &BTreeMap<String, FileFrame>) -> [u8; 32] {
    let mut hasher = Hasher::new("wob 2026-11 shape of a frame");
    hasher.add(rest);
    for (name, FileFrame { bytes, outline }) in files {
        hasher.add(name.as_bytes());
        hasher.add(&[u8::from(outline.is_some())]);
        hasher.add(outline.as_ref().unwrap_or(bytes));
    }
    *hasher.finish().as_bytes()
}

/// Lists all files of an environment, and whether each is read as a source; those of schemas are not.
fn files(db: &Database, environment: EnvironmentInput) -> impl Iterator<Item = (SourceFile, bool)> {
    let sources = source_files(db, environment).map(|it| (it, true));
    let schemas = environment.validation(db).folders().into_iter();
    sources.chain(schemas.flat_map(|it| it.files(db).iter().map(|it| (*it, false))))
}

fn bytes(db: &Database, file: SourceFile) -> [u8; 32] {
    *file.content(db).digest().as_bytes()
}

/// Where sources come from does not count: records name it, and nothing that is rendered does.
fn rest(db: &Database, environment: EnvironmentInput, settings: &str) -> [u8; 32] {
    let mut hasher = Hasher::new("wob 2026-11 frame");
    let mut add = |it: &dyn std::fmt::Debug| hasher.add(format!("{it:?}").as_bytes());
    add(&settings);
    add(environment.name(db));
    add(environment.settings(db));
    add(environment.parameters(db));
    add(environment.scheduling(db));
    for base in environment.bases(db) {
        add(&(&base.repository, base.source.as_ref().err()));
    }
    for workload in environment.workloads(db) {
        add(&(&workload.registration, workload.source.as_ref().err()));
    }
    let validation = environment.validation(db);
    add(&validation.every.digest(db));
    for (name, check) in &validation.cluster_types {
        add(&(name, check.digest(db)));
    }
    *hasher.finish().as_bytes()
}

fn outline(db: &Database, file: SourceFile) -> Option<[u8; 32]> {
    let decoded = decode_file(db, file);
    let is_whole =
        decoded.damage.is_empty() && !decoded.diagnostics.iter().any(Diagnostic::is_error);
    if !is_whole || !decoded.ignored.is_empty() || decoded.resources.is_empty() {
        return None;
    }
    let mut hasher = Hasher::new("wob 2026-11 outline");
    for resource in &decoded.resources {
        let Resource::ConfigMap(map) = resource else { return None };
        let keys: Vec<(&String, bool)> =
            // Whether any value is a template decides how closely it is known what templates read.
            map.data.iter().map(|(key, value)| (key, value.contains("{{"))).collect();
        hasher.add(format!("{:?}", (&map.name, &map.place, &map.labels, keys)).as_bytes());
    }
    Some(*hasher.finish().as_bytes())
}

/// Returns which assignments have a layer that is said in one of `files`, by their positions; `None` if such a layer sets what
/// another one with the same labels does, so that a value may be said in vain.
pub fn concerned(
    db: &Database,
    environment: EnvironmentInput,
    files: &BTreeSet<FileName>,
) -> Option<Vec<usize>> {
    let layers = queries::layers(db, environment);
    let edited: Vec<&Layer> =
        layers.all().iter().filter(|it| files.contains(&it.place.file)).collect();
    if edited.iter().any(|it| is_contested(layers, it)) {
        return None;
    }
    let reach = Reach::new(db, environment, &edited);
    let all = assignments(db, environment);
    let mut found = vec![];
    for group in groups(all) {
        reach.find(all, group, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn is_contested(layers: &Layers, layer: &Layer) -> bool {
    let has = |other: &Layer| {
        let mut keys = layer.entries.iter().map(|it| &it.key);
        keys.any(|key| other.entries.binary_search_by(|it| it.key.cmp(key)).is_ok())
    };
    layers.all().iter().any(|it| {
        it.is_dotted == layer.is_dotted
            && it.labels == layer.labels
            && !std::ptr::eq(it, layer)
            && has(it)
    })
}

/// Returns the positions of the assignments on each cluster type.
fn groups(all: &[Assignment]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    all.chunk_by(|a, b| a.cluster_type == b.cluster_type).map(move |chunk| {
        let range = start..start + chunk.len();
        start = range.end;
        range
    })
}

/// Who has some layers. Each label is asked of each cluster type and of each target once, as most pairs have none of them.
struct Reach<'r> {
    layers: Vec<LayerReach<'r>>,
}

/// Who has a layer, by its labels, of which each is a bit.
struct LayerReach<'r> {
    /// Which of them hold by each cluster type.
    types: BTreeMap<&'r Name, u64>,
    /// Which hold by each of those targets by which all of them can.
    targets: BTreeMap<&'r Name, u64>,
    /// All of them.
    wanted: u64,
}

impl<'r> Reach<'r> {
    fn new(db: &'r Database, environment: EnvironmentInput, layers: &[&Layer]) -> Self {
        let model = environment_model(db, environment);
        let (Some(any_type), Some(any_target)) =
            (model.cluster_types.values().next(), model.targets.values().next())
        else {
            return Self { layers: vec![] };
        };
        let reach = |layer: &&Layer| {
            // What either side has not, the other one must have; a name of the wrong side never holds.
            let own = |it: &'r crate::resource::ClusterType| {
                let mut subject = subject(it, any_target);
                let nothing = BTreeMap::new();
                (subject.target, subject.workload, subject.target_labels) = ("", "", &nothing);
                bits(layer, &subject)
            };
            let of_target = |it: &'r Target| {
                let mut subject = subject(any_type, it);
                let nothing = BTreeMap::new();
                (subject.cluster_type, subject.cluster_labels) = ("", &nothing);
                bits(layer, &subject)
            };
            let types: BTreeMap<&Name, u64> =
                model.cluster_types.iter().map(|(name, it)| (name, own(it))).collect();
            let wanted =
                if layer.labels.len() >= 64 { u64::MAX } else { (1 << layer.labels.len()) - 1 };
            let any = types.values().fold(0, |any, it| any | it);
            let targets = model.targets.iter().map(|(name, it)| (name, of_target(it)));
            let targets = targets.filter(|(_, it)| any | it == wanted).collect();
            LayerReach { types, targets, wanted }
        };
        Self { layers: layers.iter().map(reach).collect() }
    }

    fn find(&self, all: &[Assignment], group: Range<usize>, found: &mut Vec<usize>) {
        let cluster_type = &all[group.start].cluster_type;
        for LayerReach { types, targets, wanted } in &self.layers {
            let own = types.get(cluster_type).copied().unwrap_or(0);
            for (target, bits) in targets {
                if own | bits == *wanted
                    && let Ok(index) =
                        all[group.clone()].binary_search_by(|it| it.target.cmp(target))
                {
                    found.push(group.start + index);
                }
            }
        }
    }
}

/// Returns which labels of a layer hold, one bit for each. Those beyond the sixty-fourth share its bit: too many may be found then,
/// and never too few.
fn bits(layer: &Layer, subject: &crate::Subject<'_>) -> u64 {
    let mut bits = 0;
    let special = SpecialLabels::KALYPSO;
    for (index, (label, value)) in layer.labels.iter().enumerate() {
        if special.holds(label, value, subject) {
            bits |= 1 << index.min(63);
        }
    }
    bits
}
