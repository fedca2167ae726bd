//! The functions of the query language: their names, their parameters, what they are for.
//!
//! To add one, add a variant, a line to `FUNCTIONS`, and its arm in `evaluate.rs`.

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `deps(x, depth)`
    Deps,
    /// `rdeps(universe, x, depth)`
    Rdeps,
    /// `allrdeps(x, depth)`
    AllRdeps,
    /// `somepath(from, to)`
    SomePath,
    /// `allpaths(from, to)`
    AllPaths,
    /// `kind(pattern, x)`
    Kind,
    /// `attr(name, pattern, x)`
    Attr,
    /// `filter(pattern, x)`
    Filter,
    /// `labels(name, x)`
    Labels,
    /// `some(x, count)`
    Some,
    /// `owner(path)`
    Owner,
    /// `assignments(x)`
    Assignments,
    /// `selected_by(x)`
    SelectedBy,
    /// `selects(x)`
    Selects,
    /// `unassigned(x)`
    Unassigned,
    /// `env(name)`
    Env,
}

/// What a function takes at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A set.
    Set,
    /// A word: a name, a path or a regular expression.
    Word,
    /// A number, which may be left out.
    OptionalNumber,
}

/// How a function is called.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The function.
    pub function: Function,
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// How messages write a call.
    pub usage: &'static str,
    /// What it gives, for people.
    pub gives: &'static str,
}

use Parameter::{OptionalNumber, Set, Word};

macro_rules! functions {
    ($($function:ident $name:literal [$($parameter:ident),*] $usage:literal: $gives:literal,)*) => {
        &[$(Signature {
            function: Function::$function,
            name: $name,
            parameters: &[$($parameter),*],
            usage: $usage,
            gives: $gives,
        }),*]
    };
}

/// Every function, in the order help texts list them: first Bazel's.
pub const FUNCTIONS: &[Signature] = functions![
    Deps "deps" [Set, OptionalNumber] "deps(x, depth)": "x and what it depends on",
    Rdeps "rdeps" [Set, Set, OptionalNumber] "rdeps(universe, x, depth)":
        "what of the universe and its dependencies depends on x",
    AllRdeps "allrdeps" [Set, OptionalNumber] "allrdeps(x, depth)":
        "what depends on x, output files aside",
    SomePath "somepath" [Set, Set] "somepath(from, to)": "one shortest path",
    AllPaths "allpaths" [Set, Set] "allpaths(from, to)": "everything on any path",
    Kind "kind" [Word, Set] "kind(pattern, x)": "what of x has a kind that matches",
    Attr "attr" [Word, Word, Set] "attr(name, pattern, x)":
        "what of x has an attribute that matches",
    Filter "filter" [Word, Set] "filter(pattern, x)": "what of x has a label that matches",
    Labels "labels" [Word, Set] "labels(name, x)": "what an attribute of x refers to",
    Some "some" [Set, OptionalNumber] "some(x, count)": "the first of x, or the first few",
    Owner "owner" [Word] "owner('path')": "the objects that a source file says",
    Assignments "assignments" [Set] "assignments(x)":
        "the assignments that depend on x, belong to it or make it",
    SelectedBy "selected_by" [Set] "selected_by(x)":
        "the targets and cluster types that the policies in x select",
    Selects "selects" [Set] "selects(x)":
        "the policies that select the targets and cluster types in x",
    Unassigned "unassigned" [Set] "unassigned(x)":
        "the targets, cluster types, workloads and registrations in x that no assignment depends on",
    Env "env" [Word] "env(name)": "an environment, its assignments and its objects",
];

impl Function {
    /// Returns how the function is called.
    pub fn signature(self) -> &'static Signature {
        let found = FUNCTIONS.iter().find(|it| it.function == self);
        found.expect("because a test finds the signature of every function")
    }

    /// Returns the function of that name.
    pub fn find(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|it| it.name == name).map(|it| it.function)
    }
}
