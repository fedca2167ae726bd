//! What lies around a workspace, to be compared before and after a run.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;

use crate::{
    cli::copy_example,
    support::{wob_command, write},
};

/// What no report and no tree may ever show.
pub(crate) const SECRET: &str = "kept-from-everyone";

/// Everything below a folder: for each path its kind, permissions, links and content.
pub(crate) type Listing = BTreeMap<PathBuf, String>;

/// A folder that holds a workspace and things that are none of its business.
pub(crate) struct Surroundings {
    temp: TempDir,
}

impl Surroundings {
    /// Lays out the example `minimal` beside a folder of secrets.
    pub(crate) fn new() -> Self {
        let temp = TempDir::new().unwrap();
        copy_example("minimal", &temp.path().join("workspace"));
        let object = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: secret, labels: {{platform-config: 'true'}}}}\ndata: {{TOKEN: {SECRET}}}\n"
        );
        let secret = temp.path().join("secret");
        write(&secret, &[("secret.yaml", &object), ("small/README.md", SECRET)]);
        write(&secret, &[("small/hello-test/config.yaml", SECRET), ("wob.yaml", SECRET)]);
        Self { temp }
    }

    pub(crate) fn path(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.path().join("workspace")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.workspace().join("wob-out/dev")
    }

    /// Lists everything but what lies below the folders `allowed`, if those are real folders.
    pub(crate) fn listing(&self, allowed: &[PathBuf]) -> Listing {
        let mut listing = Listing::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                if meta.is_dir() && allowed.contains(&path) {
                    continue;
                }
                let content = if meta.is_symlink() {
                    format!("-> {}", fs::read_link(&path).unwrap().display())
                } else if meta.is_dir() {
                    folders.push(path.clone());
                    "folder".to_owned()
                } else if meta.is_file() {
                    format!("{} links: {:?}", meta.nlink(), fs::read(&path).unwrap())
                } else {
                    "special".to_owned()
                };
                listing.insert(path, format!("{:o} {content}", meta.permissions().mode()));
            }
        }
        listing
    }

    /// Runs wob in the workspace and checks that nothing but its own output changed; returns how it ended and what it
    /// said.
    pub(crate) fn run(&self, what: &str, args: &[&str]) -> (i32, String) {
        let own = [self.workspace().join("wob-out"), self.workspace().join("home")];
        let before = self.listing(&own);
        let output = wob_command(&self.workspace(), args).output().unwrap();
        let mut after = self.listing(&own);
        // A folder that was not there before is one of the two, or a finding.
        for path in own.iter().filter(|it| !before.contains_key(*it)) {
            after.remove(path);
        }
        let changed: Vec<&PathBuf> = before
            .keys()
            .chain(after.keys())
            .filter(|it| before.get(*it) != after.get(*it))
            .collect();
        let (code, said) = ended(what, &output);
        assert!(changed.is_empty(), "{what} changed {changed:?}\n{said}");
        (code, said)
    }
}

/// Checks that a run ended by itself, without a panic or a secret; returns how, and all that it said.
fn ended(what: &str, output: &Output) -> (i32, String) {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8(said).unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("{what} was killed\n{said}"));
    assert!(matches!(code, 0..=5 | 32 | 36), "{what} ended with {code}\n{said}");
    assert!(code == 0 || !said.is_empty(), "{what} ended with {code} and said nothing");
    assert!(!said.contains(SECRET), "{what} shows a secret\n{said}");
    let commands = |it: char| it.is_control() && !matches!(it, '\n' | '\t');
    assert!(!said.contains(commands), "{what} commands the terminal: {said:?}");
    let reorders = |it: char| matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!said.contains(reorders), "{what} reorders what is read: {said:?}");
    (code, said)
}
