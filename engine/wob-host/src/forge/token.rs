//! Where tokens come from, and which host each may be shown to.
//!
//! **Invariant:** a token of the environment goes only to the host that it is for: the forge's own, the one that CI names, or
//! the one that the user names in `WOB_FORGE_URL`. A workspace's settings cannot send it elsewhere.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{ForgeKind, Project};
use crate::{Credential, http::origin};

/// The variable that holds a token for whatever forge `WOB_FORGE_URL` names.
const ANY_TOKEN: &str = "WOB_FORGE_TOKEN";
/// The variable that names a host which tokens of the environment may be sent to.
const ANY_SERVER: &str = "WOB_FORGE_URL";

/// What surrounds this process, as far as it tells who asks.
#[derive(Clone, Copy)]
pub struct TokenSources<'e> {
    /// Returns an environment variable.
    pub variable: &'e dyn Fn(&str) -> Option<String>,
    /// The program `git`, whose credential helpers are asked; none if they shall not be.
    pub git: Option<&'e str>,
}

impl TokenSources<'static> {
    /// Returns what surrounds this process.
    pub fn of_process() -> Self {
        Self {
            variable: &|name| std::env::var(name).ok().filter(|it| !it.is_empty()),
            git: Some("git"),
        }
    }
}

/// Finds what proves to the forge of `project` who asks: a token of the environment, or what git's credential helpers
/// know, without asking anybody at a terminal.
pub fn find_credential(
    kind: &ForgeKind,
    project: &Project,
    sources: &TokenSources<'_>,
) -> Option<Credential> {
    let variable = sources.variable;
    let is_named = |name: &str| {
        variable(name).is_some_and(|it| origin(&it).eq_ignore_ascii_case(&project.web))
    };
    let is_named_by_user = is_named(ANY_SERVER);
    let is_public = project.web.starts_with("https:") && (kind.is_public)(&project.host);
    if is_named_by_user && let Some(token) = variable(ANY_TOKEN) {
        return Some((kind.credential)("", &token));
    }
    if is_named_by_user || is_public || kind.server.is_some_and(is_named) {
        let token = kind.tokens.iter().find_map(|it| variable(it));
        let token =
            token.or_else(|| variable(ANY_TOKEN).filter(|_| variable(ANY_SERVER).is_none()));
        if let Some(token) = token {
            return Some((kind.credential)("", &token));
        }
    }
    let (user, password) = ask_git(sources.git?, project)?;
    Some((kind.credential)(&user, &password))
}

/// Asks git's credential helpers; nobody is asked at a terminal.
fn ask_git(git: &str, project: &Project) -> Option<(String, String)> {
    let (protocol, host) = project.web.split_once("://")?;
    let mut command = Command::new(git);
    command.args(["credential", "fill"]);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "");
    command.env("GCM_INTERACTIVE", "never");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let asked = format!("protocol={protocol}\nhost={host}\npath={}.git\n\n", project.path);
    // A git that does not listen does not answer either.
    child.stdin.take()?.write_all(asked.as_bytes()).unwrap_or_default();
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let value = |name: &str| {
        text.lines()
            .find_map(|it| it.split_once('=').filter(|(key, _)| *key == name))
            .map(|it| it.1)
    };
    let password = value("password").filter(|it| !it.is_empty())?;
    Some((value("username").unwrap_or_default().to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::FORGES;

    fn found(kind: &str, address: &str, set: &[(&str, &str)]) -> Option<Credential> {
        let variable = |name: &str| {
            set.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        };
        let sources = TokenSources { variable: &variable, git: None };
        let project = Project::of(address).unwrap();
        find_credential(ForgeKind::named(kind).unwrap(), &project, &sources)
    }

    #[test]
    fn a_token_goes_to_its_own_host_only() {
        let token = [("GITHUB_TOKEN", "abc")];
        let sent = |address, set: &[_]| found("github", address, set).is_some();
        assert!(sent("https://github.com/o/r", &token));
        assert!(sent("git@github.com:o/r", &[("GH_TOKEN", "abc")]));
        assert!(!sent("http://github.com/o/r", &token));
        assert!(!sent("https://github.evil.example/o/r", &token));
        assert!(!sent("https://github.com.evil.example/o/r", &token));
        assert!(!sent("https://github.com/o/r", &[]));
        let own = [("GITHUB_TOKEN", "abc"), ("GITHUB_SERVER_URL", "https://git.corp")];
        assert!(sent("https://git.corp/o/r", &own));
        assert!(!sent("https://git.corp:8443/o/r", &own));
        assert!(!sent("https://other.corp/o/r", &own));
        let named = [("WOB_FORGE_TOKEN", "abc"), ("WOB_FORGE_URL", "https://other.corp/")];
        assert!(sent("https://other.corp/o/r", &named));
        assert!(!sent("https://github.com/o/r", &named));
        assert!(sent("https://github.com/o/r", &[("WOB_FORGE_TOKEN", "abc")]));
        assert!(!sent("https://git.corp/o/r", &[("WOB_FORGE_TOKEN", "abc")]));
    }

    /// A program that is git with a helper of its own, or with none.
    #[cfg(unix)]
    fn git_with(folder: &std::path::Path, helper: &str) -> String {
        use std::{fs, os::unix::fs::PermissionsExt as _};
        let path = folder.join("git");
        let text = format!(
            "#!/bin/sh\nexport GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null\n\
             exec git -c credential.helper= -c credential.helper='{helper}' \"$@\"\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[cfg(unix)]
    #[test]
    fn helpers_of_git_are_asked_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::of("https://git.corp:8443/o/r").unwrap();
        let kind = ForgeKind::named("gitea").unwrap();
        let found = |helper: &str| {
            let git = git_with(folder.path(), helper);
            let sources = TokenSources { variable: &|_| None, git: Some(&git) };
            find_credential(kind, &project, &sources)
        };
        let only_there = "!f() { if grep -q \"host=git.corp:8443\"; then echo username=ada; echo password=s3cret; fi; }; f";
        assert_eq!(found(only_there), Some((kind.credential)("ada", "s3cret")));
        // Nobody answers, and nobody is asked at a terminal.
        assert_eq!(found(""), None);
        assert_eq!(found("!f() { exit 1; }; f"), None);
        let sources = TokenSources { variable: &|_| None, git: Some("/nowhere/git") };
        assert_eq!(find_credential(kind, &project, &sources), None);
    }

    #[test]
    fn no_forge_takes_the_token_of_another() {
        for kind in FORGES {
            for other in FORGES.iter().filter(|it| it.name != kind.name) {
                let shared = kind.tokens.iter().find(|it| other.tokens.contains(it));
                assert_eq!(shared, None, "{} and {}", kind.name, other.name);
            }
        }
    }
}
