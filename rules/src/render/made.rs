//! Files that were rendered already: many assignments have one that is the same.
//!
//! **Invariant:** what is found by a key is what rendering would give.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wob_engine::{Blob, Digest, WeakBlob};

/// Into how many parts the files are divided, so that few threads wait for each other.
const PARTS: usize = 16;

/// Of how many files those are sought that nobody has any more.
const FEW: usize = 64;

/// The files that one file of a template was, for as long as anybody has them.
#[derive(Debug, Default)]
pub(super) struct MadeFiles {
    parts: [Mutex<Part>; PARTS],
}

#[derive(Debug, Default)]
struct Part {
    /// By how their keys begin, with the whole keys: of two that begin alike, which is as good as never, the later one is known.
    files: BTreeMap<u64, (Digest, WeakBlob)>,
    /// How many there were when those were let go that nobody has.
    alive: usize,
}

impl MadeFiles {
    /// Returns the file with this key.
    pub(super) fn find(&self, key: &Digest) -> Option<Blob> {
        self.part(key).find(key)
    }

    /// Takes a file, and returns the one that all shall have: another thread may have made it, too.
    pub(super) fn share(&self, key: Digest, file: Blob) -> Blob {
        let mut part = self.part(&key);
        if let Some(other) = part.find(&key) {
            return other;
        }
        part.files.insert(key.begin(), (key, file.downgrade()));
        if part.files.len() > FEW.max(2 * part.alive) {
            part.files.retain(|_, it| it.1.upgrade().is_some());
            part.alive = part.files.len();
        }
        file
    }

    fn part(&self, key: &Digest) -> MutexGuard<'_, Part> {
        let part = &self.parts[usize::from(key.as_bytes()[0]) % PARTS];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn find(&self, key: &Digest) -> Option<Blob> {
        self.files.get(&key.begin()).filter(|it| it.0 == *key)?.1.upgrade()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_for_as_long_as_somebody_has_it() {
        let made = MadeFiles::default();
        let key = |it: usize| Digest::of(&it.to_le_bytes());
        let file = made.share(key(0), Blob::new(b"0".as_slice()));
        assert_eq!(made.share(key(0), Blob::new(b"other".as_slice())), file, "the first one stays");
        for it in 1..100 * PARTS * FEW {
            made.share(key(it), Blob::new(b"".as_slice()));
        }
        assert_eq!(made.find(&key(0)), Some(file));
        assert_eq!(made.find(&key(1)), None);
        let kept = made.parts.iter().map(|it| it.lock().unwrap().files.len()).sum::<usize>();
        assert!(kept <= PARTS * (FEW + 1), "{kept} keys of files that nobody has");
    }
}
