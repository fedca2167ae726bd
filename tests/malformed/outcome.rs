//! What became of a malformation, held against what must become of it.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Content, Database, Diagnostic, Digest, FileName, FilePath, Refusal, SourceFile};
use wob_rules::{Built, decode_file, resource::Resource};

use super::{Case, Scene, hand::Malformed};
use crate::{
    engine,
    oracle::{self, world::World},
};

/// What became of a malformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// An error at a place.
    Error,
    /// No error, but a warning at a place; the output is right.
    Warning,
    /// It is legal and means something else; the output is right.
    Changed,
    /// It is legal and means something else, but no output depends on that.
    Unused,
    /// It means the same.
    Same,
}

impl Fate {
    pub(crate) const ALL: [Self; 5] =
        [Self::Error, Self::Warning, Self::Changed, Self::Unused, Self::Same];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Changed => "changed",
            Self::Unused => "unused",
            Self::Same => "same",
        }
    }
}

/// Files by path, as they lie in the output folder after a build.
pub(crate) type Output = BTreeMap<FilePath, Digest>;

/// Builds a malformed scene, checks all that must hold, and says what became of it.
pub(crate) fn judge(scene: &mut Scene, case: &Case) -> Fate {
    let what = format!("{} in {:?} {} of {}", case.kind, case.root, case.path, scene.world.env);
    let before = output(&scene.built, None);
    let without = scene.without(&case.root, &case.path).clone();
    let concerned = concerned(&scene.built, &without);
    let whole = scene.text(&case.root, &case.path).to_owned();
    let built = build(scene, case);
    check_diagnostics(scene, &built.diagnostics, &what);
    let after = output(&built, Some(&before));
    if built.diagnostics.iter().any(Diagnostic::is_error) {
        for (path, digest) in &before {
            let is_concerned = group(path).is_none_or(|it| concerned.contains(it));
            assert!(
                is_concerned || after.get(path) == Some(digest),
                "{what} changed {path}: {:#?}",
                built.diagnostics
            );
        }
        return Fate::Error;
    }
    let world = scene.with(&case.root, &case.path, &case.malformed);
    let is_read = case.malformed.text().is_none_or(|it| !meaning(it).is_empty());
    // What holds no object is no source, whatever rule then takes the place of what was in it.
    let expected = if is_read { oracle::evaluate(&world) } else { engine::outcome(&without) };
    assert_eq!(engine::outcome(&built), expected, "{what}");
    assert_eq!(built.prefix, prefix(&world), "{what}");
    if !built.diagnostics.is_empty() {
        Fate::Warning
    } else if after != before {
        Fate::Changed
    } else if case.malformed.text().is_none_or(|it| meaning(it) == meaning(&whole)) {
        Fate::Same
    } else {
        Fate::Unused
    }
}

/// Builds the scene with the malformed file.
pub(crate) fn build(scene: &mut Scene, case: &Case) -> Built {
    let world = scene.with(&case.root, &case.path, &case.malformed);
    scene.workspace.set(&world);
    if let Some(content) = case.malformed.refusal() {
        let (root, path) = scene.in_engine(&case.root, &case.path);
        scene.workspace.add(&root, &path, Content::Refused(content));
    }
    scene.workspace.build()
}

/// Returns what lies in the output folder after a build into one where `before` was.
pub(crate) fn output(built: &Built, before: Option<&Output>) -> Output {
    let mut output: Output =
        built.tree.files().map(|(path, blob)| (path.clone(), blob.digest())).collect();
    for (path, digest) in before.into_iter().flatten() {
        if built.keeps(path) {
            output.insert(path.clone(), *digest);
        }
    }
    output
}

/// Returns where the tree begins by the only GitOpsRepo of a world.
fn prefix(world: &World) -> String {
    let texts = world.base.values().chain(world.environment.values());
    let documents = texts.flat_map(|it| oracle::documents(it).unwrap_or_default());
    let mut repositories = documents.filter(|it| it["kind"] == "GitOpsRepo");
    let path = repositories.find_map(|it| Some(it["spec"]["path"].as_str()?.to_owned()));
    let path = path.unwrap_or_default();
    path.split('/').filter(|it| !matches!(*it, "" | ".")).collect::<Vec<_>>().join("/")
}

/// Returns the objects that a text holds.
fn meaning(text: &str) -> Vec<Resource> {
    let db = Database::default();
    let content = Content::Text { text: text.into(), digest: Digest::of(text.as_bytes()) };
    let path = FilePath::new("file.yaml").expect("because it is one");
    let file = SourceFile::new(&db, FileName::new("file.yaml"), path, content);
    decode_file(&db, file).resources.clone()
}

/// Returns the assignment or the cluster type whose file this is.
fn group(path: &FilePath) -> Option<&str> {
    path.as_str().rsplit_once('/').map(|(folder, _)| folder)
}

/// Returns the folders of assignments and cluster types whose files differ.
fn concerned(with: &Built, without: &Built) -> BTreeSet<String> {
    let (with, without) = (output(with, None), output(without, None));
    let paths = with.keys().chain(without.keys());
    let differing = paths.filter(|it| with.get(*it) != without.get(*it));
    differing.filter_map(group).map(ToOwned::to_owned).collect()
}

/// Every diagnostic has a place in a text that is there, and a way out.
pub(crate) fn check_diagnostics(scene: &Scene, diagnostics: &[Diagnostic], what: &str) {
    for it in diagnostics {
        assert!(it.help.is_some(), "{what}: no way out of {it:#?}");
        assert!(!it.labels.is_empty(), "{what}: no place of {it:#?}");
        for label in &it.labels {
            let found = scene.workspace.locate(&label.place);
            assert!(found.is_ok(), "{what}: {} of {it:#?}", found.unwrap_err());
        }
        assert!(it.message.len() < 5000, "{what}: {} bytes: {it:#?}", it.message.len());
    }
}

impl Malformed {
    /// Returns the file's text, if it is there and can be read as text.
    pub(crate) fn text(&self) -> Option<&str> {
        let Self::Bytes(bytes) = self else { return None };
        if self.refusal().is_some() {
            return None;
        }
        let text = str::from_utf8(bytes).ok()?;
        Some(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// Returns why the file is refused before it is parsed, as the host would.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        const LIMIT: u64 = 10 << 20;
        match self {
            Self::Bytes(bytes) if bytes.len() as u64 > LIMIT => {
                Some(Refusal::TooLarge { size: bytes.len() as u64, limit: LIMIT })
            }
            Self::Bytes(bytes) => {
                let offset = str::from_utf8(bytes).err()?.valid_up_to() as u64;
                Some(Refusal::NotUtf8 { offset })
            }
            Self::LinkToNothing => {
                let reason = "the link to `nothing` leads to nothing".to_owned();
                Some(Refusal::Unreadable { reason })
            }
            Self::Gone | Self::Moved(_) => None,
        }
    }
}
