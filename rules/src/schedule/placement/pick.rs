//! Picks from ranked candidates: one after the other, the best that keeps the spread.

use std::collections::{BTreeMap, VecDeque};

use super::{Candidate, Fate};
use crate::schedule::{Placement, SpreadConstraint, WhenUnsatisfiable};

/// Says what becomes of each of `ranked`, which are the best first and of which none is tainted.
pub(super) fn pick<'m>(placement: &'m Placement, ranked: &mut [Candidate<'m>]) {
    // Whoever lacks the label of a constraint that must hold is out, and belongs to no domain.
    for candidate in &mut *ranked {
        let mut hard = placement.spread.iter().filter(|it| is_hard(it));
        let lacking = hard.find(|it| domain(it, candidate).is_none());
        candidate.fate = lacking.map_or(Fate::Outranked, Fate::Unlabelled);
    }
    let mut spreads: Vec<Spread<'m>> =
        placement.spread.iter().map(|it| Spread::new(it, ranked)).collect();
    let mut queues = queues(placement, ranked);
    let mut passed: BTreeMap<Domains<'m>, Fate<'m>> = BTreeMap::new();
    let mut worst = 0;
    for _ in 0..placement.number.unwrap_or(u32::MAX) {
        let heads = queues.iter().filter_map(|(domains, queue)| {
            let excess = excess(&spreads, domains)?;
            Some((excess, *queue.front()?, domains.clone()))
        });
        let Some((_, index, domains)) = heads.min() else { break };
        for (others, queue) in &queues {
            // Who is passed over wants to know why, also if it would fit in the end.
            if let Some(better) = queue.front().filter(|it| **it < index)
                && let Some(why) = refusal(&spreads, &ranked[*better])
            {
                passed.insert(others.clone(), why);
            }
        }
        worst = worst.max(index);
        ranked[index].fate = Fate::Chosen;
        if let Some(queue) = queues.get_mut(&domains) {
            queue.pop_front();
        }
        for (spread, domain) in spreads.iter_mut().zip(&domains) {
            spread.add(*domain);
        }
    }
    for (domains, queue) in queues {
        for index in queue {
            let before = passed.get(&domains).copied().filter(|_| index < worst);
            let skewed = refusal(&spreads, &ranked[index]).or(before);
            ranked[index].fate = skewed.unwrap_or(Fate::Outranked);
        }
    }
}

/// Says why `candidate` may not be picked now; `None` if it may.
fn refusal<'m>(spreads: &[Spread<'m>], candidate: &Candidate<'m>) -> Option<Fate<'m>> {
    spreads.iter().find_map(|it| it.refuses(candidate))
}

/// The values of the labels over which targets are spread, by constraint; `None` where a label is missing.
type Domains<'m> = Vec<Option<&'m str>>;

/// Returns the candidates that may be picked, by domains: only the best of each need be looked at.
fn queues<'m>(
    placement: &'m Placement,
    ranked: &[Candidate<'m>],
) -> BTreeMap<Domains<'m>, VecDeque<usize>> {
    let mut queues: BTreeMap<Domains<'m>, VecDeque<usize>> = BTreeMap::new();
    for (index, candidate) in ranked.iter().enumerate() {
        if candidate.fate == Fate::Outranked {
            let domains = placement.spread.iter().map(|it| domain(it, candidate)).collect();
            queues.entry(domains).or_default().push_back(index);
        }
    }
    queues
}

/// Says by how much the constraints that need not hold would be broken; `None` if one would that must hold.
fn excess(spreads: &[Spread<'_>], domains: &[Option<&str>]) -> Option<u64> {
    let mut sum = 0;
    for (spread, domain) in spreads.iter().zip(domains) {
        let over = spread.over(*domain);
        if over > 0 && is_hard(spread.constraint) {
            return None;
        }
        sum += over;
    }
    Some(sum)
}

fn is_hard(constraint: &SpreadConstraint) -> bool {
    constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule
}

fn domain<'m>(constraint: &SpreadConstraint, candidate: &Candidate<'m>) -> Option<&'m str> {
    candidate.cluster_type.meta.labels.get(&constraint.key).map(String::as_str)
}

/// How many were picked of each domain of a constraint.
struct Spread<'m> {
    constraint: &'m SpreadConstraint,
    picked: BTreeMap<&'m str, u32>,
}

impl<'m> Spread<'m> {
    fn new(constraint: &'m SpreadConstraint, ranked: &[Candidate<'m>]) -> Self {
        let open = ranked.iter().filter(|it| it.fate == Fate::Outranked);
        let picked = open.filter_map(|it| Some((domain(constraint, it)?, 0))).collect();
        Self { constraint, picked }
    }

    /// Says by how much one more of `domain` would go beyond the skew; without the label, by more than any other.
    fn over(&self, domain: Option<&str>) -> u64 {
        let Some(here) = domain.and_then(|it| self.picked.get(it)) else {
            return u64::from(u32::MAX);
        };
        let skew = u64::from(*here) + 1 - u64::from(self.least());
        skew.saturating_sub(u64::from(self.constraint.max_skew))
    }

    fn add(&mut self, domain: Option<&'m str>) {
        if let Some(domain) = domain {
            *self.picked.entry(domain).or_default() += 1;
        }
    }

    /// Returns how many were picked of the domain that has the fewest.
    fn least(&self) -> u32 {
        self.picked.values().copied().min().unwrap_or(0)
    }

    /// Says why this constraint forbids to pick `candidate`; `None` if it does not.
    fn refuses(&self, candidate: &Candidate<'m>) -> Option<Fate<'m>> {
        let domain = domain(self.constraint, candidate)?;
        let refused = is_hard(self.constraint) && self.over(Some(domain)) > 0;
        let here = self.picked.get(domain).copied().unwrap_or(0);
        refused.then_some(Fate::Skewed { constraint: self.constraint, here, least: self.least() })
    }
}
