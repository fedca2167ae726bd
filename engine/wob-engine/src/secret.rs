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
}
