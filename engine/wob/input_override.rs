//! `--override-input URL=PATH|URL=URL@REV`: where to read an input instead of its own address.

use std::str::FromStr;

use camino::Utf8PathBuf;

/// An input and what to read instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputOverride {
    /// The address as registrations spell it.
    pub(crate) url: String,
    /// What to read.
    pub(crate) instead: Instead,
}

/// What to read instead of an input's own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// A folder; relative to where it was written.
    Folder(Utf8PathBuf),
    /// Another repository, or another revision of the same one.
    Repository {
        /// Its address.
        url: String,
        /// A branch, tag or commit; the one that was registered if none.
        revision: Option<String>,
    },
}

impl FromStr for InputOverride {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((url, instead)) =
            text.split_once('=').filter(|(a, b)| !a.is_empty() && !b.is_empty())
        else {
            return Err("expected URL=PATH or URL=URL@REV".to_owned());
        };
        Ok(Self { url: url.to_owned(), instead: Instead::parse(instead)? })
    }
}

impl Instead {
    /// Reads a path or an address with an optional `@REV` behind it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(path_start) = address_path(text) else {
            return Ok(Self::Folder(text.into()));
        };
        let Some((path, revision)) = text[path_start..].split_once('@') else {
            return Ok(Self::Repository { url: text.to_owned(), revision: None });
        };
        if revision.is_empty() {
            return Err("no revision after `@`".to_owned());
        }
        let url = format!("{}{path}", &text[..path_start]);
        Ok(Self::Repository { url, revision: Some(revision.to_owned()) })
    }
}

/// Returns where the path of an address begins, behind host and user; `None` if `text` is not an address.
///
/// Only from there on does an `@` stand before a revision: `ssh://git@host/app@v1`, `git@host:app@v1`.
fn address_path(text: &str) -> Option<usize> {
    if let Some(scheme) = text.find("://") {
        let host = scheme + "://".len();
        return Some(text[host..].find('/').map_or(text.len(), |at| host + at));
    }
    let colon = text.find(':')?;
    let host = &text[..colon];
    (host.contains('@') && !host.contains('/')).then_some(colon + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match text.parse() {
            Ok(InputOverride { url, instead: Instead::Folder(path) }) => format!("{url} | {path}"),
            Ok(InputOverride { url, instead: Instead::Repository { url: to, revision } }) => {
                format!("{url} | {to} | {}", revision.as_deref().unwrap_or("-"))
            }
            Err(error) => error,
        }
    }

    #[test]
    fn folders_and_addresses_are_told_apart() {
        for (text, meaning) in [
            ("https://h/o/a=../a", "https://h/o/a | ../a"),
            ("https://h/o/a=/abs/a@b", "https://h/o/a | /abs/a@b"),
            ("https://h/o/a=https://u@h/f/a@v1", "https://h/o/a | https://u@h/f/a | v1"),
            ("https://h/o/a=https://h/f/a", "https://h/o/a | https://h/f/a | -"),
            ("git@h:o/a=git@h:f/a@feature/x", "git@h:o/a | git@h:f/a | feature/x"),
            ("https://h/o/a=file:///tmp/a@main", "https://h/o/a | file:///tmp/a | main"),
            ("https://h/o/a=file:///tmp/a@", "no revision after `@`"),
            ("https://h/o/a", "expected URL=PATH or URL=URL@REV"),
            ("=x", "expected URL=PATH or URL=URL@REV"),
        ] {
            assert_eq!(parse(text), meaning, "{text}");
        }
    }
}
