//! JSON as Go writes it: keys in order, floats in their own style, `<` escaped for HTML unless asked not to.

use super::{
    Answer,
    arguments::{Arguments, MOST_BYTES, failure, text},
    json_reader::read,
    table::{Entry, pure},
    walk::Walk,
};
use crate::{Function, FunctionError, MapOf, Object, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("fromJson", pure(1, 1, |a| Ok(read(a.text(0)?).unwrap_or_default()))),
    ("mustFromJson", pure(1, 1, |a| read(a.text(0)?))),
    ("mustToJson", TO_JSON),
    ("mustToPrettyJson", TO_PRETTY_JSON),
    ("mustToRawJson", TO_RAW_JSON),
    ("toJson", pure(1, 1, |a| lenient(a.any(0), Layout::Compact, Html::Escaped))),
    ("toPrettyJson", pure(1, 1, |a| lenient(a.any(0), Layout::Indented, Html::Escaped))),
    ("toRawJson", pure(1, 1, |a| lenient(a.any(0), Layout::Compact, Html::Raw))),
];

const TO_JSON: Function = pure(1, 1, |a| text(write(a.any(0), Layout::Compact, Html::Escaped)?));
const TO_PRETTY_JSON: Function =
    pure(1, 1, |a| text(write(a.any(0), Layout::Indented, Html::Escaped)?));
const TO_RAW_JSON: Function = pure(1, 1, |a| text(write(a.any(0), Layout::Compact, Html::Raw)?));

/// Writes JSON, or nothing for what yaml.v2 read as a mapping, as in Go: Kalypso's templates may count on it.
///
/// In Go these answer nothing for every failure. That hides a loss, so all other failures are errors here.
fn lenient(value: &Value, layout: Layout, html: Html) -> Answer {
    if holds_interfaces(value, &mut Walk::new())? {
        return text("");
    }
    text(write(value, layout, html)?)
}

/// Looks for a mapping of yaml.v2.
fn holds_interfaces(value: &Value, walk: &mut Walk) -> Result<bool, FunctionError> {
    walk.step()?;
    Ok(match value {
        Value::Map(map) => {
            map.of == MapOf::Interfaces
                || walk.within(|walk| any(map.entries.borrow().values(), walk))?
        }
        Value::List(list) => walk.within(|walk| any(list.items.iter(), walk))?,
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Int64(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Object(_) => false,
    })
}

fn any<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    walk: &mut Walk,
) -> Result<bool, FunctionError> {
    for value in values {
        if holds_interfaces(value, walk)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there are line breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One line.
    Compact,
    /// One entry per line, indented by two spaces.
    Indented,
}

/// What becomes of `<`, `>` and `&` in texts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Html {
    /// They become `\u003c` and so on.
    Escaped,
    /// They stay.
    Raw,
}

/// Writes a value.
///
/// # Errors
/// The value has no JSON form, or is too deep or too long.
pub(crate) fn write(value: &Value, layout: Layout, html: Html) -> Result<String, FunctionError> {
    let mut writer = Writer { out: String::new(), layout, html, walk: Walk::new() };
    writer.value(value)?;
    Ok(writer.out)
}

/// Returns the text that an object becomes in JSON and YAML.
///
/// # Errors
/// The object is of a type without such a form.
pub(crate) fn object_text(object: &dyn Object) -> Result<String, FunctionError> {
    if let Some(time) = object.as_any().downcast_ref::<super::time::Time>() {
        return Ok(time.rfc3339());
    }
    if object.as_any().is::<super::semver::Version>() {
        return Ok(object.display());
    }
    Err(failure(format!("cannot write a {} as data", object.type_name())))
}

struct Writer {
    out: String,
    layout: Layout,
    html: Html,
    walk: Walk,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), FunctionError> {
        self.walk.step()?;
        if self.out.len() > MOST_BYTES {
            return Err(failure(format!("makes a text of more than {MOST_BYTES} bytes")));
        }
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(it) => self.out.push_str(if *it { "true" } else { "false" }),
            Value::Int(it) | Value::Int64(it) => self.out.push_str(&it.to_string()),
            Value::Float(it) => self.out.push_str(&float(*it)?),
            Value::String(it) => self.text(it),
            Value::Object(it) => self.text(&object_text(&**it)?),
            Value::List(items) => {
                let items = items.iter().map(|it| (None, it));
                self.entries('[', items, ']')?;
            }
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.entries('{', entries.iter().map(|(key, it)| (Some(&**key), it)), '}')?;
            }
        }
        Ok(())
    }

    fn entries<'a>(
        &mut self,
        open: char,
        entries: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Value)>,
        close: char,
    ) -> Result<(), FunctionError> {
        self.out.push(open);
        let empty = entries.len() == 0;
        self.walk.enter()?;
        for (i, (key, value)) in entries.enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.line_break();
            if let Some(key) = key {
                self.text(key);
                self.out.push_str(if self.layout == Layout::Compact { ":" } else { ": " });
            }
            self.value(value)?;
        }
        self.walk.leave();
        if !empty {
            self.line_break();
        }
        self.out.push(close);
        Ok(())
    }

    fn line_break(&mut self) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            self.out.push_str(&"  ".repeat(self.walk.depth()));
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '<' | '>' | '&' if self.html == Html::Escaped => self.escape(c),
                '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => self.escape(c),
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, c: char) {
        let escape = format!("\\u{:04x}", u32::from(c));
        self.out.push_str(&escape);
    }
}

/// Writes a float: an exponent from 1e21, and below 1e-6, without a leading zero.
fn float(number: f64) -> Result<String, FunctionError> {
    if !number.is_finite() {
        return Err(failure(format!("json: unsupported value: {number}")));
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let scientific = format!("{number:e}");
        let sign = if magnitude < 1.0 { "" } else { "+" };
        return Ok(scientific.replace('e', &format!("e{sign}")));
    }
    Ok(number.to_string())
}
