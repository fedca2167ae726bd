//! `wob publish`: real repositories, git's own server, and a forge that behaves as GitHub documents.

mod changes;
mod failures;
mod first;
mod noted;
mod refusals;
mod rolling;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    cgi,
    cli::{copy_example, edit},
    forge::{
        Mortal, github,
        server::{Model, Pull, Server, TOKEN},
    },
    support::{git, seen, with_snapshots_in, wob_command},
    wire::Asked,
};

/// The environment that the tests publish.
const DEV: &str = "//env:dev";

/// A control plane under git, and a GitOps repository `org/gitops.git` with a branch `dev`, on a forge or by its path.
struct World {
    folder: TempDir,
    forge: Option<Forge>,
}

/// A forge with a git server behind one address.
struct Forge {
    server: Server,
    /// The git server behind it.
    git: Arc<Mortal>,
}

impl World {
    /// Makes a world whose GitOps repository is named by its path.
    fn by_path() -> Self {
        let world = Self { folder: TempDir::new().unwrap(), forge: None };
        let repository = world.gitops();
        world.make(&repository.display().to_string(), "none");
        world
    }

    /// Makes a world whose GitOps repository lies on a forge; `None` if this git has no server program.
    fn on_forge() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let forge = Forge::start(folder.path())?;
        let url = format!("{}/org/gitops.git", forge.server.url());
        let world = Self { folder, forge: Some(forge) };
        world.make(&url, "github");
        Some(world)
    }

    fn make(&self, url: &str, forge: &str) {
        let gitops = self.gitops();
        fs::create_dir_all(&gitops).unwrap();
        git(&gitops, &["init", "-q", "--bare", "-b", "main", "."]);
        git(&gitops, &["config", "http.receivepack", "true"]);
        let tree = git(&gitops, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let commit = git(&gitops, &["commit-tree", &tree, "-m", "an empty branch"]);
        git(&gitops, &["update-ref", "refs/heads/dev", &commit]);
        copy_example("fleet", &self.plane());
        for environment in ["dev", "stage", "prod"] {
            let file = format!("environments/{environment}/gitops-repo.yaml");
            edit(&self.plane().join(file), "https://github.com/example-org/ferry-gitops", url);
        }
        let settings = self.plane().join("wob.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("{text}\npublish: {{forge: {forge}}}\n")).unwrap();
        git(&self.plane(), &["init", "-q"]);
        self.commit();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plane(&self) -> PathBuf {
        self.path("plane")
    }

    fn gitops(&self) -> PathBuf {
        self.path("org/gitops.git")
    }

    fn server(&self) -> &Server {
        &self.forge.as_ref().unwrap().server
    }

    /// Commits all edits of the control plane.
    fn commit(&self) {
        git(&self.plane(), &["add", "-A"]);
        git(&self.plane(), &["commit", "-q", "-m", "a change"]);
    }

    /// Sets the time zone of every cluster type, so that files of each change.
    fn change(&self, zone: &str) {
        let file = self.plane().join("base/config/company.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(|it| match it.split_once("Europe/") {
            Some((before, _)) => format!("{before}Europe/{zone}"),
            None => it.to_owned(),
        });
        fs::write(file, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        self.commit();
    }

    fn command(&self, plane: &Path, args: &[&str]) -> Command {
        let mut command = wob_command(plane, args);
        command.env("HOME", self.path("home")).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("GIT_CONFIG_SYSTEM", "/dev/null").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_COMMITTER_DATE", "2026-01-02T00:00:00Z");
        command.env("GIT_AUTHOR_DATE", "2026-01-02T00:00:00Z");
        if let Some(forge) = &self.forge {
            command.env("WOB_FORGE_URL", forge.server.url()).env("WOB_FORGE_TOKEN", TOKEN);
        }
        command
    }

    /// Runs `wob publish` and returns everything a user sees, without what differs from run to run.
    fn publish(&self, args: &[&str]) -> String {
        let args = [&["publish"], args].concat();
        let text = seen(&self.command(&self.plane(), &args).output().unwrap());
        assert!(!text.contains(TOKEN), "{text}");
        text
    }

    /// Publishes, and wants that to go well.
    fn published(&self, args: &[&str]) -> String {
        let text = self.publish(args);
        assert!(text.starts_with("exit: 0\n"), "{text}");
        text
    }

    /// Compares everything a user sees with `snapshots/cli/<name>.snap`.
    fn check(&self, name: &str, args: &[&str]) {
        let text = format!("$ wob publish {}\n{}", args.join(" "), self.publish(args));
        let text = match &self.forge {
            Some(forge) => text.replace(&forge.server.url(), "http://forge"),
            None => text.replace(&self.gitops().display().to_string(), "gitops.git"),
        };
        with_snapshots_in("cli", || insta::assert_snapshot!(name, nameless(&text)));
    }

    /// Lists what the GitOps repository has, by name.
    fn references(&self) -> Vec<String> {
        let all = git(&self.gitops(), &["for-each-ref", "--format=%(refname)"]);
        all.lines().map(str::to_owned).collect()
    }

    fn show(&self, what: &str) -> String {
        git(&self.gitops(), &["show", what])
    }

    /// Returns the one branch that waits to be merged.
    fn head(&self) -> String {
        let all = self.references();
        let mut heads = all.iter().filter_map(|it| it.strip_prefix("refs/heads/deployment/dev/"));
        let head = heads.next().unwrap();
        assert_eq!(heads.next(), None, "{all:?}");
        format!("deployment/dev/{head}")
    }

    fn pulls(&self) -> Vec<Pull> {
        self.server().model(|it| it.pulls.clone())
    }

    /// Lists pull requests: their number, state, and labels.
    fn told(&self) -> Vec<String> {
        let told = |it: &Pull| {
            let labels: Vec<&str> = it.labels.iter().map(String::as_str).collect();
            format!("{} {} {}", it.number, it.state, labels.join(" ")).trim_end().to_owned()
        };
        self.pulls().iter().map(told).collect()
    }

    /// Commits files on the branch that clusters read, as somebody else would.
    fn by_hand(&self, files: &[(&str, &str)]) {
        let clone = self.path("clone");
        fs::remove_dir_all(&clone).unwrap_or_default();
        git(self.folder.path(), &["clone", "-q", "-b", "dev", "org/gitops.git", "clone"]);
        crate::support::commit(&clone, files);
        git(&clone, &["push", "-q"]);
    }
}

impl Forge {
    fn start(folder: &Path) -> Option<Self> {
        let program = cgi::program()?;
        let mortal: Arc<Mortal> = Arc::default();
        let (folder, git) = (folder.to_owned(), Arc::clone(&mortal));
        let repository = folder.join("org/gitops.git");
        let beside =
            move |request: &Asked| mortal.answer(|| cgi::answer(request, &folder, &program));
        let server = Server::start(github::DIALECT, Some(Arc::new(beside)));
        let (merging, looking) = (repository.clone(), repository);
        server.model(|it| {
            it.on_merge = Some(Box::new(move |pull| merge(&merging, pull)));
            it.before = Some(Box::new(move |model| look(&looking, model)));
        });
        Some(Self { server, git })
    }
}

/// Merges as a forge does: with a commit of two parents.
pub(crate) fn merge(repository: &Path, pull: &Pull) {
    let tree = git(repository, &["rev-parse", &format!("{}^{{tree}}", pull.commit)]);
    let base = git(repository, &["rev-parse", &pull.base]);
    let message = format!("Merge pull request #{}", pull.number);
    let arguments = ["commit-tree", &tree, "-p", &base, "-p", &pull.commit, "-m", &message];
    let commit = git(repository, &arguments);
    git(repository, &["update-ref", &format!("refs/heads/{}", pull.base), &commit, &base]);
}

/// Looks which branches there are; a pull request whose branch is gone is closed.
pub(crate) fn look(repository: &Path, model: &mut Model) {
    let all = git(repository, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
    let pairs = all.lines().filter_map(|it| it.strip_prefix("refs/heads/")?.split_once(' '));
    model.branches = pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
    for pull in model.pulls.iter_mut().filter(|it| it.state == "open") {
        match model.branches.get(&pull.head) {
            Some(commit) => pull.commit.clone_from(commit),
            None => pull.state = "closed",
        }
    }
}

/// Takes the names of commits and trees out of a text.
fn nameless(text: &str) -> String {
    let is_hex = |it: &str| it.bytes().all(|it| it.is_ascii_hexdigit() && !it.is_ascii_uppercase());
    let mut shown = String::new();
    let mut word = String::new();
    let end = |word: &mut String, shown: &mut String| {
        let name = match word.len() {
            40 if is_hex(word) => "<commit>",
            64 if is_hex(word) => "<root>",
            12 if is_hex(word) => "<tree>",
            7 if is_hex(word) => "<short>",
            _ => word,
        };
        shown.push_str(name);
        word.clear();
    };
    for it in text.chars() {
        if it.is_ascii_alphanumeric() {
            word.push(it);
        } else {
            end(&mut word, &mut shown);
            shown.push(it);
        }
    }
    end(&mut word, &mut shown);
    shown
}
