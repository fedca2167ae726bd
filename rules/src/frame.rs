//! Frames: everything that an environment is built from, but for what its config says. While the frame stays, another value
//! concerns exactly the assignments that have its layer, and nobody need look at the others. If more than values has changed, its
//! objects tell which assignments that concerns, and which came and went.
//!
//! **Invariant:** two states of an environment whose frames fit have the same assignments, with the same layers, templates
//! and names of files, and the same is said about both, except about assignments that have an edited layer, and about what
//! an edited file itself says.

mod assigned;
mod damaged;
mod failing;
mod objects;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wob_engine::{Database, Diagnostic, Digest, FileName, Hasher, SourceFile};

pub use self::{assigned::Reassigned, failing::fails_alone, objects::NotedObjects};
use self::{
    objects::{Concerned, Objects},
    reach::{LayerLabels, Reach, groups, labels_of},
};
use crate::{
    assignments,
    compose::{Entry, Layer, Layers},
    decode::{Decoded, decode_file},
    queries::{self, EnvironmentInput, source_files},
    resource::Resource,
};

/// A frame, by digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Everything that is in no source file: settings, which bases there are, what a program answered.
    rest: [u8; 32],
    /// Which workloads are registered. Their targets follow from that, and are objects.
    workloads: [u8; 32],
    /// The source files, by name.
    files: BTreeMap<String, FileFrame>,
    /// The digest of all of it but the values: two frames that fit have the same.
    shape: [u8; 32],
    /// The digest of the [`NotedObjects`], which are only needed where more than values has changed.
    objects: [u8; 32],
}

/// What has changed of an environment since its frame was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The frame as it is now.
    pub frame: Frame,
    /// The files that hold something else, are new, or gone.
    pub files: BTreeSet<FileName>,
    /// The positions of the assignments that it may concern, in order.
    pub concerned: Vec<usize>,
    /// How there are other assignments, or cluster types, than before; none if there are the same.
    pub reassigned: Option<Reassigned>,
    /// How much it is.
    pub extent: Extent,
    /// The objects as they are now; none if they are as before.
    pub objects: Option<NotedObjects>,
}

/// How much has changed of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Values of config.
    Values,
    /// Values of config, and there is config that cannot be read: whoever has it cannot be built.
    Damage,
    /// The same, and nobody knows who has it: nothing can be built.
    Doubt,
    /// Any object, but nothing that concerns all assignments.
    Objects,
}

/// One source file of a [`Frame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileFrame {
    /// Of its bytes.
    bytes: [u8; 32],
    /// Of what it says but for the values of config; none if it says anything else than config, or it has errors.
    outline: Option<[u8; 32]>,
    /// Of who has what it says; none if it says anything else than config, or that cannot be told.
    holders: Option<[u8; 32]>,
}

impl FileFrame {
    fn of(db: &Database, file: SourceFile) -> Self {
        let (bytes, outline) = (bytes(db, file), outline(db, file));
        Self { bytes, outline, holders: damaged::holders(decode_file(db, file)) }
    }
}

impl Frame {
    /// Takes the frame of an environment that has these `objects`; `settings` is the text of the workspace's settings.
    pub fn of(
        db: &Database,
        environment: EnvironmentInput,
        settings: &str,
        objects: &NotedObjects,
    ) -> Self {
        let files = source_files(db, environment)
            .map(|file| (file.name(db).to_string(), FileFrame::of(db, file)));
        let files: BTreeMap<String, FileFrame> = files.collect();
        let rest = rest(db, environment, settings);
        let workloads = workloads(db, environment);
        let shape = shape([&rest, &workloads], &files);
        Self { rest, workloads, files, shape, objects: objects.digest() }
    }

    /// Returns the digest of all of it but the values.
    pub fn shape(&self) -> Digest {
        Digest::from_bytes(self.shape)
    }

    /// Returns the digest of everything that an environment is built from, values and all.
    pub fn state(db: &Database, environment: EnvironmentInput, settings: &str) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 state of an environment");
        hasher.add(&rest(db, environment, settings));
        hasher.add(&workloads(db, environment));
        for file in source_files(db, environment) {
            hasher.add(file.name(db).as_str().as_bytes());
            hasher.add(&bytes(db, file));
        }
        hasher.finish()
    }

    /// Returns the digest of what a file held; `None` if there was none of that name.
    pub fn digest_of(&self, file: &FileName) -> Option<Digest> {
        self.files.get(file.as_str()).map(|it| Digest::from_bytes(it.bytes))
    }

    /// Returns what has changed of an environment since this frame was taken; `None` if that is more than values of config, or a
    /// value may be said in vain.
    pub fn edit_of_values(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        settings: &str,
    ) -> Option<Edit> {
        if !self.has_ground(db, environment, settings) {
            return None;
        }
        let same_outline = |file: SourceFile, before: &FileFrame| {
            let is_same = Some(outline(db, file)?) == before.outline;
            is_same.then(|| FileFrame { bytes: bytes(db, file), ..*before })
        };
        let (frame, files) = self.edited(db, environment, same_outline)?;
        let concerned = concerned(db, environment, &files)?;
        let extent = Extent::Values;
        Some(Edit { frame, files, concerned, reassigned: None, extent, objects: None })
    }

    /// Returns what has changed of an environment, of which everything was read, since this frame was taken, when it had the
    /// objects `before`; `None` if that may concern all assignments, or anything is wrong.
    pub fn edit_of_objects(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        settings: &str,
        before: &NotedObjects,
    ) -> Option<Edit> {
        if rest(db, environment, settings) != self.rest || before.digest() != self.objects {
            return None;
        }
        let files = self.other_files(db, environment)?;
        let (was, now) = (Objects::decode(before)?, Objects::of(db, environment));
        let Concerned { assignments: concerned, reassigned } =
            now.concerned(db, environment, (&was, &files))?;
        let now = now.encode();
        let frame = Self::of(db, environment, settings, &now);
        let objects = Some(now).filter(|it| it != before);
        Some(Edit { frame, files, concerned, reassigned, extent: Extent::Objects, objects })
    }

    /// Says whether everything is as it was that no source file says, and which workloads are registered.
    fn has_ground(&self, db: &Database, environment: EnvironmentInput, settings: &str) -> bool {
        rest(db, environment, settings) == self.rest && workloads(db, environment) == self.workloads
    }

    /// Returns the frame as it is now, and the files that hold something else, for each of which `now` returns what the frame has of it;
    /// `None` if there are other files, or `now` returns none.
    fn edited(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        now: impl Fn(SourceFile, &FileFrame) -> Option<FileFrame>,
    ) -> Option<(Self, BTreeSet<FileName>)> {
        let mut frame = self.clone();
        let mut edited = BTreeSet::new();
        let mut count = 0;
        for file in source_files(db, environment) {
            count += 1;
            let name = file.name(db);
            let before = self.files.get(name.as_str())?;
            if bytes(db, file) != before.bytes {
                frame.files.insert(name.to_string(), now(file, before)?);
                edited.insert(name.clone());
            }
        }
        (count == self.files.len()).then_some((frame, edited))
    }

    /// Returns the files that hold something else, are new, or gone; `None` if anything is wrong with one.
    fn other_files(
        &self,
        db: &Database,
        environment: EnvironmentInput,
    ) -> Option<BTreeSet<FileName>> {
        let mut edited = BTreeSet::new();
        let mut gone: BTreeSet<&str> = self.files.keys().map(String::as_str).collect();
        for file in source_files(db, environment) {
            let name = file.name(db);
            gone.remove(name.as_str());
            let before = self.files.get(name.as_str());
            if before.is_none_or(|it| it.bytes != bytes(db, file)) {
                if !is_whole(decode_file(db, file)) {
                    return None;
                }
                edited.insert(name.clone());
            }
        }
        edited.extend(gone.into_iter().map(FileName::new));
        Some(edited)
    }
}

fn shape(rest: [&[u8; 32]; 2], files: &BTreeMap<String, FileFrame>) -> [u8; 32] {
    let mut hasher = Hasher::new("wob 2026-11 shape of a frame");
    for it in rest {
        hasher.add(it);
    }
    for (name, FileFrame { bytes, outline, .. }) in files {
        hasher.add(name.as_bytes());
        // They are of two kinds, so that no outline is taken for bytes.
        hasher.add(outline.as_ref().unwrap_or(bytes));
    }
    *hasher.finish().as_bytes()
}

fn bytes(db: &Database, file: SourceFile) -> [u8; 32] {
    *file.content(db).digest().as_bytes()
}

/// Returns the digest of an environment's input but for workloads and source files: all of it, whatever follows from the text of settings or from
/// files as well, so that nobody need know what does. Where sources come from does not count: records name it, and nothing that is
/// rendered does.
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
    let validation = environment.validation(db);
    add(&validation.every.digest(db));
    for (name, check) in &validation.cluster_types {
        add(&(name, check.digest(db)));
    }
    *hasher.finish().as_bytes()
}

/// Returns the digest of which workloads are registered, and of which of them nothing can be had.
fn workloads(db: &Database, environment: EnvironmentInput) -> [u8; 32] {
    let mut hasher = Hasher::new("wob 2026-11 workloads of a frame");
    for it in environment.workloads(db) {
        let it = (&it.registration, it.source.as_ref().err());
        hasher.add(format!("{it:?}").as_bytes());
    }
    *hasher.finish().as_bytes()
}

/// Says whether everything in a file could be read: whatever could not is an error.
fn is_whole(decoded: &Decoded) -> bool {
    !decoded.diagnostics.iter().any(Diagnostic::is_error)
}

fn outline(db: &Database, file: SourceFile) -> Option<[u8; 32]> {
    let decoded = decode_file(db, file);
    // What says nothing may be the template of a rule. Objects of no kind of ours concern nobody.
    if !is_whole(decoded) || decoded.resources.is_empty() {
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
    let labels: Vec<LayerLabels> = edited.into_iter().map(labels_of).collect();
    Some(having(db, environment, &labels))
}

/// Returns which assignments have a layer with any of these labels, by their positions.
fn having(db: &Database, environment: EnvironmentInput, labels: &[LayerLabels]) -> Vec<usize> {
    let reach = Reach::new(db, environment, labels);
    let all = assignments(db, environment);
    let mut found = vec![];
    for group in groups(all) {
        reach.find(all, group, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn is_contested(layers: &Layers, layer: &Layer) -> bool {
    let has = |other: &Layer| {
        let mut keys = layer.entries.iter().map(Entry::key);
        keys.any(|key| other.entries.binary_search_by(|it| it.key().cmp(key)).is_ok())
    };
    layers.all().iter().any(|it| {
        it.is_dotted == layer.is_dotted
            && it.labels == layer.labels
            && !std::ptr::eq(it, layer)
            && has(it)
    })
}
