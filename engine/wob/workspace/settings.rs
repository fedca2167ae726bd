//! Where the settings of a workspace come from, so that others can find the same.

use wob_engine::{Content, Digest, Origin};
use wob_host::{ReadLimits, Repository};
use wob_rules::{SourceRecord, SourceRole};

use super::{FILE, Workspace, at_commit::AtCommit};

/// The settings as they were read.
#[derive(Clone, Debug)]
pub(super) struct SettingsFile {
    /// BLAKE3 of the file; of one that a commit has too but for its line ends, that of the commit's.
    digest: Digest,
    /// The commit that has them; none if there is no such commit.
    origin: Origin,
    /// Their path in the repository, or in the workspace if it lies in none.
    path: String,
}

impl Workspace {
    /// Returns what the record of a tree says about the settings; none if the workspace has none.
    pub(crate) fn settings_record(&self) -> Option<SourceRecord> {
        let file = self.settings_file.as_ref()?;
        let record = SourceRecord::new(SourceRole::Settings, &file.path, &file.origin);
        Some(SourceRecord { digest: Some(file.digest), ..record })
    }
}

impl SettingsFile {
    /// Finds where `content` comes from, which is read at the commit `at`, or lies in the checkout of `repository`.
    pub(super) fn new(
        content: Option<&Content>,
        at: Option<&AtCommit>,
        repository: Option<&Repository>,
        root: &camino::Utf8Path,
    ) -> Option<Self> {
        let Some(Content::Text { text, digest }) = content else { return None };
        let nowhere = Self {
            digest: *digest,
            origin: Origin { url: FILE.to_owned(), ..Origin::default() },
            path: FILE.to_owned(),
        };
        let found;
        let (at, lies_at) = match (at, repository) {
            (Some(at), _) => (at, true),
            (None, Some(repository)) => {
                // Whoever gets the last commit of the checkout gets its settings.
                let Some(at) = AtCommit::checked_out(root, repository) else {
                    return Some(nowhere);
                };
                found = at;
                (&found, false)
            }
            (None, None) => return Some(nowhere),
        };
        let Ok(Some(path)) = at.path_of(FILE) else { return Some(nowhere) };
        let committed = at.repository.file(&at.commit, &path, &ReadLimits::default());
        let same = match committed {
            Ok(Some(Content::Text { text: other, digest })) => {
                (lies_at || is_same(text, &other)).then_some(digest)
            }
            Ok(Some(Content::Refused(_) | Content::Unread { .. }) | None) | Err(_) => None,
        };
        Some(Self {
            digest: same.unwrap_or(*digest),
            origin: Origin { dirty: same.is_none(), ..at.origin_called(FILE) },
            path: path.to_string(),
        })
    }
}

/// Says whether two texts are the same but for line ends, which git may write as the system has them.
fn is_same(a: &str, b: &str) -> bool {
    a == b || a.replace("\r\n", "\n") == b.replace("\r\n", "\n")
}

impl AtCommit {
    /// Returns the last commit of the checkout around the workspace at `root`; none if there is none.
    fn checked_out(root: &camino::Utf8Path, repository: &Repository) -> Option<Self> {
        let commit = repository.resolve("HEAD").ok()?;
        Self::new(root, commit.id).ok()
    }
}
