//! Laws of edits: whatever is done to the sources, in whatever order, the tree is what the oracle says, nothing is rendered
//! that need not be, and what is said is what a build from nothing says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use wob_engine::{Diagnostic, Digest, Tree};
use wob_rules::{
    Assignment, Before, Built, BuiltAssignment, Extent, Grain, Inputs, Known, KnownFiles, Parts,
    Profile, Reassigned, Record, Rendered, Subtree, build_with, subtrees,
};

use super::{
    Random, difference,
    draft::{Draft, Edit},
    lives::{Counts, Lives, Step, for_each_life},
};
use crate::{
    engine::{self, Framed, Workspace},
    oracle::{
        self,
        world::{Files, World},
    },
};

#[test]
fn every_step_gives_what_the_oracle_gives() {
    let (counts, again, warned) = (Counts::new(), AtomicUsize::new(0), AtomicUsize::new(0));
    let concerned = Concerned::default();
    for_each_life(Lives { cases: 40, steps: 80 }, &Edit::ALL, |scene, steps| {
        let remembered = live(scene, steps, (&counts, &concerned));
        again.fetch_add(remembered.again, Ordering::Relaxed);
        warned.fetch_add(remembered.warned, Ordering::Relaxed);
    });
    counts.assert_each(Edit::ALL.map(|it| it.1), 10);
    assert!(again.load(Ordering::Relaxed) > 0, "nothing was rendered in part");
    assert!(warned.load(Ordering::Relaxed) > 0, "nothing was known of which something was said");
    if std::env::var_os("WOB_PROPERTY_SEED").is_none() {
        assert!(counts.sum() > 1000, "{counts:?}");
        let is_seen = concerned.iter().all(|it| it.load(Ordering::Relaxed) >= 10);
        assert!(is_seen, "edits of each kind that concern some: {concerned:?}");
    }
}

/// One database is edited all along, as `wob watch` does; and each state is also built in a new one, which remembers what was
/// rendered, as processes do. Returns what that one remembers.
fn live(
    scene: u64,
    steps: &[Step<Edit>],
    (counts, concerned): (&Counts<Edit>, &Concerned),
) -> Remembered {
    let mut draft = Draft::draw(&mut Random::new(scene));
    let mut edited = Workspace::new(&draft.world());
    edited.build();
    let memory = Memory::default();
    let mut framed: Option<(Framed, Built)> = None;
    for (index, &(edit, dice)) in steps.iter().enumerate() {
        counts.add(edit, usize::from(draft.edit(edit, &mut Random::new(dice))));
        let what = format!("step {index}, {edit:?}");
        let world = draft.world();
        edited.set(&world);
        let built = edited.build();
        let (found, expected) = (engine::outcome(&built), oracle::evaluate(&world));
        assert!(found == expected, "{what}: {}", difference(&world, &expected, &found));
        let fresh = Workspace::new(&world);
        if index % 8 == 0 {
            assert!(built == fresh.build(), "{what}: a new database gives something else");
        }
        assert_eq!(edited.warnings(), fresh.warnings(), "{what}");
        let (db, input) = fresh.parts();
        let remembered = build_with(db, input, &memory, wob_rules::Memory::Spared);
        assert_eq!(engine::outcome(&remembered), expected, "{what}: what is remembered shows");
        assert_eq!(remembered.diagnostics, built.diagnostics, "{what}");
        assert_eq!(record(&remembered), record(&built), "{what}");
        memory.check(&built, &what);
        if let Some((framed, before)) = &framed {
            judge_edit(framed, (before, &built), &fresh, &what, concerned);
        }
        if let Some((framed, before)) = &framed
            && let Some(world) = mistaken(&world, &mut Random::new(dice))
        {
            let fresh = Workspace::new(&world);
            judge_edit(framed, (before, &fresh.build()), &fresh, &what, concerned);
        }
        // There is a ledger of what is right only, and it stays while something is wrong.
        if !built.diagnostics.iter().any(Diagnostic::is_error) {
            framed = Some((Framed::of(&fresh, ""), built));
        }
    }
    memory.0.into_inner().expect("because nothing panics with the lock")
}

/// Returns the same sources with a mistake in one file of config: what should be its values is none, or it is no YAML; `None` if there
/// is no config.
fn mistaken(world: &World, random: &mut Random) -> Option<World> {
    let mut world = world.clone();
    let files = [&mut world.base, &mut world.environment].into_iter().flat_map(Files::values_mut);
    let is_config = |it: &&mut String| it.contains("\ndata:") && !it.contains("kalypso.io");
    let mut files: Vec<&mut String> = files.filter(is_config).collect();
    let text = (!files.is_empty()).then(|| files.swap_remove(random.below(files.len())))?;
    let mistake = if random.chance(90) { "\ndata: 5\nother:" } else { "\ndata: [\"" };
    *text = text.replacen("\ndata:", mistake, 1);
    Some(world)
}

/// How often an edit concerned some of the assignments: of values, of other objects, of which assignments there are, and of what
/// cannot be read.
type Concerned = [AtomicUsize; 4];

/// What a frame says of an edit holds: those that it does not concern were there with the same policies, have the same inputs,
/// and the same is said of them; those that are said to be gone are, and no others.
fn judge_edit(
    framed: &Framed,
    (before, now): (&Built, &Built),
    workspace: &Workspace,
    what: &str,
    concerned: &Concerned,
) {
    let Some(edit) = framed.edit(workspace, "") else { return };
    let kind = match (edit.extent, &edit.reassigned) {
        (Extent::Values, None) => 0,
        (Extent::Damage | Extent::Doubt, None) => 3,
        (Extent::Values | Extent::Damage | Extent::Doubt, Some(_)) => panic!("{what}: {edit:?}"),
        (Extent::Objects, None) => 1,
        (Extent::Objects, Some(_)) => 2,
    };
    let (before, now) = (&before.assignments, &now.assignments);
    if !edit.files.is_empty() && edit.concerned.len() < now.len() {
        concerned[kind].fetch_add(1, Ordering::Relaxed);
    }
    let mut rest: BTreeMap<Pair, &BuiltAssignment> =
        before.iter().map(|it| (pair(it), it)).collect();
    for (index, now) in now.iter().enumerate() {
        let before = rest.remove(&pair(now));
        if edit.concerned.binary_search(&index).is_err() {
            let before = before.unwrap_or_else(|| panic!("{what}: {:?} is new", now.assignment));
            assert_eq!(before.assignment, now.assignment, "{what}");
            assert_eq!(before.inputs, now.inputs, "{what}: {:?} of {edit:?}", now.assignment);
            assert_eq!(before.diagnostics, now.diagnostics, "{what}: {:?}", now.assignment);
        }
    }
    let reassigned = edit.reassigned.unwrap_or_default();
    let gone = reassigned
        .on
        .iter()
        .flat_map(|(on, gone)| gone.iter().map(move |target| (on.clone(), target.clone())));
    assert!(gone.eq(rest.into_keys()), "{what}: {:?}", reassigned.on);
    judge_subtrees(&reassigned, (before, now), what);
}

/// A cluster type and a target.
type Pair = (String, String);

fn pair(it: &BuiltAssignment) -> Pair {
    (it.assignment.cluster_type.to_string(), it.assignment.target.to_string())
}

/// A subtree that is said to have been there had the same targets.
fn judge_subtrees(
    reassigned: &Reassigned,
    (before, now): (&[BuiltAssignment], &[BuiltAssignment]),
    what: &str,
) {
    if *reassigned == Reassigned::default() {
        return;
    }
    let divided = |built: &[BuiltAssignment]| -> Vec<Vec<Pair>> {
        let all = subtrees(built.iter().map(|it| (&it.assignment, None))).into_iter();
        all.map(|it| built[it.assignments].iter().map(pair).collect()).collect()
    };
    let (before, now) = (divided(before), divided(now));
    assert_eq!(reassigned.subtrees_before, before.len(), "{what}");
    let place = |it: &Vec<Pair>| before.iter().position(|was| was == it);
    assert_eq!(reassigned.subtrees, now.iter().map(place).collect::<Vec<_>>(), "{what}");
}

/// What a tree says of itself.
fn record(built: &Built) -> Record<Tree> {
    Record::new(built, &built.tree, Profile::Standard, vec![])
}

/// Remembers what was rendered.
#[derive(Default)]
struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    files: BTreeMap<Digest, KnownFiles>,
    /// What assignments were made from when they were rendered last, by cluster type and target.
    last: BTreeMap<(String, String), Inputs>,
    /// How many were rendered of which it was known what they were before.
    again: usize,
    /// How many were known of which something was said.
    warned: usize,
    /// What was rendered since the last check.
    rendered: BTreeSet<Digest>,
    /// What was known then.
    known: BTreeSet<Digest>,
}

impl Memory {
    /// Exactly that was rendered which nobody had rendered before.
    fn check(&self, built: &Built, what: &str) {
        let mut memory = self.0.lock().expect("because nothing panics with the lock");
        let wanted: BTreeSet<Digest> =
            built.assignments.iter().filter_map(|it| it.inputs).collect();
        for it in &memory.rendered {
            assert!(wanted.contains(it), "{what}: something was rendered that nobody asked for");
            assert!(!memory.known.contains(it), "{what}: something known was rendered again");
        }
        let rendered = std::mem::take(&mut memory.rendered);
        memory.known.extend(rendered);
    }
}

impl Known for Memory {
    fn expect(&self, _: &[Subtree]) {}

    fn files(&self, inputs: Digest) -> Option<KnownFiles> {
        let mut memory = self.0.lock().expect("because nothing panics with the lock");
        let known = memory.files.get(&inputs).cloned()?;
        memory.warned += usize::from(!known.missed.is_empty());
        Some(known)
    }

    fn before(&self, assignment: &Assignment, inputs: &Inputs) -> Option<Before> {
        let mut memory = self.0.lock().expect("because nothing panics with the lock");
        let Assignment { cluster_type, target, .. } = assignment;
        let name = (cluster_type.to_string(), target.to_string());
        let before = memory.last.insert(name, inputs.clone())?;
        let files = memory.files.get(&before.digest())?.clone();
        if files.grain != Grain::File {
            return None;
        }
        memory.again += 1;
        Some(Before { changed: inputs.changes_since(&before), files: files.files })
    }

    fn keep(&self, inputs: Digest, rendered: &Rendered) {
        let mut memory = self.0.lock().expect("because nothing panics with the lock");
        memory.files.insert(inputs, KnownFiles::of(rendered));
        memory.rendered.insert(inputs);
    }
}
