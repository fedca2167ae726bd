//! Whom an edit of config concerns: those that have a layer from the file, asked of each pair for itself.

use std::collections::BTreeSet;

use wob_engine::FileName;
use wob_rules::{
    Layers, Precedence, Profile, Reading, Subject, assignments, concerned, environment_model,
    merge, select,
};

use super::{for_each_seed, scene::Scene};
use crate::engine::Workspace;

#[test]
fn those_are_concerned_that_have_a_layer_from_the_file() {
    let (mut seeds, mut some, mut contested) = (0, 0, 0);
    for_each_seed(40, |random| {
        seeds += 1;
        let workspace = Workspace::new(&Scene::draw(random).lay_out(1));
        let (db, input) = workspace.parts();
        let model = environment_model(db, input);
        let reading = match input.settings(db).profile {
            Profile::Standard => Reading::Standard,
            Profile::Kalypso => Reading::Kalypso,
        };
        let layers = Layers::new(&model.config_maps, reading);
        let files_of = |cluster_type, target| -> BTreeSet<FileName> {
            let (cluster_type, target) =
                (&model.cluster_types[cluster_type], &model.targets[target]);
            let subject = Subject {
                cluster_type: cluster_type.meta.name.as_str(),
                cluster_labels: &cluster_type.meta.labels,
                target: target.name.as_str(),
                target_labels: &target.labels,
                workload: &target.workload,
            };
            let merged = merge(&layers, &select(&layers, &subject), Precedence::Name);
            merged.layers.into_iter().map(|it| it.place.file).collect()
        };
        let all = assignments(db, input);
        let files: BTreeSet<FileName> =
            model.config_maps.iter().map(|it| it.place.file.clone()).collect();
        for file in files {
            let Some(found) = concerned(db, input, &BTreeSet::from([file.clone()])) else {
                contested += 1;
                continue;
            };
            let wanted = all
                .iter()
                .enumerate()
                .filter(|(_, it)| files_of(&it.cluster_type, &it.target).contains(&file));
            let wanted: Vec<usize> = wanted.map(|it| it.0).collect();
            assert_eq!(found, wanted, "{file}");
            some += usize::from(!wanted.is_empty() && wanted.len() < all.len());
        }
    });
    // One seed alone need not see everything.
    if seeds > 10 {
        assert!(some > 20 && contested > 0, "{some} files concern some, {contested} are contested");
    }
}
