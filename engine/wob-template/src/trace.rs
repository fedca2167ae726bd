//! Traces: which place of a template made each part of a text, and which data went into it.
//!
//! **Invariant:** a traced text is the plain text. What a trace names is never too little, but may be too much: a part
//! depends on no data that is neither among its reads nor among those of its conditions.

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{Span, Step};

/// The way to a value from the root of a template's data; empty for all of the data.
pub type DataPath = Vec<Step>;

/// Values that something depends on. One that is a mapping or a list stands for everything in it.
pub type Reads = BTreeSet<DataPath>;

/// A text with its history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// The text.
    pub text: String,
    /// What made it, in the order of the text, without gaps.
    pub pieces: Vec<Piece>,
}

/// A part of a text that one place of a template made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the text; empty if nothing was written.
    pub output: Span,
    /// The name of the template's text.
    pub file: Arc<str>,
    /// What made it: bytes of the template's text.
    pub template: Span,
    /// How it was made.
    pub kind: PieceKind,
    /// The values that were printed, or that what was printed was made of.
    pub reads: Reads,
    /// What decided that it was written, outermost first.
    pub conditions: Vec<Arc<Condition>>,
}

/// How a part of a text was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PieceKind {
    /// Copied from the template.
    Text,
    /// Printed by an action.
    Value,
    /// Not written: the conditions decided so.
    Nothing,
}

/// A decision, a loop or a call of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The name of the template's text.
    pub file: Arc<str>,
    /// What decided: bytes of the template's text.
    pub template: Span,
    /// What it depends on; in a loop, the item of this turn.
    pub reads: Reads,
}

impl Piece {
    /// Says whether this made some of `output`, or decided that nothing was written there.
    pub fn touches(&self, output: Span) -> bool {
        if self.output.is_empty() || output.is_empty() {
            return self.output.start <= output.end && output.start <= self.output.end;
        }
        self.output.start < output.end && output.start < self.output.end
    }

    /// Returns the part of the template that made `output`: exact for copied text.
    pub fn origin_of(&self, output: Span) -> Span {
        if self.kind != PieceKind::Text || self.template.len() != self.output.len() {
            return self.template;
        }
        let skipped = output.start.saturating_sub(self.output.start);
        let left = self.output.end.saturating_sub(output.end);
        let start = self.template.start + skipped;
        Span { start, end: self.template.end.saturating_sub(left).max(start) }
    }
}

impl Traced {
    /// Returns the pieces that touch `output`.
    pub fn touching(&self, output: Span) -> impl Iterator<Item = &Piece> {
        // Pieces stand in the order of the text, so those that may touch are neighbours.
        let first = self.pieces.partition_point(|it| it.output.end < output.start);
        let near = self.pieces[first..].iter().take_while(move |it| it.output.start <= output.end);
        near.filter(move |it| it.touches(output))
    }

    /// Returns this trace as one of the template that made this one's template: `before` is the trace of that text.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let mut pieces = vec![];
        for piece in &self.pieces {
            let sources: Vec<&Piece> = before.touching(piece.template).collect();
            if piece.kind == PieceKind::Text {
                pieces.extend(sources.iter().filter_map(|it| copied_again(piece, it, before)));
            } else {
                pieces.extend(made_again(piece, &sources, before));
            }
        }
        Self { text: self.text, pieces }
    }
}

/// Returns the part of a copied `piece` that `source` had made.
fn copied_again(piece: &Piece, source: &Piece, before: &Traced) -> Option<Piece> {
    let start = piece.template.start.max(source.output.start);
    let end = piece.template.end.min(source.output.end);
    if start > end || (start == end && source.kind != PieceKind::Nothing) {
        return None;
    }
    let shift = |at: u32| at - piece.template.start + piece.output.start;
    Some(Piece {
        output: Span { start: shift(start), end: shift(end) },
        file: source.file.clone(),
        template: source.origin_of(Span { start, end }),
        kind: source.kind,
        reads: source.reads.clone(),
        conditions: with_conditions_of(piece, source.conditions.clone(), before),
    })
}

/// Returns what the text of an action was made of, with what the action itself read.
fn made_again(piece: &Piece, sources: &[&Piece], before: &Traced) -> Option<Piece> {
    let first = sources.iter().find(|it| it.kind == PieceKind::Value).or(sources.first())?;
    let mut reads = piece.reads.clone();
    let mut conditions = vec![];
    for source in sources {
        reads.extend(source.reads.iter().cloned());
        add(&mut conditions, &source.conditions);
    }
    Some(Piece {
        output: piece.output,
        file: first.file.clone(),
        template: first.origin_of(piece.template),
        kind: piece.kind,
        reads,
        conditions: with_conditions_of(piece, conditions, before),
    })
}

/// Adds the conditions of `piece`, each moved to the place that wrote it.
fn with_conditions_of(
    piece: &Piece,
    mut conditions: Vec<Arc<Condition>>,
    before: &Traced,
) -> Vec<Arc<Condition>> {
    for condition in &piece.conditions {
        let mut moved = Condition::clone(condition);
        let mut is_moved = false;
        for source in before.touching(condition.template) {
            if !is_moved && !source.output.is_empty() {
                moved.file.clone_from(&source.file);
                moved.template = source.origin_of(condition.template);
                is_moved = true;
            }
            moved.reads.extend(source.reads.iter().cloned());
            add(&mut conditions, &source.conditions);
        }
        add(&mut conditions, &[Arc::new(moved)]);
    }
    conditions
}

fn add(conditions: &mut Vec<Arc<Condition>>, more: &[Arc<Condition>]) {
    for condition in more {
        if !conditions.contains(condition) {
            conditions.push(Arc::clone(condition));
        }
    }
}

#[cfg(test)]
mod tests;
