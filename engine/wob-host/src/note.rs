//! Notes: small files that one run leaves for the next. A torn, foreign or missing one costs time only.

use std::{
    fs, io,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use camino::Utf8Path;
use wob_engine::{Digest, Hasher};

/// The bytes behind the text of a note.
const CHECK: usize = 32;

/// What tells a note from any other with other contents, or for another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteMark([u8; CHECK]);

impl NoteMark {
    /// Returns the mark of the note at `path`; `None` if there is none. Whether the note is whole is not looked at.
    pub fn of(path: &Utf8Path) -> Option<Self> {
        let mut file = fs::File::open(path).ok()?;
        file.seek(SeekFrom::End(-i64::try_from(CHECK).ok()?)).ok()?;
        let mut check = [0; CHECK];
        file.read_exact(&mut check).ok()?;
        Some(Self(check))
    }
}

/// Reads the note at `path`; `None` unless it is whole, and was written for this `purpose`.
pub fn read_note(path: &Utf8Path, purpose: &str) -> Option<Vec<u8>> {
    read_marked_note(path, purpose).map(|(bytes, _)| bytes)
}

/// Reads the note at `path` with its mark; `None` unless it is whole, and was written for this `purpose`.
pub fn read_marked_note(path: &Utf8Path, purpose: &str) -> Option<(Vec<u8>, NoteMark)> {
    let mut bytes = fs::read(path).ok()?;
    let check = bytes.split_off(bytes.len().checked_sub(CHECK)?);
    let mark = NoteMark(check.try_into().ok()?);
    (mark.0 == *check_of(purpose, &bytes).as_bytes()).then_some((bytes, mark))
}

/// Replaces the note at `path`. Whoever reads it meanwhile gets the old one or the new one.
///
/// # Errors
/// What the operating system says; the old note is then still there.
pub fn write_note(path: &Utf8Path, purpose: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.write_all(check_of(purpose, bytes).as_bytes())?;
    // It is not flushed: what a power failure leaves of it does not fit its check.
    if exchange(file.path(), path).is_ok() {
        // Under its name lies the old one now.
        return file.close();
    }
    file.persist(path)?;
    Ok(())
}

/// Lets two files change places. Where one is renamed over another, ext4 writes it to disk before whatever is flushed next, so that the
/// next build would wait for notes that nobody needs there, and that are replaced as long as somebody edits.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Utf8Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    Ok(renameat_with(CWD, a, CWD, b.as_std_path(), RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Utf8Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn check_of(purpose: &str, bytes: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 note").field(purpose.as_bytes()).field(bytes).finish()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn who_reads_while_another_writes_gets_one_of_both_notes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let path = &folder.join("a");
        write_note(path, "test", b"first").unwrap();
        let done = &AtomicBool::new(false);
        thread::scope(|scope| {
            let read = || {
                let mut seen = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    seen.insert(read_note(path, "test").expect("because there always is one"));
                }
                seen
            };
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(read)).collect();
            for _ in 0..200 {
                write_note(path, "test", b"second").unwrap();
                write_note(path, "test", b"first").unwrap();
            }
            done.store(true, Ordering::Relaxed);
            let seen: BTreeSet<_> = readers.into_iter().flat_map(|it| it.join().unwrap()).collect();
            assert!(seen.iter().all(|it| it == b"first" || it == b"second"), "{seen:?}");
        });
        let left = fs::read_dir(folder).unwrap().count();
        assert_eq!(left, 1, "the old ones are gone");
    }

    #[test]
    fn a_note_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let path = folder.join("notes/a");
        assert_eq!(read_note(&path, "test"), None);
        write_note(&path, "test", b"contents").unwrap();
        assert_eq!(read_note(&path, "test").as_deref(), Some(b"contents".as_slice()));
        assert_eq!(read_note(&path, "another purpose"), None);
        let (bytes, mark) = read_marked_note(&path, "test").unwrap();
        assert_eq!((bytes.as_slice(), Some(mark)), (b"contents".as_slice(), NoteMark::of(&path)));
        write_note(&folder.join("notes/b"), "test", b"Contents").unwrap();
        assert_ne!(NoteMark::of(&folder.join("notes/b")), Some(mark));
        assert_eq!(NoteMark::of(&folder.join("notes/c")), None);
        let whole = fs::read(&path).unwrap();
        for left in 0..whole.len() {
            fs::write(&path, &whole[..left]).unwrap();
            assert_eq!(read_note(&path, "test"), None, "{left} bytes");
            let mut flipped = whole.clone();
            flipped[left] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert_eq!(read_note(&path, "test"), None, "byte {left}");
        }
    }
}
