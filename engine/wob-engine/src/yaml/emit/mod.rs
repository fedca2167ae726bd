//! Plain data to YAML: our canonical form, and byte for byte what the two Go libraries write.
//!
//! The layout rules are those of libyaml's emitter, from which both Go libraries descend: a block begins on a new line
//! unless only indicators stand before it, and a scalar's further lines are one step deeper than its parent.

mod quoting;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use self::quoting::{Position, is_simple_key, is_surely_plain};
use self::{quoting::Shape, writer::Writer};
use super::{number, order};
use crate::{Map, Value};

/// A way to write YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// As [`Style::Helm`], without breaking long lines, and with quotes around every text that *any* reader would
    /// take for something else.
    Canonical,
    /// As sigs.k8s.io/yaml (yaml.v2 behind JSON): two spaces, lists not indented, lines broken after 80 columns.
    Helm,
    /// As yaml.v3: four spaces, lists indented, long lines kept.
    GoYamlV3,
}

/// Writes `value` as one document, with a line break at its end (which `toYaml` cuts off), without `---`.
///
/// Keys are in natural order. Where Go's libraries write what they cannot read back (a plain `<<` key, Unicode line
/// separators in quotes, wrong indentation hints), the output differs from theirs and is right instead; but for a
/// line break at the beginning of a block, which [`Style::GoYamlV3`] loses as yaml.v3 does.
/// Numbers are printed as Go prints them, so that `1.0` becomes `1`.
pub fn emit(value: &Value, style: Style) -> String {
    let mut emitter = Emitter { style, writer: Writer::new(style) };
    emitter.node(value, None, Parent::Root);
    emitter.writer.finish()
}

/// Appends a text that stands inside a mapping or list, in [`Style::Canonical`]; its further lines begin at `indent`.
pub(super) fn write_text(out: &mut String, text: &str, indent: usize, position: Position) {
    let mut writer = Writer::after(std::mem::take(out));
    let step = Style::Canonical.step();
    match quoting::shape(text, Style::Canonical, position) {
        Shape::Plain => writer.plain(text, indent, position),
        Shape::Single => writer.single_quoted(text, indent, position),
        Shape::Double => writer.double_quoted(text, indent, position),
        Shape::Literal => writer.literal(text, text, indent, step),
    }
    *out = writer.into_text();
}

/// Returns how a float is written in [`Style::Canonical`].
pub(super) fn canonical_float(value: f64) -> String {
    float(value, Style::Canonical)
}

struct Emitter {
    style: Style,
    writer: Writer,
}

/// What a node is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Item,
    Value,
}

impl Style {
    /// Returns the columns of one step of indentation.
    fn step(self) -> usize {
        match self {
            Self::Canonical | Self::Helm => 2,
            Self::GoYamlV3 => 4,
        }
    }
}

impl Emitter {
    fn node(&mut self, value: &Value, indent: Option<usize>, parent: Parent) {
        match value {
            Value::Null => self.writer.word("null"),
            Value::Bool(it) => self.writer.word(if *it { "true" } else { "false" }),
            Value::Int(it) => self.writer.word(&it.to_string()),
            Value::Float(it) => self.writer.word(&float(*it, self.style)),
            Value::String(text) => self.text(text, indent, parent, Position::Value),
            Value::List(items) if items.is_empty() => self.writer.word("[]"),
            Value::Map(entries) if entries.is_empty() => self.writer.word("{}"),
            Value::List(items) => self.list(items, indent, parent),
            Value::Map(entries) => self.mapping(entries, indent, parent),
        }
    }

    fn list(&mut self, items: &[Value], indent: Option<usize>, parent: Parent) {
        let at_key = self.style != Style::GoYamlV3
            && parent == Parent::Value
            && !self.writer.only_indicators_on_line();
        let inner = match indent {
            Some(indent) if at_key => indent,
            _ => self.block_indent(indent, parent),
        };
        for item in items {
            self.writer.begin_line(inner);
            self.writer.indicator('-');
            self.node(item, Some(inner), Parent::Item);
        }
    }

    fn mapping(&mut self, map: &Map, indent: Option<usize>, parent: Parent) {
        let mut entries: Vec<(&str, &Value)> = map.iter().map(|(key, it)| (&**key, it)).collect();
        let inner = self.block_indent(indent, parent);
        let keys = match self.style {
            Style::Helm => order::KeyOrder::Two,
            Style::Canonical | Style::GoYamlV3 => order::KeyOrder::Three,
        };
        order::sort(&mut entries, keys);
        for (key, value) in entries {
            self.writer.begin_line(inner);
            if is_simple_key(key) {
                self.text(key, Some(inner), Parent::Value, Position::Key);
                self.writer.colon();
            } else {
                self.writer.indicator('?');
                self.text(key, Some(inner), Parent::Value, Position::LongKey);
                self.writer.begin_line(inner);
                self.writer.indicator(':');
            }
            self.node(value, Some(inner), Parent::Value);
        }
    }

    fn text(&mut self, text: &str, indent: Option<usize>, parent: Parent, position: Position) {
        let inner = self.text_indent(indent, parent);
        match quoting::shape(text, self.style, position) {
            Shape::Plain => self.writer.plain(text, inner, position),
            Shape::Single => self.writer.single_quoted(text, inner, position),
            Shape::Double => self.writer.double_quoted(text, inner, position),
            Shape::Literal => {
                // yaml.v3 takes a line break at the beginning for the end of the `|` line, and so loses it.
                // In keys that could make two of one, so there it stays.
                let lost = self.style == Style::GoYamlV3
                    && position == Position::Value
                    && text.starts_with('\n');
                let body = if lost { &text[1..] } else { text };
                self.writer.literal(text, body, inner, inner - indent.unwrap_or(0));
            }
        }
    }

    /// Returns the indentation of a list or mapping inside one of `indent`.
    fn block_indent(&self, indent: Option<usize>, parent: Parent) -> usize {
        indent.map_or(0, |indent| self.deeper(indent, parent))
    }

    /// Returns the indentation of a text's further lines.
    fn text_indent(&self, indent: Option<usize>, parent: Parent) -> usize {
        indent.map_or(self.style.step(), |indent| self.deeper(indent, parent))
    }

    fn deeper(&self, indent: usize, parent: Parent) -> usize {
        let step = self.style.step();
        match self.style {
            Style::Canonical | Style::Helm => indent + step,
            // The first step inside a list only skips the `- `; all else falls on a multiple of four.
            Style::GoYamlV3 if parent == Parent::Item => indent + 2,
            Style::GoYamlV3 => (indent / step + 1) * step,
        }
    }
}

fn float(value: f64, style: Style) -> String {
    let written = number::go_float(value);
    match style {
        // Without the dot, it would come back as the integer, which has no sign.
        Style::Canonical if written == "-0" => return "-0.0".to_owned(),
        Style::Canonical | Style::GoYamlV3 => return written,
        Style::Helm => {}
    }
    // Helm's values pass through JSON, which writes large whole numbers in full.
    match number::json_float(value).and_then(|json| json.parse::<i128>().ok()) {
        Some(whole) if i64::try_from(whole).is_ok() || u64::try_from(whole).is_ok() => {
            whole.to_string()
        }
        Some(_) | None => written,
    }
}
