//! Causes: finds the lines of the sources that made two sides differ, and what of a change must be masked.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use wob_engine::Place;
use wob_rules::{
    Assignment, Name,
    changes::{Edit, Group, Position, Site, Spot, What},
    environment_model,
    why::{
        Address, Cause, CauseKey, Causes, Deciding, Part, TemplatePlace, Told, Which, moved,
        pointer,
    },
};

use super::{
    Change, Side, SideEnvironment, masked,
    view::{CauseView, SideName},
};
use crate::{
    report::{AtView, Files, Secrecy},
    session::Session,
};

/// Of how many places that have nothing in common a change is asked for its causes.
const ASKED: usize = 256;
/// How many places of a change are looked at for that.
const EXAMINED: usize = 4096;
/// How many assignments are kept, each with what was traced of it.
const KNOWN: usize = 256;
/// How many causes of one change are told.
const TOLD: usize = 100;

/// Groups that are being asked for their causes.
pub(super) struct Asked {
    entries: Vec<Entry>,
    /// The environments, if they are two.
    two: Option<[Name; 2]>,
}

struct Entry {
    group: Group,
    causes: Vec<CauseView>,
    secret: bool,
}

/// One side that is asked, and the other one.
struct Asking<'a> {
    session: &'a Session<'a>,
    name: SideName,
    own: &'a Side,
    other: &'a Side,
    /// The assignments that were asked last: the next change is often about the same ones.
    known: RefCell<BTreeMap<Asker, Rc<Known<'a>>>>,
}

/// An assignment: its environment, cluster type and target.
type Asker = (Arc<str>, Option<Arc<str>>, Option<Arc<str>>);

/// An assignment that was asked.
struct Known<'a> {
    causes: Causes<'a>,
    key: Option<CauseKey>,
}

impl Asked {
    pub(super) fn new(groups: Vec<Group>, two: Option<[Name; 2]>) -> Self {
        let entry = |group| Entry { group, causes: vec![], secret: false };
        Self { entries: groups.into_iter().map(entry).collect(), two }
    }

    pub(super) fn of_new_side(&mut self, session: &Session<'_>, [other, own]: [&Side; 2]) {
        self.ask(&Asking::new(session, SideName::After, [own, other]), |_| true);
    }

    /// Says whether the new side does not tell everything.
    pub(super) fn wants_old_side(&self) -> bool {
        self.entries.iter().any(Entry::wants_old_side)
    }

    /// Says whether no line is told of something that is gone from an environment.
    pub(super) fn misses_lines_of(&self, environment: &Name) -> bool {
        let is_of = |it: &Site| &*it.environment == environment.as_str();
        let mut entries = self.entries.iter();
        entries.any(|it| it.wants_old_side() && it.is_gone() && it.group.sites.iter().any(is_of))
    }

    pub(super) fn of_old_side(&mut self, session: &Session<'_>, [own, other]: [&Side; 2]) {
        let asking = Asking::new(session, SideName::Before, [own, other]);
        self.ask(&asking, Entry::wants_old_side);
    }

    /// Asks the old side only for what is gone, where everything else was told of a new side that knows no other one.
    pub(super) fn of_gone(&mut self, session: &Session<'_>, [own, other]: [&Side; 2]) {
        let asking = Asking::new(session, SideName::Before, [own, other]);
        self.ask(&asking, |it| it.wants_old_side() && it.is_gone());
        for it in self.entries.iter_mut().filter(|it| !it.wants_old_side()) {
            // A line says more than that nothing says it any more.
            it.causes.retain(|it| it.at.is_some());
        }
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        let secrecy = |it: &Entry| if it.secret { Secrecy::Secret } else { Secrecy::Open };
        let change = |it: Entry| {
            let secrecy = secrecy(&it);
            Change::new(it.group, it.causes, secrecy)
        };
        self.entries.into_iter().map(change).collect()
    }

    fn ask(&mut self, asking: &Asking<'_>, wanted: impl Fn(&Entry) -> bool) {
        let mut files = Files::new(&asking.session.loaded.texts);
        for entry in self.entries.iter_mut().filter(|it| wanted(it)) {
            entry.ask(asking, self.two.as_ref(), &mut files);
        }
    }
}

impl Entry {
    fn ask(&mut self, asking: &Asking<'_>, two: Option<&[Name; 2]>, files: &mut Files<'_>) {
        let mut keys = BTreeSet::new();
        let what = &self.group.what;
        for (index, site) in self.group.sites.iter().enumerate() {
            let [own, other] = asking.environments(site, two);
            let Some(own) = own else { continue };
            let inputs = [own.inputs_of(site), other.and_then(|it| it.inputs_of(site))];
            self.secret = self.secret || masked::is_secret(what, site, inputs);
            if index >= EXAMINED || keys.len() >= ASKED || self.causes.len() >= TOLD {
                continue;
            }
            let told = asking.told(what, site, [Some(own), other], &mut keys);
            self.secret |= told.reads_secret;
            for cause in told.causes.iter().map(|it| view(it, asking.name, files)) {
                if !self.causes.contains(&cause) {
                    self.causes.push(cause);
                }
            }
        }
    }

    /// Says whether it is about something that the new side does not have.
    fn is_gone(&self) -> bool {
        match &self.group.what {
            What::ClusterType(edit) | What::Assignment(edit) | What::Object(edit) => {
                *edit == Edit::Deleted
            }
            What::Field { after, .. } => after.is_none(),
            What::Text { after, .. } => after.is_none(),
            What::Bytes(_) | What::Noise(_) => false,
        }
    }

    fn wants_old_side(&self) -> bool {
        self.causes.iter().all(|it| it.at.is_none())
    }
}

impl<'a> Asking<'a> {
    fn new(session: &'a Session<'a>, name: SideName, [own, other]: [&'a Side; 2]) -> Self {
        Self { session, name, own, other, known: RefCell::default() }
    }

    /// Returns an assignment to be asked, with what decides about its causes.
    fn known(
        &self,
        site: &Site,
        own: &'a SideEnvironment,
        other: Option<&'a SideEnvironment>,
        assignment: &'a Assignment,
    ) -> Rc<Known<'a>> {
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN {
            known.clear();
        }
        let asker = (site.environment.clone(), site.cluster_type.clone(), site.target.clone());
        let make = || {
            let (db, input) = (&self.session.loaded.db, own.target.input);
            let made_from = other.and_then(|it| it.inputs_of(site));
            // Two environments have labels of their own.
            let is_one = |it: &&SideEnvironment| it.aliases.is_empty() && own.aliases.is_empty();
            let deciding = other.filter(is_one).map(|it| [&own.deciding, &it.deciding]);
            let causes = Causes::new(db, input, assignment, made_from, deciding);
            let key = causes.key();
            Rc::new(Known { causes, key })
        };
        known.entry(asker).or_insert_with(make).clone()
    }

    /// Returns the environment of a site, on the side that is asked and on the other one.
    fn environments(
        &self,
        site: &Site,
        two: Option<&[Name; 2]>,
    ) -> [Option<&'a SideEnvironment>; 2] {
        let find = |side: &'a Side, name: &str| {
            side.environments.iter().find(|it| it.0.as_str() == name).map(|it| it.1)
        };
        match (two, self.name) {
            (None, _) => [find(self.own, &site.environment), find(self.other, &site.environment)],
            (Some([old, new]), SideName::Before) => {
                [find(self.own, old.as_str()), find(self.other, new.as_str())]
            }
            (Some([old, new]), SideName::After) => {
                [find(self.own, new.as_str()), find(self.other, old.as_str())]
            }
        }
    }

    /// Returns the causes of a change in one place; nothing where it was told for `keys`.
    fn told(
        &self,
        what: &What,
        site: &Site,
        [own, other]: [Option<&'a SideEnvironment>; 2],
        keys: &mut BTreeSet<CauseKey>,
    ) -> Told {
        let nothing = Told::default();
        let Some(own) = own else { return nothing };
        let Some(cluster_type) = site.cluster_type.as_deref() else {
            return self.of_nobody(own);
        };
        let Some(target) = site.target.as_deref() else {
            return self.of_cluster_type(own, cluster_type);
        };
        let Some(index) = own.find(cluster_type, target) else {
            // Of files it is not known what decided about them, but it is known what does not any more.
            let is_gone = self.name == SideName::After && self.other.is_of_files();
            return if is_gone { self.of_gone(own, cluster_type, target) } else { nothing };
        };
        let (db, input) = (&self.session.loaded.db, own.target.input);
        let assignment = &own.target.built.assignments[index].assignment;
        // Of files it is not known what they were made from, but of what is here now it is.
        let is_value = matches!(what, What::Field { .. } | What::Text { .. });
        let is_told = self.other.is_of_files() && is_value;
        if !is_told && other.is_none_or(|it| it.find(cluster_type, target).is_none()) {
            let own_edit = if self.name == SideName::After { Edit::Added } else { Edit::Deleted };
            let is_own =
                matches!(what, What::Assignment(edit) | What::Object(edit) if *edit == own_edit);
            // What is published does not say what decided about it.
            if !is_own || self.other.is_of_files() {
                return nothing;
            }
            let nobody = Deciding::default();
            let deciding = other.map_or(&nobody, |it| &it.deciding);
            return Told { causes: moved(db, input, assignment, deciding), reads_secret: false };
        }
        let known = self.known(site, own, other, assignment);
        let Known { causes, key } = &*known;
        if key.as_ref().is_none_or(|it| !keys.insert(it.clone())) {
            return nothing;
        }
        let position = if self.name == SideName::After { &site.after } else { &site.before };
        match (what, position) {
            (What::Noise(_) | What::Bytes(_), _) => {
                Told { causes: causes.of_file(site.file_name()), reads_secret: false }
            }
            (_, Some(position)) => {
                let values = match (what, self.name) {
                    (What::Field { before: Some(a), after: Some(b), .. }, SideName::After) => {
                        Some([a, b])
                    }
                    (What::Field { before: Some(a), after: Some(b), .. }, SideName::Before) => {
                        Some([b, a])
                    }
                    _ => None,
                };
                causes.of(&address(position, cluster_type, target), values)
            }
            (_, None) => nothing,
        }
    }

    /// The promoted commit is the only file of nobody.
    fn of_nobody(&self, own: &SideEnvironment) -> Told {
        let model = environment_model(&self.session.loaded.db, own.target.input);
        let place = model.base_repo().map(|it| it.meta.place.key("spec").key("commit"));
        told_at("promoted commit", place)
    }

    /// Says what removed an assignment that was published once.
    fn of_gone(&self, own: &SideEnvironment, cluster_type: &str, target: &str) -> Told {
        let model = environment_model(&self.session.loaded.db, own.target.input);
        let what = if !model.cluster_types.keys().any(|it| it.as_str() == cluster_type) {
            format!("cluster type `{cluster_type}`, which is nowhere any more")
        } else if !model.targets.keys().any(|it| it.as_str() == target) {
            format!("deployment target `{target}`, which is nowhere any more")
        } else {
            "the policies, none of which assigns it any more".to_owned()
        };
        Told { causes: vec![Cause { what, place: None }], reads_secret: false }
    }

    fn of_cluster_type(&self, own: &SideEnvironment, name: &str) -> Told {
        let model = environment_model(&self.session.loaded.db, own.target.input);
        let found = model.cluster_types.iter().find(|it| it.0.as_str() == name);
        told_at("cluster type", found.map(|it| it.1.meta.place.key("metadata").key("name")))
    }
}

fn told_at(what: &str, place: Option<Place>) -> Told {
    let place = place.map(TemplatePlace::Source);
    let causes = place.map(|it| Cause { what: what.to_owned(), place: Some(it) });
    Told { causes: causes.into_iter().collect(), reads_secret: false }
}

/// Returns how explanations name a part of a file of an assignment.
fn address(position: &Position, cluster_type: &str, target: &str) -> Address {
    let folder = format!("{cluster_type}/{target}/");
    let path = &position.path;
    let name = path.find(&folder).map_or(path.as_str(), |at| &path[at + folder.len()..]);
    let part = match &position.at {
        Spot::Line(line) => Part::Line(*line),
        Spot::Node { document, path } => {
            Part::Node { document: Which::Index(*document), pointer: pointer(path) }
        }
    };
    Address { file: name.to_owned(), part }
}

fn view(cause: &Cause, side: SideName, files: &mut Files<'_>) -> CauseView {
    let at = cause.place.as_ref().map(|it| AtView::of_template(it, files));
    CauseView { what: cause.what.clone(), side, at }
}
