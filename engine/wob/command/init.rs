//! `wob init [DIR]`: a small workspace that works, to begin with.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{args::Common, exit::Exit, report::count, stream::Streams};

/// Write a small, working workspace
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes a small workspace that works: one environment, one cluster type, one workload, and comments \
                  that say what each file is for.\n\n\
                  The folder must be empty or missing: nothing is ever overwritten.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Init {
    /// The folder to write to
    #[arg(value_name = "DIR", default_value = ".")]
    folder: Utf8PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  wob init fleet
  wob -C fleet init";

/// Lists files of examples/minimal, which is the workspace that `wob init` writes.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../examples/minimal/", $path)))),*]
    };
}

/// The files that are written: path and text.
const FILES: &[(&str, &str)] = files![
    "README.md",
    "app/workload.yaml",
    "base/environments/dev.yaml",
    "base/workloads/hello.yaml",
    "environments/dev/cluster-types/small.yaml",
    "environments/dev/config/dev-config.yaml",
    "environments/dev/scheduling/everywhere.yaml",
    "wob.yaml",
];

impl Init {
    /// Writes the workspace.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        let directory = common.directory.clone().unwrap_or_default().join(&self.folder);
        match write(&directory) {
            Ok(()) => {}
            Err(Refused::NotEmpty(entry)) => {
                streams.fail(&format!(
                    "`{}` is not empty: it holds `{entry}`, and nothing is overwritten\n  \
                     help: name a folder that is empty or missing, as in `wob init fleet`",
                    self.folder
                ));
                return Exit::Local;
            }
            Err(Refused::Io(path, error)) => {
                streams.fail(&format!("cannot write `{path}`: {error}"));
                return Exit::Local;
            }
        }
        let wob =
            if self.folder == "." { "wob".to_owned() } else { format!("wob -C {}", self.folder) };
        streams.say(&format!("wrote {} to `{}`", count(FILES.len(), "file", "files"), self.folder));
        streams.say(&format!("next: {wob} build //env:dev"));
        Exit::Ok
    }
}

/// Why a workspace was not written.
enum Refused {
    /// The folder holds this already.
    NotEmpty(String),
    /// The operating system refused.
    Io(Utf8PathBuf, io::Error),
}

fn write(directory: &Utf8Path) -> Result<(), Refused> {
    let failed = |path: &Utf8Path| {
        let path = path.to_owned();
        move |error| Refused::Io(path, error)
    };
    fs::create_dir_all(directory).map_err(failed(directory))?;
    let mut entries = directory.read_dir_utf8().map_err(failed(directory))?;
    // A fresh clone holds `.git` and nothing else; that is as good as empty.
    let taken = entries.find(|entry| entry.as_ref().map_or(true, |it| it.file_name() != ".git"));
    match taken {
        None => {}
        Some(Ok(entry)) => return Err(Refused::NotEmpty(entry.file_name().to_owned())),
        Some(Err(error)) => return Err(failed(directory)(error)),
    }
    for (path, text) in FILES {
        let path = directory.join(path);
        let folder = path.parent().expect("because every file lies in the workspace's folder");
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut file = fs::File::create_new(&path).map_err(failed(&path))?;
        io::Write::write_all(&mut file, text.as_bytes()).map_err(failed(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn every_file_of_the_example_is_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/minimal");
        let mut found = vec![];
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("wob-out") {
                    folders.push(path);
                } else if path.is_file() {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        assert_eq!(found, FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }
}
