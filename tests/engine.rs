//! The engine's side of the comparison with the oracle: worlds as salsa inputs, edited in place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use salsa::Setter as _;
use wob_engine::{
    Content, Database, Diagnostic, Digest, FileName, FilePath, LineColumn, LineIndex, Origin,
    Place, Source, SourceFile, git_blob_id, yaml,
};
use wob_rules::{
    BaseSource, Built, Edit, EnvironmentInput, Frame, NamespacePattern, NotedObjects, Settings,
    Unavailable, WorkloadSource, build, discover,
    lint::{self, Coverage},
};

use crate::oracle::world::{Files, Outcome, Precedence, Profile, World};

/// A world in a database.
pub(crate) struct Workspace {
    db: Database,
    sources: BTreeMap<String, Source>,
    files: BTreeMap<(String, String), SourceFile>,
    input: EnvironmentInput,
}

/// What is noted of a workspace, so that a later one can tell what has changed.
pub(crate) struct Framed {
    pub(crate) frame: Frame,
    objects: NotedObjects,
}

impl Framed {
    pub(crate) fn of(workspace: &Workspace, settings: &str) -> Self {
        let (db, input) = workspace.parts();
        let objects = NotedObjects::of(db, input);
        Self { frame: Frame::of(db, input, settings, &objects), objects }
    }

    /// Returns what has changed, as a build finds it out that has read everything.
    pub(crate) fn edit(&self, now: &Workspace, settings: &str) -> Option<Edit> {
        let (db, input) = now.parts();
        let values = self.frame.edit_of_values(db, input, settings);
        let damage = || self.frame.edit_of_damage(db, input, settings);
        let objects = || self.frame.edit_of_objects(db, input, settings, &self.objects);
        values.or_else(damage).or_else(objects)
    }
}

/// Builds `world` from nothing.
pub(crate) fn evaluate(world: &World) -> Outcome {
    outcome(&Workspace::new(world).build())
}

impl Workspace {
    /// Puts `world` into a new database.
    pub(crate) fn new(world: &World) -> Self {
        let db = Database::default();
        let control_plane = Source::new(&db, Origin::default(), vec![], vec![]);
        let settings = Arc::new(settings(world));
        let input =
            EnvironmentInput::new(&db, world.env.clone(), settings, vec![], control_plane, vec![]);
        let sources = BTreeMap::from([("env".to_owned(), control_plane)]);
        let mut workspace = Self { db, sources, files: BTreeMap::new(), input };
        let base = workspace.source("base");
        let bases = vec![BaseSource { repository: None, source: Ok(base) }];
        workspace.input.set_bases(&mut workspace.db).to(bases);
        workspace.set(world);
        workspace
    }

    /// Turns the world in the database into `world` by as few setters as it takes.
    pub(crate) fn set(&mut self, world: &World) {
        let settings = Arc::new(settings(world));
        if *self.input.settings(&self.db) != settings {
            self.input.set_settings(&mut self.db).to(settings);
        }
        self.set_files("base", &world.base);
        self.set_files("env", &world.environment);
        let mut registrations = vec![];
        for root in ["base", "env"] {
            let source = self.source(root);
            registrations.extend(discover::registrations(&self.db, source));
        }
        registrations.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        let mut workloads = vec![];
        for registration in registrations {
            let address = &registration.workload.repo;
            let source = match world.workloads.get(address) {
                Some(files) => {
                    let root = format!("{address} {}", registration.workload.path);
                    self.set_files(&root, &below(files, &registration.workload.path));
                    Ok(self.source(&root))
                }
                None => Err(Unavailable {
                    reason: format!("`{address}` is not here"),
                    help: Some("override it".to_owned()),
                }),
            };
            workloads.push(WorkloadSource { registration, source });
        }
        if *self.input.workloads(&self.db) != workloads {
            self.input.set_workloads(&mut self.db).to(workloads);
        }
    }

    /// Changes the input until the next [`Workspace::set`].
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Database, EnvironmentInput)) {
        change(&mut self.db, self.input);
    }

    /// Adds a file to a source, or replaces it, until the next [`Workspace::set`].
    pub(crate) fn put(&mut self, root: &str, path: &str, text: &str) {
        let content = Content::Text { text: text.into(), digest: Digest::of(text.as_bytes()) };
        if self.files.contains_key(&(root.to_owned(), path.to_owned())) {
            self.file(root, path, content);
        } else {
            self.add(root, path, content);
        }
    }

    /// Adds a file to a source until the next [`Workspace::set`].
    pub(crate) fn add(&mut self, root: &str, path: &str, content: Content) {
        let source = self.source(root);
        let file = self.file(root, path, content);
        let mut files = source.files(&self.db).clone();
        files.push(file);
        files.sort_by(|a, b| a.path(&self.db).cmp(b.path(&self.db)));
        source.set_files(&mut self.db).to(files);
    }

    /// Leaves the texts of some files out until the next [`Workspace::set`].
    pub(crate) fn leave_out(&mut self, names: &BTreeSet<&FileName>) {
        for file in self.files.values() {
            if names.contains(file.name(&self.db)) {
                let (digest, git_id) = match file.content(&self.db) {
                    Content::Text { text, digest } => (*digest, git_blob_id(text.as_bytes())),
                    Content::Unread { .. } | Content::Refused(_) => continue,
                };
                file.set_content(&mut self.db).to(Content::Unread { digest, git_id });
            }
        }
    }

    /// Returns the names of all sources.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &String> {
        self.sources.keys()
    }

    /// Finds a place in the text of its file.
    pub(crate) fn locate(&self, place: &Place) -> Result<LineColumn, String> {
        let file = self.files.values().find(|it| *it.name(&self.db) == place.file);
        let file = file.ok_or_else(|| format!("there is no file {}", place.file))?;
        let Content::Text { text, .. } = file.content(&self.db) else {
            return Ok(LineColumn { line: 1, column: 1 });
        };
        let parsed = yaml::parse(text, &yaml::Limits::default());
        let span = yaml::resolve(&parsed, text, &place.at);
        let written = text.get(span.start as usize..span.end as usize);
        written.ok_or_else(|| format!("{span:?} is not in the text"))?;
        Ok(LineIndex::new(text).line_column(text, span.start))
    }

    /// Builds with the threads of the current pool.
    pub(crate) fn build(&self) -> Built {
        build(&self.db, self.input)
    }

    /// Returns the database and what is built in it.
    pub(crate) fn parts(&self) -> (&Database, EnvironmentInput) {
        (&self.db, self.input)
    }

    /// Returns what is legal but surely wrong, as if this environment were all of the workspace.
    pub(crate) fn warnings(&self) -> Vec<Diagnostic> {
        lint::warnings(&self.db, &[self.input], Coverage::All)
    }

    fn source(&mut self, root: &str) -> Source {
        let db = &self.db;
        *self
            .sources
            .entry(root.to_owned())
            .or_insert_with(|| Source::new(db, Origin::default(), vec![], vec![]))
    }

    /// Puts a content into the file of this path.
    fn file(&mut self, root: &str, path: &str, content: Content) -> SourceFile {
        let key = (root.to_owned(), path.to_owned());
        if let Some(&file) = self.files.get(&key) {
            if *file.content(&self.db) != content {
                file.set_content(&mut self.db).to(content);
            }
            return file;
        }
        let name = FileName::new(&format!("{root}:{path}"));
        let path = FilePath::new(path).expect("because worlds have good paths");
        let file = SourceFile::new(&self.db, name, path, content);
        self.files.insert(key, file);
        file
    }

    fn set_files(&mut self, root: &str, files: &Files) {
        let source = self.source(root);
        let mut all = vec![];
        for (path, text) in files {
            let content =
                Content::Text { text: text.as_str().into(), digest: Digest::of(text.as_bytes()) };
            all.push(self.file(root, path, content));
        }
        if *source.files(&self.db) != all {
            source.set_files(&mut self.db).to(all);
        }
    }
}

/// Returns what the oracle says too: the files of the cluster types, by their paths in the tree, and which assignments
/// failed.
pub(crate) fn outcome(built: &Built) -> Outcome {
    let mut outcome = Outcome::default();
    for (path, blob) in built.tree.files() {
        let below = path.as_str().strip_prefix(&built.prefix).unwrap_or(path.as_str());
        let below = below.trim_start_matches('/');
        if !below.starts_with('.') {
            let text =
                String::from_utf8(blob.bytes().to_vec()).expect("because templates give text");
            outcome.files.insert(below.to_owned(), text);
        }
    }
    for it in built.assignments.iter().filter(|it| it.failed) {
        let pair = (it.assignment.cluster_type.to_string(), it.assignment.target.to_string());
        outcome.failed.insert(pair);
    }
    outcome
}

fn settings(world: &World) -> Settings {
    let mut settings = Settings::of(match world.profile {
        Profile::Standard => wob_rules::Profile::Standard,
        Profile::Kalypso => wob_rules::Profile::Kalypso,
    });
    if let Some(pattern) = &world.namespace_pattern {
        settings.namespace_pattern =
            NamespacePattern::parse(pattern).expect("because worlds have good patterns");
    }
    if let Some(name) = &world.config_file {
        settings.config_file.clone_from(name);
    }
    settings.config_precedence = match world.precedence {
        Precedence::Name => wob_rules::Precedence::Name,
        Precedence::Specificity => wob_rules::Precedence::Specificity,
    };
    settings
}

/// Returns the files below `folder`, as the host reads them for a registration.
fn below(files: &Files, folder: &str) -> Files {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let inside = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(&prefix)?.to_owned(), text.clone())));
    inside.collect()
}
