//! What becomes of a cache.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{property::Random, support::contents};

/// What the cache still has after something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Whether results may be gone.
    pub(super) results: Sure,
    /// Whether notes of builds may be gone.
    pub(super) notes: Sure,
}

/// How sure one can be that something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    There,
    Perhaps,
    Gone,
}

/// Removes folders of the cache, which need not be there.
pub(super) fn lose(home: &Path, folder: &str) {
    fs::remove_dir_all(home.join(folder)).unwrap_or_default();
}

/// Flips a bit of a file of the store, or cuts it; none if there is no file.
pub(super) fn damage(home: &Path, random: &mut Random) -> Option<Left> {
    let store = home.join(".cache/wob/store");
    let files: Vec<PathBuf> = contents(&store).keys().map(|it| store.join(it)).collect();
    if files.is_empty() {
        return None;
    }
    let path = &files[random.below(files.len())];
    let mut bytes = fs::read(path).unwrap();
    let place = random.below(bytes.len().max(1));
    if random.chance(50) {
        bytes.truncate(place);
    } else if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << random.below(8);
    }
    fs::write(path, bytes).unwrap();
    let is_note = path.extension().is_some_and(|it| it == "last");
    let notes = if is_note { Sure::Perhaps } else { Sure::There };
    Some(Left { results: Sure::Perhaps, notes })
}
