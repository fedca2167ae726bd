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

    /// Returns the text, to be shared.
    pub(crate) fn shared(&self) -> &Arc<str> {
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

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::new(&text).map_err(|broken| serde::de::Error::custom(format!("a name {broken}")))
    }
}

/// Says why nothing in the output may be called `name`, although Kubernetes takes it; `None` if it may.
///
/// Trees are git repositories, and some who clone them use systems that reserve names.
pub(crate) fn reserved_name_problem(name: &str) -> Option<&'static str> {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let numbered = ["com", "lpt"].iter().any(|device| {
        let number = stem.get(..3).filter(|it| it.eq_ignore_ascii_case(device)).map(|_| &stem[3..]);
        number.is_some_and(|it| it.len() == 1 && it.as_bytes()[0].is_ascii_digit())
    });
    let named = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let is_device = numbered || named.iter().any(|it| stem.eq_ignore_ascii_case(it));
    is_device.then_some("is the name of a device on Windows, where the tree could not be cloned")
}

/// Says why the tree may not begin at `path`, which leads out of nothing; `None` if it may.
pub(crate) fn output_path_problem(path: &str) -> Option<&'static str> {
    /// What leaves room for the names below, on every system.
    const LONGEST: usize = 1000;
    if path.len() > LONGEST {
        return Some("has more than 1000 bytes");
    }
    let mut parts = path.split('/');
    if parts.clone().any(is_git_folder) {
        return Some("leads into a folder that only git writes");
    }
    if parts.clone().next().is_some_and(|it| is_any(it, &[".wob", ".github"])) {
        return Some("leads into a folder where wob keeps records");
    }
    parts.find_map(component_problem)
}

fn component_problem(part: &str) -> Option<&'static str> {
    let is_special = |it: char| matches!(it, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    if part.len() > 255 {
        Some("has a part of more than 255 bytes")
    } else if part.contains(is_special) {
        Some("holds one of `< > : \" | ? *`, which Windows keeps for itself")
    } else if part.ends_with(['.', ' ']) || part.starts_with(' ') {
        Some("has a part that begins or ends with a space or ends with a dot")
    } else if part.contains(is_invisible) {
        Some("holds a character that is not visible")
    } else {
        reserved_name_problem(part)
    }
}

/// Says whether some system takes `part` for git's own folder: by its case, its short name, or what it leaves out.
fn is_git_folder(part: &str) -> bool {
    let visible: String = part.chars().filter(|it| !is_invisible(*it)).collect();
    let stem = visible.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    is_any(stem, &[".git", "git~1"])
}

fn is_any(text: &str, names: &[&str]) -> bool {
    names.iter().any(|it| text.eq_ignore_ascii_case(it))
}

/// Says whether `it` takes no room or reorders what is read, so that two names look alike.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(it, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
    fn devices_are_reserved_whatever_their_extension() {
        for bad in ["con", "nul.txt", "com1", "lpt9.a.b", "CON", "aux "] {
            assert!(reserved_name_problem(bad).is_some(), "{bad}");
        }
        for good in ["conf", "com", "com10", "lpt", "nul-1", "a.con", "comé"] {
            assert_eq!(reserved_name_problem(good), None, "{good}");
        }
    }

    #[test]
    fn trees_begin_where_every_system_can_write() {
        for bad in [
            ".git",
            "a/.GIT/hooks",
            "git~1",
            ".git./x",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
            ".github/workflows",
            ".Wob",
            "a/con",
            "a./b",
            "a /b",
            "a:b",
            "a\u{202e}b",
            &"x".repeat(256),
            &"x/".repeat(501),
        ] {
            assert!(output_path_problem(bad).is_some(), "{bad:?}");
        }
        for good in ["", "clusters", "a/b.c", "ü/日本", "a/.wob", "gitops", ".gitops", "x/.github"]
        {
            assert_eq!(output_path_problem(good), None, "{good}");
        }
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
