//! Puts a fleet where the engine looks: into a database, or into a folder.

use std::{collections::BTreeMap, fs, io, sync::Arc};

use camino::Utf8Path;
use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};
use wob_rules::{BaseSource, EnvironmentInput, Profile, Settings, WorkloadSource, discover};

use crate::fleet::{ENVIRONMENT, Fleet};

/// A fleet in a database.
pub(crate) struct Loaded {
    pub(crate) db: Database,
    pub(crate) input: EnvironmentInput,
    /// Every file.
    pub(crate) files: Vec<SourceFile>,
}

/// Puts `fleet` into a new database, as the command does with what it read.
pub(crate) fn load(fleet: &Fleet) -> Loaded {
    let db = Database::default();
    let mut files = vec![];
    let base = source(&db, "base", &fleet.base, &mut files);
    let control_plane = source(&db, ENVIRONMENT, &fleet.control_plane, &mut files);
    let workloads = fleet.teams.iter().map(|(team, texts)| {
        let source = source(&db, team, texts, &mut files);
        (team.as_str(), source)
    });
    let teams: BTreeMap<&str, Source> = workloads.collect();
    let registrations = discover::registrations(&db, base);
    let workloads = registrations.into_iter().map(|registration| {
        let source = teams[registration.meta.name.as_str()];
        WorkloadSource { registration, source: Ok(source) }
    });
    let workloads = workloads.collect();
    let bases = vec![BaseSource { repository: None, source: Ok(base) }];
    let settings = Arc::new(Settings::of(Profile::Standard));
    let input = EnvironmentInput::new(
        &db,
        ENVIRONMENT.to_owned(),
        settings,
        bases,
        control_plane,
        workloads,
    );
    Loaded { db, input, files }
}

fn source(
    db: &Database,
    root: &str,
    texts: &BTreeMap<String, String>,
    files: &mut Vec<SourceFile>,
) -> Source {
    let file = |(path, text): (&String, &String)| {
        let name = FileName::new(&format!("{root}/{path}"));
        let path = FilePath::new(path).expect("because the paths of a fleet are well-formed");
        let digest = Digest::of(text.as_bytes());
        SourceFile::new(db, name, path, Content::Text { text: text.as_str().into(), digest })
    };
    let own: Vec<SourceFile> = texts.iter().map(file).collect();
    files.extend(&own);
    Source::new(db, Origin::default(), own, vec![])
}

/// Writes `fleet` into `folder` as a workspace of the folders layout, for the command to build.
///
/// # Errors
/// What the operating system says.
pub(crate) fn write(fleet: &Fleet, folder: &Utf8Path) -> io::Result<()> {
    for (path, text) in fleet.files() {
        put(&folder.join(path), text)?;
    }
    put(&folder.join("wob.yaml"), &fleet.workspace_file())
}

fn put(path: &Utf8Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("because every file lies in a folder"))?;
    fs::write(path, text)
}
