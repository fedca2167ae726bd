//! Names that reach paths and labels: checked once, when decoded, never again.

use std::{borrow::Borrow, fmt, sync::Arc};

/// The name of an object: a DNS-1123 subdomain, as Kubernetes demands of `metadata.name`.
///
/// **Invariant:** 1 to 253 of `a-z 0-9 - .`, every dot-separated part beginning and ending with a letter or digit.
/// So it is a safe file name: not empty, not `.` or `..`, no separator, no leading dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks `text`.
    ///
    /// # Errors
    /// With the rule that is broken, to be shown beside the text.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("is empty");
        }
        if text.len() > 253 {
            return Err("has more than 253 characters");
        }
        if !text.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')) {
            return Err("may only hold lower-case letters, digits, `-` and `.`");
        }
        let edge = |part: &str| part.is_empty() || part.starts_with('-') || part.ends_with('-');
        if text.split('.').any(edge) {
            return Err("must begin and end with a letter or digit, before and after each `.` too");
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Says what is wrong with `text` as the value of a label; `None` if nothing is.
///
/// Source: Kubernetes' label syntax: at most 63 characters, alphanumeric at both ends, or empty.
pub(crate) fn label_value_problem(text: &str) -> Option<&'static str> {
    if text.len() > 63 {
        return Some("has more than 63 characters");
    }
    if text.is_empty() {
        return None;
    }
    label_characters_problem(text)
}

/// Says what is wrong with `text` as the key of a label: an optional DNS prefix and `/`, then a name of at most 63.
pub(crate) fn label_key_problem(text: &str) -> Option<&'static str> {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(a, b)| (Some(a), b));
    if prefix.is_some_and(|it| Name::new(it).is_err()) {
        return Some("has a prefix that is not a DNS name");
    }
    if name.is_empty() || name.len() > 63 {
        return Some("must have 1 to 63 characters");
    }
    label_characters_problem(name)
}

fn label_characters_problem(text: &str) -> Option<&'static str> {
    let inner = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    if !text.bytes().all(inner) {
        return Some("may only hold letters, digits, `-`, `_` and `.`");
    }
    let ends = [text.bytes().next(), text.bytes().last()];
    if !ends.iter().flatten().all(u8::is_ascii_alphanumeric) {
        return Some("must begin and end with a letter or digit");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_file_names() {
        for good in ["a", "9lives", "a-b.c", "x1"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../a", ".git", "A", "a-", "a..b", "a_b", "a\u{0}", "ü"]
        {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(Name::new(&"a".repeat(254)).is_err());
    }

    #[test]
    fn labels_follow_kubernetes() {
        assert_eq!(label_value_problem(""), None);
        assert_eq!(label_value_problem("A_b.c-1"), None);
        assert!(label_value_problem("a b").is_some());
        assert!(label_value_problem("-a").is_some());
        assert_eq!(label_key_problem("app.kubernetes.io/name"), None);
        assert!(label_key_problem("UPPER/name").is_some());
        assert!(label_key_problem("").is_some());
    }
}
