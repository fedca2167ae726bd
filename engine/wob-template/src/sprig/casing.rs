//! Naming styles: `CamelCase`, `snake_case` and `kebab-case`, split into words as the original splits them.

use super::{
    arguments::{Arguments, text},
    letters::{is_letter, is_number, is_punctuation, is_space, is_upper, lower, upper},
    table::{Entry, pure},
};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("camelcase", pure(1, 1, |a| text(camel_case(a.text(0)?)))),
    ("kebabcase", pure(1, 1, |a| text(joined(a.text(0)?, '-')))),
    ("snakecase", pure(1, 1, |a| text(joined(a.text(0)?, '_')))),
];

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// Ideographs have no case, so they are no letters here.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4d85 | 0x4e00..=0x9fcc | 0x2_0000..=0x2_b81d)
}

/// Writes `http_server` as `HttpServer`; connectors at the start, and all but one in a row, stay.
fn camel_case(name: &str) -> String {
    let mut out = String::new();
    let mut letters = name.chars();
    let mut held = loop {
        match letters.next() {
            None => return last_connector_twice(name, out),
            Some(c) if is_connector(c) => out.push(c),
            Some(c) => break upper(c),
        }
    };
    for c in letters {
        match (is_connector(held), is_connector(c)) {
            (true, true) => {
                out.push(held);
                held = c;
            }
            (true, false) => held = upper(c),
            (false, _) => {
                out.push(held);
                held = lower(c);
            }
        }
    }
    out.push(held);
    out
}

/// A name of connectors only gets its last one twice: the original does, and names depend on it.
fn last_connector_twice(name: &str, mut out: String) -> String {
    out.extend(name.chars().last());
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    End,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        if is_connector(c) {
            Self::Connector
        } else if is_punctuation(c) {
            Self::Punctuation
        } else if is_upper(c) {
            Self::Upper
        } else if is_letter(c) && !is_ideograph(c) {
            Self::Letters
        } else if is_number(c) {
            Self::Number
        } else {
            Self::Other
        }
    }

    /// Whether no connector is due before a word of this kind.
    fn stands_apart(self) -> bool {
        matches!(self, Self::Connector | Self::Punctuation)
    }
}

/// The words of a name, one after the other.
struct Words<'a> {
    rest: &'a str,
    kind: Kind,
    word: &'a str,
}

impl Words<'_> {
    fn advance(&mut self) {
        let mut letters = self.rest.char_indices().peekable();
        let Some((_, first)) = letters.next() else {
            (self.kind, self.word) = (Kind::End, "");
            return;
        };
        self.kind = Kind::of(first);
        let end = if self.kind == Kind::Upper {
            self.end_of_upper()
        } else {
            self.end_of_run(self.kind, first.len_utf8())
        };
        (self.word, self.rest) = self.rest.split_at(end);
    }

    fn end_of_run(&self, kind: Kind, from: usize) -> usize {
        let rest = &self.rest[from..];
        from + rest.find(|c| Kind::of(c) != kind).unwrap_or(rest.len())
    }

    /// `HTTPStatus` is `HTTP` and `Status`: the last capital before small letters begins the next word.
    fn end_of_upper(&self) -> usize {
        let capitals = self.end_of_run(Kind::Upper, 0);
        let follows = self.rest[capitals..].chars().next().map(Kind::of);
        if follows != Some(Kind::Letters) {
            return capitals;
        }
        let mut starts = self.rest[..capitals].char_indices().rev();
        let last = starts.next().map_or(0, |(at, _)| at);
        if last == 0 { self.end_of_run(Kind::Letters, capitals) } else { last }
    }

    fn is_tail(&self) -> bool {
        matches!(self.kind, Kind::Letters | Kind::Number)
    }
}

struct Joined<'a> {
    words: Words<'a>,
    connector: char,
    out: String,
}

/// Writes `FirstName2go` as `first_name_2go`.
fn joined(name: &str, connector: char) -> String {
    let words = Words { rest: name, kind: Kind::End, word: "" };
    let mut joined = Joined { words, connector, out: String::new() };
    joined.words.advance();
    while !joined.words.rest.is_empty() {
        joined.step();
    }
    joined.write(joined.words.kind, joined.words.word);
    joined.out
}

impl<'a> Joined<'a> {
    fn step(&mut self) {
        let (kind, word) = (self.words.kind, self.words.word);
        if kind != Kind::Connector {
            self.write(kind, word);
        }
        self.words.advance();
        match kind {
            Kind::Number => self.number_tail(),
            Kind::Connector => self.write(kind, word),
            Kind::Punctuation => {}
            Kind::End | Kind::Upper | Kind::Letters | Kind::Other => self.after_letters(),
        }
    }

    fn number_tail(&mut self) {
        while self.words.is_tail() {
            self.write(self.words.kind, self.words.word);
            self.words.advance();
        }
        if self.words.kind != Kind::End {
            self.connect();
        }
    }

    fn after_letters(&mut self) {
        if self.words.kind != Kind::Number {
            self.connect();
            return;
        }
        if self.words.rest.is_empty() {
            return;
        }
        let number = self.words.word;
        self.words.advance();
        if self.words.kind == Kind::Letters {
            // `HTTP2xx`: the number belongs to the small letters after it.
            self.out.push(self.connector);
            self.write(Kind::Number, number);
            self.number_tail();
        } else {
            // `Bld4Floor`: the number belongs to the word before it.
            self.write(Kind::Number, number);
            self.connect();
        }
    }

    fn connect(&mut self) {
        if !self.words.kind.stands_apart() {
            self.out.push(self.connector);
        }
    }

    fn write(&mut self, kind: Kind, word: &'a str) {
        for c in word.chars() {
            if kind == Kind::Upper && is_upper(c) {
                self.out.push(lower(c));
            } else {
                self.out.push(if kind == Kind::Connector { self.connector } else { c });
            }
        }
    }
}
