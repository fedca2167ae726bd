//! Addresses of repositories: what two spellings name, and how to show one without its secrets.

use std::{fs, path::Path};

/// Returns `text` with the secrets of every URL in it left out.
///
/// Of `http` and `https` URLs the whole user part goes, because a token may stand in its place, and the query; of others
/// the password.
pub fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let scheme = before[..at].rsplit(|it: char| !it.is_ascii_alphanumeric()).next();
        let scheme = scheme.unwrap_or_default();
        let end = after.find(ends_url).unwrap_or(after.len());
        let (url, after) = after.split_at(end);
        shown.push_str(&redact_after_scheme(url, scheme));
        rest = after;
    }
    shown + rest
}

fn ends_url(it: char) -> bool {
    it.is_whitespace() || matches!(it, '"' | '\'' | '`' | '<' | '>')
}

fn redact_after_scheme(url: &str, scheme: &str) -> String {
    let http = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    let (user, host) = split_user(url);
    let user = match user.and_then(|it| it.split(':').next()) {
        Some(name) if !http => format!("{name}@"),
        Some(_) | None => String::new(),
    };
    let host = if http { host.split('?').next().unwrap_or(host) } else { host };
    user + host
}

/// Splits `user:password@host/path`; the host begins after the `@`.
fn split_user(url: &str) -> (Option<&str>, &str) {
    let authority = url.split(['/', '?', '#']).next().unwrap_or(url);
    if let Some((user, _)) = authority.rsplit_once('@') {
        return (Some(user), &url[user.len() + 1..]);
    }
    // A password with an unescaped `/`: what follows the colon is no port, and an `@` comes later.
    let port = authority.split_once(':').map_or("", |(_, port)| port);
    if port.bytes().any(|it| !it.is_ascii_digit())
        && let Some((user, host)) = url.rsplit_once('@')
    {
        return (Some(user), host);
    }
    (None, url)
}

/// Says whether two addresses name the same repository: whatever the protocol, the user, the case of the host, a
/// trailing slash or `.git`.
pub fn same_repository(a: &str, b: &str) -> bool {
    identity(a) == identity(b)
}

/// What all spellings of a repository's address have in common, to look it up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryId(Identity);

impl RepositoryId {
    /// Returns the id of the repository at `address`; two are equal if [`same_repository`] says so.
    pub fn of(address: &str) -> Self {
        Self(identity(address))
    }
}

/// What is left of an address once its spelling is taken away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identity {
    Remote { host: String, port: Option<String>, path: String },
    Local { path: String },
}

pub(crate) fn identity(address: &str) -> Identity {
    let address = address.trim();
    if let Some((scheme, rest)) = address.split_once("://") {
        if scheme.eq_ignore_ascii_case("file") {
            return local(rest);
        }
        let (_, rest) = split_user(rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = split_port(authority);
        return remote(host, port, path);
    }
    match address.split_once(':') {
        // `git@host:path`, as scp writes it; one letter before the colon is a Windows drive.
        Some((host, path)) if !host.contains(['/', '\\']) && host.len() > 1 => {
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            remote(host, None, path)
        }
        Some(_) | None => local(address),
    }
}

fn remote(host: &str, port: Option<&str>, path: &str) -> Identity {
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/').to_owned();
    let port = port.filter(|it| !matches!(*it, "" | "22" | "80" | "443" | "9418"));
    Identity::Remote { host: host.to_lowercase(), port: port.map(str::to_owned), path }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

fn local(path: &str) -> Identity {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_owned());
    let real = fs::canonicalize(&absolute).unwrap_or(absolute);
    let real = if real.ends_with(".git") { real.parent().unwrap_or(&real) } else { &real };
    Identity::Local { path: real.to_string_lossy().trim_end_matches('/').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_spellings() {
        let same = [
            "https://github.com/org/app",
            "https://github.com/org/app.git",
            "https://GitHub.com/org/app/",
            "https://user:secret@github.com:443/org/app.git",
            "http://github.com/org/app",
            "ssh://git@github.com/org/app.git",
            "ssh://git@github.com:22/org/app",
            "git@github.com:org/app.git",
            "github.com:org/app",
            "git://github.com/org/app",
        ];
        for a in same {
            assert!(same_repository(a, same[0]), "{a}");
        }
        for other in [
            "https://github.com/org/app2",
            "https://github.com/Org/app",
            "https://github.com:8443/org/app",
            "https://example.com/org/app",
            "/github.com/org/app",
        ] {
            assert!(!same_repository(other, same[0]), "{other}");
        }
        assert!(same_repository("/tmp/x/", "file:///tmp/x"));
        assert!(same_repository("/tmp/x/.git", "/tmp/x"));
        assert!(!same_repository("C:/x", "D:/x"));
    }

    #[test]
    fn secrets_are_not_shown() {
        for (text, shown) in [
            ("https://user:pw@host/x", "https://host/x"),
            ("https://token@host/x", "https://host/x"),
            ("https://u:p%40w@host:8443/x", "https://host:8443/x"),
            ("https://u:p@w@host/x", "https://host/x"),
            ("https://u:p/w@host/x", "https://host/x"),
            ("HTTPS://u:p@host", "HTTPS://host"),
            ("https://host/x?private_token=abc", "https://host/x"),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("ssh://git:pw@host/x", "ssh://git@host/x"),
            ("git@host:x", "git@host:x"),
            ("https://host:80/a@b", "https://host:80/a@b"),
            ("no `https://a:b@c/d` and \"http://e@f\".", "no `https://c/d` and \"http://f\"."),
            ("plain :// text", "plain :// text"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }
}
