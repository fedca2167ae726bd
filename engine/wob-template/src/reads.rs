//! Which keys of its data a template can read, found without running it.

use std::collections::BTreeSet;

/// What of one field of the data, such as `ConfigData`, a template can read.
///
/// **Invariant:** never too little: where it is not certain that single keys are read, it is all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateReads {
    /// Any key: the field is used as a whole, or what is read depends on values.
    All,
    /// These keys and no others.
    Keys(BTreeSet<String>),
}

impl Default for TemplateReads {
    fn default() -> Self {
        Self::Keys(BTreeSet::new())
    }
}

impl TemplateReads {
    /// Adds what `other` reads.
    pub fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (Self::Keys(_), Self::All) => *self = Self::All,
            (Self::Keys(keys), Self::Keys(more)) => keys.extend(more),
        }
    }

    /// Adds one key.
    pub(crate) fn add_key(&mut self, key: &str) {
        if let Self::Keys(keys) = self {
            keys.insert(key.to_owned());
        }
    }

    /// Says whether `key` may be read.
    pub fn has(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Keys(keys) => keys.contains(key),
        }
    }
}
