//! Compares a build with the one before it, part by part of the inputs: what is hashed is what is compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{
        Bound::{Excluded, Unbounded},
        Range,
    },
    sync::Arc,
};

use wob_engine::{Digest, FileName};
use wob_rules::{
    Assignment, BuiltAssignment, EnvironmentInput, Inputs, Made, Parts, Subtree, assignments,
    causes::{Cause, Edits, LayerValues, source_files},
    subtrees,
};

use super::{
    LastBuild,
    conventions::Conventions,
    explanation::{Doing, EditKind, Edited, Explanation, Group, ToldCause},
};
use crate::{
    report::{Places, Texts as _},
    session::{BuiltTarget, Session},
    stored::PartsRecord,
    workspace,
};

/// How many subtrees of the build before are read at once, at least.
const SUBTREES: usize = 256;

/// What is compared of an environment.
pub(crate) struct Compared<'c> {
    /// The environment.
    input: EnvironmentInput,
    /// What was built of it, in order.
    built: &'c [BuiltAssignment],
    /// The subtrees that these are of, in order.
    divided: Vec<BuiltSubtree<'c>>,
    /// How many assignments there are.
    assignments: usize,
    /// All subtrees, built or not, in order.
    subtrees: Vec<NamedSubtree>,
}

/// A subtree's cluster type and digest.
type NamedSubtree = (String, Digest);

/// A subtree of which anything was built.
pub(crate) struct BuiltSubtree<'c> {
    pub(crate) name: NamedSubtree,
    /// Where its assignments stand among those that were built.
    pub(crate) built: Range<usize>,
    /// The targets of those that were not, as they are what they were.
    pub(crate) kept: Vec<&'c str>,
}

impl<'c> Compared<'c> {
    /// Takes everything that was built.
    pub(crate) fn whole(target: &'c BuiltTarget) -> Self {
        let built = &*target.built.assignments;
        let divided = subtrees(built.iter().map(|it| (&it.assignment, it.inputs)));
        let whole = |it: Subtree| {
            let name = (it.cluster_type.to_string(), it.digest());
            BuiltSubtree { name, built: it.assignments, kept: vec![] }
        };
        let divided: Vec<BuiltSubtree<'_>> = divided.into_iter().map(whole).collect();
        let subtrees = divided.iter().map(|it| it.name.clone()).collect();
        Self { input: target.input, built, divided, assignments: built.len(), subtrees }
    }

    /// Takes what was `built` of some of the `subtrees`, which are `divided`, and how many assignments there are.
    pub(crate) fn some(
        input: EnvironmentInput,
        (built, assignments): (&'c [BuiltAssignment], usize),
        (subtrees, divided): (Vec<NamedSubtree>, Vec<BuiltSubtree<'c>>),
    ) -> Self {
        Self { input, built, divided, assignments, subtrees }
    }
}

/// Returns what an environment was made from, and why that was rendered again which was.
pub(crate) fn compare(
    session: &Session<'_>,
    compared: Compared<'_>,
    before: Option<LastBuild>,
) -> LastBuild {
    let db = &session.loaded.db;
    let Compared { input, built, divided, assignments, subtrees: now } = compared;
    let mut files = source_files(db, input);
    let settings = FileName::new(workspace::FILE);
    let text = session.loaded.texts.text(&settings);
    files.extend(text.map(|it| (settings, Digest::of(it.as_bytes()))));
    let last = before.as_ref();
    let edited = last.map(|it| edited(it, &files));
    let files_edited = edited.iter().flatten().map(|it| it.file.as_str());
    let values = last.map(|it| it.values_of(files_edited)).unwrap_or_default();
    let mut explanation = Explanation { assignments, edited, ..Explanation::default() };
    let mut comparison = Comparison::new(session, input, last, (&explanation, &values), &now);
    let mut others = comparison.untouched(built).into_iter().peekable();
    for BuiltSubtree { name, built: some, kept } in divided {
        let is_same = comparison.subtrees.contains(&name);
        comparison.keep(&name.0, &kept);
        for it in &built[some] {
            while let Some(other) = others.next_if(|other| **other < it.assignment) {
                comparison.cut_off(other);
            }
            let causes = if is_same { vec![] } else { comparison.why(it) };
            comparison.add(it, causes);
        }
    }
    others.for_each(|it| comparison.cut_off(it));
    explanation.gone = comparison.gone();
    explanation.groups = comparison.groups();
    let conventions = Conventions::of(session, input);
    let mut last = LastBuild::new(now.into_iter(), &files, conventions, explanation);
    last.take_values(session, input, before);
    last
}

fn edited(before: &LastBuild, now: &BTreeMap<FileName, Digest>) -> Vec<Edited> {
    let mut edited = vec![];
    for (file, digest) in now {
        let change = match before.files.get(file.as_str()) {
            Some(it) if it.digest.digest() == *digest => continue,
            Some(_) => EditKind::Changed,
            None => EditKind::Added,
        };
        edited.push(Edited { file: file.to_string(), change });
    }
    for file in before.files.keys().filter(|it| !now.contains_key(&FileName::new(it))) {
        edited.push(Edited { file: file.clone(), change: EditKind::Deleted });
    }
    edited.sort_by(|a, b| a.file.cmp(&b.file));
    edited
}

/// Returns the assignments that failed.
fn failed(before: &LastBuild) -> BTreeSet<String> {
    let groups = before.explanation.groups.iter().filter(|it| it.doing == Doing::Failed);
    groups.flat_map(|it| &it.assignments).cloned().collect()
}

/// What is known of the build before, and what was found.
struct Comparison<'c> {
    input: EnvironmentInput,
    session: &'c Session<'c>,
    /// The subtrees of the build before that are still there.
    subtrees: BTreeSet<(String, Digest)>,
    /// Those that are not, and have not been read yet: by cluster type.
    unread: BTreeMap<String, Vec<Digest>>,
    /// The assignments in those of them that were read: by cluster type and target, where their parts are.
    before: BTreeMap<String, BTreeMap<String, (Arc<PartsRecord>, usize)>>,
    /// The cluster types of which something is not known any more.
    lost: BTreeSet<String>,
    /// The assignments that could not be built before.
    failed: BTreeSet<String>,
    /// None if there was no build before.
    edits: Option<Edits<'c>>,
    places: Places<'c>,
    /// The conventions of the build before, and those of this one; none if they are the same.
    conventions: Option<(Conventions, Conventions)>,
    /// What is told of parts that many assignments share: by where the group lies that they are of, and their names.
    told: BTreeMap<(usize, String), Vec<ToldCause>>,
    groups: BTreeMap<(Doing, Vec<ToldCause>), Vec<String>>,
}

impl<'c> Comparison<'c> {
    fn new(
        session: &'c Session<'c>,
        input: EnvironmentInput,
        before: Option<&LastBuild>,
        (explanation, values): (&Explanation, &'c LayerValues),
        now: &[(String, Digest)],
    ) -> Self {
        let db = &session.loaded.db;
        let edits = explanation.edited.as_ref().map(|edited| {
            let files = edited.iter().map(|it| FileName::new(&it.file)).collect();
            Edits::new(db, input, files, values)
        });
        let mut comparison = Self {
            input,
            session,
            subtrees: BTreeSet::new(),
            unread: BTreeMap::new(),
            before: BTreeMap::new(),
            lost: BTreeSet::new(),
            failed: before.map(failed).unwrap_or_default(),
            edits,
            places: Places::new(&session.loaded.texts),
            conventions: before.and_then(|it| {
                let now = Conventions::of(session, input);
                (now != it.conventions).then(|| (it.conventions.clone(), now))
            }),
            told: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        let now: BTreeSet<&(String, Digest)> = now.iter().collect();
        for (on, subtree) in before.into_iter().flat_map(|it| &it.subtrees) {
            let name = (on.clone(), subtree.digest());
            if now.contains(&name) {
                comparison.subtrees.insert(name);
            } else {
                comparison.unread.entry(name.0).or_default().push(name.1);
            }
        }
        comparison
    }

    /// Reads the subtrees of the build before on `cluster_type`, if there are any, and on some of those that come after it: all of
    /// them take much memory, and what was compared is let go.
    fn read_on(&mut self, cluster_type: &str) {
        let Some(first) = self.unread.remove_entry(cluster_type) else { return };
        let mut wanted = first.1.len();
        let mut on = vec![first];
        while wanted < SUBTREES
            && let Some(next) =
                self.unread.range::<str, _>((Excluded(cluster_type), Unbounded)).next()
        {
            wanted += next.1.len();
            let next = next.0.clone();
            on.extend(self.unread.remove_entry(&next));
        }
        self.read(on);
    }

    /// Takes assignments that are what they were.
    fn keep(&mut self, cluster_type: &str, targets: &[&str]) {
        if targets.is_empty() {
            return;
        }
        self.read_on(cluster_type);
        if let Some(before) = self.before.get_mut(cluster_type) {
            for it in targets {
                before.remove(*it);
            }
        }
    }

    fn read(&mut self, on: Vec<(String, Vec<Digest>)>) {
        let wanted =
            on.into_iter().flat_map(|(on, all)| all.into_iter().map(move |it| (on.clone(), it)));
        let (on, wanted): (Vec<String>, Vec<Digest>) = wanted.unzip();
        let parts = self.session.stored.parts(&wanted);
        for ((on, subtree), parts) in on.into_iter().zip(wanted).zip(parts) {
            match parts {
                Some(record) => {
                    let record = Arc::new(record);
                    let targets = record.targets().enumerate();
                    let place = |(index, target): (usize, &str)| {
                        (target.to_owned(), (record.clone(), index))
                    };
                    self.before.entry(on).or_default().extend(targets.map(place));
                }
                None if subtree == Subtree::of_nothing() => {}
                None => drop(self.lost.insert(on)),
            }
        }
    }

    /// Returns why the inputs of an assignment are other ones than before; nothing if they are not.
    fn why(&mut self, built: &BuiltAssignment) -> Vec<ToldCause> {
        let Assignment { cluster_type, target, .. } = &built.assignment;
        self.read_on(cluster_type.as_str());
        let before = self.before.get_mut(cluster_type.as_str());
        let before = before.and_then(|it| it.remove(target.as_str()));
        match (built.inputs, before) {
            (None, _) => vec![],
            (Some(_), Some((record, index))) => self.differing(built, &record, index),
            (Some(_), None) => self.without_before(built),
        }
    }

    /// Notes what was done about an assignment whose inputs are other ones for these `causes`.
    fn add(&mut self, built: &BuiltAssignment, mut causes: Vec<ToldCause>) {
        let edits = self.edits.as_ref();
        let concerns = || edits.is_some_and(|it| it.concern(&built.assignment));
        let doing = match built.made {
            Made::Nothing => Doing::Failed,
            Made::Now => Doing::Rendered,
            Made::Before if !causes.is_empty() || edits.is_none() => Doing::FromStore,
            Made::Before if concerns() => Doing::CutOffEarly,
            Made::Before => return,
        };
        if doing == Doing::Rendered && causes.is_empty() && edits.is_some() {
            let text = "what it was rendered to before is not in the store".to_owned();
            causes.push(ToldCause { part: None, text, at: None });
        }
        let Assignment { cluster_type, target, .. } = &built.assignment;
        let name = format!("{cluster_type}:{target}");
        self.groups.entry((doing, causes)).or_default().push(name);
    }

    /// Returns those of which it is known without building them that their inputs are the same, although a file was edited that says
    /// something about them, but for those that were `built`; in order.
    fn untouched(&self, built: &[BuiltAssignment]) -> Vec<&'c Assignment> {
        let Some(edits) = self.edits.as_ref().filter(|it| it.concern_objects()) else {
            return vec![];
        };
        let all = assignments(&self.session.loaded.db, self.input).iter();
        let is_built = |it: &Assignment| built.binary_search_by(|a| a.assignment.cmp(it)).is_ok();
        all.filter(|it| edits.concern_object_of(it) && !is_built(it)).collect()
    }

    /// Notes that the inputs of an assignment are the same.
    fn cut_off(&mut self, assignment: &Assignment) {
        let Assignment { cluster_type, target, .. } = assignment;
        let name = format!("{cluster_type}:{target}");
        self.groups.entry((Doing::CutOffEarly, vec![])).or_default().push(name);
    }

    /// Returns why the parts of an assignment are not those of the build before; nothing if they are.
    fn differing(
        &mut self,
        built: &BuiltAssignment,
        before: &PartsRecord,
        index: usize,
    ) -> Vec<ToldCause> {
        let Some(inputs) = &built.made_from else { return vec![] };
        // Most that are stored together with one that changed have not.
        let before = before.parts(index);
        if inputs.digests() == before.digests() {
            return vec![];
        }
        let mut told = vec![];
        for part in &inputs.changes_since(&before) {
            let Some(edits) = &self.edits else { continue };
            let by_option = self.by_option(part);
            let is_all = by_option.is_some() && self.says_the_same();
            told.extend(by_option);
            if is_all {
                continue;
            }
            let places = &mut self.places;
            let mut tell = || -> Vec<ToldCause> {
                let causes = edits.causes(&built.assignment, part);
                causes.into_iter().map(|it| places.tell(Some(part), it)).collect()
            };
            match shared_by(edits, (&built.assignment, inputs), part) {
                Some(group) => {
                    let known = self.told.entry((group, part.clone()));
                    told.extend(known.or_insert_with(tell).iter().cloned());
                }
                None => told.extend(tell()),
            }
        }
        told
    }

    /// Returns the cause on the command line for which a part is another.
    fn by_option(&self, part: &str) -> Option<ToldCause> {
        let (before, now) = self.conventions.as_ref().filter(|_| part == "settings")?;
        now.option_since(before, part)
    }

    /// Says whether wob.yaml says of the conventions what it said before.
    fn says_the_same(&self) -> bool {
        self.conventions.as_ref().is_none_or(|(before, now)| now.says_the_same(before))
    }

    /// Returns why an assignment is there of which the build before knew nothing.
    fn without_before(&mut self, built: &BuiltAssignment) -> Vec<ToldCause> {
        let Some(edits) = &self.edits else { return vec![] };
        let Assignment { cluster_type, target, .. } = &built.assignment;
        let text = if self.failed.contains(&format!("{cluster_type}:{target}")) {
            Some("it could not be built before")
        } else if self.lost.contains(cluster_type.as_str()) {
            Some("what it was made from before is not known any more")
        } else {
            None
        };
        if let Some(text) = text {
            return vec![ToldCause { part: None, text: text.to_owned(), at: None }];
        }
        let causes = edits.new_assignment(&built.assignment);
        causes.into_iter().map(|it| self.places.tell(None, it)).collect()
    }

    /// Returns the assignments that there are no more; call it last.
    fn gone(&mut self) -> Vec<String> {
        let unread = std::mem::take(&mut self.unread);
        self.read(unread.into_iter().collect());
        let of = |(on, targets): (&String, &BTreeMap<String, _>)| {
            targets.keys().map(|it| format!("{on}:{it}")).collect::<Vec<_>>()
        };
        self.before.iter().flat_map(of).collect()
    }

    fn groups(self) -> Vec<Group> {
        let group = |((doing, causes), assignments)| Group { doing, causes, assignments };
        self.groups.into_iter().map(group).collect()
    }
}

/// Returns where that lies whose assignments all have the same causes for a part of their inputs; `None` if each has its own.
fn shared_by(
    edits: &Edits<'_>,
    (assignment, inputs): (&Assignment, &Inputs),
    part: &str,
) -> Option<usize> {
    match part.split_once('.')?.0 {
        // That its own cluster type or target was edited is told of each beside what the layers say.
        "config" if edits.concern_object_of(assignment) => None,
        "config" => Some(Arc::as_ptr(&inputs.config).addr()),
        "template" | "param" => Some(Arc::as_ptr(&inputs.cluster_type).addr()),
        _ => None,
    }
}

impl Places<'_> {
    fn tell(&mut self, part: Option<&str>, cause: Cause) -> ToldCause {
        let at = cause.place.map(|it| self.find(&it));
        ToldCause { part: part.map(str::to_owned), text: cause.text, at }
    }
}
