//! What is read instead of other repositories: the command line, `wob.local.yaml`, then `wob.yaml`.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use wob_host::{RepositoryId, resolve_inside};
use wob_rules::InputEntry;

use super::Standing;
use crate::{
    args::Common,
    input_override::{InputOverride, Instead},
};

/// The overrides of a run, each the one that wins for its repository.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    entries: BTreeMap<RepositoryId, Override>,
}

/// One override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    url: String,
    /// What is read; a folder is relative to the workspace, unless `from_start` says where from.
    pub(super) instead: Instead,
    /// The folder as it was written, for people.
    pub(super) shown: Utf8PathBuf,
    /// Only a folder of the workspace itself comes with it, and so may be published.
    pub(super) standing: Standing,
}

impl Overrides {
    /// Joins the overrides of the command line with those of the settings.
    pub(super) fn new(
        root: &Utf8Path,
        common: &Common,
        local: &[InputEntry],
        shared: &[InputEntry],
    ) -> Self {
        let start = common.directory.clone().unwrap_or_default();
        let given = common.override_input.iter().map(|it| Override::given(it, &start));
        let local = local.iter().filter_map(|it| Override::written(root, it, Standing::Dirty));
        let shared = shared.iter().filter_map(|it| Override::written(root, it, Standing::Clean));
        Self::first_of(given.chain(local).chain(shared))
    }

    /// Keeps the first one of each repository.
    fn first_of(all: impl Iterator<Item = Override>) -> Self {
        let mut entries = BTreeMap::new();
        for it in all {
            entries.entry(RepositoryId::of(&it.url)).or_insert(it);
        }
        Self { entries }
    }

    /// Takes those of the settings that everybody has, and no others.
    pub(super) fn shared(root: &Utf8Path, shared: &[InputEntry]) -> Self {
        let shared = shared.iter().filter_map(|it| Override::written(root, it, Standing::Clean));
        Self::first_of(shared)
    }

    /// Returns the overrides that lead out of the workspace, as the command line takes them; folders from the root of the
    /// disk.
    pub(super) fn absolute(&self, root: &Utf8Path) -> impl Iterator<Item = String> {
        let outside = self.entries.values().filter(|it| it.standing == Standing::Dirty);
        outside.map(move |it| {
            let instead = match &it.instead {
                Instead::Folder(folder) => root.join(folder).to_string(),
                Instead::Repository { url, revision: Some(revision) } => {
                    format!("{url}@{revision}")
                }
                Instead::Repository { url, revision: None } => url.clone(),
            };
            format!("{}={instead}", it.url)
        })
    }

    /// Returns what is read instead of the repository at `url`.
    pub(super) fn find(&self, url: &str) -> Option<&Override> {
        self.entries.get(&RepositoryId::of(url))
    }
}

impl Override {
    fn given(given: &InputOverride, start: &Utf8Path) -> Self {
        let instead = match &given.instead {
            Instead::Folder(folder) => Instead::Folder(absolute(&start.join(folder))),
            Instead::Repository { .. } => given.instead.clone(),
        };
        let shown = match &given.instead {
            Instead::Folder(folder) => folder.clone(),
            Instead::Repository { .. } => Utf8PathBuf::new(),
        };
        Self { url: given.url.clone(), instead, shown, standing: Standing::Dirty }
    }

    fn written(root: &Utf8Path, entry: &InputEntry, standing: Standing) -> Option<Self> {
        let instead = Instead::parse(&entry.path).ok()?;
        let leaves = match &instead {
            Instead::Folder(folder) => {
                let full = root.join(folder);
                // A folder that is missing is reported when it is read.
                full.exists() && resolve_inside(root, &full).is_err()
            }
            Instead::Repository { .. } => true,
        };
        let standing = if leaves { Standing::Dirty } else { standing };
        let shown = entry.path.as_str().into();
        Some(Self { url: entry.url.clone(), instead, shown, standing })
    }
}

/// Returns `path` from the root of the disk; as it is, if there is no working folder to begin in.
fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned())
}
