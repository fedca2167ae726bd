//! How long `wob watch` takes from an edit that was saved until every file on disk is what it must be, beside a file that is
//! renamed and noticed without wob.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use notify::{
    EventKind, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use serde_json::Value;

use super::{LEAF, Plan, VALUES, Watched, Wob, report::Latency};
use crate::{fleet::ENVIRONMENT, meter};

/// What the edit reaches.
const TARGET: &str = "//target/prod:app-0000-canary";
/// After so long no more edits begin, if there were enough.
const LONGEST: Duration = Duration::from_mins(1);
const ENOUGH: usize = 10;
/// Nothing takes so long but a failure.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often to look though nothing was noticed: events get lost.
const LOOK_ANYWAY: Duration = Duration::from_millis(20);

/// Files, and what they must hold.
type Expected = BTreeMap<Utf8PathBuf, Vec<u8>>;

/// Measures edits while the command watches.
pub(super) fn measure(plan: &Plan<'_>, wob: &Wob) -> Result<Watched, Box<dyn Error>> {
    let output = wob.at.join("wob-out").join(ENVIRONMENT);
    let both = expected(wob, &output)?;
    let files = both[0].len();
    LEAF.make(&wob.at, VALUES[0])?;
    // The first build is not what is measured, nor how long the disk takes for what it wrote.
    wob.build(&[])?;
    settle();
    let mut watching = Watching::start(wob)?;
    watching.built()?;
    let sight = Sight::of(both[0].keys())?;
    let mut edit = |number: usize| {
        let text = LEAF.text(&wob.at, VALUES[number % 2])?;
        let seconds = save(&wob.at.join(LEAF.file), &text, &sight, &both[number % 2])?;
        watching.built()?;
        // People do not type in step with a program.
        thread::sleep(Duration::from_millis(number as u64 * 37 % 50));
        Ok::<f64, Box<dyn Error>>(seconds)
    };
    // The command tells of its first build before it watches, so that nobody notices an edit that comes at once.
    edit(1)?;
    let (begin, mut seconds) = (Instant::now(), vec![]);
    for number in 2..plan.edits + 2 {
        if begin.elapsed() > LONGEST && seconds.len() >= ENOUGH {
            break;
        }
        seconds.push(edit(number)?);
    }
    let edits = seconds.len();
    let peak_bytes = meter::peak_of(watching.child.id());
    drop(watching);
    let floor = floor(&wob.at.with_file_name("floor"), edits)?;
    Ok(Watched { edits, files, latency: Latency::of(seconds), peak_bytes, floor })
}

/// Waits until the disk has what was written so far: at 100,000 assignments that takes longer than all edits. Without the program, it is
/// written beside them.
fn settle() {
    Command::new("sync").status().ok();
}

/// Builds what the edit reaches with each value, elsewhere and from nothing; returns the files that differ, as they shall be
/// below `output`.
fn expected(wob: &Wob, output: &Utf8Path) -> Result<[Expected; 2], Box<dyn Error>> {
    let build = |value| -> Result<Expected, Box<dyn Error>> {
        LEAF.make(&wob.at, value)?;
        let folder = wob.at.with_file_name(format!("expected-{value}"));
        wob.afresh()?.build(&[TARGET, "-o", folder.as_str()])?;
        let mut files = Expected::new();
        collect(&folder, output, &mut files)?;
        Ok(files)
    };
    let (mut first, mut second) = (build(VALUES[0])?, build(VALUES[1])?);
    let differs = |path: &Utf8PathBuf| first.get(path) != second.get(path);
    let paths: BTreeSet<_> = first.keys().filter(|it| differs(it)).cloned().collect();
    first.retain(|path, _| paths.contains(path));
    second.retain(|path, _| paths.contains(path));
    if paths.is_empty() || first.len() != second.len() {
        return Err("the edit does not change what files hold".into());
    }
    Ok([first, second])
}

/// Reads every file below `folder` but the record, as if it were below `place`.
fn collect(
    folder: &Utf8Path,
    place: &Utf8Path,
    files: &mut Expected,
) -> Result<(), Box<dyn Error>> {
    for entry in folder.read_dir_utf8()? {
        let (path, place) = {
            let entry = entry?;
            (entry.path().to_owned(), place.join(entry.file_name()))
        };
        if path.is_file() {
            files.insert(place, fs::read(path)?);
        } else if path.file_name() != Some(".wob") {
            collect(&path, &place, files)?;
        }
    }
    Ok(())
}

/// Saves `text` as editors do, and returns how long it takes until all files are as `expected`.
fn save(
    path: &Utf8Path,
    text: &str,
    sight: &Sight,
    expected: &Expected,
) -> Result<f64, Box<dyn Error>> {
    // Beside the workspace, so that only the rename happens where one watches.
    let beside = path.ancestors().find(|it| it.ends_with("fleet")).unwrap_or(path);
    let temporary = beside.with_file_name("saved");
    let begin = Instant::now();
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)?;
    sight.until(expected)?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Renames a file and notices it, so often.
fn floor(folder: &Utf8Path, edits: usize) -> Result<Latency, Box<dyn Error>> {
    let path = folder.join("fleet").join("file");
    fs::create_dir_all(folder.join("fleet"))?;
    let sight = Sight::of([&path].into_iter())?;
    let save = |edit: usize| {
        let text = format!("edit: {edit}\n");
        save(&path, &text, &sight, &[(path.clone(), text.clone().into_bytes())].into())
    };
    Ok(Latency::of((0..edits).map(save).collect::<Result<_, _>>()?))
}

/// Notices what happens in folders.
struct Sight {
    events: Receiver<()>,
    _watcher: notify::RecommendedWatcher,
}

impl Sight {
    /// Watches the folders of `files`.
    fn of<'f>(files: impl Iterator<Item = &'f Utf8PathBuf>) -> Result<Self, Box<dyn Error>> {
        let (sender, events) = mpsc::channel();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // Our own reading opens files, too.
                let is_reading = |it: &notify::Event| {
                    it.kind.is_access()
                        && it.kind != EventKind::Access(AccessKind::Close(AccessMode::Write))
                };
                if !event.is_ok_and(|it| is_reading(&it)) {
                    // Whoever listens may have ended; then nobody needs to know.
                    sender.send(()).unwrap_or(());
                }
            })?;
        let folders: BTreeSet<_> = files.filter_map(|it| it.parent()).collect();
        for folder in folders {
            watcher.watch(folder.as_std_path(), RecursiveMode::NonRecursive)?;
        }
        Ok(Self { events, _watcher: watcher })
    }

    /// Waits until every file is as `expected`.
    fn until(&self, expected: &Expected) -> Result<(), Box<dyn Error>> {
        let begin = Instant::now();
        let mut missing: Vec<_> = expected.iter().collect();
        loop {
            missing.retain(|(path, bytes)| fs::read(path).ok().as_ref() != Some(*bytes));
            let Some((path, _)) = missing.first() else { return Ok(()) };
            if begin.elapsed() > PATIENCE {
                return Err(format!("`{path}` is not what it must be after an edit").into());
            }
            // Files are looked at once for all events that came together.
            self.events.recv_timeout(LOOK_ANYWAY).unwrap_or(());
            self.events.try_iter().for_each(drop);
        }
    }
}

/// The command while it watches; ended when dropped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    errors: Utf8PathBuf,
    /// Whether the first build was told.
    told: bool,
}

impl Watching {
    fn start(wob: &Wob) -> Result<Self, Box<dyn Error>> {
        let errors = wob.at.with_file_name("watch.log");
        let mut command = wob.command(&["watch", "--output=json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&errors)?);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("its output is a pipe")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines, errors, told: false })
    }

    /// Waits until the command tells of a build that changed something, or of its first.
    fn built(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
                RecvTimeoutError::Timeout => "`wob watch` tells of no build".to_owned(),
                RecvTimeoutError::Disconnected => {
                    let text = fs::read_to_string(&self.errors).unwrap_or_default();
                    format!("`wob watch` ended: {text}")
                }
            })?;
            let build: Value = serde_json::from_str(&line)?;
            let environments = build["environments"].as_array().into_iter().flatten();
            let changes = environments.filter_map(|it| it["changes"].as_array());
            let first = !std::mem::replace(&mut self.told, true);
            if first || changes.map(Vec::len).sum::<usize>() > 0 {
                return Ok(());
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // What cannot be ended has ended.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
