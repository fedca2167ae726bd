//! Places that are built into.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    cli::copy,
    property::Random,
    support::{contents, git},
};

/// Files by path.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// Where a build writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The folder that is the default.
    Default,
    /// Another folder.
    Another,
    /// A branch of a bare repository.
    Branch,
}

impl Place {
    pub(super) fn draw(random: &mut Random) -> Self {
        *random.pick(&[&Self::Default, &Self::Default, &Self::Another, &Self::Branch])
    }

    /// Returns where it is, below the folder that everything is in.
    fn path(self) -> &'static str {
        match self {
            Self::Default => "ws/wob-out/dev",
            Self::Another => "out",
            Self::Branch => "gitops.git",
        }
    }

    /// Returns the options that say so to a build in the workspace.
    pub(super) fn options(self) -> Vec<String> {
        match self {
            Self::Default => vec![],
            Self::Another => vec!["-o".to_owned(), "../out".to_owned()],
            Self::Branch => vec!["--into".to_owned(), "../gitops.git#dev".to_owned()],
        }
    }

    /// Returns those for the copy of it in the folder `fresh`.
    pub(super) fn options_in(self, fresh: &str) -> Vec<String> {
        match self {
            Self::Default | Self::Another => vec!["-o".to_owned(), format!("../{fresh}/out")],
            Self::Branch => vec!["--into".to_owned(), format!("../{fresh}/out#dev")],
        }
    }

    /// Copies it as it is.
    pub(super) fn copy_to(self, top: &Path, fresh: &str) {
        let (from, to) = (top.join(self.path()), top.join(fresh).join("out"));
        if from.exists() {
            copy(&from, &to);
        }
    }

    /// Makes an empty one instead of the copy.
    pub(super) fn empty(self, top: &Path, fresh: &str) {
        fs::remove_dir_all(top.join(fresh).join("out")).unwrap_or_default();
        if self == Self::Branch {
            git(&top.join(fresh), &["init", "-q", "--bare", "out"]);
        }
    }

    /// Returns everything in it.
    pub(super) fn tree(self, top: &Path) -> Tree {
        self.tree_at(top, &top.join(self.path()))
    }

    /// Returns everything in the copy of it.
    pub(super) fn copied_tree(self, top: &Path, fresh: &str) -> Tree {
        self.tree_at(top, &top.join(fresh).join("out"))
    }

    fn tree_at(self, top: &Path, at: &Path) -> Tree {
        if self != Self::Branch {
            return contents(at);
        }
        if git(at, &["for-each-ref", "refs/heads/dev"]).is_empty() {
            return Tree::new();
        }
        let checkout = tempfile::tempdir_in(top).unwrap();
        let folder = format!("--work-tree={}", checkout.path().display());
        git(at, &["--git-dir=.", &folder, "checkout", "-q", "-f", "dev", "--", "."]);
        contents(checkout.path())
    }

    /// Removes one file; says whether there was one. None can be removed from a branch without a commit.
    pub(super) fn lose_file(self, top: &Path, random: &mut Random) -> bool {
        let tree = self.tree(top);
        let files: Vec<&String> = tree.keys().collect();
        if self == Self::Branch || files.is_empty() {
            return false;
        }
        fs::remove_file(top.join(self.path()).join(files[random.below(files.len())])).unwrap();
        true
    }

    /// Removes everything.
    pub(super) fn lose(self, top: &Path) {
        let path = top.join(self.path());
        if self == Self::Branch {
            git(&path, &["update-ref", "-d", "refs/heads/dev"]);
        } else {
            fs::remove_dir_all(path).unwrap_or_default();
        }
    }
}
