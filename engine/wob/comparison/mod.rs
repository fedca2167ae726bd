//! Comparisons: what differs between two states of a workspace, two environments, or what was published and what would be.
//!
//! Both sides are built in one database, so that only what differs is rendered twice. What differs is told with the lines of
//! the sources that made it differ: of the new side, or of the old one for what is gone.

mod aliases;
mod causes;
mod html;
mod lines;
mod markdown;
mod masked;
mod published;
mod side;
mod text;
mod unified;
mod view;

use std::collections::BTreeSet;

use wob_engine::{Blob, FilePath, Tree};
use wob_rules::{
    Inputs, Name,
    changes::{self, Class, Edit, Group, Pairing, Site, What, collapse, differing},
};

use self::{aliases::Aliases, causes::Asked, masked::Secrets, view::Kind};
pub(crate) use self::{
    markdown::COMMENT,
    side::{Built, Context, Side, SideEnvironment},
    text::first_of,
    view::{Change, Summary},
};
use crate::{
    exit::Exit,
    report::Report,
    session::{Remarks, Session},
    workspace::State,
};

/// What differs, and what became of the build of the new side.
pub(crate) struct Compared {
    /// What people call the two sides.
    pub(crate) names: [String; 2],
    /// What differs, the most important first.
    pub(crate) changes: Vec<Change>,
    /// How much that is.
    pub(crate) summary: Summary,
    /// The files that differ, by environment and path.
    pub(crate) files: Vec<FileChange>,
    /// The labels of what cannot be compared, because a side could not be built.
    pub(crate) uncompared: Vec<String>,
    /// What is not known of the old side, and why.
    pub(crate) doubts: Vec<String>,
    /// What is wrong with the new side.
    pub(crate) report: Report,
    /// How to end, but for differences.
    pub(crate) exit: Exit,
    /// What lines of the old side are lines of.
    lines_before: String,
    /// How to end instead, for whoever must know that nothing differs, if something cannot be compared.
    doubtful: Exit,
}

/// A file that differs.
#[derive(Clone, Debug)]
pub(crate) struct FileChange {
    /// The environment.
    pub(crate) environment: String,
    /// Its path in the tree.
    pub(crate) path: FilePath,
    /// What the old tree has.
    pub(crate) before: Option<Blob>,
    /// What the new tree has.
    pub(crate) after: Option<Blob>,
    /// The secrets that may be in it.
    secrets: Secrets,
}

/// Two trees of one environment, or of two that are compared with each other.
struct Pair<'p> {
    names: [&'p str; 2],
    trees: [Tree; 2],
    prefixes: [&'p str; 2],
    sides: [Option<&'p SideEnvironment>; 2],
    pairing: Pairing,
}

impl Compared {
    /// Compares two states of the workspace; `names` is what people call them.
    pub(crate) fn states(
        context: &Context<'_>,
        names: [String; 2],
        [before, after]: [State; 2],
    ) -> Result<Self, Exit> {
        let (old, session, built) = context.build_both(before.clone(), after)?;
        let mut compared = Comparing::new(names, Report::default(), built.exit);
        compared.doubtful = old.exit.or(compared.doubtful);
        compared.pair(&old.side, &built.side);
        compared.doubts = old.told_beside(&built, &compared.uncompared);
        compared.report = built.report;
        let (old, new) = (old.side, built.side);
        let mut asked = compared.ask(&session, [&old, &new]);
        if asked.wants_old_side() {
            let reopened = context.open(before, Some(session.loaded), Remarks::Kept)?;
            asked.of_old_side(&reopened.session, [&old, &new]);
        }
        Ok(compared.finish(asked))
    }

    /// Compares two environments of the workspace as it is in `state`.
    pub(crate) fn environments(
        context: &Context<'_>,
        [old, new]: [&Name; 2],
        state: State,
    ) -> Result<Self, Exit> {
        let session = context.open_only(state, Remarks::Told)?;
        let built = context.build(&session)?;
        let names = [format!("//env:{old}"), format!("//env:{new}")];
        let mut compared = Comparing::new(names, built.report, built.exit);
        let mut side = built.side;
        compared.two = Some([old.clone(), new.clone()]);
        let paired = side.environments.get(old).zip(side.environments.get(new));
        let aliases = paired.map(|(old, new)| Aliases::new(old, new)).unwrap_or_default();
        if let Some(old) = side.environments.get_mut(old) {
            old.aliases = aliases;
        }
        let sides = [side.environments.get(old), side.environments.get(new)];
        let unread = [old, new].into_iter().filter(|it| !side.environments.contains_key(*it));
        compared.uncompared.extend(unread.map(|it| format!("//env:{it}")));
        if compared.uncompared.is_empty() {
            compared.add(&Pair::of([old, new], sides, Pairing::Kind));
        }
        let mut asked = compared.ask(&session, [&side, &side]);
        asked.of_old_side(&session, [&side, &side]);
        Ok(compared.finish(asked))
    }

    /// Says whether anything differs.
    pub(crate) fn differs(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Lists the files from which an object of kind `Namespace` is gone.
    pub(crate) fn without_namespace(&self) -> impl Iterator<Item = &str> {
        let is_gone = |it: &&Change| it.edit == Edit::Deleted && it.kind == Kind::Object;
        let gone = self.changes.iter().filter(is_gone);
        let gone = gone.filter(|it| it.object_kind.as_deref() == Some("Namespace"));
        gone.flat_map(|it| &it.places).map(|it| it.path.as_str())
    }

    /// Returns how to end for whoever must know whether anything differs.
    pub(crate) fn exit_of_check(&self) -> Exit {
        let of_check = match (self.differs(), self.uncompared.is_empty()) {
            (true, _) => Exit::Difference,
            // Nobody has looked.
            (false, false) => self.doubtful,
            (false, true) => Exit::Ok,
        };
        self.exit.or(of_check)
    }
}

impl<'p> Pair<'p> {
    /// Takes of each side what the other one can be compared with: what failed, or is unsure, keeps its last good output.
    fn of(names: [&'p Name; 2], sides: [Option<&'p SideEnvironment>; 2], pairing: Pairing) -> Self {
        let tree = |own: Option<&SideEnvironment>, other: Option<&SideEnvironment>| -> Tree {
            let Some(own) = own else { return Tree::default() };
            let is_wanted = |path: &FilePath| {
                own.selects(path, other) && !other.is_some_and(|it| it.target.built.keeps(path))
            };
            let files = own.target.built.tree.files().filter(|(path, _)| is_wanted(path));
            files
                .map(|(path, blob)| (own.aliases.path(&own.target.built, &path), blob.clone()))
                .collect()
        };
        let prefix = |side: Option<&'p SideEnvironment>| {
            side.map_or("", |it| it.target.built.prefix.as_str())
        };
        Self {
            names: names.map(Name::as_str),
            trees: [tree(sides[0], sides[1]), tree(sides[1], sides[0])],
            prefixes: [prefix(sides[0].or(sides[1])), prefix(sides[1].or(sides[0]))],
            sides,
            pairing,
        }
    }
}

impl Pair<'_> {
    /// Returns the secrets that the file at `path` may hold.
    fn secrets(&self, path: &FilePath) -> Secrets {
        let mut secrets = Secrets::default();
        for side in self.sides.into_iter().flatten() {
            let Some((cluster_type, target)) = side.target.built.assignment_of(path) else {
                continue;
            };
            if let Some(inputs) = side.inputs_named(cluster_type, target) {
                secrets.add(inputs);
            }
        }
        secrets
    }
}

impl SideEnvironment {
    /// Says whether the file at `path` is compared: its assignment is selected on either side, or it is of none, and all of both
    /// sides is. So whatever both sides have is compared on both.
    fn selects(&self, path: &FilePath, other: Option<&Self>) -> bool {
        let sides = [Some(self), other];
        let mut sides = sides.into_iter().flatten();
        let named = self.target.built.assignment_of(path);
        let is_here = named.is_some_and(|(it, target)| self.find_own(it, target).is_some());
        match named.filter(|_| is_here) {
            Some((cluster_type, target)) => sides.any(|it| it.has_selected(cluster_type, target)),
            None => sides.all(|it| it.target.selected.is_whole()),
        }
    }

    /// Says whether an assignment is here and selected.
    pub(crate) fn has_selected(&self, cluster_type: &str, target: &str) -> bool {
        let index = self.find_own(cluster_type, target);
        index.is_some_and(|it| self.target.selected.has(it))
    }

    /// Returns what the assignment of a site was made from.
    fn inputs_of(&self, site: &Site) -> Option<&Inputs> {
        self.inputs_named(site.cluster_type.as_deref()?, site.target.as_deref()?)
    }

    fn inputs_named(&self, cluster_type: &str, target: &str) -> Option<&Inputs> {
        let target = self.aliases.own(cluster_type, target);
        let key = (Name::new(cluster_type).ok()?, Name::new(target).ok()?);
        self.inputs.get(&key).map(|it| &**it)
    }

    /// Returns the index of an assignment, whose target may be called as that of its counterpart.
    pub(crate) fn find(&self, cluster_type: &str, target: &str) -> Option<usize> {
        self.find_own(cluster_type, self.aliases.own(cluster_type, target))
    }

    fn find_own(&self, cluster_type: &str, target: &str) -> Option<usize> {
        let key = |it: &wob_rules::BuiltAssignment| {
            let its = &it.assignment;
            (its.cluster_type.as_str(), its.target.as_str()).cmp(&(cluster_type, target))
        };
        self.target.built.assignments.binary_search_by(key).ok()
    }
}

/// A comparison that is being put together.
struct Comparing {
    names: [String; 2],
    /// The environments, if they are two.
    two: Option<[Name; 2]>,
    found: Vec<changes::Change>,
    files: Vec<FileChange>,
    uncompared: Vec<String>,
    doubts: Vec<String>,
    report: Report,
    exit: Exit,
    lines_before: String,
    doubtful: Exit,
}

impl Comparing {
    fn new(names: [String; 2], report: Report, exit: Exit) -> Self {
        let (found, files, uncompared, doubts) = (vec![], vec![], vec![], vec![]);
        Self {
            lines_before: names[0].clone(),
            names,
            two: None,
            found,
            files,
            uncompared,
            doubts,
            report,
            exit,
            doubtful: Exit::Sources,
        }
    }

    /// Compares the environments of two states.
    fn pair(&mut self, old: &Side, new: &Side) {
        let all: BTreeSet<&Name> = old.environments.keys().chain(new.environments.keys()).collect();
        for name in all {
            if old.may_have(name) || new.may_have(name) {
                self.uncompared.push(format!("//env:{name}"));
                continue;
            }
            let sides = [old.environments.get(name), new.environments.get(name)];
            self.add(&Pair::of([name, name], sides, Pairing::Identity));
        }
        if old.may_have_more() || new.may_have_more() {
            self.uncompared.push("//...".to_owned());
        }
    }

    fn add(&mut self, pair: &Pair<'_>) {
        let [old, new] = &pair.trees;
        let side = |tree, prefix| changes::Side { tree, prefix };
        let found = changes::changes(
            pair.names[1],
            side(old, pair.prefixes[0]),
            side(new, pair.prefixes[1]),
            pair.pairing,
        );
        self.found.extend(found.into_iter().map(|mut it| {
            let is_gone = match &it.what {
                What::ClusterType(edit) | What::Assignment(edit) | What::Object(edit) => {
                    *edit == Edit::Deleted
                }
                What::Noise(edit) | What::Bytes(edit) => *edit == Edit::Deleted,
                What::Field { after, .. } => after.is_none(),
                What::Text { after, .. } => after.is_none(),
            };
            if is_gone && it.site.after.is_none() {
                it.site.environment = pair.names[0].into();
            }
            if pair.pairing == Pairing::Kind && it.class == Class::NamespaceDeleted {
                // It was never there.
                it.class = Class::WorkloadMoved;
            }
            it
        }));
        self.files.extend(differing(old, new).into_iter().map(|it| FileChange {
            environment: pair.names[1].to_owned(),
            secrets: pair.secrets(&it.path),
            path: it.path,
            before: it.before.cloned(),
            after: it.after.cloned(),
        }));
        let mut uncompared = BTreeSet::new();
        for (side, name) in pair.sides.iter().zip(pair.names) {
            let Some(side) = side else { continue };
            if side.target.built.unsure {
                uncompared.insert(format!("//env:{name}"));
            }
            for (index, it) in side.target.built.assignments.iter().enumerate() {
                if it.failed && side.target.selected.has(index) {
                    let its = &it.assignment;
                    uncompared.insert(format!("//env/{name}/{}:{}", its.cluster_type, its.target));
                }
            }
        }
        self.uncompared.extend(uncompared);
    }

    /// Asks for the causes of everything, of the side that `session` has.
    fn ask(&mut self, session: &Session<'_>, sides: [&Side; 2]) -> Asked {
        let groups: Vec<Group> = collapse(std::mem::take(&mut self.found));
        let mut asked = Asked::new(groups, self.two.clone());
        asked.of_new_side(session, sides);
        asked
    }

    fn finish(mut self, asked: Asked) -> Compared {
        self.uncompared.sort_unstable();
        self.uncompared.dedup();
        let changes = asked.into_changes();
        let summary = Summary::of(&changes, self.files.len());
        Compared {
            names: self.names,
            changes,
            summary,
            files: self.files,
            uncompared: self.uncompared,
            doubts: self.doubts,
            report: self.report,
            exit: self.exit,
            lines_before: self.lines_before,
            doubtful: self.doubtful,
        }
    }
}
