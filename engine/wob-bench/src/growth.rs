//! How the cost of one assignment grows from the smallest fleet to the largest.

#![expect(clippy::float_arithmetic, reason = "ratios are what a bench prints")]

use serde::{Deserialize, Serialize};

use crate::report::to_float;

/// How the cost of one thing grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Growth {
    pub(crate) name: String,
    /// The number of assignments of the smallest fleet.
    pub(crate) from: usize,
    /// That of the largest.
    pub(crate) to: usize,
    /// How many times longer the largest takes.
    pub(crate) times: f64,
    /// The same for each assignment: at most 1 if the cost grows no faster than their number.
    pub(crate) times_each: f64,
}

/// Compares the smallest fleet with the largest; each has its size, and seconds by name.
pub(crate) fn growth(fleets: &[(usize, Vec<(&str, f64)>)]) -> Vec<Growth> {
    let smallest = fleets.iter().min_by_key(|it| it.0);
    let Some((from, to)) = smallest.zip(fleets.iter().max_by_key(|it| it.0)) else { return vec![] };
    if from.0 == to.0 {
        return vec![];
    }
    let size = to_float(to.0) / to_float(from.0);
    let pairs = from.1.iter().filter_map(|(name, seconds)| {
        let (_, other) = to.1.iter().find(|it| it.0 == *name)?;
        Some((name, other / seconds.max(1e-9)))
    });
    let growth = pairs.map(|(name, times)| Growth {
        name: (*name).to_owned(),
        from: from.0,
        to: to.0,
        times,
        times_each: times / size,
    });
    growth.collect()
}

/// Prints a table; nothing if there was one size only.
pub(crate) fn to_text(growth: &[Growth]) -> String {
    let Some(first) = growth.first() else { return String::new() };
    let mut lines = vec![
        format!(
            "\nfrom {} to {} assignments, a run takes so many times longer,",
            first.from, first.to
        ),
        "and for each assignment (at most 1: it grows no faster than their number)".to_owned(),
    ];
    lines.extend(
        growth.iter().map(|it| format!("{:40}{:>10.2}{:>10.2}", it.name, it.times, it.times_each)),
    );
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_compared_with_the_largest() {
        let fleets = [
            (1_000, vec![("build", 0.5), ("only here", 1.0)]),
            (100, vec![("build", 0.1)]),
            (500, vec![("build", 9.0)]),
        ];
        let all = growth(&fleets);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].from, all[0].to), (100, 1_000));
        assert!((all[0].times - 5.0).abs() < 1e-9);
        assert!((all[0].times_each - 0.5).abs() < 1e-9);
        assert!(to_text(&all).contains("from 100 to 1000 assignments"));
        assert_eq!(growth(&fleets[..1]), []);
    }
}
