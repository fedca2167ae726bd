//! The names in a source before anything is read: folders, files and links, from which every kind of source is walked
//! in the same way.
//!
//! **Invariant:** links are followed in the listing, never on disk, so that no link can lead out of the source.

use std::collections::BTreeMap;

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};
use wob_engine::{Content, FilePath, OWN_FOLDER, Refusal};

use crate::{ReadOptions, SnapshotFile, snapshot::LimitError};

const SOURCE_IGNORE: &str = ".sourceignore";
/// More patterns than this in all `.sourceignore` files take longer to compile than anyone would wait.
const PATTERNS: usize = 10_000;
/// A chain of links longer than this is a circle: what Linux allows.
const LINK_HOPS: usize = 40;

/// A folder: entries by name.
pub(crate) type Folder<L> = BTreeMap<String, Node<L>>;

/// One entry of a folder; `L` finds the bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node<L> {
    File(L),
    Folder(Folder<L>),
    /// A link; `None` if it leads to an absolute path outside. A leading `/` means the root of the source.
    Link {
        written: String,
        target: Option<String>,
    },
    /// What could not be listed.
    Refused(Refusal),
}

/// The files of a source, read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) visible: Vec<SnapshotFile>,
    pub(crate) ignored: Vec<SnapshotFile>,
}

/// Reads files once each, however many links lead to them.
pub(crate) struct Reader<'r, L> {
    options: ReadOptions<'r>,
    load: &'r mut dyn FnMut(&L) -> Content,
    loaded: BTreeMap<L, Content>,
    bytes: u64,
}

impl<'r, L: Ord + Clone> Reader<'r, L> {
    pub(crate) fn new(options: ReadOptions<'r>, load: &'r mut dyn FnMut(&L) -> Content) -> Self {
        Self { options, load, loaded: BTreeMap::new(), bytes: 0 }
    }

    /// Reads the wanted files below `root`, sorted by path.
    pub(crate) fn read(&mut self, root: &Folder<L>) -> Result<Files, LimitError> {
        let mut walk = Walk {
            root,
            reader: self,
            ignores: vec![],
            entries: 0,
            patterns: 0,
            found: BTreeMap::new(),
        };
        walk.folder(root, &Position::default(), Shown::Yes)?;
        let mut files = Files::default();
        for (path, (content, shown)) in walk.found {
            let file = SnapshotFile { path, content };
            match shown {
                Shown::Yes => files.visible.push(file),
                Shown::No => files.ignored.push(file),
            }
        }
        Ok(files)
    }

    fn content(&mut self, leaf: &L) -> Result<Content, LimitError> {
        if let Some(content) = self.loaded.get(leaf) {
            return Ok(content.clone());
        }
        self.options.interrupt.check()?;
        let content = (self.load)(leaf);
        // It takes less time to make anew than to keep.
        if matches!(content, Content::Unread { .. }) {
            return Ok(content);
        }
        if let Content::Text { text, .. } = &content {
            self.bytes += text.len() as u64;
            let limit = self.options.limits.total_bytes;
            if self.bytes > limit {
                return Err(LimitError::Bytes { limit });
            }
        }
        self.loaded.insert(leaf.clone(), content.clone());
        Ok(content)
    }
}

/// Whether `.sourceignore` hides an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

/// Where the walk stands: `shown` is the path that people see, `real` the same with links resolved, `via` where the
/// links lie that led here.
#[derive(Clone, Default)]
struct Position {
    shown: Vec<String>,
    real: Vec<String>,
    via: Vec<Vec<String>>,
}

/// An entry as people see it: the path of its folder, and its name.
type Named<'p> = (&'p [String], &'p str);

impl Position {
    /// Returns where `name` is in the folder at this position.
    fn below(&self, name: &str) -> Self {
        let mut here = self.clone();
        here.shown.push(name.to_owned());
        here.real.push(name.to_owned());
        here
    }

    fn named(&self) -> Named<'_> {
        let (name, folder) = self.shown.split_last().expect("because an entry has a name");
        (folder, name)
    }
}

struct Walk<'w, 'r, L> {
    root: &'w Folder<L>,
    reader: &'w mut Reader<'r, L>,
    /// The matchers from the root down to here, each with the number of components above it.
    ignores: Vec<(usize, Gitignore)>,
    entries: usize,
    /// How many lines of `.sourceignore` files were read so far, those behind links counted each time.
    patterns: usize,
    found: BTreeMap<FilePath, (Content, Shown)>,
}

impl<'w, L: Ord + Clone> Walk<'w, '_, L> {
    fn folder(
        &mut self,
        folder: &'w Folder<L>,
        at: &Position,
        shown: Shown,
    ) -> Result<(), LimitError> {
        let limit = self.reader.options.limits.depth;
        if at.shown.len() > limit {
            return Err(LimitError::Depth { path: at.shown.join("/"), limit });
        }
        let ignores = self.ignores.len();
        if let Some(ignore) = self.source_ignore(folder, at)? {
            self.ignores.push((at.shown.len(), ignore));
        }
        for (name, node) in folder {
            self.entry(name, node, at, shown)?;
        }
        self.ignores.truncate(ignores);
        Ok(())
    }

    fn entry(
        &mut self,
        name: &str,
        node: &'w Node<L>,
        at: &Position,
        shown: Shown,
    ) -> Result<(), LimitError> {
        self.reader.options.interrupt.check()?;
        let limit = self.reader.options.limits.entries;
        self.entries += 1;
        if self.entries > limit {
            return Err(LimitError::Entries { limit });
        }
        match node {
            Node::File(leaf) => self.file(leaf, (&at.shown, name), shown),
            Node::Folder(below) => self.below(below, &at.below(name), shown),
            Node::Refused(refusal) => {
                self.refuse((&at.shown, name), shown, refusal.clone());
                Ok(())
            }
            Node::Link { written, target } => {
                self.link(written, target.as_deref(), &at.below(name), shown)
            }
        }
    }

    fn below(
        &mut self,
        folder: &'w Folder<L>,
        here: &Position,
        shown: Shown,
    ) -> Result<(), LimitError> {
        let named = here.named();
        if is_bad_name(named.1) {
            let reason = "the folder's name holds a backslash or a control character".to_owned();
            self.refuse(named, shown, Refusal::Unreadable { reason });
            return Ok(());
        }
        if is_not_source(folder) {
            return Ok(());
        }
        let shown = self.shown(named, shown, Kind::Folder);
        self.folder(folder, here, shown)
    }

    fn file(&mut self, leaf: &L, named: Named<'_>, shown: Shown) -> Result<(), LimitError> {
        let (folder, name) = named;
        if !(self.reader.options.wanted)(name) {
            return Ok(());
        }
        if is_bad_name(name) {
            let reason = "the file's name holds a backslash or a control character".to_owned();
            self.refuse(named, shown, Refusal::Unreadable { reason });
            return Ok(());
        }
        let content = self.reader.content(leaf)?;
        let shown = self.shown(named, shown, Kind::File);
        self.found.insert(path_of(folder, name), (content, shown));
        Ok(())
    }

    fn link(
        &mut self,
        written: &str,
        target: Option<&str>,
        here: &Position,
        shown: Shown,
    ) -> Result<(), LimitError> {
        let parent = &here.real[..here.real.len() - 1];
        let refusal = match self.resolve(parent, target) {
            Resolved::File(leaf) => return self.file(leaf, here.named(), shown),
            Resolved::Refused(refusal) => refusal,
            Resolved::Folder(real, folder) => {
                let mut via = here.via.clone();
                via.push(here.real.clone());
                // A folder that holds a link that led to it would be walked for ever.
                if !via.iter().any(|link| link.starts_with(&real)) {
                    let here = Position { shown: here.shown.clone(), real, via };
                    return self.below(folder, &here, shown);
                }
                Refusal::Unreadable { reason: format!("the link to `{written}` is a circle") }
            }
            Resolved::Leaves => Refusal::LinkLeaves { target: written.to_owned() },
            Resolved::Circle => {
                Refusal::Unreadable { reason: format!("the link to `{written}` is a circle") }
            }
            Resolved::Missing => {
                Refusal::Unreadable { reason: format!("the link to `{written}` leads to nothing") }
            }
        };
        // A link to a picture is nobody's business; one without an extension may stand for a folder.
        let (folder, name) = here.named();
        if (self.reader.options.wanted)(name) || !name.contains('.') {
            self.refuse((folder, name), shown, refusal);
        }
        Ok(())
    }

    fn refuse(&mut self, (folder, name): Named<'_>, shown: Shown, refusal: Refusal) {
        let shown = self.shown((folder, name), shown, Kind::File);
        self.found.insert(path_of(folder, name), (Content::Refused(refusal), shown));
    }

    /// Finds what `target` names, seen from the folder `parent`.
    fn resolve(&self, parent: &[String], target: Option<&str>) -> Resolved<'w, L> {
        let Some(target) = target else { return Resolved::Leaves };
        let mut hops = 0;
        let mut real: Vec<String> = if target.starts_with('/') { vec![] } else { parent.to_vec() };
        let mut rest: Vec<&str> = target.split('/').rev().collect();
        while let Some(component) = rest.pop() {
            match component {
                "" | "." => continue,
                ".." => match real.pop() {
                    Some(_) => continue,
                    None => return Resolved::Leaves,
                },
                _ => real.push(component.to_owned()),
            }
            let Some(Node::Link { target, .. }) = self.node(&real) else { continue };
            hops += 1;
            let Some(target) = target.as_deref() else { return Resolved::Leaves };
            if hops > LINK_HOPS {
                return Resolved::Circle;
            }
            real.pop();
            if target.starts_with('/') {
                real.clear();
            }
            rest.extend(target.split('/').rev());
        }
        if real.is_empty() {
            return Resolved::Folder(real, self.root);
        }
        match self.node(&real) {
            Some(Node::File(leaf)) => Resolved::File(leaf),
            Some(Node::Folder(folder)) => Resolved::Folder(real, folder),
            Some(Node::Refused(refusal)) => Resolved::Refused(refusal.clone()),
            Some(Node::Link { .. }) | None => Resolved::Missing,
        }
    }

    fn node(&self, path: &[String]) -> Option<&'w Node<L>> {
        let (last, folders) = path.split_last()?;
        let mut folder = self.root;
        for name in folders {
            let Some(Node::Folder(below)) = folder.get(name) else { return None };
            folder = below;
        }
        folder.get(last)
    }

    fn source_ignore(
        &mut self,
        folder: &Folder<L>,
        at: &Position,
    ) -> Result<Option<Gitignore>, LimitError> {
        let leaf = match folder.get(SOURCE_IGNORE) {
            Some(Node::File(leaf)) => leaf,
            Some(Node::Link { target, .. }) => match self.resolve(&at.real, target.as_deref()) {
                Resolved::File(leaf) => leaf,
                Resolved::Folder(..)
                | Resolved::Refused(_)
                | Resolved::Leaves
                | Resolved::Circle
                | Resolved::Missing => return Ok(None),
            },
            Some(Node::Folder(_) | Node::Refused(_)) | None => return Ok(None),
        };
        let Content::Text { text, .. } = self.reader.content(leaf)? else { return Ok(None) };
        self.patterns += text.lines().count();
        if self.patterns > PATTERNS {
            let path = at.shown.iter().map(String::as_str).chain([SOURCE_IGNORE]);
            let path = path.collect::<Vec<_>>().join("/");
            return Err(LimitError::Patterns { path, limit: PATTERNS });
        }
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            // Git passes over a pattern that it cannot read, and so does Flux.
            builder.add_line(None, line).ok();
        }
        Ok(builder.build().ok())
    }

    fn shown(&self, (folder, name): Named<'_>, above: Shown, kind: Kind) -> Shown {
        if above == Shown::No {
            // As in git, nothing below a hidden folder can be shown again.
            return Shown::No;
        }
        for (depth, ignore) in self.ignores.iter().rev() {
            let path = joined(&folder[*depth..], name);
            match ignore.matched(path, kind == Kind::Folder) {
                Match::Ignore(_) => return Shown::No,
                Match::Whitelist(_) => return Shown::Yes,
                Match::None => {}
            }
        }
        Shown::Yes
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

enum Resolved<'w, L> {
    File(&'w L),
    Folder(Vec<String>, &'w Folder<L>),
    Refused(Refusal),
    Leaves,
    Circle,
    Missing,
}

/// Says whether a folder below the root is no source: what wob wrote, or a cache such as cargo's `target`.
fn is_not_source<L>(folder: &Folder<L>) -> bool {
    let written = match folder.get(OWN_FOLDER) {
        Some(Node::Folder(wob)) => wob.contains_key("tree.json"),
        Some(Node::File(_) | Node::Link { .. } | Node::Refused(_)) | None => false,
    };
    written || folder.contains_key("CACHEDIR.TAG")
}

fn is_bad_name(name: &str) -> bool {
    FilePath::new(name).is_err()
}

/// Returns the path of `name` in a folder, with U+FFFD for what a path must not hold.
fn path_of(folder: &[String], name: &str) -> FilePath {
    let path = joined(folder, name);
    FilePath::new(&path).unwrap_or_else(|_| {
        let clean =
            |it: char| if it.is_control() || it == '\\' { char::REPLACEMENT_CHARACTER } else { it };
        let path: String = path.chars().map(clean).collect();
        FilePath::new(&path).expect("because names are never empty, `.` or `..` and hold no `/`")
    })
}

fn joined(folder: &[String], name: &str) -> String {
    let mut path = String::new();
    for component in folder {
        path.push_str(component);
        path.push('/');
    }
    path + name
}
