//! Characters, columns and line breaks: how the pieces of a document are put on lines.

use super::{
    Style,
    quoting::{Position, is_printable},
};

/// The text so far, and what stands on its last line.
pub(super) struct Writer {
    text: String,
    /// The characters on the last line.
    column: usize,
    /// The column after which a space becomes a line break.
    width: usize,
    last: Last,
}

/// What stands at the end of the last line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing but indentation and, before it, indicators.
    Blank,
    /// An indicator, before which stand only others and indentation.
    Indicator,
    /// Anything else.
    Word,
}

impl Writer {
    pub(super) fn new(style: Style) -> Self {
        let width = match style {
            Style::Helm => 80,
            Style::Canonical | Style::GoYamlV3 => usize::MAX,
        };
        Self { text: String::new(), column: 0, width, last: Last::Blank }
    }

    /// Returns a writer in the canonical style that goes on after `text`, in the middle of a line.
    pub(super) fn after(text: String) -> Self {
        Self { text, column: 0, width: usize::MAX, last: Last::Blank }
    }

    /// Returns the text so far.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn finish(mut self) -> String {
        if self.last == Last::Word {
            self.text.push('\n');
        }
        self.text
    }

    /// Says whether a block may begin on the last line.
    pub(super) fn only_indicators_on_line(&self) -> bool {
        self.last != Last::Word
    }

    /// Goes to column `indent`: on this line if only indicators stand before it, else on a new one.
    pub(super) fn begin_line(&mut self, indent: usize) {
        let passed = self.column > indent || self.column == indent && self.last != Last::Blank;
        if self.last == Last::Word || passed {
            self.line_break();
        }
        self.pad(indent);
    }

    /// Writes `-`, `?` or `:`, after which a block may begin on the same line.
    pub(super) fn indicator(&mut self, indicator: char) {
        self.separate();
        self.put(indicator);
        self.last = Last::Indicator;
    }

    /// Writes the colon after a key.
    pub(super) fn colon(&mut self) {
        self.put(':');
        self.end_word();
    }

    /// Writes what needs neither quotes nor line breaks.
    pub(super) fn word(&mut self, word: &str) {
        self.separate();
        self.put_all(word);
        self.end_word();
    }

    pub(super) fn plain(&mut self, text: &str, indent: usize, position: Position) {
        self.separate();
        if self.is_whole(position) {
            self.put_all(text);
        } else {
            self.folded(text, indent, Self::put);
        }
        self.end_word();
    }

    pub(super) fn single_quoted(&mut self, text: &str, indent: usize, position: Position) {
        self.separate();
        self.put('\'');
        let put = |writer: &mut Self, character| {
            if character == '\'' {
                writer.put('\'');
            }
            writer.put(character);
        };
        if self.is_whole(position) {
            text.chars().for_each(|it| put(self, it));
        } else {
            self.folded(text, indent, put);
        }
        self.put('\'');
        self.end_word();
    }

    pub(super) fn double_quoted(&mut self, text: &str, indent: usize, position: Position) {
        self.separate();
        self.put('"');
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        let mut is_first = true;
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            let may_break = position != Position::Key && !is_first && next.is_some();
            is_first = false;
            if character == ' ' && may_break && !after_space && self.column > self.width {
                self.line_break();
                self.pad(indent);
                // White space at the beginning of a line is only kept after a backslash.
                if next == Some(' ') {
                    self.put('\\');
                }
            } else if character == '\n' || !is_printable(character) || "\"\\".contains(character) {
                self.escaped(character);
            } else {
                self.put(character);
            }
            after_space = character == ' ';
        }
        self.put('"');
        self.end_word();
    }

    /// Writes a literal block for `text` whose lines, those of `body`, begin at `indent`, `step` deeper than its parent.
    pub(super) fn literal(&mut self, text: &str, body: &str, indent: usize, step: usize) {
        self.separate();
        self.put('|');
        if text.starts_with([' ', '\n']) {
            self.text.push_str(&step.to_string());
        }
        if !text.ends_with('\n') {
            self.put('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put('+');
        }
        for line in body.strip_suffix('\n').unwrap_or(body).split('\n') {
            self.line_break();
            if !line.is_empty() {
                self.pad(indent);
                self.text.push_str(line);
                self.last = Last::Word;
            }
        }
        if text.ends_with('\n') {
            self.line_break();
        }
    }

    /// Says whether a text at `position` stays on one line however long it is.
    fn is_whole(&self, position: Position) -> bool {
        self.width == usize::MAX || position == Position::Key
    }

    /// Writes the characters of one line of text, broken where a single space stands beyond the width.
    fn folded(&mut self, text: &str, indent: usize, put: impl Fn(&mut Self, char)) {
        let mut after_space = false;
        let mut is_first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let alone = !after_space && characters.peek().is_some_and(|next| *next != ' ');
            if character == ' ' && alone && !is_first && self.column > self.width {
                self.line_break();
                self.pad(indent);
            } else {
                put(self, character);
            }
            after_space = character == ' ';
            is_first = false;
        }
    }

    fn escaped(&mut self, character: char) {
        self.put('\\');
        let short = match character {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => character,
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(character);
                let escape = match code {
                    0..=0xff => format!("x{code:02X}"),
                    0x100..=0xffff => format!("u{code:04X}"),
                    _ => format!("U{code:08X}"),
                };
                escape.chars().for_each(|it| self.put(it));
                return;
            }
        };
        self.put(short);
    }

    /// Writes the space between two words, if one is missing.
    fn separate(&mut self) {
        if self.last != Last::Blank {
            self.put(' ');
        }
    }

    fn end_word(&mut self) {
        self.last = Last::Word;
    }

    fn put(&mut self, character: char) {
        self.text.push(character);
        self.column += 1;
    }

    fn put_all(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn pad(&mut self, indent: usize) {
        let missing = indent.saturating_sub(self.column);
        self.text.extend(std::iter::repeat_n(' ', missing));
        self.column += missing;
        self.last = Last::Blank;
    }

    fn line_break(&mut self) {
        self.text.push('\n');
        self.column = 0;
        self.last = Last::Blank;
    }
}
