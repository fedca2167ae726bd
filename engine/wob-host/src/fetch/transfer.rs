//! Talks to another host, and puts what it sends into a repository of the cache.

use std::{fs, num::NonZeroU32};

use camino::{Utf8Path, Utf8PathBuf};
use gix::{
    progress::Discard,
    remote::{Direction, fetch::Shallow, fetch::Tags, ref_map},
};
use wob_engine::Digest;

use super::{Cache, FetchError, Reference};
use crate::{GitId, Interrupt, Interrupted, Repository, address::redact, git::reason};

impl Repository {
    /// Returns the commit that the cache has for `reference`.
    pub(super) fn cached_id(&self, reference: &Reference) -> Option<GitId> {
        match reference {
            Reference::Commit(id) => self.has_commit(*id).then_some(*id),
            Reference::Branch(_) | Reference::Tag(_) => self.peel(&kept_name(reference)),
        }
    }
}

/// Names the reference under which the cache keeps another one, so that no name of others meets the rules of this disk.
fn kept_name(reference: &Reference) -> String {
    let name = reference.full_name().unwrap_or_else(|| reference.revision());
    format!("refs/wob/{}", Digest::of(name.as_bytes()))
}

/// What is fetched.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) url: &'w str,
    pub(super) reference: &'w Reference,
    pub(super) depth: Depth,
}

/// How much of a history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// None: the files of one commit.
    Tip,
    /// All commits before it too.
    Whole,
}

/// Fetches what is `wanted` into the repository in `folder`, which is locked, and made if need be.
pub(super) fn fetch(
    cache: &Cache,
    folder: &Utf8Path,
    wanted: Wanted<'_>,
    interrupt: &Interrupt,
) -> Result<(), FetchError> {
    let Wanted { url, reference, depth } = wanted;
    let repository = ready(cache, folder, url)?;
    let transfer = Transfer { repository: &repository, url, reference, interrupt };
    match (reference.full_name(), depth) {
        (None, Depth::Tip) => transfer.commit(),
        // A host need not give a commit by its id, and which branch it is on is not known.
        (None, Depth::Whole) => transfer.everything(),
        (Some(_), Depth::Tip) => transfer.receive(&[transfer.spec()?], only_tips()),
        (Some(_), Depth::Whole) => transfer.receive(&[transfer.spec()?], transfer.whole()),
    }
}

/// Opens the repository in `folder`, or makes it, and lets it talk to the host of `url`.
fn ready(cache: &Cache, folder: &Utf8Path, url: &str) -> Result<gix::Repository, FetchError> {
    let mut repository = open(cache, folder)?;
    if url.starts_with("https:") {
        trust(&mut repository, url)?;
    }
    Ok(repository)
}

/// Opens the repository in `folder`, or makes a new one if there is none or only the remains of one.
fn open(cache: &Cache, folder: &Utf8Path) -> Result<gix::Repository, FetchError> {
    let failed = |source| FetchError::Cache { path: folder.to_owned(), source };
    let options = gix::open::Options::default().open_path_as_is(true);
    let mut repository = if let Ok(repository) = gix::open_opts(folder, options.clone()) {
        remove_stale_locks(folder).map_err(failed)?;
        repository
    } else {
        discard(folder)?;
        let made = gix::init_bare(folder).and_then(|_| gix::open_opts(folder, options));
        made.map_err(|error| failed(std::io::Error::other(reason(&error))))?
    };
    // Appended last, so that they win over files and the environment. No reflog: it would ask for an identity.
    let settings = cache.git_config.iter().map(String::as_str);
    let settings: Vec<&str> = settings.chain(["core.logAllRefUpdates=false"]).collect();
    let mut config = repository.config_snapshot_mut();
    config
        .append_config(settings, gix::config::Source::Api)
        .map_err(|error| failed(std::io::Error::other(reason(&error))))?;
    config.commit().map_err(|error| failed(std::io::Error::other(reason(&error))))?;
    Ok(repository)
}

/// Names the certificates to trust, where git's configuration does not: curl has no default for rustls.
fn trust(repository: &mut gix::Repository, url: &str) -> Result<(), FetchError> {
    // Windows has its own store, and curl uses it there.
    if cfg!(windows) || repository.config_snapshot().string("http.sslCAInfo").is_some() {
        return Ok(());
    }
    let unreachable = |reason| FetchError::Unreachable { url: redact(url), reason };
    let Some(file) = openssl_probe::probe().cert_file else {
        let reason = "no trusted certificates were found; set git's `http.sslCAInfo`";
        return Err(unreachable(reason.to_owned()));
    };
    let mut config = repository.config_snapshot_mut();
    config
        .set_value(&gix::config::tree::Http::SSL_CA_INFO, file.to_string_lossy().as_ref())
        .map_err(|error| unreachable(reason(&error)))?;
    config.commit().map_err(|error| unreachable(reason(&error)))?;
    Ok(())
}

/// Deletes the repository in `folder`, which is locked.
pub(super) fn discard(folder: &Utf8Path) -> Result<(), FetchError> {
    let failed = |source| FetchError::Cache { path: folder.to_owned(), source };
    if !folder.exists() {
        return Ok(());
    }
    // Readers may have files of it open, so move it away before deleting.
    let away = Utf8PathBuf::from(format!("{folder}.damaged"));
    fs::remove_dir_all(&away).ok();
    fs::rename(folder, &away).map_err(failed)?;
    fs::remove_dir_all(&away).ok();
    Ok(())
}

/// Removes git's own lock files: the process that made them is gone, because this one holds the lock on all.
fn remove_stale_locks(folder: &Utf8Path) -> std::io::Result<()> {
    for inside in [folder.to_owned(), folder.join("refs/wob")] {
        let Ok(entries) = inside.read_dir_utf8() else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.path().extension() == Some("lock") {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Without history: the files of one commit.
fn only_tips() -> Shallow {
    Shallow::DepthAtRemote(NonZeroU32::MIN)
}

struct Transfer<'t> {
    repository: &'t gix::Repository,
    url: &'t str,
    reference: &'t Reference,
    interrupt: &'t Interrupt,
}

impl Transfer<'_> {
    /// Fetches a commit by its id; a host that gives only branches and tags must give all of them.
    fn commit(&self) -> Result<(), FetchError> {
        let id = self.reference.revision();
        match self.receive(&[format!("+{id}:{}", kept_name(self.reference))], only_tips()) {
            Err(FetchError::Failed { .. } | FetchError::NoSuchReference { .. }) => {}
            result => return result,
        }
        self.everything()
    }

    /// Says what to fetch of a branch or a tag, and under which name to keep it.
    fn spec(&self) -> Result<String, FetchError> {
        let name = self.reference.full_name().unwrap_or_default();
        // `*` and the like would make a pattern of it.
        if gix::refs::FullName::try_from(name.as_str()).is_err() {
            return Err(self.no_such_reference());
        }
        Ok(format!("+{name}:{}", kept_name(self.reference)))
    }

    /// Says that no history is cut off, also where it was before.
    fn whole(&self) -> Shallow {
        let shallow = self.repository.is_shallow().unwrap_or(false);
        if shallow { Shallow::undo() } else { Shallow::NoChange }
    }

    /// Fetches all branches and tags with their history.
    fn everything(&self) -> Result<(), FetchError> {
        let everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let connection = self.remote(&everything)?;
        let connection = connection.connect(Direction::Fetch).map_err(|it| self.error(&it))?;
        let (map, _) = connection
            .ref_map(Discard, ref_map::Options::default())
            .map_err(|it| self.error(&it))?;
        let names = map.mappings.iter().filter_map(|it| it.remote.as_name());
        let specs: Vec<String> =
            names.map(|name| format!("+{name}:refs/wob/{}", Digest::of(name))).collect();
        if specs.is_empty() {
            return Err(self.no_such_reference());
        }
        self.receive(&specs, self.whole())
    }

    fn receive(&self, specs: &[String], shallow: Shallow) -> Result<(), FetchError> {
        let error = |error: gix::Error| self.error(&error);
        let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
        let remote = self.remote(&specs)?;
        let connection = remote.connect(Direction::Fetch).map_err(error)?;
        let prepared =
            connection.prepare_fetch(Discard, ref_map::Options::default()).map_err(error)?;
        self.interrupt.check()?;
        if prepared.ref_map().mappings.is_empty() {
            return Err(self.no_such_reference());
        }
        prepared.with_shallow(shallow).receive(Discard, self.interrupt.flag()).map_err(error)?;
        Ok(())
    }

    fn remote(&self, specs: &[&str]) -> Result<gix::Remote<'_>, FetchError> {
        let address = |error: gix::Error| FetchError::Address {
            url: redact(self.url),
            reason: reason(&error),
        };
        let remote = self.repository.remote_at(self.url).map_err(address)?;
        let remote = remote.with_fetch_tags(Tags::None);
        remote.with_refspecs(specs.iter().copied(), Direction::Fetch).map_err(|it| self.error(&it))
    }

    fn no_such_reference(&self) -> FetchError {
        FetchError::NoSuchReference { url: redact(self.url), reference: self.reference.clone() }
    }

    /// Says what kind of failure an error is.
    fn error(&self, error: &gix::Error) -> FetchError {
        if self.interrupt.is_set() {
            return Interrupted.into();
        }
        let url = redact(self.url);
        let reason = reason(error);
        let says = |words: &[&str]| words.iter().any(|it| reason.contains(it));
        if says(&["is denied per configuration"]) {
            return FetchError::Address { url, reason };
        }
        // The library keeps the class of some failures; of others there are only curl's words, which do not change.
        if error.is_unauthenticated() || error.is_permission_denied() || says(&["credentials"]) {
            return FetchError::Unauthorized { url, reason };
        }
        if says(&["HTTP status 404", "HTTP status 410"]) {
            return FetchError::NotFound { url, reason };
        }
        if error.is_retryable() || says(&["resolve host", "connect to server", "Timeout", "SSL"]) {
            return FetchError::Unreachable { url, reason };
        }
        FetchError::Failed { url, reference: self.reference.clone(), reason }
    }
}
