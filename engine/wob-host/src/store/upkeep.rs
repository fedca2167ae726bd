//! Upkeep: what a store holds, what of it is whole, and what may go.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use camino::Utf8PathBuf;

use super::{
    OpenPack, QUARANTINE, Store, StoreError,
    batch::{DRAFT, Draft},
    locked,
    pack::{Damage, Kind, Pack},
    write,
};
use crate::filesystem::Stat;

/// Packs smaller than this are joined with others.
const SMALL: u64 = 64 << 20;
/// What builds join at once takes about a second; two small packs make one that is not.
const MOST_JOINED: u64 = 2 * SMALL;
/// So many small packs of one kind are left alone: each costs a reader one more look.
const FEW: usize = 16;
/// A draft that nobody has written to for so long was left by a process that died.
const STALE: Duration = Duration::from_hours(24);

/// How large and how old a store may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcLimits {
    /// The most bytes.
    pub most_bytes: u64,
    /// Packs that nobody used for longer go.
    pub longest_unused: Duration,
    /// So many bytes stay, however old they are.
    pub least_bytes: u64,
    /// So many bytes of small packs are joined at once, the smallest first; the rest waits for the next time.
    pub most_joined: u64,
}

impl Default for GcLimits {
    /// 10 GiB and 30 days; 256 MiB stay; 128 MiB are joined, so that nobody waits long.
    fn default() -> Self {
        Self {
            most_bytes: 10 << 30,
            longest_unused: Duration::from_hours(24 * 30),
            least_bytes: 256 << 20,
            most_joined: MOST_JOINED,
        }
    }
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreInfo {
    /// Packs that can be read.
    pub packs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Contents in them; those in two packs count twice.
    pub blobs: usize,
    /// Results in them.
    pub results: usize,
    /// Packs that were moved aside because they are damaged.
    pub quarantined: usize,
    /// Builds that use the store now.
    pub running: usize,
}

/// What `gc` or `clear` removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Packs that were removed.
    pub packs: usize,
    /// Packs that were joined into fewer.
    pub joined: usize,
    /// The bytes that were freed.
    pub bytes: u64,
    /// Whether nothing was done because another process is removing.
    pub busy: bool,
}

/// What `verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Records that are what their keys promise.
    pub records: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The packs that are damaged and were moved aside, each with the reason.
    pub quarantined: Vec<(String, String)>,
}

impl Store {
    /// Says whether [`Store::gc`] has something to do for results: they are larger than `limits` say, or more than `most` packs of
    /// them are small, each of which costs a reader one more look.
    pub fn is_untidy(&self, limits: &GcLimits, most: usize) -> bool {
        let packs = self.packs(Kind::Results);
        let small = packs.iter().filter(|it| it.pack.bytes() < SMALL).count();
        small > most || packs.iter().map(|it| it.pack.bytes()).sum::<u64>() > limits.most_bytes
    }

    /// Counts what the store holds.
    pub fn info(&self) -> StoreInfo {
        let (_, running) = self.running();
        let mut info = StoreInfo { running, ..StoreInfo::default() };
        for kind in Kind::ALL {
            for open in self.packs(kind) {
                info.packs += 1;
                info.bytes += open.pack.bytes();
                match kind {
                    Kind::Blobs => info.blobs += open.pack.len(),
                    Kind::Results => info.results += open.pack.len(),
                }
            }
        }
        info.quarantined = self.fs.list(&self.folder.join(QUARANTINE)).map_or(0, |it| it.len());
        info
    }

    /// Reads every record; packs that are damaged are moved aside.
    pub fn verify(&self) -> Verified {
        let mut verified = Verified::default();
        for kind in Kind::ALL {
            for open in self.packs(kind) {
                if let Err(damage) = verify(&open.pack, &mut verified) {
                    self.quarantine(kind, &open.name, &damage);
                }
            }
        }
        verified.quarantined = self.quarantined();
        verified
    }

    /// Removes what was not used for long, and the least recently used beyond the most bytes; joins small packs.
    ///
    /// What a running build has used stays, and so do the least bytes.
    ///
    /// # Errors
    /// If something cannot be removed; the rest was.
    pub fn gc(&self, limits: &GcLimits) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        let lock = self.folder.join("gc.lock");
        if self.fs.stat(&self.packs_folder()).is_err() {
            return Ok(removed);
        }
        let Some(_held) = self.fs.try_lock(&lock).map_err(StoreError::failed("lock", &lock))?
        else {
            removed.busy = true;
            return Ok(removed);
        };
        let now = SystemTime::now();
        self.remove_stale(now, limits, &mut removed)?;
        let (protected, _) = self.running();
        let mut packs = self.all_packs();
        packs.sort_by_key(|(_, stat)| stat.changed);
        let mut left: u64 = packs.iter().map(|(_, stat)| stat.size).sum();
        for (name, stat) in packs {
            let is_used = protected.is_some_and(|it| stat.changed >= it);
            let age = now.duration_since(stat.changed).unwrap_or_default();
            let is_old = age > limits.longest_unused && left - stat.size >= limits.least_bytes;
            if is_used || !(is_old || left > limits.most_bytes) {
                continue;
            }
            self.remove_pack(&name)?;
            left -= stat.size;
            removed.packs += 1;
            removed.bytes += stat.size;
        }
        if protected.is_none() {
            for kind in Kind::ALL {
                self.join_small(kind, limits, &mut removed)?;
            }
        }
        Ok(removed)
    }

    /// Removes every pack, and what was moved aside.
    ///
    /// # Errors
    /// If something cannot be removed; the rest was.
    pub fn clear(&self) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for (name, stat) in self.all_packs() {
            self.remove_pack(&name)?;
            removed.packs += 1;
            removed.bytes += stat.size;
        }
        for folder in [self.folder.join(QUARANTINE), self.notes_folder()] {
            for name in self.fs.list(&folder).unwrap_or_default() {
                self.remove(&folder.join(name), &mut removed)?;
            }
        }
        Ok(removed)
    }

    /// Lists the packs of every kind and shape: those that only another wob can read grow old as well.
    fn all_packs(&self) -> Vec<(String, Stat)> {
        let folder = self.packs_folder();
        let names = self.fs.list(&folder).unwrap_or_default();
        let packs = names.into_iter().filter(|it| !it.starts_with('.'));
        let found = |name: String| {
            let stat = self.fs.stat(&folder.join(&name)).ok()?;
            Some((name, stat))
        };
        packs.filter_map(found).collect()
    }

    /// Removes drafts, damaged packs and notes that nobody has touched for long.
    fn remove_stale(
        &self,
        now: SystemTime,
        limits: &GcLimits,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        let old = limits.longest_unused;
        let folders = [
            (self.packs_folder(), DRAFT, STALE),
            (self.folder.join(QUARANTINE), "", STALE),
            (self.notes_folder(), "", old),
        ];
        for (folder, prefix, longest) in folders {
            for name in self.fs.list(&folder).unwrap_or_default() {
                let path = folder.join(&name);
                let changed = self.fs.stat(&path).map(|it| it.changed);
                let is_stale =
                    changed.is_ok_and(|it| now.duration_since(it).unwrap_or_default() > longest);
                if name.starts_with(prefix) && is_stale {
                    self.remove(&path, removed)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the records of many small packs into one, then removes them.
    fn join_small(
        &self,
        kind: Kind,
        limits: &GcLimits,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        let mut small = self.packs(kind);
        small.retain(|it| it.pack.bytes() < SMALL);
        if small.len() <= FEW {
            return Ok(());
        }
        small.sort_by_key(|it| it.pack.bytes());
        let mut joining = 0;
        let fits = |it: &Arc<OpenPack>| {
            joining += it.pack.bytes();
            joining <= limits.most_joined
        };
        let small: Vec<_> = small.into_iter().take_while(fits).collect();
        if small.len() < 2 {
            return Ok(());
        }
        let mut joined = Draft::new(self, kind);
        for open in &small {
            let entries = open.pack.entries().unwrap_or_else(|damage| {
                self.quarantine(kind, &open.name, &damage);
                vec![]
            });
            for entry in entries {
                match open.pack.read(&entry) {
                    Ok(payload) => joined.put(self, entry.key, &payload)?,
                    Err(damage) => self.quarantine(kind, &open.name, &damage),
                }
            }
        }
        let name = joined.commit(self)?;
        for open in small.iter().filter(|it| Some(&it.name) != name.as_ref()) {
            self.remove_pack(&open.name)?;
            removed.joined += 1;
        }
        Ok(())
    }

    fn remove_pack(&self, name: &str) -> Result<(), StoreError> {
        for kind in Kind::ALL {
            if let Some(packs) = write(self.of(kind)).as_mut() {
                packs.retain(|it| it.name != name);
            }
        }
        self.remove_if_there(&self.packs_folder().join(name))
    }

    fn remove(&self, path: &Utf8PathBuf, removed: &mut Removed) -> Result<(), StoreError> {
        let size = self.fs.stat(path).map_or(0, |it| it.size);
        self.remove_if_there(path)?;
        removed.packs += usize::from(!path.starts_with(self.notes_folder()));
        removed.bytes += size;
        // Whoever asks later must not hear of what is gone.
        locked(&self.quarantined).retain(|(name, _)| path.file_name() != Some(name));
        Ok(())
    }

    fn remove_if_there(&self, path: &Utf8PathBuf) -> Result<(), StoreError> {
        match self.fs.remove_file(path) {
            // Another process was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(StoreError::failed("remove", path)),
        }
    }
}

/// Reads every record of a pack, and counts those that are whole.
fn verify(pack: &Pack, verified: &mut Verified) -> Result<(), Damage> {
    for entry in pack.entries()? {
        verified.bytes += pack.read(&entry)?.len() as u64;
        verified.records += 1;
    }
    Ok(())
}
