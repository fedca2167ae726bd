//! Versions of Kubernetes, as far as they change what its own kinds look like.

use std::fmt;

/// A minor version of Kubernetes whose kinds are known: `1.30`.
///
/// **Invariant:** from [`Self::FIRST`] to [`Self::LAST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(u8);

impl KubernetesVersion {
    /// The oldest one.
    pub const FIRST: Self = Self(25);
    /// The newest one, which counts where none is named.
    pub const LAST: Self = Self(37);

    /// Reads `1.30`, `v1.30` or `1.30.2`.
    ///
    /// # Errors
    /// With the rule that is broken, to be shown beside the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = || format!("known versions: {} to {}", Self::FIRST, Self::LAST);
        let minor =
            minor_of(text).ok_or_else(|| format!("is no version such as `1.30`; {}", known()))?;
        let version = Self(minor);
        if version < Self::FIRST || version > Self::LAST {
            return Err(format!("is not known; {}", known()));
        }
        Ok(version)
    }

    /// Returns every version, the oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST.0).map(Self)
    }

    /// Returns the version that the name of a folder stands for: `1.30`, `v1.30.2`, `v1.30.0-standalone-strict`.
    pub(super) fn of_folder(name: &str) -> Option<Self> {
        let version = name.split('-').next().unwrap_or(name);
        Self::parse(version).ok()
    }

    /// Returns its place in [`Self::all`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0 - Self::FIRST.0)
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::LAST
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// Returns the `30` of `v1.30.2`.
fn minor_of(text: &str) -> Option<u8> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if parts.next()? != "1" {
        return None;
    }
    let minor = parts.next().filter(|it| is_number(it))?;
    let rest: Vec<&str> = parts.collect();
    (rest.len() <= 1 && rest.iter().all(|it| is_number(it))).then(|| minor.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        for text in ["1.30", "v1.30", "1.30.2"] {
            assert_eq!(KubernetesVersion::parse(text).unwrap().to_string(), "1.30");
        }
        for text in ["", "1", "1.", "30", "2.30", "1.x", "1.30.2.1", "1.24", "1.38", "1.300"] {
            assert!(KubernetesVersion::parse(text).is_err(), "{text}");
        }
        let folder = KubernetesVersion::of_folder("v1.30.0-standalone-strict");
        assert_eq!(folder, KubernetesVersion::parse("1.30").ok());
        assert_eq!(KubernetesVersion::of_folder("crds"), None);
    }
}
