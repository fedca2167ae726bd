//! What goes wrong with a file: slips of a hand, an editor, a merge, a transfer or a disk.

use crate::property::Random;

/// A file that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Bytes(Vec<u8>),
    Gone,
    /// It lies elsewhere, as it was.
    Moved(String),
    LinkToNothing,
}

/// A kind of slip; `None` if a text has nothing that could slip so.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) slip: fn(&str, &mut Random) -> Option<Malformed>,
}

const fn kind(name: &'static str, slip: fn(&str, &mut Random) -> Option<Malformed>) -> Kind {
    Kind { name, slip }
}

/// Every kind, sorted by what goes wrong.
pub(crate) static KINDS: [Kind; 50] = [
    // Lines.
    kind("drop a line", |text, random| lines(text, random, |lines, at, _| drop(lines.remove(at)))),
    kind("drop a key and all below", |text, random| {
        lines(text, random, |lines, at, _| drop(lines.drain(at..end_of_block(lines, at))))
    }),
    kind("duplicate a line", |text, random| {
        lines(text, random, |lines, at, _| lines.insert(at, lines[at].clone()))
    }),
    kind("duplicate a block", |text, random| {
        lines(text, random, |lines, at, _| {
            let block = lines[at..end_of_block(lines, at)].to_vec();
            lines.splice(at..at, block);
        })
    }),
    kind("duplicate the document", |text, _| bytes(format!("{text}---\n{text}"))),
    kind("swap two neighbours", |text, random| {
        lines(text, random, |lines, at, _| {
            let next = (at + 1) % lines.len();
            lines.swap(at, next);
        })
    }),
    kind("swap two lines", |text, random| {
        lines(text, random, |lines, at, random| {
            let other = random.below(lines.len());
            lines.swap(at, other);
        })
    }),
    kind("join two lines", |text, random| {
        lines(text, random, |lines, at, _| {
            let next = if at + 1 < lines.len() { lines.remove(at + 1) } else { String::new() };
            lines[at] += &next;
        })
    }),
    kind("break a line", |text, random| {
        line(text, random, |line, random| {
            let at = boundary(line, random);
            format!("{}\n{}", &line[..at], &line[at..])
        })
    }),
    kind("a marker between documents", |text, random| {
        lines(text, random, |lines, at, _| lines.insert(at, "---".to_owned()))
    }),
    kind("a marker of a merge conflict", |text, random| {
        lines(text, random, |lines, at, _| lines.insert(at, "<<<<<<< HEAD".to_owned()))
    }),
    // Indentation.
    kind("indent a line", |text, random| {
        line(text, random, |line, random| " ".repeat(random.between(1, 3)) + line)
    }),
    kind("indent a block", |text, random| {
        lines(text, random, |lines, at, _| {
            let end = end_of_block(lines, at);
            lines[at..end].iter_mut().for_each(|it| *it = format!("  {it}"));
        })
    }),
    kind("outdent a line", |text, random| {
        line(text, random, |line, _| line.strip_prefix(' ').unwrap_or(line).to_owned())
    }),
    kind("outdent a block", |text, random| {
        lines(text, random, |lines, at, _| {
            let end = end_of_block(lines, at);
            lines[at..end].iter_mut().for_each(|it| {
                *it = it.strip_prefix("  ").unwrap_or(it).to_owned();
            });
        })
    }),
    kind("a tab in the indentation", |text, random| {
        line(text, random, |line, _| line.replacen("  ", "\t", 1))
    }),
    kind("a space that does not break", |text, random| {
        line(text, random, |line, _| line.replacen(' ', "\u{a0}", 1))
    }),
    kind("no indentation at all", |text, _| {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        bytes(lines.join("\n") + "\n")
    }),
    // Types.
    kind("a list for a value", |text, random| value(text, random, |it| format!("[{it}]"))),
    kind("a mapping for a value", |text, random| value(text, random, |_| "{a: 1}".to_owned())),
    kind("a number for a value", |text, random| value(text, random, |_| "12".to_owned())),
    kind("a boolean for a value", |text, random| value(text, random, |_| "yes".to_owned())),
    kind("nothing for a value", |text, random| value(text, random, |_| String::new())),
    kind("an empty text for a value", |text, random| value(text, random, |_| "''".to_owned())),
    kind("a tag on a value", |text, random| value(text, random, |it| format!("!!int {it}"))),
    kind("an alias for a value", |text, random| value(text, random, |_| "*nothing".to_owned())),
    kind("an anchor on a value", |text, random| value(text, random, |it| format!("&a {it}"))),
    kind("a text for a mapping", |text, random| {
        lines(text, random, |lines, at, _| {
            let end = end_of_block(lines, at);
            lines.drain(at + 1..end);
            lines[at] += " text";
        })
    }),
    // Keys.
    kind("swap two letters of a key", |text, random| {
        key(text, random, |key, random| {
            let at = random.below(key.len().saturating_sub(1).max(1));
            let mut letters = key.as_bytes().to_vec();
            letters.swap(at, (at + 1).min(key.len() - 1));
            String::from_utf8(letters).unwrap_or_default()
        })
    }),
    kind("a key in upper case", |text, random| key(text, random, |it, _| it.to_uppercase())),
    kind("a key without its colon", |text, random| {
        line(text, random, |line, _| line.replacen(':', "", 1))
    }),
    kind("a merge key for a key", |text, random| key(text, random, |_, _| "<<".to_owned())),
    kind("an endless key", |text, random| key(text, random, |_, _| "k".repeat(100_000))),
    // Quotes and brackets.
    kind("a quote that is not closed", |text, random| value(text, random, |it| format!("\"{it}"))),
    kind("a bracket that is not closed", |text, random| value(text, random, |it| format!("[{it}"))),
    kind("typographic quotes", |text, random| value(text, random, |it| format!("“{it}”"))),
    kind("half an action of a template", |text, random| {
        value(text, random, |it| format!("{{{{ .{it}"))
    }),
    // Size.
    kind("a huge value", |text, random| value(text, random, |_| "x".repeat(1 << 18))),
    kind("a deep value", |text, random| {
        value(text, random, |_| ["[".repeat(5000), "]".repeat(5000)].concat())
    }),
    kind("a file that is too large", |text, _| {
        bytes(format!("{text}# {}\n", "x".repeat(11 << 20)))
    }),
    // Characters.
    kind("a control character", |text, random| insert(text, random, "\u{7}")),
    kind("a NUL", |text, random| insert(text, random, "\0")),
    kind("a byte that is no character", |text, random| {
        let at = boundary(text, random);
        Some(Malformed::Bytes([&text.as_bytes()[..at], b"\xe9", &text.as_bytes()[at..]].concat()))
    }),
    kind("UTF-16", |text, _| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        Some(Malformed::Bytes([0xff, 0xfe].into_iter().chain(units).collect()))
    }),
    kind("a byte order mark", |text, random| match random.below(2) {
        0 => bytes(format!("\u{feff}{text}")),
        _ => insert(text, random, "\u{feff}"),
    }),
    kind("line ends of Windows or old Macs", |text, random| match random.below(3) {
        0 => bytes(text.replace('\n', "\r\n")),
        1 => bytes(text.replace('\n', "\r")),
        _ => line(text, random, |line, _| format!("{line}\r")),
    }),
    // Whole files.
    kind("cut off", |text, random| bytes(&text[..boundary(text, random)])),
    kind("gone", |_, _| Some(Malformed::Gone)),
    kind("a link to nothing", |_, _| Some(Malformed::LinkToNothing)),
    kind("a folder, or in another one", |_, random| {
        let to = random.pick(&["moved/{}", "{}/inside.yml"]);
        Some(Malformed::Moved(to.to_owned()))
    }),
];

#[expect(clippy::unnecessary_wraps, reason = "as every slip does")]
fn bytes(text: impl Into<String>) -> Option<Malformed> {
    Some(Malformed::Bytes(text.into().into_bytes()))
}

/// Returns the place of a character, or the end.
fn boundary(text: &str, random: &mut Random) -> usize {
    text.floor_char_boundary(random.below(text.len() + 1))
}

fn insert(text: &str, random: &mut Random, what: &str) -> Option<Malformed> {
    let at = boundary(text, random);
    bytes(format!("{}{what}{}", &text[..at], &text[at..]))
}

/// Changes the lines around one that says something; nothing if that changes nothing.
fn lines(
    text: &str,
    random: &mut Random,
    change: impl FnOnce(&mut Vec<String>, usize, &mut Random),
) -> Option<Malformed> {
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let says = |it: &&usize| !lines[**it].trim().is_empty() && !lines[**it].trim().starts_with('#');
    let indices: Vec<usize> = (0..lines.len()).collect();
    let saying: Vec<usize> = indices.iter().filter(says).copied().collect();
    if saying.is_empty() {
        return None;
    }
    let at = saying[random.below(saying.len())];
    change(&mut lines, at, random);
    let changed: String = lines.into_iter().map(|it| it + "\n").collect();
    (changed != text).then(|| Malformed::Bytes(changed.into_bytes()))
}

fn line(
    text: &str,
    random: &mut Random,
    change: impl FnOnce(&str, &mut Random) -> String,
) -> Option<Malformed> {
    lines(text, random, |lines, at, random| lines[at] = change(&lines[at], random))
}

/// Changes the value of a line that has a key and a value.
fn value(
    text: &str,
    random: &mut Random,
    change: impl FnOnce(&str) -> String,
) -> Option<Malformed> {
    line(text, random, |line, _| match line.split_once(": ") {
        Some((key, value)) => format!("{key}: {}", change(value)),
        None => line.to_owned(),
    })
}

fn key(
    text: &str,
    random: &mut Random,
    change: impl FnOnce(&str, &mut Random) -> String,
) -> Option<Malformed> {
    line(text, random, |line, random| match line.split_once(':') {
        Some((before, rest)) => {
            let key = before.trim_start_matches([' ', '-']);
            let indentation = &before[..before.len() - key.len()];
            format!("{indentation}{}:{rest}", change(key, random))
        }
        None => line.to_owned(),
    })
}

/// Returns the index behind the lines that are indented deeper than the one at `at`.
fn end_of_block(lines: &[String], at: usize) -> usize {
    let indent = |it: &str| it.len() - it.trim_start().len();
    let deeper = |it: &&String| it.trim().is_empty() || indent(it) > indent(&lines[at]);
    at + 1 + lines[at + 1..].iter().take_while(deeper).count()
}
