//! Who looks on while a template runs: nobody, at no cost, or a recorder.

use std::sync::Arc;

use wob_engine::Span;

use crate::{
    Value,
    go::tree::{Choice, Node, Pipe, Target},
};

/// What is told of a render. Reads gather in frames, one for each action or condition that is being evaluated.
pub(super) trait Watch: Default {
    /// The way to a value, if it is one of the data.
    type Path;
    /// What was read in a frame.
    type Reads;
    /// A condition that holds for what is written.
    type Condition;
    /// A loop that runs.
    type Turns;
    /// Whether anybody looks: what takes time is done only then.
    const ACTIVE: bool;

    /// A body with its own variables begins; they are those from `base` on.
    fn body(&mut self, base: usize);
    /// A frame begins.
    fn begin(&mut self);
    /// The last frame is over: what was read in it.
    fn end(&mut self) -> Self::Reads;
    /// From here on, what is written becomes a value.
    fn capture(&mut self);
    /// That is over.
    fn release(&mut self);

    /// Says where a value stands in the data.
    fn path_of(&self, value: Option<&Value>) -> Self::Path;
    /// Says where the field `name` of the value at `path` stands; `value` is what it holds.
    fn below(&self, path: Self::Path, name: &str, value: Option<&Value>) -> Self::Path;
    /// A chain of fields ended at `path`.
    fn reached(&mut self, path: Self::Path, value: Option<&Value>);
    /// A value was printed, tested or given to a function.
    fn used(&mut self, value: Option<&Value>);
    /// A function was called.
    fn called(&mut self, name: &str, arguments: &[Value], result: Option<&Value>);
    /// A variable was read.
    fn variable(&mut self, slot: usize, value: Option<&Value>);
    /// A variable was set to what the last frame made.
    fn set(&mut self, slot: usize);
    /// What these variables of the body at `base` hold was decided by a condition.
    fn taint(&mut self, condition: &Self::Condition, base: usize, slots: &[usize]);

    /// Text of the template was copied.
    fn copied(&mut self, file: &Arc<str>, template: Span, output: Span);
    /// An action printed something made of `reads`.
    fn printed(&mut self, file: &Arc<str>, template: Span, output: Span, reads: Self::Reads);
    /// The conditions that hold decided that nothing is written here.
    fn silent(&mut self, file: &Arc<str>, output: Span);

    /// A condition holds from here on.
    fn push(&mut self, file: &Arc<str>, template: Span, reads: Self::Reads) -> Self::Condition;
    /// It is over.
    fn pop(&mut self, condition: Self::Condition);
    /// It is over, but has decided about everything up to the end of the loop.
    fn keep(&mut self, condition: Self::Condition);
    /// A loop over `value` begins.
    fn loops(
        &mut self,
        file: &Arc<str>,
        template: Span,
        reads: Self::Reads,
        value: Option<&Value>,
    ) -> Self::Turns;
    /// A turn of it begins.
    fn turn(&mut self, turns: &Self::Turns, key: &Value) -> Self::Condition;
    /// The loop as a whole is a condition of what comes.
    fn no_turn(&mut self, turns: &Self::Turns);
    /// The loop is over, in which these variables were set.
    fn looped(&mut self, turns: Self::Turns, base: usize, slots: &[usize]);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unwatched;

impl Watch for Unwatched {
    type Path = ();
    type Reads = ();
    type Condition = ();
    type Turns = ();
    const ACTIVE: bool = false;

    fn body(&mut self, _: usize) {}
    fn begin(&mut self) {}
    fn end(&mut self) {}
    fn capture(&mut self) {}
    fn release(&mut self) {}
    fn path_of(&self, _: Option<&Value>) {}
    fn below(&self, (): (), _: &str, _: Option<&Value>) {}
    fn reached(&mut self, (): (), _: Option<&Value>) {}
    fn used(&mut self, _: Option<&Value>) {}
    fn called(&mut self, _: &str, _: &[Value], _: Option<&Value>) {}
    fn variable(&mut self, _: usize, _: Option<&Value>) {}
    fn set(&mut self, _: usize) {}
    fn taint(&mut self, (): &(), _: usize, _: &[usize]) {}
    fn copied(&mut self, _: &Arc<str>, _: Span, _: Span) {}
    fn printed(&mut self, _: &Arc<str>, _: Span, _: Span, (): ()) {}
    fn silent(&mut self, _: &Arc<str>, _: Span) {}
    fn push(&mut self, _: &Arc<str>, _: Span, (): ()) {}
    fn pop(&mut self, (): ()) {}
    fn keep(&mut self, (): ()) {}
    fn loops(&mut self, _: &Arc<str>, _: Span, (): (), _: Option<&Value>) {}
    fn turn(&mut self, (): &(), _: &Value) {}
    fn no_turn(&mut self, (): &()) {}
    fn looped(&mut self, (): (), _: usize, _: &[usize]) {}
}

/// Returns the slots of all variables that `nodes` may set.
pub(super) fn assigned(nodes: &[Node]) -> Vec<usize> {
    let mut slots = vec![];
    visit(nodes, &mut |node| {
        let pipes: Vec<&Pipe> = match node {
            Node::Action(pipe) => vec![pipe],
            Node::If(choice) | Node::With(choice) => choice.arms.iter().map(|it| &it.0).collect(),
            Node::Range(range) => vec![&range.pipe],
            Node::Text(_) | Node::Template(_) | Node::Break | Node::Continue => vec![],
        };
        slots.extend(pipes.iter().flat_map(|it| &it.targets).filter_map(|target| match target {
            Target::Slot(slot) => Some(*slot),
            Target::Undeclared(_) => None,
        }));
    });
    slots
}

/// Says whether `nodes` may end a turn of the loop that they stand in.
pub(super) fn jumps(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Break | Node::Continue => true,
        Node::If(choice) | Node::With(choice) => bodies(choice).any(|it| jumps(it)),
        // The jumps of an inner loop are its own, but for those of its `else`.
        Node::Range(range) => jumps(&range.otherwise),
        Node::Text(_) | Node::Action(_) | Node::Template(_) => false,
    })
}

/// Says whether whatever `nodes` write, they first end the line.
pub(super) fn starts_a_line(nodes: &[Node], source: &str) -> bool {
    match nodes.first() {
        None => true,
        Some(Node::Text(span)) => {
            let text = source.get(span.start as usize..).unwrap_or_default();
            text.starts_with('\n') || text.starts_with("\r\n")
        }
        Some(
            Node::Action(_)
            | Node::If(_)
            | Node::With(_)
            | Node::Range(_)
            | Node::Template(_)
            | Node::Break
            | Node::Continue,
        ) => false,
    }
}

fn bodies(choice: &Choice) -> impl Iterator<Item = &Vec<Node>> {
    choice.arms.iter().map(|it| &it.1).chain([&choice.otherwise])
}

fn visit<'n>(nodes: &'n [Node], see: &mut impl FnMut(&'n Node)) {
    for node in nodes {
        see(node);
        match node {
            Node::If(choice) | Node::With(choice) => bodies(choice).for_each(|it| visit(it, see)),
            Node::Range(range) => {
                visit(&range.body, see);
                visit(&range.otherwise, see);
            }
            Node::Text(_) | Node::Action(_) | Node::Template(_) | Node::Break | Node::Continue => {}
        }
    }
}
