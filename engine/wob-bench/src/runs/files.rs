//! Builds into folders, beside ninja with as many edges and output files.

use std::error::Error;

use camino::Utf8Path;

use super::{
    Beside, LABEL, LEAF, LeftOut, POLICY, Plan, REFUSED, RunReport, SIZES, TEMPLATE, TORN, VALUES,
    Wob, best,
};
use crate::{
    fleet::Shape,
    launch::{self, Took},
    peers::{self, Ninja, Peer as _},
};

/// Adds the runs to `report`.
pub(super) fn measure(
    plan: &Plan<'_>,
    wob: &Wob,
    shape: Shape,
    report: &mut RunReport,
) -> Result<(), Box<dyn Error>> {
    let beside = wob.at.with_file_name("ninja");
    let ninja = peers::is_found(&Ninja)?.then_some(beside.as_path());
    match ninja {
        Some(at) => Ninja::write(at, shape.assignments())?,
        None => report.left_out.push(LeftOut::missing(&Ninja)),
    }
    let run_ninja = || ninja.map(run_ninja).transpose();
    report.runs.push(best("cold, into files", 1, |_| Ok((wob.build(&[])?, run_ninja()?)))?);
    // The first run that finds nothing to do may still tidy up.
    wob.build(&[])?;
    for (name, arguments) in [("", &[][..]), (", output trusted", &["--trust-output"][..])] {
        wob.build(arguments)?;
        report.runs.push(best(&format!("nothing to do{name}"), plan.rounds, |_| {
            Ok((wob.build(arguments)?, run_ninja()?))
        })?);
        report.runs.push(best(&format!("one value changed{name}"), plan.rounds, |_| {
            LEAF.flip(&wob.at, VALUES)?;
            if let Some(at) = ninja {
                Ninja::touch(at)?;
            }
            Ok((wob.build(arguments)?, run_ninja()?))
        })?);
    }
    measure_mistakes(plan, wob, report)?;
    wob.build(&[])?;
    report.runs.push(best("a label of a cluster type changed", plan.rounds, |_| {
        LABEL.flip(&wob.at, SIZES)?;
        Ok((wob.build(&[])?, None))
    })?);
    report.runs.push(best("a policy that came or went", plan.rounds, |_| {
        POLICY.toggle(&wob.at)?;
        Ok((wob.build(&[])?, None))
    })?);
    report.runs.push(best("a template changed to no effect", plan.rounds, |round| {
        TEMPLATE.make(&wob.at, &format!(" # {round}"))?;
        Ok((wob.build(&[])?, None))
    })?);
    Ok(())
}

/// Adds what it takes to tell of a mistake in one value, and to mend it.
fn measure_mistakes(
    plan: &Plan<'_>,
    wob: &Wob,
    report: &mut RunReport,
) -> Result<(), Box<dyn Error>> {
    const TRUSTING: &[&str] = &["--trust-output"];
    for (what, values) in [("a value refused", REFUSED), ("a value that is no YAML", TORN)] {
        report.runs.push(best(&format!("{what}, output trusted"), plan.rounds, |round| {
            LEAF.make(&wob.at, values[round % 2])?;
            Ok((wob.fail(TRUSTING)?, None))
        })?);
        report.runs.push(best(&format!("{what} mended, output trusted"), plan.rounds, |round| {
            LEAF.make(&wob.at, values[round % 2])?;
            wob.fail(TRUSTING)?;
            LEAF.make(&wob.at, VALUES[round % 2])?;
            Ok((wob.build(TRUSTING)?, None))
        })?);
    }
    Ok(())
}

fn run_ninja(at: &Utf8Path) -> Result<Beside, Box<dyn Error>> {
    let took: Took = launch::run(&Ninja.command(at), None)?;
    Ok(Beside::new(Ninja.name(), took))
}
