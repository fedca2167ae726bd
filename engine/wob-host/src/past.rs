//! Past files: what files of sources held when they were read before, so that those which nobody needs are not read again.
//!
//! **Invariant:** a file that looks as it did holds the same bytes, as for a [stamp](crate::Stamp); one that was changed a
//! moment before it was looked at is told by its bytes.

use std::{fs, path::Path, time::SystemTime};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use wob_engine::{Content, Digest, GitObjectId, git_blob_id};

use crate::stamp::{Looks, StatRecord};

/// What a file held, and what it looked like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFile {
    /// None if a later change could look the same.
    stat: Option<[i128; 6]>,
    #[serde(with = "serde_bytes")]
    digest: [u8; 32],
    #[serde(with = "serde_bytes")]
    git_id: [u8; 20],
}

impl PastFile {
    /// Looks at the file at `path`, and reads it; `None` if it is no file, or holds something else than what has `digest`.
    pub fn of(path: &Path, digest: &Digest) -> Option<Self> {
        // What changes after the look shows in the next one.
        let (stat, bytes) = look(path).zip(fs::read(path).ok())?;
        let is_same = Digest::of(&bytes) == *digest;
        // Text that begins with a byte order mark is not what git has.
        let is_plain = !bytes.starts_with(b"\xef\xbb\xbf");
        (is_same && is_plain).then(|| Self {
            stat: stat.settled(),
            digest: *digest.as_bytes(),
            git_id: *git_blob_id(&bytes).as_bytes(),
        })
    }

    /// Looks at the file at `path` again, unless it is among those that were looked at for a [stamp](crate::Stamp) and were as they had
    /// been: what is changed after that shows in the next stamp.
    pub fn compare_after(&self, looks: &Looks, path: &Path) -> Since {
        let is_same = self.stat.is_some() && self.stat.as_ref() == looks.of(path);
        if is_same { Since::Same } else { self.compare(path) }
    }

    /// Looks at the file at `path` again.
    pub fn compare(&self, path: &Path) -> Since {
        let Some(now) = look(path) else { return Since::Changed };
        if self.stat == Some(now.numbers) {
            return Since::Same;
        }
        let is_same = fs::read(path).is_ok_and(|it| *Digest::of(&it).as_bytes() == self.digest);
        if is_same { Since::Touched } else { Since::Changed }
    }

    /// Returns the digest of what it held.
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(self.digest)
    }

    /// Returns what a source has in its place, if nobody needs what it says.
    fn unread(&self) -> Content {
        Content::Unread { digest: self.digest(), git_id: GitObjectId::from_bytes(self.git_id) }
    }
}

/// What became of a file since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It looks as it did, and so holds what it did.
    Same,
    /// It looks different, or did so a moment before it was looked at, and holds what it did.
    Touched,
    /// It holds something else, or is gone.
    Changed,
}

/// The files that nobody needs, by where they really lie. All of them were as they were when they were looked at.
#[derive(Clone, Debug, Default)]
pub struct Unneeded {
    /// Sorted by path: there can be many, and a list is made more quickly than a map.
    files: Vec<(String, PastFile)>,
}

/// Files that nobody needs while a source is read.
#[derive(Clone, Copy, Debug)]
pub enum LeftOut<'u> {
    /// They are looked at again: one that was changed since then is read.
    LookAgain(&'u Unneeded),
    /// They are not. Before they were looked at, a [stamp](crate::Stamp) of the source was taken, so that what was changed since then
    /// shows in the next one: as what is read is changed after it was read.
    Stamped(&'u Unneeded),
}

impl Unneeded {
    /// Takes files with their paths, in any order.
    pub fn new(mut files: Vec<(String, PastFile)>) -> Self {
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Self { files }
    }

    /// Returns how many they are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Says whether any of them lies in a folder, or below it.
    pub fn any_below(&self, folder: &Utf8Path) -> bool {
        let below = format!("{}/", folder.as_str().trim_end_matches('/'));
        let first = self.files.partition_point(|it| it.0 < below);
        self.files.get(first).is_some_and(|it| it.0.starts_with(&below))
    }

    fn get(&self, path: &Path) -> Option<&PastFile> {
        let path = path.as_os_str().as_encoded_bytes();
        let found = self.files.binary_search_by(|it| it.0.as_bytes().cmp(path)).ok()?;
        Some(&self.files[found].1)
    }
}

impl LeftOut<'_> {
    /// Returns what stands for the file at `path`, if nobody needs it and it is as it was.
    pub(crate) fn content(self, path: &Path) -> Option<Content> {
        let file = match self {
            Self::LookAgain(all) => {
                all.get(path).filter(|it| it.compare(path) != Since::Changed)?
            }
            Self::Stamped(all) => all.get(path)?,
        };
        Some(file.unread())
    }
}

/// What a file looks like, and when that was seen.
struct Look {
    numbers: [i128; 6],
    is_racy: bool,
}

impl Look {
    fn settled(&self) -> Option<[i128; 6]> {
        (!self.is_racy).then_some(self.numbers)
    }
}

/// `None` if there is no file, or something else than a file.
fn look(path: &Path) -> Option<Look> {
    let taken = SystemTime::now();
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let record = StatRecord::of(&found);
    Some(Look { numbers: record.numbers, is_racy: record.is_racy(taken) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A file that was changed long ago, as far as its own clock tells.
    fn settled(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
    }

    #[test]
    fn a_file_holds_until_its_bytes_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        settled(&path, "a: 1\n");
        let digest = Digest::of(b"a: 1\n");
        let past = PastFile::of(&path, &digest).unwrap();
        assert_ne!(past.compare(&path), Since::Changed);
        assert!(matches!(past.unread(), Content::Unread { digest: it, .. } if it == digest));

        // The same bytes in another file are the same.
        fs::remove_file(&path).unwrap();
        settled(&path, "a: 1\n");
        assert_ne!(past.compare(&path), Since::Changed);

        // Other bytes of the same length, at the same time, are not.
        settled(&path, "a: 2\n");
        assert_eq!(past.compare(&path), Since::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(past.compare(&path), Since::Changed);
    }

    #[test]
    fn what_a_stamp_has_looked_at_is_not_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let top = camino::Utf8PathBuf::try_from(folder.path().canonicalize().unwrap()).unwrap();
        let [kept, edited, other] =
            ["a/kept.yaml", "a/edited.yaml", "b.yaml"].map(|it| top.join(it));
        fs::create_dir(top.join("a")).unwrap();
        let record = |numbers: [i128; 6]| PastFile {
            stat: Some(numbers),
            digest: *Digest::of(b"a: 1\n").as_bytes(),
            git_id: [0; 20],
        };
        for path in [&kept, &edited, &other] {
            fs::write(path, "a: 1\n").unwrap();
        }
        let past = [&kept, &edited].map(|it| record(look(it.as_std_path()).unwrap().numbers));
        fs::write(&edited, "a: 2 # longer\n").unwrap();

        let interrupt = crate::Interrupt::default();
        let mut stamper = crate::Stamper::new(&interrupt);
        stamper.folder(&top.join("a")).unwrap();
        let (_, mut looks) = stamper.finish_looking();
        looks.join(Looks::default());
        assert_eq!(past[1].compare_after(&looks, edited.as_std_path()), Since::Changed);
        assert_eq!(
            past[0].compare_after(&looks, other.as_std_path()),
            Since::Touched,
            "not looked at"
        );
        // The stamp was taken before, so that the next one shows it.
        fs::write(&kept, "a: 3 # longer\n").unwrap();
        assert_eq!(past[0].compare_after(&looks, kept.as_std_path()), Since::Same);
        assert_eq!(past[0].compare(kept.as_std_path()), Since::Changed);
    }

    #[test]
    fn what_was_changed_a_moment_ago_is_told_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        let past = PastFile::of(&path, &Digest::of(b"a: 1\n")).unwrap();
        assert_eq!(past.compare(&path), Since::Touched, "it was written just now");
        fs::write(&path, "a: 2\n").unwrap();
        assert_eq!(past.compare(&path), Since::Changed);
    }

    #[test]
    fn it_is_known_where_there_are_files() {
        let file = |path: &str| {
            let past = PastFile { stat: None, digest: [0; 32], git_id: [0; 20] };
            (path.to_owned(), past)
        };
        let unneeded = ["/w/b/c.yaml", "/w/a-b/d.yaml", "/w/a/e.yaml", "/w/z.yaml"];
        let unneeded = Unneeded::new(unneeded.map(file).into());
        for folder in ["/", "/w", "/w/b", "/w/a-b", "/w/a", "/w/a/"] {
            assert!(unneeded.any_below(Utf8Path::new(folder)), "{folder}");
        }
        for folder in ["/w/a-", "/w/z.yaml", "/w/b/c", "/x", "/w/z"] {
            assert!(!unneeded.any_below(Utf8Path::new(folder)), "{folder}");
        }
    }

    #[test]
    fn links_marks_and_other_bytes_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "\u{feff}a: 1\n").unwrap();
        assert_eq!(PastFile::of(&path, &Digest::of("\u{feff}a: 1\n".as_bytes())), None);
        assert_eq!(PastFile::of(&path, &Digest::of(b"other")), None);
        assert_eq!(PastFile::of(folder.path(), &Digest::of(b"")), None);
    }
}
