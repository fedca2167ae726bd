//! From text to spanned documents, under limits: no text makes this panic, recurse or run away.

use std::{collections::BTreeMap, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle as EventStyle, StrInput, Tag as EventTag};

use super::{
    Document, Entry, Key, Node, NodeKind, Problem, ProblemKind, Scalar, ScalarStyle, Tag, extent,
    lint, mapping, position::Positions, scalar, syntax,
};
use crate::{Span, Value};

/// What a text may ask of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The depth of nesting; never above [`Limits::DEEPEST`].
    pub depth: usize,
    /// The nodes of one text, those that aliases stand for included.
    pub nodes: usize,
    /// The nodes that aliases stand for.
    pub alias_nodes: usize,
}

impl Limits {
    /// The depth that no limit exceeds, so that walking a tree recursively is safe.
    pub const DEEPEST: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, nodes: 1_000_000, alias_nodes: 100_000 }
    }
}

/// A parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The documents, empty ones included, up to the first problem that ends reading.
    pub documents: Vec<Document>,
    /// What is wrong or doubtful, in the order of the text; lints stop after a hundred.
    pub problems: Vec<Problem>,
}

/// Parses every document of `text`.
pub fn parse(text: &str, limits: &Limits) -> Parsed {
    let mut builder = Builder::new(text, limits);
    builder.run(usize::MAX);
    builder.parsed.problems.sort_by_key(|problem| problem.span.start);
    builder.parsed
}

/// Reads the first document of `text` as plain data, as `fromYaml` and config values do; an empty text is a null.
///
/// # Errors
/// The first error of that document.
pub fn parse_value(text: &str) -> Result<Value, Problem> {
    let mut builder = Builder::new(text, &Limits::default());
    builder.run(1);
    let Parsed { documents, problems } = builder.parsed;
    match problems.into_iter().find(Problem::is_error) {
        Some(problem) => Err(problem),
        None => Ok(documents.first().map_or(Value::Null, |it| it.root.to_value())),
    }
}

/// The way out of aliases that stand for too much.
const WRITE_OUT: &str = "write values out instead of naming them by aliases of aliases";
/// The way out of what is nested too deep.
const FLATTEN: &str = "nest fewer lists and mappings inside each other";

/// Reading goes on only while this is `Ok`; the problem has been noted when it is not.
type Flow = Result<(), Stop>;

struct Stop;

struct Builder<'t> {
    text: &'t str,
    limits: Limits,
    positions: Positions<'t>,
    parsed: Parsed,
    open: Vec<Open>,
    /// The finished root of the document being read.
    root: Option<Node>,
    document_start: Option<usize>,
    nodes: usize,
    alias_nodes: usize,
    anchors: BTreeMap<usize, Anchored>,
    lints_left: usize,
    /// Where the last event ended: what goes wrong goes wrong after it.
    last: usize,
    /// Where the last finished node ended, comments and white space left out.
    node_end: usize,
    /// How many nodes were copied because they have an anchor.
    anchored_nodes: usize,
}

/// A collection that is not finished.
struct Open {
    start: usize,
    anchor: usize,
    /// How many nodes there were before it.
    nodes_before: usize,
    /// The greatest height of its children.
    height: usize,
    contents: Contents,
}

enum Contents {
    List(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: PendingKey, has_merge: bool },
}

/// What came before a value.
enum PendingKey {
    Expected,
    Ready(Key),
    /// The key was refused, so the value is dropped.
    Refused,
}

/// A node with an anchor, and what a copy of it costs.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, limits: &Limits) -> Self {
        let limits = Limits { depth: limits.depth.min(Limits::DEEPEST), ..*limits };
        Self {
            text,
            limits,
            positions: Positions::new(text),
            parsed: Parsed::default(),
            open: vec![],
            root: None,
            document_start: None,
            nodes: 0,
            alias_nodes: 0,
            anchors: BTreeMap::new(),
            lints_left: lint::MOST,
            last: 0,
            node_end: 0,
            anchored_nodes: 0,
        }
    }

    fn run(&mut self, documents: usize) {
        // The parser takes a NUL for the end of the text, and what follows would be lost.
        if let Some(at) = self.text.find('\0') {
            self.parsed.problems.push(syntax::refused_character(self.text, at));
            return;
        }
        // It passes over others, which every reader of Kubernetes refuses.
        for (at, _) in self.text.match_indices(syntax::is_refused) {
            syntax::refused_character(self.text, at).push_to(&mut self.parsed.problems);
        }
        let mut parser = Parser::new(StrInput::new(self.text));
        while self.parsed.documents.len() < documents {
            let Some(event) = parser.next_event() else { return };
            match event {
                Ok((event, span)) => {
                    let start = self.positions.byte(span.start);
                    let end = self.positions.byte(span.end);
                    if self.event(event, start, end.max(start)).is_err() {
                        return;
                    }
                    self.last = self.last.max(end);
                }
                Err(error) => {
                    let at = self.positions.byte(*error.marker());
                    self.syntax_error(at, error.info());
                    return;
                }
            }
        }
    }

    fn syntax_error(&mut self, at: usize, info: &str) {
        // The parser has a limit of its own, and meets it while it looks ahead.
        if info.contains("recursion limit") {
            let at = self.too_deep(at);
            let message = format!("nested deeper than {} levels", self.limits.depth);
            let problem = Problem::error(ProblemKind::Depth, Span::new(at, at + 1), message);
            self.parsed.problems.push(problem.help(FLATTEN));
            return;
        }
        let is_flow =
            |open: &&Open| matches!(self.text.as_bytes().get(open.start), Some(b'[' | b'{'));
        let bracket = self.open.iter().rev().find(is_flow).map(|open| open.start);
        let problem = syntax::problem(self.text, self.last, at, bracket, info);
        // `{{ .x }}-y` is refused as a key first, and then as a whole.
        self.parsed.problems.retain(|it| it.span.start != problem.span.start);
        self.parsed.problems.push(problem);
    }

    /// Returns the first bracket before `at` that nests too deep.
    fn too_deep(&self, at: usize) -> usize {
        let mut depth = self.open.len();
        for (offset, byte) in self.text.as_bytes()[self.last..at].iter().enumerate() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > self.limits.depth {
                return self.last + offset;
            }
        }
        at
    }

    fn event(&mut self, event: Event<'_>, start: usize, end: usize) -> Flow {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(explicit) => {
                self.document_start = explicit.then_some(start);
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd => {
                self.end_document();
                Ok(())
            }
            Event::Alias(id) => self.alias(id, Span::new(start, end)),
            Event::Scalar(content, style, anchor, tag) => {
                // Without properties, a block's mark is at its content, which may look like one.
                let from = match (anchor, &tag) {
                    (0, None) => start,
                    _ => extent::after_properties(&self.text.as_bytes()[..end], start),
                };
                let node = self.scalar(&content, style, tag.as_deref(), (start, from, end))?;
                self.node_end = node.span.end as usize;
                self.anchor(anchor, &node, 1, 0)?;
                self.put(node, 0);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", start, end);
                self.start(Contents::List(vec![]), anchor, start)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", start, end);
                let key = PendingKey::Expected;
                let contents = Contents::Mapping { entries: vec![], key, has_merge: false };
                self.start(contents, anchor, start)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(start, end),
        }
    }

    fn end_document(&mut self) {
        let Some(root) = self.root.take() else { return };
        let start = self.document_start.unwrap_or(root.span.start as usize);
        let span = Span::new(start, root.span.end as usize);
        self.parsed.documents.push(Document { root, span });
    }

    fn start(&mut self, contents: Contents, anchor: usize, start: usize) -> Flow {
        if self.open.len() >= self.limits.depth {
            let message = format!("nested deeper than {} levels", self.limits.depth);
            return self.stop(
                Problem::error(ProblemKind::Depth, Span::new(start, start + 1), message)
                    .help(FLATTEN),
            );
        }
        let nodes_before = self.nodes;
        self.count(1, Span::new(start, start + 1))?;
        self.open.push(Open { start, anchor, nodes_before, height: 0, contents });
        Ok(())
    }

    fn end(&mut self, start: usize, end: usize) -> Flow {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let flow = matches!(self.text.as_bytes().get(start), Some(b']' | b'}')) && start < end;
        let kind = match open.contents {
            Contents::List(items) => NodeKind::List(items),
            Contents::Mapping { mut entries, has_merge, .. } => {
                if has_merge {
                    entries = mapping::merge(entries, &mut self.parsed.problems);
                }
                mapping::refuse_duplicates(&mut entries, &mut self.parsed.problems);
                NodeKind::Mapping(entries)
            }
        };
        // A block ends where its last child does, not where the parser noticed it.
        let end = if flow { start + 1 } else { self.node_end.max(open.start) };
        self.node_end = end;
        let node = Node { span: Span::new(open.start, end), kind };
        let height = open.height + 1;
        self.anchor(open.anchor, &node, self.nodes - open.nodes_before, height)?;
        self.put(node, height);
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Flow {
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "no finished node of this document has this anchor".to_owned();
            return self.stop(
                Problem::error(ProblemKind::UndefinedAlias, span, message)
                    .help("name an anchor that stands before the alias, in the same document"),
            );
        };
        let (nodes, height) = (anchored.nodes, anchored.height);
        self.alias_nodes += nodes;
        if self.alias_nodes > self.limits.alias_nodes {
            let message = format!("aliases stand for more than {} nodes", self.limits.alias_nodes);
            return self
                .stop(Problem::error(ProblemKind::AliasExpansion, span, message).help(WRITE_OUT));
        }
        if self.open.len() + height > self.limits.depth {
            let message = format!("this alias nests deeper than {} levels", self.limits.depth);
            return self.stop(Problem::error(ProblemKind::Depth, span, message).help(FLATTEN));
        }
        let node = anchored.node.clone();
        self.node_end = span.end as usize;
        self.count(nodes, span)?;
        self.put(node, height);
        Ok(())
    }

    fn anchor(&mut self, id: usize, node: &Node, nodes: usize, height: usize) -> Flow {
        if id == 0 {
            return Ok(());
        }
        // Anchors inside anchors copy the same nodes again, so copies have a limit too.
        self.anchored_nodes += nodes;
        if self.anchored_nodes > self.limits.nodes {
            let message = format!("anchors hold more than {} nodes", self.limits.nodes);
            return self.stop(
                Problem::error(ProblemKind::AliasExpansion, node.span, message).help(WRITE_OUT),
            );
        }
        self.anchors.insert(id, Anchored { node: node.clone(), nodes, height });
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Flow {
        self.nodes += nodes;
        if self.nodes <= self.limits.nodes {
            return Ok(());
        }
        let message = format!("more than {} nodes", self.limits.nodes);
        self.stop(
            Problem::error(ProblemKind::Nodes, span, message).help("split the file into several"),
        )
    }

    fn stop(&mut self, problem: Problem) -> Flow {
        self.parsed.problems.push(problem);
        Err(Stop)
    }

    /// Hands a finished node to the collection it is in.
    fn put(&mut self, node: Node, height: usize) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.height = open.height.max(height);
        match &mut open.contents {
            Contents::List(items) => items.push(node),
            Contents::Mapping { entries, key, has_merge } => {
                match std::mem::replace(key, PendingKey::Expected) {
                    PendingKey::Expected => {
                        *has_merge = *has_merge || mapping::is_merge_key(&node);
                        let read = mapping::key(self.text, node, &mut self.parsed.problems);
                        *key = read.map_or(PendingKey::Refused, PendingKey::Ready);
                    }
                    PendingKey::Ready(key) => entries.push(Entry { key, value: node }),
                    PendingKey::Refused => {}
                }
            }
        }
    }

    /// Adds a scalar whose properties begin at `start`, and itself at `from`.
    fn scalar(
        &mut self,
        content: &str,
        style: EventStyle,
        tag: Option<&EventTag>,
        (start, from, end): (usize, usize, usize),
    ) -> Result<Node, Stop> {
        let style = match style {
            EventStyle::Plain => ScalarStyle::Plain,
            EventStyle::SingleQuoted => ScalarStyle::Single,
            EventStyle::DoubleQuoted => ScalarStyle::Double,
            EventStyle::Literal => ScalarStyle::Literal,
            EventStyle::Folded => ScalarStyle::Folded,
        };
        let span = self.scalar_span(content, style, (start, from, end));
        self.count(1, span)?;
        let tag = tag.map(|tag| self.tag(tag, Span::new(start, end)));
        let content = self.without_invented_line_break(content, style, span);
        let scalar = Scalar { text: Arc::from(content), style, tag };
        if let Some(tag) = tag
            && !fits(&scalar, tag)
        {
            let message = format!("`{}` is not what its tag says", shortened(content));
            let problem = Problem::error(ProblemKind::Tag, span, message);
            problem.help("remove the tag, or mend the value").push_to(&mut self.parsed.problems);
        } else if tag.is_none()
            && style == ScalarStyle::Plain
            && self.lints_left > 0
            && let Some(problem) = lint::scalar(content, span)
        {
            self.lints_left -= 1;
            self.parsed.problems.push(problem);
        }
        Ok(Node { span, kind: NodeKind::Scalar(scalar) })
    }

    fn scalar_span(
        &self,
        content: &str,
        style: ScalarStyle,
        (start, from, end): (usize, usize, usize),
    ) -> Span {
        let bytes = self.text.as_bytes();
        if style != ScalarStyle::Plain || !content.is_empty() {
            return extent::of_scalar(bytes, style, from, end);
        }
        if start == end {
            return Span::new(start, start);
        }
        // A missing value: the parser points at what it saw instead.
        let colon = usize::from(bytes.get(self.node_end) == Some(&b':'));
        let at = (self.node_end + colon).max(self.document_start.unwrap_or(0));
        Span::new(at, at)
    }

    /// A block scalar that ends with the text, without a line break, has none in its content either.
    fn without_invented_line_break<'c>(
        &self,
        content: &'c str,
        style: ScalarStyle,
        span: Span,
    ) -> &'c str {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if block && span.end as usize == self.text.len() {
            return content.strip_suffix('\n').unwrap_or(content);
        }
        content
    }

    fn tag(&mut self, tag: &EventTag, span: Span) -> Tag {
        let known = match (&*tag.handle, &*tag.suffix) {
            ("tag:yaml.org,2002:", suffix) => suffix,
            ("" | "!!", suffix) => suffix.strip_prefix("tag:yaml.org,2002:").unwrap_or(suffix),
            ("!", "") => "str",
            _ => "",
        };
        match known {
            "str" | "timestamp" => Tag::Text,
            "null" => Tag::Null,
            "bool" => Tag::Bool,
            "int" => Tag::Int,
            "float" => Tag::Float,
            "binary" => Tag::Binary,
            _ => {
                self.unknown_tag(span);
                Tag::Text
            }
        }
    }

    fn check_collection_tag(
        &mut self,
        tag: Option<&EventTag>,
        expected: &str,
        start: usize,
        end: usize,
    ) {
        if let Some(tag) = tag
            && tag.suffix.rsplit(':').next() != Some(expected)
            && !(tag.handle == "!" && tag.suffix.is_empty())
        {
            self.unknown_tag(Span::new(start, end));
        }
    }

    /// `properties` begins at the tag, or at an anchor before it.
    fn unknown_tag(&mut self, properties: Span) {
        if self.lints_left == 0 {
            return;
        }
        self.lints_left -= 1;
        let start = properties.start as usize;
        let at = start + self.text[start..].find('!').unwrap_or_default();
        let tag = self.text[at..].split_ascii_whitespace().next().unwrap_or_default();
        let span = Span::new(at, at + tag.len());
        let message = format!("the tag `{}` means nothing to Kubernetes", shortened(tag));
        let problem = Problem::warning(ProblemKind::Tag, span, message);
        self.parsed.problems.push(problem.help("remove the tag"));
    }
}

fn fits(scalar: &Scalar, tag: Tag) -> bool {
    match tag {
        Tag::Binary => scalar::decode_base64(&scalar.text).is_some(),
        Tag::Text | Tag::Null | Tag::Bool | Tag::Int | Tag::Float => {
            scalar::read_as(&scalar.text, tag).is_some()
        }
    }
}

/// Returns the beginning of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
