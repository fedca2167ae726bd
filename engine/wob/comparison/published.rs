//! What lies somewhere, compared with what would be written there. Of the old side there are files only, and the record that says
//! what they were made from.

use std::collections::BTreeMap;

use wob_engine::{FilePath, RECORD_PATH, Tree};
use wob_host::{Destination, OutputError, Plan, Standing};
use wob_rules::{Name, Record, changes::Pairing};

use super::{Compared, Comparing, Context, Pair, Side, SideEnvironment, causes::Asked};
use crate::{
    args::Patterns,
    command::build::Planning,
    exit::Exit,
    proof::{Rebuild, RebuildStop, Rebuilt},
    report::Report,
    session::{BuiltTarget, Remarks, Session},
    workspace::{Loaded, State},
};

/// What was published of an environment.
struct Published {
    environment: Name,
    tree: Tree,
    /// What it was made from, as far as its record says it.
    record: Result<Record, String>,
}

impl Compared {
    /// Compares what lies at the destination of each environment with what would be written there.
    pub(crate) fn published(
        context: &Context<'_>,
        name: String,
        state: State,
        destination: &dyn Fn(&str) -> Result<Destination, Exit>,
        fail: &dyn Fn(&Session<'_>, &OutputError) -> Exit,
    ) -> Result<Self, Exit> {
        let session = context.open_only(state, Remarks::Told)?;
        let built = context.build(&session)?;
        let names = [name, "a fresh render".to_owned()];
        let mut compared = Comparing::new(names, built.report, built.exit);
        compared.lines_before = format!("the sources of {}", compared.names[0]);
        let side = built.side;
        if side.may_have_more() {
            compared.uncompared.push("//...".to_owned());
        }
        compared.uncompared.extend(side.unread.iter().map(|it| format!("//env:{it}")));
        let mut published = vec![];
        for (name, environment) in &side.environments {
            let place = destination(name.as_str())?;
            let (_, plan) = Planning::of(&session, &environment.target)
                .compare(&place, &Standing::Unknown)
                .map_err(|it| fail(&session, &it))?;
            let before = plan.tree_before().map_err(|it| fail(&session, &it))?;
            let record = record(&plan).map_err(|it| fail(&session, &it))?;
            let (environment_name, tree) = (name.clone(), before.clone());
            published.push(Published { environment: environment_name, tree, record });
            compared.add(&Pair::replaced(name, [before, plan.tree().clone()], environment));
        }
        let mut asked = compared.ask(&session, [&Side::of_files(), &side]);
        let mut before = Some(session.loaded);
        for it in &published {
            if asked.misses_lines_of(&it.environment)
                && let Err(reason) = it.ask(context, &mut asked, &side, &mut before)?
            {
                compared.doubts.push(format!(
                    "which lines said what is gone from //env:{} is not known: {reason}",
                    it.environment
                ));
            }
        }
        Ok(compared.finish(asked))
    }

    /// Compares what `plan` replaces with what it writes of `target`, beside files that `stay`: whether a namespace is gone depends on
    /// them, too.
    pub(crate) fn planned(
        session: &Session<'_>,
        target: &BuiltTarget,
        (plan, stay): (&Plan, &Tree),
    ) -> Result<Self, OutputError> {
        let (name, environment) = SideEnvironment::of(session, target.clone());
        let names = ["published".to_owned(), format!("//env:{name}")];
        let mut compared = Comparing::new(names, Report::default(), Exit::Ok);
        let with_those = |tree: Tree| -> Tree {
            let both = tree.files().chain(stay.files());
            both.map(|(path, it)| (path, it.clone())).collect()
        };
        let trees = [plan.tree_before()?, plan.tree().clone()].map(with_those);
        compared.add(&Pair::replaced(&name, trees, &environment));
        // Whoever publishes says himself what failed.
        compared.uncompared.clear();
        let mut side = Side::default();
        side.environments.insert(name, environment);
        let asked = compared.ask(session, [&Side::of_files(), &side]);
        Ok(compared.finish(asked))
    }
}

impl<'p> Pair<'p> {
    /// Compares files that lie somewhere with those that replace them.
    fn replaced(name: &'p Name, trees: [Tree; 2], environment: &'p SideEnvironment) -> Self {
        Self {
            names: [name.as_str(); 2],
            trees,
            prefixes: [environment.target.built.prefix.as_str(); 2],
            sides: [None, Some(environment)],
            pairing: Pairing::Identity,
        }
    }
}

impl Published {
    /// Builds what was published again, from the sources that its record names, and asks it for the lines of what is gone; says
    /// why if it cannot be built.
    fn ask(
        &self,
        context: &Context<'_>,
        asked: &mut Asked,
        new: &Side,
        before: &mut Option<Loaded>,
    ) -> Result<Result<(), String>, Exit> {
        let Context { common, streams, interrupt, .. } = *context;
        let record = match &self.record {
            Ok(record) => record,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        let patterns = &Patterns::default();
        let Rebuilt { session, target, .. } =
            match (Rebuild { common, patterns, streams, interrupt }).run(record, before) {
                Ok(rebuilt) => rebuilt,
                Err(RebuildStop::Missing { reason, .. }) => return Ok(Err(reason)),
                Err(RebuildStop::Exit(exit)) => return Err(exit),
            };
        let (name, mut environment) = SideEnvironment::of(&session, target);
        self.keep_true(&mut environment);
        let mut old = Side::default();
        old.environments.insert(name, environment);
        asked.of_gone(&session, [&old, new]);
        *before = Some(session.loaded);
        Ok(Ok(()))
    }

    /// Forgets those assignments whose files are not what was published: nothing is known of the lines of those that are.
    fn keep_true(&self, environment: &mut SideEnvironment) {
        let built = &environment.target.built;
        let mut is_same: BTreeMap<(String, String), bool> = BTreeMap::new();
        for (path, blob) in self.tree.files() {
            let Some((cluster_type, target)) = built.assignment_of(&path) else { continue };
            let same = built.tree.get(&path).is_some_and(|it| it.digest() == blob.digest());
            *is_same.entry((cluster_type.to_owned(), target.to_owned())).or_insert(true) &= same;
        }
        environment.target.built.assignments.retain(|it| {
            let (its, key) = (&it.assignment, |it: &Name| it.to_string());
            is_same.get(&(key(&its.cluster_type), key(&its.target))) == Some(&true)
        });
    }
}

/// Reads what the tree that lies there was made from; says why if that is not known.
fn record(plan: &Plan) -> Result<Result<Record, String>, OutputError> {
    let path = FilePath::new(RECORD_PATH).expect("because it is constant");
    let Some(head) = plan.before(&path)? else {
        return Ok(Err(format!("there is no `{RECORD_PATH}`")));
    };
    let mut failed = None;
    let mut part = |path: &str| {
        let read = plan.before(&FilePath::new(path).ok()?);
        read.unwrap_or_else(|error| {
            failed.get_or_insert(error);
            None
        })
    };
    let record = Record::read(&String::from_utf8_lossy(&head), &mut part);
    if let Some(error) = failed {
        return Err(error);
    }
    let damaged = |_| format!("its record, `{RECORD_PATH}`, cannot be read");
    Ok(record.map_err(damaged).and_then(|it| match Name::new(&it.environment) {
        Ok(_) => Ok(it),
        Err(_) => Err(format!("its record, `{RECORD_PATH}`, is of no environment")),
    }))
}
