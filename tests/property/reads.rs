//! Which files a subtree needs: without all others it is the same.

use std::collections::BTreeSet;

use wob_engine::{Diagnostic, FileName};
use wob_rules::{Assignment, assignments, concerned, inputs_of, reads, subtrees};

use super::{draft::Draft, for_each_seed};
use crate::engine::Workspace;

#[test]
fn a_subtree_is_the_same_without_the_files_that_it_does_not_need() {
    let (mut seeds, mut whole, mut left_out) = (0, 0, 0);
    for_each_seed(150, |random| {
        seeds += 1;
        let world = Draft::draw_sound(random).world();
        let workspace = Workspace::new(&world);
        // Nothing is left out of a workspace with errors.
        if workspace.build().diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        whole += 1;
        let (db, input) = workspace.parts();
        let all = assignments(db, input);
        let reads = reads(db, input).expect("because no program decides");
        let divided = subtrees(all.iter().map(|it| (it, None)));
        assert_eq!(divided.len(), reads.subtrees.len());
        for (subtree, needed) in divided.iter().zip(&reads.subtrees) {
            let needed: BTreeSet<&FileName> =
                needed.iter().map(|it| &reads.files[*it as usize]).collect();
            let unneeded: BTreeSet<&FileName> =
                reads.files.iter().filter(|it| !needed.contains(it)).collect();
            left_out += unneeded.len();
            let mut part = Workspace::new(&world);
            part.leave_out(&unneeded);
            let (part_db, part_input) = part.parts();
            let there: BTreeSet<&Assignment> = assignments(part_db, part_input).iter().collect();
            let digest = |db, input, it| inputs_of(db, input, it).as_ref().map(|it| it.digest());
            for it in &all[subtree.assignments.clone()] {
                assert!(there.contains(it), "{it:?} without {unneeded:?}");
                let (wanted, found) = (digest(db, input, it), digest(part_db, part_input, it));
                assert_eq!(wanted, found, "{it:?} without {unneeded:?}");
            }
            for file in needed {
                let files = BTreeSet::from([file.clone()]);
                let wanted = concerned(db, input, &files).is_none();
                let found = concerned(part_db, part_input, &files).is_none();
                assert_eq!(wanted, found, "{file} without {unneeded:?}");
            }
        }
    });
    if seeds > 10 {
        assert!(whole > 10 && left_out > 100, "{whole} workspaces, {left_out} files left out");
    }
}
