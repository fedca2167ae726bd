//! What was said of an environment in which nothing is wrong but assignments, by what it was said of, so that a build of some of its parts can say
//! what a build of everything would.
//!
//! **Invariant:** as long as nothing but values of config changes, what is said of the whole stays; what is said of a file
//! depends on that file, and what is said of a subtree on the layers and inputs of its assignments, and on where these are said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::{Code, Database, Diagnostic, FileName, Label, Severity};

use crate::{
    BuiltAssignment, decode_file,
    known::subtrees,
    lint,
    problems::{Group, Said},
    queries::{EnvironmentInput, layer_warnings, source_files, whole_diagnostics},
};

/// What was said of an environment, by what it was said of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct SaidParts {
    /// Of everything that follows from names, labels, keys and whatever else is no value of config.
    whole: Said,
    /// Of each file of which something was said, when it was decoded.
    files: BTreeMap<FileName, Said>,
    /// Of each subtree of which something was said, by its position among all.
    subtrees: BTreeMap<usize, Said>,
}

impl SaidParts {
    /// Takes what is said of an environment of which all assignments were `built`, but for the codes that are `silenced`.
    pub fn of(
        db: &Database,
        environment: EnvironmentInput,
        built: &[BuiltAssignment],
        silenced: &BTreeSet<Code>,
    ) -> Self {
        let mut whole = Said::default();
        whole.add_all(&whole_diagnostics(db, environment));
        let mut parts = Self { whole, ..Self::default() };
        parts.take_files(db, environment, |_| true);
        let divided = subtrees(built.iter().map(|it| (&it.assignment, it.inputs)));
        let of_subtree = |db: &mut Database, (index, it): (usize, crate::Subtree)| {
            (index, said_of_subtree(db, environment, &built[it.assignments]))
        };
        parts.subtrees =
            divided.into_par_iter().enumerate().map_with(db.clone(), of_subtree).collect();
        parts.silence(silenced);
        parts
    }

    /// Says whether nothing is said of the environment as a whole.
    pub fn is_silent_of_whole(&self) -> bool {
        self.whole.is_empty()
    }

    /// Takes what is said now of the environment as a whole, which more than values of config has changed; says whether nothing is
    /// wrong.
    pub fn renew_whole(&mut self, db: &Database, environment: EnvironmentInput) -> bool {
        self.whole = Said::default();
        self.whole.add_all(&whole_diagnostics(db, environment));
        self.whole.is_only_warnings()
    }

    /// Says whether nothing is said of the subtree at `position`.
    pub fn is_silent_of(&self, position: usize) -> bool {
        self.subtrees.get(&position).is_none_or(Said::is_empty)
    }

    /// Moves what is said of subtrees, for each of which `before` says at which position it stood, if it did: what is said of any
    /// other one goes.
    pub fn rearrange(&mut self, before: &[Option<usize>]) {
        let mut said = std::mem::take(&mut self.subtrees);
        let moved = before.iter().enumerate();
        let moved = moved.filter_map(|(now, before)| Some((now, said.remove(before.as_ref()?)?)));
        self.subtrees = moved.collect();
    }

    /// Forgets what is said of some subtrees, by their positions: whoever builds these each time says it again.
    pub fn forget(&mut self, subtrees: impl Iterator<Item = usize>) {
        for it in subtrees {
            self.subtrees.remove(&it);
        }
    }

    /// Takes what is said now of some `subtrees`, by their positions, and of files that were `edited`.
    pub fn exchange(
        &mut self,
        db: &Database,
        environment: EnvironmentInput,
        (edited, subtrees): (&BTreeSet<FileName>, BTreeMap<usize, Said>),
        silenced: &BTreeSet<Code>,
    ) {
        for file in edited {
            self.files.remove(file);
        }
        if !edited.is_empty() {
            self.take_files(db, environment, |it| edited.contains(it));
        }
        self.subtrees.extend(subtrees);
        self.silence(silenced);
    }

    /// Returns everything that is said.
    pub fn all(&self) -> Said {
        let mut all = self.whole.clone();
        for it in self.files.values().chain(self.subtrees.values()) {
            all.join(it.clone());
        }
        all
    }

    /// Returns everything that is said, perhaps more than once, without who has it.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        let parts = self.files.values().chain(self.subtrees.values()).chain([&self.whole]);
        parts.flat_map(|it| it.0.keys()).map(|it| &**it)
    }

    fn take_files(
        &mut self,
        db: &Database,
        environment: EnvironmentInput,
        is_taken: impl Fn(&FileName) -> bool,
    ) {
        for file in source_files(db, environment).filter(|it| is_taken(it.name(db))) {
            let diagnostics = &decode_file(db, file).diagnostics;
            if !diagnostics.is_empty() {
                self.files.entry(file.name(db).clone()).or_default().add_all(diagnostics);
            }
        }
    }

    fn silence(&mut self, silenced: &BTreeSet<Code>) {
        let parts = self.files.values_mut().chain(self.subtrees.values_mut());
        for part in parts.chain([&mut self.whole]) {
            part.0.retain(|it, _| it.is_error() || !silenced.contains(it.code));
        }
        self.files.retain(|_, it| !it.is_empty());
        self.subtrees.retain(|_, it| !it.is_empty());
    }
}

/// Returns what is said of the assignments of a subtree, and of the layers that they have.
pub fn said_of_subtree(
    db: &Database,
    environment: EnvironmentInput,
    built: &[BuiltAssignment],
) -> Said {
    let mut said = Said::default();
    let made_from = built.iter().map(|it| (&it.assignment, it.made_from.as_ref()));
    said.add_all(&layer_warnings(db, environment, made_from));
    for it in built {
        said.add_assignment(environment.name(db), it);
    }
    said
}

/// The form in which it is kept, in which each diagnostic stands once.
#[derive(Serialize, Deserialize)]
struct Written {
    diagnostics: Vec<Warning>,
    whole: WrittenSaid,
    files: Vec<(FileName, WrittenSaid)>,
    subtrees: Vec<(usize, WrittenSaid)>,
}

/// Diagnostics by their positions among all.
type WrittenSaid = Vec<(u32, Group)>;

impl From<SaidParts> for Written {
    fn from(parts: SaidParts) -> Self {
        let mut numbers: BTreeMap<Arc<Diagnostic>, u32> = BTreeMap::new();
        let mut diagnostics = vec![];
        let mut write = |said: Said| -> WrittenSaid {
            let group = |(diagnostic, group): (Arc<Diagnostic>, Group)| {
                let number = *numbers.entry(diagnostic).or_insert_with_key(|it| {
                    diagnostics.push(Warning(Diagnostic::clone(it)));
                    u32::try_from(diagnostics.len() - 1).expect("because nobody reads so many")
                });
                (number, group)
            };
            said.0.into_iter().map(group).collect()
        };
        let whole = write(parts.whole);
        let files = parts.files.into_iter().map(|(file, it)| (file, write(it))).collect();
        let subtrees = parts.subtrees.into_iter().map(|(index, it)| (index, write(it))).collect();
        Self { diagnostics, whole, files, subtrees }
    }
}

impl TryFrom<Written> for SaidParts {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let diagnostics: Vec<Arc<Diagnostic>> =
            written.diagnostics.into_iter().map(|it| Arc::new(it.0)).collect();
        let read = |written: WrittenSaid| {
            let one = |(number, group): (u32, Group)| {
                let diagnostic = diagnostics.get(number as usize);
                Ok((diagnostic.ok_or("there is no such diagnostic")?.clone(), group))
            };
            let said: Result<_, Self::Error> = written.into_iter().map(one).collect();
            said.map(Said)
        };
        let files = written.files.into_iter().map(|(file, it)| Ok((file, read(it)?)));
        let subtrees = written.subtrees.into_iter().map(|(index, it)| Ok((index, read(it)?)));
        Ok(Self {
            whole: read(written.whole)?,
            files: files.collect::<Result<_, Self::Error>>()?,
            subtrees: subtrees.collect::<Result<_, Self::Error>>()?,
        })
    }
}

/// A warning that can be kept: its places are found anew whenever it is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenWarning", into = "WrittenWarning")]
pub struct Warning(pub Diagnostic);

#[derive(Serialize, Deserialize)]
struct WrittenWarning {
    code: String,
    message: String,
    labels: Vec<Label>,
    help: Option<String>,
    notes: Vec<String>,
}

impl From<Warning> for WrittenWarning {
    fn from(Warning(it): Warning) -> Self {
        let Diagnostic { severity, code, message, labels, help, notes } = it;
        assert_eq!(severity, Severity::Warning, "because nothing is kept where there are errors");
        Self { code: code.to_owned(), message, labels, help, notes }
    }
}

impl TryFrom<WrittenWarning> for Warning {
    type Error = &'static str;

    fn try_from(written: WrittenWarning) -> Result<Self, Self::Error> {
        let WrittenWarning { code, message, labels, help, notes } = written;
        let known = lint::codes();
        let code = *known.iter().find(|it| **it == code).ok_or("there is no such code")?;
        Ok(Self(Diagnostic { severity: Severity::Warning, code, message, labels, help, notes }))
    }
}

#[cfg(test)]
mod tests {
    use wob_engine::{FileName, Place, Span};

    use super::*;

    fn said(message: &str, place: Place) -> Said {
        let mut said = Said::default();
        let it = Diagnostic::warning("unknown-field", message).at(place, "here").help("no");
        said.add_all(&[it.note("a note")]);
        said
    }

    #[test]
    fn what_is_kept_reads_back_with_its_places() {
        let file = FileName::new("a.yaml");
        let node = Place::document(&file, 1).key("spec").index(2).on_key();
        let text = node.text(Span::new(3, 7));
        let parts = SaidParts {
            whole: said("one", node),
            files: [(file.clone(), said("two", Place::file(&file)))].into(),
            subtrees: [(4, said("three", text.clone())), (9, said("three", text))].into(),
        };
        let json = serde_json::to_string(&parts).unwrap();
        assert_eq!(json.matches("three").count(), 1, "it stands there once");
        assert_eq!(serde_json::from_str::<SaidParts>(&json).unwrap(), parts);
        let unknown = json.replace("unknown-field", "no-such-code");
        assert!(serde_json::from_str::<SaidParts>(&unknown).is_err());
    }

    #[test]
    fn what_is_said_moves_with_its_subtree() {
        let of = |it: &str| said(it, Place::file(&FileName::new("a.yaml")));
        let subtrees = [(0, of("gone")), (1, of("one")), (3, of("three"))].into();
        let mut parts = SaidParts { subtrees, ..SaidParts::default() };
        parts.rearrange(&[Some(1), None, Some(2), Some(3)]);
        assert_eq!(parts.subtrees, [(0, of("one")), (3, of("three"))].into());
    }

    #[test]
    fn what_is_silenced_is_not_kept() {
        let place = Place::file(&FileName::new("a.yaml"));
        let mut parts = SaidParts { whole: said("one", place.clone()), ..SaidParts::default() };
        parts.subtrees.insert(0, said("two", place));
        parts.silence(&BTreeSet::from(["unused-label"]));
        assert!(!parts.all().is_empty());
        parts.silence(&BTreeSet::from(["unknown-field"]));
        assert_eq!(parts, SaidParts::default());
    }
}
