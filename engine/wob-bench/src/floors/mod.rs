//! What each stage cannot do without, as plain loops: the same work without places, checks or memory of it.

pub(crate) mod commit;
pub(crate) mod pack;
mod templates;

pub(crate) use templates::Templates;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hint::black_box,
    io,
    sync::Arc,
};

use camino::Utf8Path;
use saphyr_parser::{Parser, StrInput};
use wob_engine::{Database, Tree};
use wob_rules::{
    Assignment, EnvironmentInput, Layers, Precedence, Reading, Subject, environment_model, merge,
    select,
};

/// Lets the parser under wob's read every text, and looks at nothing.
pub(crate) fn parse(texts: &[&str]) {
    for text in texts {
        let mut parser = Parser::new(StrInput::new(text));
        while let Some(event) = parser.next_event() {
            black_box(event).expect("because the sources of a fleet are well-formed");
        }
    }
}

/// Sorts the pairs, which come in the worst order.
pub(crate) fn schedule(assignments: &[Assignment]) {
    let pairs = assignments.iter().rev().map(|it| (it.cluster_type.clone(), it.target.clone()));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    black_box(pairs);
}

/// The config maps of each list of layers that some assignment has.
pub(crate) type LayerTexts = Vec<Vec<BTreeMap<String, Arc<str>>>>;

/// Works out which layers meet.
pub(crate) fn layers(
    db: &Database,
    input: EnvironmentInput,
    assignments: &[Assignment],
) -> LayerTexts {
    let model = environment_model(db, input);
    let layers = Layers::new(&model.config_maps, Reading::Standard);
    let mut lists = BTreeSet::new();
    for it in assignments {
        let cluster_type = &model.cluster_types[&it.cluster_type];
        let target = &model.targets[&it.target];
        lists.insert(select(
            &layers,
            &Subject {
                cluster_type: cluster_type.meta.name.as_str(),
                cluster_labels: &cluster_type.meta.labels,
                target: target.name.as_str(),
                target_labels: &target.labels,
                workload: &target.workload,
            },
        ));
    }
    let map = |name: &str| model.config_maps.iter().find(|it| it.name == name);
    let by_name: BTreeMap<&str, _> =
        model.config_maps.iter().map(|it| (it.name.as_str(), map(&it.name))).collect();
    let texts = |list| {
        let applied = merge(&layers, list, Precedence::Name).layers;
        let maps = applied.iter().filter_map(|it| by_name.get(&*it.name).copied().flatten());
        maps.map(|it| it.data.clone()).collect()
    };
    lists.iter().map(|list| texts(list)).collect()
}

/// Fills one map for each list: later wins.
pub(crate) fn compose(lists: &LayerTexts) {
    for list in lists {
        let mut map: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
        for layer in list {
            map.extend(layer.iter().map(|(key, text)| (key.as_str(), text)));
        }
        black_box(map);
    }
}

/// Hashes the bytes of every file.
pub(crate) fn hash(tree: &Tree) {
    for (_, blob) in tree.files() {
        black_box(blake3::hash(&blob.bytes()));
    }
}

/// Creates every file and its folder.
pub(crate) fn write(tree: &Tree, folder: &Utf8Path) -> io::Result<()> {
    let mut last = None;
    for (path, blob) in tree.files() {
        let path = folder.join(path.as_str());
        let parent = path.parent().map(Utf8Path::to_owned);
        if parent != last {
            fs::create_dir_all(parent.as_deref().unwrap_or(folder))?;
            last = parent;
        }
        fs::write(&path, blob.bytes().as_ref())?;
    }
    Ok(())
}
