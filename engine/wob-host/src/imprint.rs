//! Imprints: what the files of an output folder look like once they are written, told by stat records.
//!
//! **Invariant:** an imprint that still holds means equal bytes at equal paths, as for a [stamp](crate::Stamp). Unlike that it
//! is a sum over files, so that many can be looked at side by side, and a few that were written anew can be exchanged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::SystemTime,
};

use camino::Utf8Path;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::Digest;

use crate::{
    Interrupt, Interrupted,
    stamp::{MOST_RACY, StatRecord},
};

/// How many files one thread looks at.
const FILES: usize = 512;
/// What is hashed begins with this.
const DOMAIN: &[u8] = b"imprint\0";

/// What some files of a folder look like. Files that are not there count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imprint {
    sum: Sum,
    /// The files that were changed a moment before, with the digest of their contents; none if one of them cannot be
    /// remembered, so that the imprint never holds.
    racy: Option<BTreeMap<String, [u8; 32]>>,
}

/// A sum of digests, lane by lane: whatever is added can be taken away again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum([u64; 4]);

impl Sum {
    /// Hashes what one file looks like, in `text`, which is used again: as few bytes as tell it, since there are many files.
    fn of(path: &str, record: &StatRecord, text: &mut Vec<u8>) -> Self {
        text.clear();
        text.extend(DOMAIN);
        for number in record.numbers {
            // None has more bytes but a time before or after some centuries.
            text.extend(&number.to_le_bytes()[..size_of::<u64>()]);
        }
        text.extend(path.as_bytes());
        let digest = Digest::of(text);
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(digest.as_bytes().chunks_exact(8)) {
            *lane = u64::from_le_bytes(bytes.try_into().expect("because a chunk has 8 bytes"));
        }
        Self(lanes)
    }

    fn plus(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(lane, it)| *lane = lane.wrapping_add(it));
        self
    }

    fn minus(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(lane, it)| *lane = lane.wrapping_sub(it));
        self
    }
}

impl Imprint {
    /// Looks at those of `paths` that are files in `folder`, without following links. Files that were written a moment ago are
    /// read.
    ///
    /// # Errors
    /// Ctrl-C.
    pub fn of(
        folder: &Utf8Path,
        paths: &[impl AsRef<str> + Sync],
        interrupt: &Interrupt,
    ) -> Result<Self, Interrupted> {
        let taken = SystemTime::now();
        let chunks = paths.par_chunks(FILES).map(|chunk| {
            let mut part = Self { sum: Sum::default(), racy: Some(BTreeMap::new()) };
            each(folder, chunk, interrupt, &mut |path, found, sum| {
                part.sum = part.sum.plus(sum);
                if found.is_file && found.record.is_racy(taken) {
                    part.remember(folder, path);
                }
            })?;
            Ok(part)
        });
        let nothing = || Self { sum: Sum::default(), racy: Some(BTreeMap::new()) };
        chunks.try_reduce(nothing, |a, b| Ok(a.plus(b)))
    }

    /// Looks at `paths` again, which are those that it was taken of. Returns `None` unless they still look the same in `folder`, and else
    /// what they are known by from now on: a file need not be read any more once a change of it would show.
    ///
    /// # Errors
    /// Ctrl-C.
    pub fn renewed(
        &self,
        folder: &Utf8Path,
        paths: &[impl AsRef<str> + Sync],
        interrupt: &Interrupt,
    ) -> Result<Option<Self>, Interrupted> {
        let Some(racy) = &self.racy else { return Ok(None) };
        let now = SystemTime::now();
        let chunks = paths.par_chunks(FILES).map(|chunk| {
            let (mut sum, mut still_racy) = (Sum::default(), BTreeSet::new());
            each(folder, chunk, interrupt, &mut |path, found, it| {
                sum = sum.plus(it);
                if found.record.is_racy(now) && racy.contains_key(path) {
                    still_racy.insert(path.to_owned());
                }
            })?;
            Ok::<_, Interrupted>((sum, still_racy))
        });
        let (sum, still_racy) = chunks.try_reduce(Default::default, |mut a, mut b| {
            a.1.append(&mut b.1);
            Ok((a.0.plus(b.0), a.1))
        })?;
        if sum != self.sum || !racy.par_iter().all(|(path, it)| is_same(folder, path, it)) {
            return Ok(None);
        }
        let mut racy = racy.clone();
        racy.retain(|path, _| still_racy.contains(path));
        Ok(Some(Self { sum, racy: Some(racy) }))
    }

    /// Returns what it is when some of its files have changed, of which `before` and `after` were taken.
    #[must_use]
    pub fn exchanged(
        self,
        folder: &Utf8Path,
        paths: &BTreeSet<String>,
        before: &Self,
        after: Self,
    ) -> Self {
        let mut racy = self.racy;
        if let Some(racy) = &mut racy {
            // By now the others were written long enough ago for their stat records to tell.
            racy.retain(|path, it| !paths.contains(path) && !is_settled(folder, path, it));
        }
        Self { sum: self.sum.minus(before.sum), racy }.plus(after)
    }

    fn plus(self, other: Self) -> Self {
        let racy = match (self.racy, other.racy) {
            (Some(mut a), Some(b)) if a.len() + b.len() <= MOST_RACY => {
                a.extend(b);
                Some(a)
            }
            _ => None,
        };
        Self { sum: self.sum.plus(other.sum), racy }
    }

    fn remember(&mut self, folder: &Utf8Path, path: &str) {
        let Some(racy) = &mut self.racy else { return };
        match fs::read(folder.join(path)).ok().filter(|_| racy.len() < MOST_RACY) {
            Some(bytes) => {
                racy.insert(path.to_owned(), *Digest::of(&bytes).as_bytes());
            }
            None => self.racy = None,
        }
    }
}

fn is_same(folder: &Utf8Path, path: &str, digest: &[u8; 32]) -> bool {
    fs::read(folder.join(path)).is_ok_and(|it| Digest::of(&it).as_bytes() == digest)
}

/// Says whether a file that was racy is known by its stat record now, and has not changed before that could be told.
fn is_settled(folder: &Utf8Path, path: &str, digest: &[u8; 32]) -> bool {
    let taken = SystemTime::now();
    let found = fs::symlink_metadata(folder.join(path));
    found.is_ok_and(|it| !StatRecord::of(&it).is_racy(taken)) && is_same(folder, path, digest)
}

/// Looks at those of `paths` that are there.
fn each(
    folder: &Utf8Path,
    paths: &[impl AsRef<str>],
    interrupt: &Interrupt,
    take: &mut dyn FnMut(&str, &Found, Sum),
) -> Result<(), Interrupted> {
    interrupt.check()?;
    let (folder, mut text) = (OpenFolder::new(folder), vec![]);
    for path in paths.iter().map(AsRef::as_ref) {
        if let Some(found) = folder.look(path) {
            let sum = Sum::of(path, &found.record, &mut text);
            take(path, &found, sum);
        }
    }
    Ok(())
}

/// A folder, to look at files below it without walking the way to it each time.
struct OpenFolder<'f> {
    folder: &'f Utf8Path,
    /// None if it may not be listed: single files may be looked at nevertheless.
    #[cfg(unix)]
    opened: Option<std::os::fd::OwnedFd>,
}

/// What lies at a path.
struct Found {
    record: StatRecord,
    is_file: bool,
}

impl<'f> OpenFolder<'f> {
    #[cfg(unix)]
    fn new(folder: &'f Utf8Path) -> Self {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self { folder, opened: open(folder.as_str(), flags, Mode::empty()).ok() }
    }

    #[cfg(not(unix))]
    fn new(folder: &'f Utf8Path) -> Self {
        Self { folder }
    }

    /// Looks at `path`, without following a link there; `None` if nothing is there.
    fn look(&self, path: &str) -> Option<Found> {
        #[cfg(unix)]
        if let Some(folder) = &self.opened {
            use rustix::fs::{AtFlags, FileType, statat};
            let found = statat(folder, path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let is_file = FileType::from_raw_mode(found.st_mode).is_file();
            return Some(Found { record: StatRecord::of_stat(&found), is_file });
        }
        let found = fs::symlink_metadata(self.folder.join(path)).ok()?;
        Some(Found { record: StatRecord::of(&found), is_file: found.is_file() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::TICK;

    fn write(folder: &Utf8Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            fs::write(folder.join(path), text).unwrap();
        }
    }

    #[test]
    fn what_is_changed_added_or_deleted_shows() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let interrupt = Interrupt::default();
        let paths = ["a", "b", "missing"];
        let holds = |it: &Imprint| it.renewed(folder, &paths, &interrupt).unwrap().is_some();
        for (path, text) in [("a", Some("2")), ("b", None), ("missing", Some("1"))] {
            write(folder, &[("a", "1"), ("b", "1")]);
            let imprint = Imprint::of(folder, &paths, &interrupt).unwrap();
            assert!(holds(&imprint));
            let own = Imprint::of(folder, &[path], &interrupt).unwrap();
            match text {
                Some(text) => write(folder, &[(path, text)]),
                None => fs::remove_file(folder.join(path)).unwrap(),
            }
            assert!(!holds(&imprint), "{path}");
            let now = Imprint::of(folder, &[path], &interrupt).unwrap();
            let exchanged = imprint.clone().exchanged(folder, &[path.to_owned()].into(), &own, now);
            assert!(holds(&exchanged), "{path}");
            assert_eq!(exchanged.sum, Imprint::of(folder, &paths, &interrupt).unwrap().sum);
        }
    }

    /// Who may look into a folder need not be allowed to list it.
    #[cfg(unix)]
    #[test]
    fn a_file_looks_the_same_by_its_whole_path() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        write(folder, &[("a", "1")]);
        fs::create_dir(folder.join("b")).unwrap();
        std::os::unix::fs::symlink("a", folder.join("c")).unwrap();
        let (opened, closed) = (OpenFolder::new(folder), OpenFolder { folder, opened: None });
        for path in ["a", "b", "c", "missing"] {
            let seen = [&opened, &closed]
                .map(|it| it.look(path).map(|it| (it.record.numbers, it.is_file)));
            assert_eq!(seen[0], seen[1], "{path}");
            assert_eq!(seen[0].is_some_and(|it| it.1), path == "a");
        }
    }

    /// Two names of one file have one stat record.
    #[test]
    fn a_file_of_another_name_shows() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        write(folder, &[("a", "1")]);
        fs::hard_link(folder.join("a"), folder.join("b")).unwrap();
        let of = |path: &str| Imprint::of(folder, &[path], &Interrupt::default()).unwrap().sum;
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn a_change_that_no_stat_record_shows_is_found_by_contents() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let interrupt = Interrupt::default();
        write(folder, &[("a", "1")]);
        let mut imprint = Imprint::of(folder, &["a"], &interrupt).unwrap();
        assert_eq!(imprint.racy.as_ref().map(BTreeMap::len), Some(1), "it was just written");
        write(folder, &[("a", "2")]);
        // As if no clock had ticked in between.
        imprint.sum = Imprint::of(folder, &["a"], &interrupt).unwrap().sum;
        assert_eq!(imprint.renewed(folder, &["a"], &interrupt).unwrap(), None);
    }

    #[test]
    fn a_file_is_read_until_a_change_of_it_would_show() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let interrupt = Interrupt::default();
        write(folder, &[("a", "1"), ("b", "1")]);
        let first = Imprint::of(folder, &["a", "b"], &interrupt).unwrap();
        let long_ago = SystemTime::now() - TICK * 10;
        fs::File::options()
            .write(true)
            .open(folder.join("a"))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        let touched = Imprint::of(folder, &["a", "b"], &interrupt).unwrap();
        let racy = |it: &Imprint| it.racy.as_ref().map(|it| it.keys().cloned().collect::<Vec<_>>());
        for imprint in [&first, &touched] {
            assert_eq!(racy(imprint), Some(vec!["a".to_owned(), "b".to_owned()]));
        }
        std::thread::sleep(TICK * 2);
        assert_eq!(first.renewed(folder, &["a", "b"], &interrupt).unwrap(), None);
        let renewed = touched.renewed(folder, &["a", "b"], &interrupt).unwrap().unwrap();
        assert_eq!(racy(&renewed), Some(vec![]));
        assert_eq!(renewed.sum, touched.sum);
        write(folder, &[("b", "2")]);
        assert_eq!(renewed.renewed(folder, &["a", "b"], &interrupt).unwrap(), None);
    }
}
