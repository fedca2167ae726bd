//! Laws of the command over many builds: whatever is done to the sources, to what was built, to the cache, to the clocks of
//! files and to the process itself, the next build gives what a build from nothing gives.
//!
//! `WOB_STEPS_CASES` says how many lives are drawn, `WOB_PROPERTY_SEED` repeats one.
#![cfg(unix)]

mod cache;
mod ground;
mod place;
mod report;
mod user;
mod work;

use crate::property::{
    draft::Edit,
    lives::{Counts, Lives, for_each_life},
};
use ground::Layout;
use user::User;

/// What happens in a step, before or while a build runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Nothing,
    /// The same is built twice in a row: the second time there is nothing to do.
    Again,
    /// The sources, in one of the many ways.
    Edit(Edit),
    /// A value becomes another one of the same length, in a file whose time is set back.
    EditUnseen,
    /// The same bytes are written again.
    Touch,
    /// The times of all files are those of long ago.
    Past,
    /// They lie ahead.
    Future,
    /// The profile is another one for this build only.
    ProfileOption,
    /// A workload is read from elsewhere, or no longer.
    Override,
    /// Edits are committed. Only with git, as the next two.
    Commit,
    /// Another branch is checked out.
    Switch,
    /// Another commit of the base is pinned.
    Promote,
    /// A file of what was built is gone.
    LoseOutput,
    /// All of what was built is.
    LoseTree,
    LoseCache,
    LosePacks,
    LoseNotes,
    /// A bit of the cache flips, or a file of it is torn.
    Damage,
    /// The cache is cleaned.
    Collect,
    /// Another process builds at the same time into the same place.
    Second,
    /// It builds into another place.
    Beside,
    /// A process that builds is killed, sooner or later.
    Kill,
}

const EVENTS: [(u32, Event); 21] = [
    (4, Event::Nothing),
    (8, Event::Again),
    (8, Event::EditUnseen),
    (4, Event::Touch),
    (4, Event::Past),
    (4, Event::Future),
    (4, Event::ProfileOption),
    (6, Event::Override),
    (7, Event::Commit),
    (12, Event::Switch),
    (14, Event::Promote),
    (4, Event::LoseOutput),
    (4, Event::LoseTree),
    (4, Event::LoseCache),
    (3, Event::LosePacks),
    (3, Event::LoseNotes),
    (6, Event::Damage),
    (3, Event::Collect),
    (5, Event::Second),
    (5, Event::Beside),
    (8, Event::Kill),
];

fn all() -> Vec<(u32, Event)> {
    let edits = Edit::ALL.into_iter().map(|(weight, it)| (weight, Event::Edit(it)));
    EVENTS.into_iter().chain(edits).collect()
}

/// What there is to see of a build, of which enough must have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Rendered,
    Unchanged,
    CutOffEarly,
    FromStore,
    Failed,
    /// Nothing was read, for nothing had changed.
    AtOnce,
    /// A process was killed before its end.
    Killed,
    /// The output was trusted.
    Trusted,
    IntoFolder,
    IntoAnother,
    IntoBranch,
    /// Something was wrong with the sources.
    Wrong,
    /// There was a warning and no error.
    Warned,
    /// So it was, and only what was edited was built.
    WarnedQuickly,
    /// Files came or went, and only what was edited was built.
    MovedQuickly,
    /// Nothing was rendered to say what a template had missed.
    Missed,
    Json,
}

const SIGHTS: [Sight; 16] = [
    Sight::Rendered,
    Sight::Unchanged,
    Sight::CutOffEarly,
    Sight::FromStore,
    Sight::Failed,
    Sight::Killed,
    Sight::Trusted,
    Sight::IntoFolder,
    Sight::IntoAnother,
    Sight::IntoBranch,
    Sight::Wrong,
    Sight::Warned,
    Sight::WarnedQuickly,
    Sight::MovedQuickly,
    Sight::Missed,
    Sight::Json,
];

#[test]
fn every_build_gives_what_one_from_nothing_gives() {
    let (events, sights) = (Counts::new(), Counts::new());
    let cases = std::env::var("WOB_STEPS_CASES").ok().and_then(|it| it.parse().ok());
    let lives = Lives { cases: cases.unwrap_or(14), steps: 40 };
    for_each_life(lives, &all(), |scene, steps| {
        let layout = match scene % 4 {
            0 => Layout::Folders,
            1 => Layout::FoldersInGit,
            _ => Layout::Branches,
        };
        let mut user = User::new(layout, scene, &sights);
        for (index, &(event, dice)) in steps.iter().enumerate() {
            let what = format!("{layout:?}, step {index}, {event:?}");
            events.add(event, usize::from(user.step(event, dice, &what)));
        }
    });
    events.assert_each(all().into_iter().map(|it| it.1), 1);
    sights.assert_each(SIGHTS, 3);
    // Few runs follow an equal one; `tests/journal.rs` looks closer.
    sights.assert_each([Sight::AtOnce], 1);
}
