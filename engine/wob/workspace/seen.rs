//! What a run looked at before it built, so that the next run can tell that nothing of it has changed.
//!
//! **Invariant:** a thing is stamped before it is read: what changes in between shows the next time.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_host::{Interrupt, Looks, Repository, Stamp, StampError, Stamper};

/// Everything that a run looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    things: Vec<SeenThing>,
    /// The things alone.
    known: BTreeSet<Thing>,
    /// What things looked like that are about to be noted.
    foreseen: BTreeMap<Thing, Stamp>,
    /// Whether something was looked at whose change nobody here would notice, such as a branch on a host.
    is_unsettled: bool,
}

/// What some things look like, before anything of them is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreseen {
    stamps: BTreeMap<Thing, Stamp>,
    /// The files of folders among them.
    pub(crate) looks: Looks,
}

/// When a thing was looked at that is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// Before anything was read at all.
    Foreseen,
    /// Just now, or earlier in this run.
    Now,
}

impl Foreseen {
    /// Looks at all `things` side by side.
    pub(crate) fn look(things: &[SeenThing], interrupt: &Interrupt) -> Self {
        let look = |it: &SeenThing| Some((it.thing.clone(), it.thing.look(interrupt)?));
        let looked: Vec<(Thing, (Stamp, Looks))> = things.par_iter().filter_map(look).collect();
        let mut all = Self::default();
        for (thing, (stamp, looks)) in looked {
            all.stamps.insert(thing, stamp);
            all.looks.join(looks);
        }
        all
    }

    /// Says whether `things` are as they were.
    pub(crate) fn are_as_they_were(&self, things: &[SeenThing]) -> bool {
        let is_same = |it: &SeenThing| {
            self.stamps.get(&it.thing).is_some_and(|now| it.stamp.still_holds(now))
        };
        things.iter().all(is_same)
    }

    /// Takes what `things`, which are as they were, look like now for what they looked like, where files need not be read any more to tell
    /// that they have not changed; says whether that is so anywhere.
    pub(crate) fn settle(&self, things: &mut [SeenThing]) -> bool {
        let mut is_any = false;
        for it in things.iter_mut().filter(|it| it.stamp.is_racy()) {
            let now = self.stamps.get(&it.thing).filter(|now| !now.is_racy());
            if let Some(now) = now {
                it.stamp = now.clone();
                is_any = true;
            }
        }
        is_any
    }

    /// Says whether `things` look as they did, whatever their files hold.
    fn look_the_same(&self, things: &[SeenThing]) -> bool {
        let looks_same =
            |it: &SeenThing| self.stamps.get(&it.thing).is_some_and(|now| it.stamp.looks_like(now));
        things.iter().all(looks_same)
    }
}

/// One thing and its stamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenThing {
    thing: Thing,
    stamp: Stamp,
}

/// Something that a run looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Thing {
    /// A file, which need not exist.
    File(Utf8PathBuf),
    /// Whether there is something at a path, whatever it is.
    Presence(Utf8PathBuf),
    /// A folder of sources.
    Folder(Utf8PathBuf),
    /// A git repository, but for its objects: a checkout, or a bare folder.
    Repository(Utf8PathBuf),
}

impl Seen {
    /// Begins with what some things look like; they are not looked at again before they are read.
    pub(super) fn after(foreseen: Foreseen) -> Self {
        Self { foreseen: foreseen.stamps, ..Self::default() }
    }

    /// Returns the folders that were looked at before anything was read, and are not noted yet.
    pub(super) fn foreseen_folders(&self) -> Vec<&Utf8Path> {
        self.foreseen.keys().filter_map(Thing::as_folder).collect()
    }

    /// Notes a file that is about to be read, or looked for.
    pub(super) fn file(&mut self, path: &Utf8Path, interrupt: &Interrupt) {
        self.note(Thing::File(path.to_owned()), interrupt);
    }

    /// Notes a path whose presence is about to decide something.
    pub(super) fn presence(&mut self, path: &Utf8Path, interrupt: &Interrupt) {
        self.note(Thing::Presence(path.to_owned()), interrupt);
    }

    /// Notes a folder that is about to be read.
    pub(super) fn folder(&mut self, path: &Utf8Path, interrupt: &Interrupt) -> Noted {
        self.note(Thing::Folder(path.to_owned()), interrupt)
    }

    /// Notes a repository that is about to be opened at `path`, its checkout or its bare folder.
    pub(super) fn repository(&mut self, path: &Utf8Path, interrupt: &Interrupt) {
        self.note(Thing::Repository(path.to_owned()), interrupt);
    }

    /// Notes that what was seen may change unnoticed, so that it must be looked at again each time.
    pub(super) fn unsettle(&mut self) {
        self.is_unsettled = true;
    }

    /// Returns the things, if the next run may rely on them.
    pub(crate) fn settled(&self) -> Option<&[SeenThing]> {
        (!self.is_unsettled).then_some(&self.things)
    }

    /// Looks at everything again; returns what it looks like now, if anything is not as it was, as far as one can see.
    pub(crate) fn look_again(&self, interrupt: &Interrupt) -> Option<Foreseen> {
        let now = Foreseen::look(&self.things, interrupt);
        if now.are_as_they_were(&self.things) {
            return None;
        }
        // What was changed after the look shows by its bytes alone, and would be taken for another change after it was built.
        let is_late = now.look_the_same(&self.things);
        Some(if is_late { Foreseen::look(&self.things, interrupt) } else { now })
    }

    /// Returns the files and folders below which something may change.
    pub(crate) fn paths(&self) -> BTreeSet<Utf8PathBuf> {
        self.things.iter().flat_map(|it| it.thing.paths()).collect()
    }

    fn note(&mut self, thing: Thing, interrupt: &Interrupt) -> Noted {
        if !self.known.insert(thing.clone()) {
            return Noted::Now;
        }
        let foreseen = self.foreseen.remove(&thing);
        let noted = if foreseen.is_some() { Noted::Foreseen } else { Noted::Now };
        match foreseen.or_else(|| Some(thing.look(interrupt)?.0)) {
            Some(stamp) => self.things.push(SeenThing { thing, stamp }),
            None => self.unsettle(),
        }
        noted
    }
}

impl Thing {
    fn as_folder(&self) -> Option<&Utf8Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::File(_) | Self::Presence(_) | Self::Repository(_) => None,
        }
    }

    /// Looks at it, and at its files if it is a folder; `None` if that cannot be done.
    fn look(&self, interrupt: &Interrupt) -> Option<(Stamp, Looks)> {
        let mut stamper = Stamper::new(interrupt);
        self.add_to(&mut stamper).ok()?;
        Some(stamper.finish_looking())
    }

    /// Returns where changes happen. What is only there or not is seen by looking.
    fn paths(&self) -> Vec<Utf8PathBuf> {
        match self {
            Self::File(path) | Self::Folder(path) => vec![path.clone()],
            Self::Presence(_) => vec![],
            Self::Repository(path) => {
                let git = path.join(".git");
                let git = if git.exists() { git } else { path.clone() };
                ["HEAD", "refs", "packed-refs", "config"].map(|it| git.join(it)).to_vec()
            }
        }
    }

    fn add_to(&self, stamper: &mut Stamper<'_>) -> Result<(), StampError> {
        match self {
            Self::File(path) => stamper.file(path),
            Self::Presence(path) => {
                stamper.presence(path);
                Ok(())
            }
            // A folder that vanished may return.
            Self::Folder(path) if !path.exists() => {
                stamper.presence(path);
                Ok(())
            }
            Self::Folder(path) => stamper.folder(path),
            Self::Repository(path) => match Repository::open(path) {
                Ok(repository) => repository.stamp(stamper),
                // What could not be opened then may be opened now.
                Err(_) => stamper.whole_folder(&path.join(".git")),
            },
        }
    }
}
