//! Records a render: which data each part of the output was made of.
//!
//! Values of the data are known by their addresses, wherever variables, loops and calls carry them. What has none, a
//! number or a missing key, counts where its field is read; what a function makes counts where the function is called.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use wob_engine::{Span, Step};

use super::watch::Watch;
use crate::{Condition, DataPath, Piece, PieceKind, Reads, Value};

/// How much is recorded: pieces, conditions and reads. After that, all is one piece that depends on everything.
const MOST: usize = 1_000_000;

/// How deep data is indexed.
const DEPTH: usize = 64;

/// How many parts of a made value are searched for data; a larger one may hold all of it.
const LARGEST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recorder {
    pieces: Vec<Piece>,
    /// Where each value of the data stands, by its address; the values live on, so that no address is used twice.
    paths: BTreeMap<usize, (DataPath, Value)>,
    frames: Vec<Reads>,
    conditions: Vec<Arc<Condition>>,
    variables: Vec<Variable>,
    /// What was put into the data by `set`.
    written: BTreeMap<DataPath, Reads>,
    /// How many outputs are being captured.
    captured: usize,
    /// For each loop that runs, what has decided whether it goes on.
    lasting: Vec<Option<Arc<Condition>>>,
    /// How much was recorded.
    spent: usize,
}

/// What is known of a variable.
#[derive(Clone, Debug, Default)]
struct Variable {
    /// What its value was made of.
    made_of: Reads,
    /// What decided which value it got.
    decided_by: Reads,
}

/// A loop that runs.
#[derive(Debug)]
pub(super) struct Turns {
    /// How many conditions hold around it.
    around: usize,
    file: Arc<str>,
    template: Span,
    reads: Reads,
    list: Option<DataPath>,
}

impl Recorder {
    /// Learns where everything in `data` stands.
    pub(super) fn new(data: &Value) -> Self {
        let mut recorder = Self::default();
        recorder.index(data, &mut vec![]);
        recorder
    }

    /// Returns what was recorded.
    pub(super) fn pieces(self) -> Vec<Piece> {
        self.pieces
    }

    fn index(&mut self, value: &Value, path: &mut DataPath) {
        let Some(address) = address(value) else { return };
        if path.len() > DEPTH || self.paths.contains_key(&address) {
            return;
        }
        self.paths.insert(address, (path.clone(), value.clone()));
        for (step, child) in children(value) {
            path.push(step);
            self.index(&child, path);
            path.pop();
        }
    }

    fn known(&self, value: Option<&Value>) -> Option<&DataPath> {
        value.and_then(address).and_then(|it| self.paths.get(&it)).map(|it| &it.0)
    }

    /// Counts what is recorded; says whether there is room for it.
    fn spend(&mut self, count: usize) -> bool {
        self.spent += count;
        self.spent <= MOST
    }

    fn read(&mut self, path: DataPath) {
        let path = if self.spend(1) { path } else { vec![] };
        if let Some(frame) = self.frames.last_mut() {
            frame.extend(self.written.get(&path).into_iter().flatten().cloned());
            frame.insert(path);
        }
    }

    /// Reads what is used of the data in `value`, which may have been made of it.
    fn search(&mut self, value: &Value, seen: &mut BTreeSet<usize>) {
        if let Some(path) = self.known(Some(value)) {
            return self.read(path.clone());
        }
        if seen.len() > LARGEST {
            return self.read(vec![]);
        }
        if address(value).is_some_and(|it| seen.insert(it)) {
            for (_, child) in children(value) {
                self.search(&child, seen);
            }
        }
    }

    fn variable_at(&mut self, slot: usize) -> &mut Variable {
        if self.variables.len() <= slot {
            self.variables.resize(slot + 1, Variable::default());
        }
        &mut self.variables[slot]
    }

    fn hold(&mut self, condition: Condition) -> usize {
        if self.captured > 0
            && let Some(frame) = self.frames.last_mut()
        {
            frame.extend(condition.reads.iter().cloned());
        }
        self.conditions.push(Arc::new(condition));
        self.conditions.len() - 1
    }

    fn add(&mut self, file: &Arc<str>, template: Span, output: Span, kind: PieceKind) {
        if self.captured > 0 {
            return;
        }
        let has_room = self.spend(1 + self.conditions.len());
        if let Some(last) = self.pieces.last_mut().filter(|_| !has_room) {
            last.output.end = output.end;
            last.kind = PieceKind::Value;
            last.reads = [vec![]].into();
            last.conditions = vec![];
            return;
        }
        self.pieces.push(Piece {
            output,
            file: Arc::clone(file),
            template,
            kind,
            reads: Reads::new(),
            conditions: self.conditions.clone(),
        });
    }

    /// Returns the one place in the data that a function looks at, if it is known for that.
    fn looked_at(&self, name: &str, arguments: &[Value]) -> Option<DataPath> {
        let (container, keys) = match name {
            "index" | "get" | "hasKey" => arguments.split_first()?,
            "dig" => {
                let (container, rest) = arguments.split_last()?;
                (container, rest.split_last()?.1)
            }
            _ => return None,
        };
        let mut path = self.known(Some(container))?.clone();
        for key in keys {
            path.push(match key {
                Value::String(key) => Step::Key(Arc::from(&**key)),
                Value::Int(index) | Value::Int64(index) => Step::Index(u32::try_from(*index).ok()?),
                Value::Nil
                | Value::Bool(_)
                | Value::Float(_)
                | Value::List(_)
                | Value::Map(_)
                | Value::Object(_) => return None,
            });
        }
        Some(path)
    }
}

impl Watch for Recorder {
    type Path = Option<DataPath>;
    type Reads = Reads;
    type Condition = usize;
    type Turns = Turns;
    const ACTIVE: bool = true;

    fn body(&mut self, base: usize) {
        self.variables.truncate(base);
    }

    fn begin(&mut self) {
        self.frames.push(Reads::new());
    }

    fn end(&mut self) -> Reads {
        let reads = self.frames.pop().unwrap_or_default();
        if self.captured > 0
            && let Some(outer) = self.frames.last_mut()
        {
            outer.extend(reads.iter().cloned());
        }
        reads
    }

    fn capture(&mut self) {
        self.captured += 1;
    }

    fn release(&mut self) {
        self.captured -= 1;
    }

    fn path_of(&self, value: Option<&Value>) -> Self::Path {
        self.known(value).cloned()
    }

    fn below(&self, path: Self::Path, name: &str, value: Option<&Value>) -> Self::Path {
        self.known(value).cloned().or_else(|| {
            let mut path = path?;
            path.push(Step::Key(name.into()));
            Some(path)
        })
    }

    fn reached(&mut self, path: Self::Path, value: Option<&Value>) {
        if self.known(value).is_none()
            && let Some(path) = path
        {
            self.read(path);
        }
    }

    fn used(&mut self, value: Option<&Value>) {
        if let Some(value) = value {
            self.search(value, &mut BTreeSet::new());
        }
    }

    fn called(&mut self, name: &str, arguments: &[Value], result: Option<&Value>) {
        match (name, arguments) {
            // They only hold what they are given.
            ("dict" | "list" | "tuple", _) => return,
            ("set", [container, Value::String(key), _]) => {
                if let Some(mut path) = self.known(Some(container)).cloned() {
                    path.push(Step::Key(Arc::from(&**key)));
                    let reads = self.frames.last().cloned().unwrap_or_default();
                    self.written.insert(path, reads);
                }
                return;
            }
            _ => {}
        }
        let Some(path) = self.looked_at(name, arguments) else {
            for argument in arguments {
                self.used(Some(argument));
            }
            return;
        };
        for argument in arguments.iter().filter(|it| address(it).is_some()) {
            // The container itself is not used, but the keys and a default are.
            if self.known(Some(argument)).is_none_or(|it| !path.starts_with(it)) {
                self.used(Some(argument));
            }
        }
        if self.known(result).is_none() {
            self.read(path);
        }
    }

    fn variable(&mut self, slot: usize, value: Option<&Value>) {
        let is_known = self.known(value).is_some();
        let Some(variable) = self.variables.get(slot) else { return };
        let made_of = (!is_known).then_some(&variable.made_of).into_iter().flatten();
        self.spent += variable.made_of.len() + variable.decided_by.len();
        if self.spent > MOST {
            return self.read(vec![]);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.extend(made_of.chain(&variable.decided_by).cloned());
        }
    }

    fn set(&mut self, slot: usize) {
        let made_of = self.frames.last().cloned().unwrap_or_default();
        *self.variable_at(slot) = Variable { made_of, decided_by: Reads::new() };
    }

    fn taint(&mut self, condition: &usize, base: usize, slots: &[usize]) {
        let Some(condition) = self.conditions.get(*condition).map(Arc::clone) else { return };
        for slot in slots {
            self.variable_at(base + slot).decided_by.extend(condition.reads.iter().cloned());
        }
    }

    fn copied(&mut self, file: &Arc<str>, template: Span, output: Span) {
        self.add(file, template, output, PieceKind::Text);
    }

    fn printed(&mut self, file: &Arc<str>, template: Span, output: Span, reads: Reads) {
        self.add(file, template, output, PieceKind::Value);
        if self.captured == 0
            && self.spent <= MOST
            && let Some(piece) = self.pieces.last_mut()
        {
            piece.reads = reads;
        }
    }

    fn silent(&mut self, file: &Arc<str>, output: Span) {
        let template = self.conditions.last().map(|it| it.template).unwrap_or_default();
        self.add(file, template, output, PieceKind::Nothing);
    }

    fn push(&mut self, file: &Arc<str>, template: Span, reads: Reads) -> usize {
        self.hold(Condition { file: Arc::clone(file), template, reads })
    }

    fn pop(&mut self, condition: usize) {
        self.conditions.remove(condition);
    }

    fn keep(&mut self, condition: usize) {
        let mut condition = self.conditions.remove(condition);
        let before = self.lasting.last().cloned().flatten();
        let is_before = |it: &Arc<Condition>| before.as_ref().is_some_and(|b| Arc::ptr_eq(it, b));
        if let Some(at) = self.conditions.iter().position(is_before) {
            // One condition stands for those of all turns, lest each turn know all before it.
            let mut all = Condition::clone(&self.conditions.remove(at));
            all.reads.extend(condition.reads.iter().cloned());
            if !self.spend(all.reads.len()) {
                all.reads = [vec![]].into();
            }
            condition = Arc::new(all);
        }
        self.conditions.push(Arc::clone(&condition));
        if let Some(last) = self.lasting.last_mut() {
            *last = Some(condition);
        }
    }

    fn loops(
        &mut self,
        file: &Arc<str>,
        template: Span,
        reads: Reads,
        value: Option<&Value>,
    ) -> Turns {
        let list = self.known(value).cloned();
        self.lasting.push(None);
        Turns { around: self.conditions.len(), file: Arc::clone(file), template, reads, list }
    }

    fn turn(&mut self, turns: &Turns, key: &Value) -> usize {
        let mut reads = turns.reads.clone();
        let step = match key {
            Value::String(key) => Some(Step::Key(Arc::from(&**key))),
            Value::Int(index) => u32::try_from(*index).ok().map(Step::Index),
            Value::Nil
            | Value::Bool(_)
            | Value::Int64(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Object(_) => None,
        };
        reads.extend(turns.list.iter().map(|it| it.iter().cloned().chain(step.clone()).collect()));
        self.hold(Condition { file: Arc::clone(&turns.file), template: turns.template, reads })
    }

    fn no_turn(&mut self, turns: &Turns) {
        let mut reads = turns.reads.clone();
        reads.extend(turns.list.clone());
        self.hold(Condition { file: Arc::clone(&turns.file), template: turns.template, reads });
    }

    fn looped(&mut self, turns: Turns, base: usize, slots: &[usize]) {
        for slot in slots {
            let decided_by = &mut self.variable_at(base + slot).decided_by;
            decided_by.extend(turns.reads.iter().cloned());
            decided_by.extend(turns.list.clone());
        }
        self.lasting.pop();
        self.conditions.truncate(turns.around);
    }
}

/// Returns what tells a value from every other, if it has that.
fn address(value: &Value) -> Option<usize> {
    match value {
        Value::String(it) => Some(Arc::as_ptr(it).cast::<u8>().addr()),
        Value::List(it) => Some(Rc::as_ptr(it).addr()),
        Value::Map(it) => Some(Rc::as_ptr(it).addr()),
        Value::Object(it) => Some(Rc::as_ptr(it).cast::<u8>().addr()),
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) => None,
    }
}

fn children(value: &Value) -> Vec<(Step, Value)> {
    match value {
        Value::List(items) => (0..).map(Step::Index).zip(items.iter().cloned()).collect(),
        Value::Map(map) => {
            let entries = map.entries.borrow();
            let entry = |(key, it): (&Arc<str>, &Value)| (Step::Key(Arc::from(&**key)), it.clone());
            entries.iter().map(entry).collect()
        }
        Value::Object(object) => {
            let field =
                |name: &&'static str| Some((Step::Key((*name).into()), object.field(name)?));
            object.field_names().iter().filter_map(field).collect()
        }
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Int64(_)
        | Value::Float(_)
        | Value::String(_) => vec![],
    }
}
