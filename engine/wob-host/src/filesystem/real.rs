//! The operating system's file system.

use std::{
    any::Any,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    time::SystemTime,
};

use camino::Utf8Path;

use super::{FileSystem, ReadFile, Stat, StatKind, WriteFile};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFileSystem;

impl FileSystem for RealFileSystem {
    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(File::options().write(true).create_new(true).open(path)?))
    }

    fn open(&self, path: &Utf8Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn list(&self, folder: &Utf8Path) -> io::Result<Vec<String>> {
        let name = |it: io::Result<fs::DirEntry>| it.map(|it| it.file_name().into_string().ok());
        fs::read_dir(folder)?.filter_map(|it| name(it).transpose()).collect()
    }

    fn entries(&self, folder: &Utf8Path) -> io::Result<Vec<(String, StatKind)>> {
        let entry = |it: io::Result<fs::DirEntry>| {
            let it = it?;
            Ok((it.file_name().to_string_lossy().into_owned(), kind_of(it.file_type()?)))
        };
        fs::read_dir(folder)?.map(entry).collect()
    }

    fn stat(&self, path: &Utf8Path) -> io::Result<Stat> {
        let found = fs::symlink_metadata(path)?;
        let kind = kind_of(found.file_type());
        Ok(Stat { kind, size: found.len(), changed: found.modified()? })
    }

    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Utf8Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Utf8Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn protect(&self, path: &Utf8Path) -> io::Result<()> {
        let mut permissions = fs::metadata(path)?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(path, permissions)
    }

    fn create_folder(&self, path: &Utf8Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, folder: &Utf8Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and a rename is durable with its file.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn touch(&self, path: &Utf8Path) -> io::Result<()> {
        File::options().append(true).open(path)?.set_modified(SystemTime::now())
    }

    fn try_lock(&self, path: &Utf8Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn kind_of(found: fs::FileType) -> StatKind {
    if found.is_file() {
        StatKind::File
    } else if found.is_dir() {
        StatKind::Folder
    } else {
        StatKind::Other
    }
}

impl WriteFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl ReadFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, bytes, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
            }
        }
        Ok(())
    }
}
