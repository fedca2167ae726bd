//! Secrets in what people are shown: masked, so that a log never holds them.
//!
//! Sources should not hold secrets at all; where one does, a diagnostic about its line must not spread it.

use std::{borrow::Cow, ops::Range};

/// Words that name secrets, in lower case without separators.
const WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "connectionstring",
];

/// Says whether a key of this name most likely holds a secret: `DB_PASSWORD`, `apiKey`, `github.token`.
pub fn looks_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let folded: String = letters.map(|it| it.to_ascii_lowercase()).collect();
    // A reference to a secret is no secret.
    let is_reference = ["name", "ref", "path", "file"].iter().any(|it| folded.ends_with(it));
    !is_reference && WORDS.iter().any(|it| folded.contains(it))
}

/// Returns a line of a source with its secrets masked: the value of a key that [`looks_secret`], and what stands
/// between `://` and `@`. As many characters come out as went in, so that marks below the line still fit.
pub fn mask_line(line: &str) -> Cow<'_, str> {
    let mut hidden = user_information(line);
    hidden.extend(secret_value(line));
    if hidden.is_empty() {
        return Cow::Borrowed(line);
    }
    let mask = |(at, it): (usize, char)| {
        let covered = hidden.iter().any(|range| range.contains(&at));
        if covered && !it.is_whitespace() { '•' } else { it }
    };
    Cow::Owned(line.char_indices().map(mask).collect())
}

/// Returns the lines of a manifest or another file of text, without their ends, with secrets masked.
///
/// Beyond what [`mask_line`] masks, these are what lies below a key that [`looks_secret`], the values of a `Secret`, the
/// value of a variable with such a name, and private keys. As many characters come out as went in.
pub fn mask_text(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut masked = vec![];
    for document in lines.split_inclusive(|it| it.starts_with("---")) {
        let is_secret = document.iter().any(|it| item(it).1.trim_end() == "kind: Secret");
        let blocks: &'static [&'static str] = if is_secret { &["data", "stringData"] } else { &[] };
        let mut reader = Masker { blocks, hidden: Hidden::Nothing, named: false };
        masked.extend(document.iter().map(|it| reader.line(it)));
    }
    masked
}

/// What of the coming lines is hidden.
#[derive(Clone, Copy)]
enum Hidden {
    Nothing,
    /// Those below a key in this column, whole.
    Below(usize),
    /// The values of the keys below a key in this column; those keys stand in the column behind it, once it is known.
    Values(usize, Option<usize>),
    /// All until a private key ends.
    Key,
}

struct Masker {
    /// The keys of values that are all secret: those of a `Secret`, if the document is or holds one.
    blocks: &'static [&'static str],
    hidden: Hidden,
    /// Whether the line before names a variable whose value is secret.
    named: bool,
}

impl Masker {
    fn line(&mut self, line: &str) -> String {
        let (column, rest) = item(line);
        let indentation = line.len() - line.trim_start().len();
        let (key, value) = rest.split_once(':').unwrap_or((rest, ""));
        let key = key.trim_matches(['"', '\'']);
        let named = std::mem::replace(&mut self.named, key == "name" && looks_secret(value));
        // A list may stand in the column of its key.
        let is_below = |at: usize| {
            rest.trim().is_empty() || indentation > at || (indentation == at && column > at)
        };
        match self.hidden {
            Hidden::Key => {
                if line.contains("-----END") {
                    self.hidden = Hidden::Nothing;
                }
                return hide(line, 0);
            }
            Hidden::Below(at) if is_below(at) => return hide(line, 0),
            Hidden::Values(at, keys) if is_below(at) => {
                let is_blank = rest.trim().is_empty();
                let keys = keys.or((!is_blank).then_some(column));
                self.hidden = Hidden::Values(at, keys);
                let end = rest.find(':').filter(|_| keys == Some(column));
                return hide(line, end.map_or(0, |it| column + it + 1));
            }
            Hidden::Below(_) | Hidden::Values(..) | Hidden::Nothing => {}
        }
        self.hidden = if line.contains("PRIVATE KEY-----") && !line.contains("-----END") {
            Hidden::Key
        } else if self.blocks.contains(&key) {
            Hidden::Values(column, None)
        } else if looks_secret(key) && rest.contains(':') || named && key == "value" {
            Hidden::Below(column)
        } else {
            Hidden::Nothing
        };
        match self.hidden {
            Hidden::Key => hide(line, 0),
            Hidden::Below(_) if !matches!(value.trim(), "|" | ">" | "|-" | ">-" | "|+" | ">+") => {
                hide(line, column + rest.find(':').map_or(0, |it| it + 1))
            }
            Hidden::Below(_) | Hidden::Values(..) | Hidden::Nothing => mask_line(line).into_owned(),
        }
    }
}

/// Returns what a line says behind the marks of list items, and the column where that begins.
fn item(line: &str) -> (usize, &str) {
    let mut rest = line.trim_start();
    while let Some(inner) = rest.strip_prefix("- ") {
        rest = inner.trim_start();
    }
    (line.len() - rest.len(), rest)
}

/// Masks what stands at or behind byte `from`.
fn hide(line: &str, from: usize) -> String {
    let mask = |(at, it): (usize, char)| if at >= from && !it.is_whitespace() { '•' } else { it };
    line.char_indices().map(mask).collect()
}

/// Returns where the value begins and ends, if the line is `key: value` or `KEY=value` of a secret.
fn secret_value(line: &str) -> Option<Range<usize>> {
    let at = line.find([':', '='])?;
    let key = line[..at].trim_matches(|it: char| !it.is_alphanumeric());
    let value = at + 1;
    let is_block = matches!(line[value..].trim(), "" | "|" | ">" | "|-" | ">-");
    (looks_secret(key) && !is_block).then_some(value..line.len())
}

/// Returns where the user part of each address is that has a password in it.
fn user_information(line: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut from = 0;
    while let Some(scheme) = line[from..].find("://") {
        let start = from + scheme + 3;
        let rest = &line[start..];
        let end = rest.find(['/', ' ', '"', '\'', '?', '#']).unwrap_or(rest.len());
        if let Some(user) = rest[..end].rfind('@')
            && rest[..user].contains(':')
        {
            found.push(start..start + user);
        }
        from = start;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_not() {
        for (line, shown) in [
            ("  DB_PASSWORD: hunter2", "  DB_PASSWORD: •••••••"),
            ("  apiKey: \"a b\"", "  apiKey: •• ••"),
            ("export TOKEN=abc", "export TOKEN=•••"),
            ("  URL: mysql://root:pw@db:3306/x", "  URL: mysql://•••••••@db:3306/x"),
            ("  URL: https://git@host/x", "  URL: https://git@host/x"),
            ("  secretName: app", "  secretName: app"),
            ("  tokens: |", "  tokens: |"),
            ("  REGION: west", "  REGION: west"),
            ("no key at all", "no key at all"),
        ] {
            assert_eq!(mask_line(line), shown);
            assert_eq!(mask_line(line).chars().count(), line.chars().count());
        }
    }

    #[test]
    fn secrets_in_texts_are_masked_and_the_rest_is_not() {
        let text = "\
kind: ConfigMap
data:
  REGION: west
  DB_PASSWORD: |
    line one

    line two
  URL: mysql://root:pw@db/x
  tls.key: |
    -----BEGIN PRIVATE KEY-----
    MIIE
    -----END PRIVATE KEY-----
  next: shown
---
kind: Secret
metadata:
  name: shown
stringData:
  user: root
  long-key: |
    a: b
type: Opaque
---
env:
- name: TOKEN
  value: abc
- name: REGION
  value: west
tokens:
- one
- two
after: shown
";
        let masked = "\
kind: ConfigMap
data:
  REGION: west
  DB_PASSWORD: |
    •••• •••

    •••• •••
  URL: mysql://•••••••@db/x
  tls.key: |
    •••••••••• ••••••• ••••••••
    ••••
    •••••••• ••••••• ••••••••
  next: shown
---
kind: Secret
metadata:
  name: shown
stringData:
  user: ••••
  long-key: •
    •• •
type: Opaque
---
env:
- name: TOKEN
  value: •••
- name: REGION
  value: west
tokens:
• •••
• •••
after: shown
";
        assert_eq!(mask_text(text).join("\n") + "\n", masked);
    }
}
