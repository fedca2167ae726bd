//! What sources ask for: the other sources that must be read before an environment can be built.

use std::collections::BTreeSet;

use wob_engine::{Diagnostic, Source};

use crate::{
    decode::{Damage, decode_file},
    model::duplicate,
    resource::{Environment, Repository, Resource, WorkloadRegistration},
};

/// Returns the Environments of a base, sorted by name, with the problems of their objects; of two of one name, none.
///
/// Files that `.sourceignore` hides count here: Kalypso's own repository hides its `.environments/` folder from Flux.
pub fn environments(db: &dyn salsa::Database, base: Source) -> (Vec<Environment>, Vec<Diagnostic>) {
    let mut environments = vec![];
    let mut diagnostics = vec![];
    for file in base.files(db).iter().chain(base.ignored_files(db)) {
        let decoded = decode_file(db, *file);
        let found = decoded.resources.iter().filter_map(|it| {
            if let Resource::Environment(it) = it { Some(it.clone()) } else { None }
        });
        let before = environments.len();
        environments.extend(found);
        if environments.len() > before || decoded.damage.contains(&Damage::Environment) {
            diagnostics.extend(decoded.diagnostics.iter().cloned());
        }
    }
    environments.sort_by(|a: &Environment, b| a.meta.name.cmp(&b.meta.name));
    let mut clashing = BTreeSet::new();
    for pair in environments.windows(2).filter(|it| it[0].meta.name == it[1].meta.name) {
        let (first, second) = (&pair[0].meta, &pair[1].meta);
        diagnostics.push(duplicate(
            "Environment",
            first.name.as_str(),
            &second.place,
            &first.place,
        ));
        clashing.insert(first.name.clone());
    }
    environments.retain(|it| !clashing.contains(&it.meta.name));
    (environments, diagnostics)
}

/// Returns the BaseRepos of a control plane, the one named `main` first, then by name.
pub fn base_repos(db: &dyn salsa::Database, control_plane: Source) -> Vec<Repository> {
    let mut found =
        of_kind(
            db,
            control_plane,
            |it| if let Resource::BaseRepo(it) = it { Some(it) } else { None },
        );
    found.sort_by_key(|it| (it.meta.name.as_str() != "main", it.meta.name.clone()));
    found.dedup_by(|b, a| a.meta.name == b.meta.name);
    found
}

/// Returns the registrations of a base or control plane, sorted by name.
pub fn registrations(db: &dyn salsa::Database, source: Source) -> Vec<WorkloadRegistration> {
    let mut found = of_kind(db, source, |it| {
        if let Resource::WorkloadRegistration(it) = it { Some(it) } else { None }
    });
    found.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
    found.dedup_by(|b, a| a.meta.name == b.meta.name);
    found
}

fn of_kind<T: Clone>(
    db: &dyn salsa::Database,
    source: Source,
    pick: impl Fn(&Resource) -> Option<&T>,
) -> Vec<T> {
    let files = source.files(db).iter().flat_map(|it| &decode_file(db, *it).resources);
    files.filter_map(pick).cloned().collect()
}
