//! The watch in a world of its own, where time is a number and hints get lost, doubled, reordered and delayed.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use wob_host::{Hint, Hints, Lookout};

/// Milliseconds since the world began.
type Time = u64;

/// How often the watch looks by itself, where hints may get lost.
const PAUSE: Time = 2000;
/// The longest that one waits after a hint.
const LONGEST: Time = 400;
/// The longest that a build takes.
const BUILD: Time = 700;

/// Numbers without a pattern, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn is_one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// Which hints never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// Some, and nobody says so.
    Silently,
    /// Only those instead of which it is said that some are lost.
    Openly,
}

/// When sources are edited, and when which hints come.
struct World {
    edits: Vec<Time>,
    hints: Vec<(Time, Hint)>,
}

impl World {
    fn new(random: &mut Random, lost: Lost) -> Self {
        let mut now = 0;
        let mut edits: Vec<Time> = vec![];
        for _ in 0..=random.below(30) {
            // Now in bursts, now far apart.
            now += if random.is_one_in(3) { random.below(5000) } else { random.below(60) };
            edits.push(now);
        }
        let mut hints: Vec<(Time, Hint)> = vec![];
        for edit in &edits {
            if lost == Lost::Silently && random.is_one_in(3) {
                continue;
            }
            for _ in 0..=random.below(3) {
                let delay = if random.is_one_in(2) { 0 } else { random.below(3000) };
                hints.push((edit + delay, Hint::Moved));
            }
        }
        // Something else moved, and nothing changed.
        hints.extend((0..random.below(10)).map(|_| (random.below(now + 1), Hint::Moved)));
        hints.sort_by_key(|it| it.0);
        if random.is_one_in(2) {
            overflow(&mut hints, random);
        }
        Self { edits, hints }
    }

    /// How often the sources were edited until `now`.
    fn version(&self, now: Time) -> usize {
        self.edits.partition_point(|it| *it <= now)
    }

    /// When no edit and no hint comes any more.
    fn quiet(&self) -> Time {
        let last = self.hints.last().map_or(0, |it| it.0);
        last.max(*self.edits.last().unwrap())
    }
}

/// The queue is full for a while: instead of all those hints comes one that says so, when there is room again.
fn overflow(hints: &mut Vec<(Time, Hint)>, random: &mut Random) {
    let count = hints.len() as u64;
    let first = usize::try_from(random.below(count + 1)).unwrap();
    let last = first + usize::try_from(random.below(count + 1)).unwrap();
    let gone: Range<usize> = first..last.min(hints.len());
    if let Some((when, _)) = hints[gone.clone()].last().copied() {
        hints.splice(gone, [(when, Hint::Lost)]);
    }
}

/// The watch, as far as time matters.
struct Watch<'w> {
    world: &'w World,
    now: Time,
    pause: Time,
    /// How many hints have come.
    heard: usize,
    looks: usize,
    /// What the sources were like before they were read last, and what was read.
    seen: usize,
    tree: usize,
}

impl Watch<'_> {
    /// Stamps, then reads, while edits go on.
    fn build(&mut self, random: &mut Random) {
        self.seen = self.world.version(self.now);
        let duration = random.below(BUILD);
        self.tree = self.world.version(self.now + random.below(duration + 1));
        self.now += duration;
    }

    /// Waits until something is seen to have changed, or `end` is over.
    fn wait(&mut self, start: Instant, end: Time) {
        let at = |time| start + Duration::from_millis(time);
        let pause = Duration::from_millis(self.pause);
        let mut lookout = Lookout::new(at(self.now), pause, Hints::Heeded);
        while self.now <= end {
            if lookout.take(at(self.now)) {
                self.looks += 1;
                if self.world.version(self.now) != self.seen {
                    return;
                }
                lookout.looked(at(self.now));
            }
            let due = lookout.due().saturating_duration_since(start).as_millis();
            let due = Time::try_from(due).unwrap();
            match self.world.hints.get(self.heard) {
                Some((when, hint)) if *when <= due => {
                    self.heard += 1;
                    self.now = self.now.max(*when);
                    lookout.note(*hint, at(self.now));
                }
                Some(_) | None => self.now = due,
            }
        }
    }
}

/// Lets the watch run until `end`; returns it, and how often it built.
fn watch<'w>(world: &'w World, pause: Time, end: Time, random: &mut Random) -> (Watch<'w>, usize) {
    let mut watch = Watch { world, now: 0, pause, heard: 0, looks: 0, seen: 0, tree: 0 };
    let start = Instant::now();
    let mut builds = 0;
    while watch.now <= end {
        watch.build(random);
        builds += 1;
        watch.wait(start, end);
    }
    (watch, builds)
}

#[test]
fn after_quiet_the_tree_is_fresh_whatever_hints_came() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let world = World::new(&mut random, Lost::Silently);
        // One build may be running, one may have begun too early.
        let end = world.quiet() + PAUSE + LONGEST + 2 * BUILD;
        let (watch, builds) = watch(&world, PAUSE, end, &mut random);
        assert_eq!(watch.tree, world.edits.len(), "seed {seed}");
        assert!(builds <= 2 + world.edits.len(), "seed {seed}: {builds} builds");
        let most = usize::try_from(watch.now / PAUSE).unwrap() + watch.heard + builds + 1;
        assert!(watch.looks <= most, "seed {seed}: {} looks", watch.looks);
    }
}

/// Where no hint is lost in silence, nobody waits for the end of a pause.
#[test]
fn hints_and_what_is_said_of_lost_ones_are_heeded() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let world = World::new(&mut random, Lost::Openly);
        let end = world.quiet() + LONGEST + 2 * BUILD;
        let (watch, _) = watch(&world, 3_600_000, end, &mut random);
        assert_eq!(watch.tree, world.edits.len(), "seed {seed}");
    }
}
