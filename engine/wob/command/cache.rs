//! `wob cache`: looks after what wob keeps between runs.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use wob_host::{Cache as UserCache, GcLimits, Removed, Store, StoreError, StoreInfo, Verified};

use crate::{args::Common, exit::Exit, report::count, stream::Streams};

/// Look after what wob keeps between runs
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    subcommand_required = true
)]
pub(crate) struct Cache {
    #[command(subcommand)]
    task: Task,
}

const LONG_ABOUT: &str = "\
Looks after what wob keeps between runs: repositories that it fetched, and a store of what it rendered.

All of it lies in the folder that WOB_CACHE_DIR names, or in `wob` below the folder that the system has for caches. \
Workspaces and processes share it. Deleting any of it at any time is safe and costs time only.";

const EXAMPLES: &str = "\
Examples:
  wob cache info
  wob cache gc --max-size=2GiB --max-age=7d
  wob cache verify --output=json
  wob cache clear";

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Say where the cache is and what it holds
    Info,
    /// Remove what was not used for long, and join small packs
    Gc {
        /// Remove the least recently used beyond SIZE, such as 512MiB or 10GiB
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        max_size: Option<u64>,
        /// Remove what nobody used for AGE, such as 12h or 30d
        #[arg(long, value_name = "AGE", value_parser = parse_age)]
        max_age: Option<Duration>,
        /// Keep SIZE, however old it is
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        keep: Option<u64>,
    },
    /// Read everything, and set aside what is damaged; exit with 40 if something was
    Verify,
    /// Remove the whole store
    Clear {
        /// Remove the fetched repositories, too
        #[arg(long)]
        all: bool,
    },
}

/// What `wob cache info` prints for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonInfo<'i> {
    folder: &'i Utf8Path,
    store: StoreInfo,
    repositories: usize,
}

#[derive(Debug, Serialize)]
struct JsonRemoved<'i> {
    folder: &'i Utf8Path,
    removed: Removed,
}

#[derive(Debug, Serialize)]
struct JsonVerified<'i> {
    folder: &'i Utf8Path,
    verified: &'i Verified,
}

/// Why a cache could not be looked after.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Cache(#[from] wob_host::CacheError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not remove `{path}`: {source}")]
    Remove { path: Utf8PathBuf, source: std::io::Error },
}

impl Cache {
    /// Does what was asked.
    pub(crate) fn run(&self, _common: &Common, streams: &Streams) -> Exit {
        self.task(streams).unwrap_or_else(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })
    }

    fn task(&self, streams: &Streams) -> Result<Exit, Failure> {
        let cache = UserCache::of_user()?;
        let store = cache.store();
        match &self.task {
            Task::Info => {
                info(&cache, &store, streams);
                Ok(Exit::Ok)
            }
            Task::Gc { max_size, max_age, keep } => {
                let default = GcLimits::default();
                let limits = GcLimits {
                    most_bytes: max_size.unwrap_or(default.most_bytes),
                    longest_unused: max_age.unwrap_or(default.longest_unused),
                    least_bytes: keep.unwrap_or(default.least_bytes),
                    // Who asks for it waits for all of it.
                    most_joined: u64::MAX,
                };
                tell_removed(&cache, store.gc(&limits)?, streams);
                Ok(Exit::Ok)
            }
            Task::Verify => Ok(verify(&cache, &store, streams)),
            Task::Clear { all } => {
                let removed = store.clear()?;
                if *all {
                    remove_repositories(&cache)?;
                }
                tell_removed(&cache, removed, streams);
                Ok(Exit::Ok)
            }
        }
    }
}

fn info(cache: &UserCache, store: &Store, streams: &Streams) {
    let folder = cache.folder();
    let (store, repositories) = (store.info(), cache.repositories().len());
    if streams.is_json() {
        return streams.json(&JsonInfo { folder, store, repositories });
    }
    let StoreInfo { packs, bytes, blobs, results, quarantined, running } = store;
    let mut text = format!(
        "{folder}\n  store: {} in {}: {}, {}\n  repositories: {repositories}\n",
        size(bytes),
        count(packs, "pack", "packs"),
        count(blobs, "file", "files"),
        count(results, "result", "results"),
    );
    if quarantined > 0 {
        let packs = count(quarantined, "pack", "packs");
        text.extend(["  set aside as damaged: ", &packs, "\n"]);
    }
    if running > 0 {
        text.extend(["  in use by ", &count(running, "build", "builds"), "\n"]);
    }
    streams.result(&text);
}

fn tell_removed(cache: &UserCache, removed: Removed, streams: &Streams) {
    let folder = cache.folder();
    if streams.is_json() {
        return streams.json(&JsonRemoved { folder, removed });
    }
    if removed.busy {
        return streams.result("nothing removed: another process is removing\n");
    }
    let joined = match removed.joined {
        0 => String::new(),
        more => format!(", joined {}", count(more, "small pack", "small packs")),
    };
    streams.result(&format!(
        "removed {} ({}){joined}\n",
        count(removed.packs, "pack", "packs"),
        size(removed.bytes)
    ));
}

fn verify(cache: &UserCache, store: &Store, streams: &Streams) -> Exit {
    let verified = store.verify();
    let exit = if verified.quarantined.is_empty() { Exit::Ok } else { Exit::Integrity };
    if streams.is_json() {
        streams.json(&JsonVerified { folder: cache.folder(), verified: &verified });
        return exit;
    }
    for (pack, reason) in &verified.quarantined {
        streams.fail(&format!("`{pack}` was damaged and is set aside: {reason}"));
    }
    let records = count(verified.records, "record", "records");
    streams.result(&format!("{records} of {} are whole\n", size(verified.bytes)));
    exit
}

fn remove_repositories(cache: &UserCache) -> Result<(), Failure> {
    for path in cache.repositories() {
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            result => result.map_err(|source| Failure::Remove { path, source })?,
        }
    }
    Ok(())
}

/// The units of sizes, the largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn size(bytes: u64) -> String {
    let (unit, worth) = UNITS.into_iter().find(|(_, it)| bytes >= *it).unwrap_or(("B", 1));
    let tenths = bytes.saturating_mul(10) / worth;
    match (worth, tenths % 10) {
        (1, _) | (_, 0) => format!("{} {unit}", tenths / 10),
        (_, rest) => format!("{}.{rest} {unit}", tenths / 10),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let found = UNITS.into_iter().find_map(|(unit, worth)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(worth)
    });
    found.ok_or_else(|| "expected a size such as 512MiB or 10GiB".to_owned())
}

fn parse_age(text: &str) -> Result<Duration, String> {
    let units = [("d", 24 * 3600), ("h", 3600), ("m", 60), ("s", 1)];
    let found = units.into_iter().find_map(|(unit, worth)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(worth)
    });
    found.map(Duration::from_secs).ok_or_else(|| "expected an age such as 12h or 30d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_read_and_shown() {
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("512 MiB"), Ok(512 << 20));
        assert_eq!(parse_size("7B"), Ok(7));
        assert!(parse_size("2").is_err() && parse_size("99999999999999GiB").is_err());
        assert_eq!(parse_age("30d"), Ok(Duration::from_hours(720)));
        assert!(parse_age("d").is_err() && parse_age("3 weeks").is_err());
        assert_eq!([0, 1023, 1536, 5 << 30].map(size), ["0 B", "1023 B", "1.5 KiB", "5 GiB"]);
    }
}
