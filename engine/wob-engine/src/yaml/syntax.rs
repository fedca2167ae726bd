//! Syntax errors in our own words: what is wrong, where, and the usual way out.

use super::{Problem, ProblemKind, parse::shortened};
use crate::Span;

/// Explains what the parser refused at byte `at`, having accepted everything up to `last`.
///
/// `bracket` is where the innermost open `[` or `{` stands.
pub(super) fn problem(
    text: &str,
    last: usize,
    at: usize,
    bracket: Option<usize>,
    info: &str,
) -> Problem {
    let at = text.floor_char_boundary(at.min(text.len()));
    let context = Context { text, last: last.min(at), at, bracket, info };
    // The first that knows an answer gives it: from sure signs to mere likelihood.
    let explain: [fn(&Context<'_>) -> Option<Problem>; 13] = [
        control_character,
        unknown_anchor,
        unquoted_template,
        tab,
        second_colon,
        missing_space,
        unclosed_quote,
        bad_escape,
        bracket_or_comma,
        reserved_character,
        list_beside_key,
        neither_key_nor_item,
        indentation,
    ];
    explain.iter().find_map(|it| it(&context)).unwrap_or_else(|| {
        let help = "quote texts that hold `: `, ` #` or brackets, and indent with spaces";
        error(context.word(), format!("not well-formed YAML: {info}")).help(help)
    })
}

struct Context<'t> {
    text: &'t str,
    last: usize,
    at: usize,
    bracket: Option<usize>,
    info: &'t str,
}

impl<'t> Context<'t> {
    /// Returns where the line of `at` begins, and the line.
    fn line_at(&self, at: usize) -> (usize, &'t str) {
        let start = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |it| at + it);
        (start, self.text[start..end].trim_end_matches('\r'))
    }

    /// Returns the line of the error and, before it, the last line that was accepted, without empty or comment lines.
    fn suspects(&self) -> [(usize, &'t str); 2] {
        let mut last = self.line_at(self.at);
        // At the end of the text, or on an empty line, what came before is to blame.
        while last.1.trim().is_empty() && last.0 > 0 {
            last = self.line_at(last.0 - 1);
        }
        let mut before = last;
        while before.0 > 0 {
            before = self.line_at(before.0 - 1);
            if !before.1.trim().is_empty() && !before.1.trim_start().starts_with('#') {
                break;
            }
        }
        [last, before]
    }

    /// Returns the rest of the line that the error stands on, or the end of what came before it.
    fn word(&self) -> Span {
        let (start, line) = self.line_at(self.at);
        let end = start + line.trim_end().len();
        if self.at < end {
            return Span::new(self.at, end);
        }
        let (start, line) = self.suspects()[0];
        let indent = line.len() - line.trim_start().len();
        Span::new(start + indent, start + line.trim_end().len())
    }
}

/// The parser takes a control character for the end of whatever it stands in.
fn control_character(context: &Context<'_>) -> Option<Problem> {
    let (start, _) = context.line_at(context.last);
    let (line, rest) = context.line_at(context.at);
    let suspect = &context.text[start..line + rest.len()];
    let at = start + suspect.find(is_refused)?;
    Some(refused_character(context.text, at))
}

/// Says whether a character cannot stand in YAML, not even within quotes.
pub(super) fn is_refused(it: char) -> bool {
    let is_control = it.is_control() && !matches!(it, '\t' | '\n' | '\r' | '\u{85}');
    is_control || matches!(it, '\u{fffe}' | '\u{ffff}')
}

/// Explains that the control character at byte `at` cannot stand there.
pub(super) fn refused_character(text: &str, at: usize) -> Problem {
    let character = text[at..].chars().next().unwrap_or_default();
    let code = u32::from(character);
    let name =
        if code == 0 { "a NUL".to_owned() } else { format!("a control character U+{code:04X}") };
    let message = format!("{name} cannot stand in YAML");
    let help = format!("remove it, or write `\\x{code:02x}` within double quotes");
    error(Span::new(at, at + character.len_utf8()), message).help(help)
}

fn unknown_anchor(context: &Context<'_>) -> Option<Problem> {
    if !context.info.contains("unknown anchor") {
        return None;
    }
    let rest = &context.text[context.at..];
    let end = rest.find(|it: char| it.is_whitespace() || ",]}".contains(it)).unwrap_or(rest.len());
    let name = &rest[..end];
    let span = Span::new(context.at, context.at + end);
    let message = format!("the alias `{}` names no anchor before it", shortened(name));
    let problem = Problem::error(ProblemKind::UndefinedAlias, span, message);
    Some(problem.help(format!("quote it if it is a text: `\"{}\"`", shortened(name))))
}

fn unquoted_template(context: &Context<'_>) -> Option<Problem> {
    for (start, line) in context.suspects() {
        let Some(open) = line.find("{{") else { continue };
        let before = line[..open].trim_end();
        if !(before.is_empty() || before.ends_with([':', '-', '[', ','])) {
            continue;
        }
        let value = line[open..].trim_end();
        let span = Span::new(start + open, start + open + value.len());
        if before.is_empty() {
            let message = format!("`{}` is template code, not YAML", shortened(value));
            let help = "put it into a text: a block after `key: |`, or quotes";
            return Some(error(span, message).help(help));
        }
        let message = "a value that begins with `{{` must be quoted".to_owned();
        let quote = if value.contains('"') { '\'' } else { '"' };
        let help = format!("write `{quote}{}{quote}`", shortened(value));
        return Some(error(span, message).help(help));
    }
    None
}

fn tab(context: &Context<'_>) -> Option<Problem> {
    let next = context.text[context.at..].find('\n').map(|it| context.line_at(context.at + it + 1));
    let next = next.filter(|_| context.info.contains("tab"));
    let mut lines = context.suspects().into_iter().chain(next);
    let (start, tab) = lines.find_map(|(start, line)| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        line[..indent].find('\t').map(|tab| (start, tab))
    })?;
    let message = "a tab cannot indent YAML".to_owned();
    let problem = error(Span::new(start + tab, start + tab + 1), message);
    Some(problem.help("indent with spaces"))
}

fn second_colon(context: &Context<'_>) -> Option<Problem> {
    if !context.info.contains("mapping values are not allowed") {
        return None;
    }
    let (start, line) = context.line_at(context.at);
    let first = line.find(": ")?;
    let colon = context.at.saturating_sub(start).min(line.len());
    if first < colon {
        let value = line[first + 2..].trim();
        let at = start + line.len() - line[first + 2..].trim_start().len();
        let span = Span::new(at, at + value.len());
        let message = "a plain value cannot hold another `: `".to_owned();
        let quoted = shortened(value);
        return Some(error(span, message).help(format!("quote the value: `\"{quoted}\"`")));
    }
    None
}

fn missing_space(context: &Context<'_>) -> Option<Problem> {
    for (start, line) in context.suspects() {
        let written = line.trim_start().trim_start_matches("- ");
        let offset = line.len() - written.len();
        let key = written.find(|it: char| !it.is_ascii_alphanumeric() && !"_-./".contains(it));
        let Some(key) = key.filter(|it| *it > 0 && written[*it..].starts_with(':')) else {
            continue;
        };
        let rest = &written[key + 1..];
        if rest.is_empty() || rest.starts_with([' ', '\t']) || rest.contains(": ") {
            continue;
        }
        let (name, value) = (&written[..key], shortened(rest.trim_end()));
        let span = Span::new(start + offset, start + line.trim_end().len());
        let message = format!("no space after `{}:`", shortened(name));
        return Some(error(span, message).help(format!("write `{name}: {value}`")));
    }
    None
}

fn unclosed_quote(context: &Context<'_>) -> Option<Problem> {
    let quoted = context.info.contains("quoted scalar") && !context.info.contains("escape");
    if !quoted && !context.info.contains("double-quoted") {
        return None;
    }
    let from = &context.text[context.last..];
    let after = from.char_indices().find(|(at, it)| {
        let before = context.text[..context.last + at].chars().next_back().unwrap_or('\n');
        matches!(it, '"' | '\'') && (before.is_whitespace() || "[{,:".contains(before))
    });
    let (at, quote) = after?;
    let at = context.last + at;
    let (start, line) = context.line_at(at);
    let end = (start + line.trim_end().len()).max(at + 1);
    if context.info.contains("trailing content") {
        let message = format!("there is more after the closing `{quote}`");
        let span = Span::new(at, end);
        return Some(error(span, message).help("quote the value as a whole"));
    }
    let message = format!("the quote `{quote}` is never closed");
    Some(error(Span::new(at, end), message).help(format!("add a `{quote}` at its end")))
}

fn bad_escape(context: &Context<'_>) -> Option<Problem> {
    if !context.info.contains("escape") && !context.info.contains("hexadecimal") {
        return None;
    }
    let (start, line) = context.line_at(context.at);
    let near = (context.at - start + 2).min(line.len());
    let backslash = line.get(..near).unwrap_or(line).rfind('\\')?;
    let escape: String = line[backslash..].chars().take(2).collect();
    let span = Span::new(start + backslash, start + backslash + escape.len());
    let message = format!("`{escape}` is no escape in double quotes");
    Some(error(span, message).help("use single quotes, or double the backslash"))
}

fn bracket_or_comma(context: &Context<'_>) -> Option<Problem> {
    let next = context.text[context.at..].chars().next();
    let Some(start) = context.bracket else {
        let next = next.filter(|it| "]}".contains(*it) && context.info.contains("bracket"))?;
        let span = Span::new(context.at, context.at + 1);
        let help = format!("remove it, or quote the text that it belongs to: `\"{next}\"`");
        return Some(error(span, format!("`{next}` closes nothing")).help(help));
    };
    let open = char::from(context.text.as_bytes()[start]);
    let close = if open == '[' { ']' } else { '}' };
    if context.info.contains("',' or") && context.line_at(start).0 == context.line_at(context.at).0
    {
        let message = format!("a comma or `{close}` is missing here");
        let help = format!("write it, or quote the text that holds a `{open}`");
        return Some(error(context.word(), message).help(help));
    }
    let message = format!("the bracket `{open}` is never closed");
    let span = Span::new(start, start + 1);
    Some(error(span, message).help(format!("add a `{close}` after its last item")))
}

fn reserved_character(context: &Context<'_>) -> Option<Problem> {
    let rest = &context.text[context.at..];
    let first = rest.chars().next().filter(|it| "@`%*&!".contains(*it))?;
    let line = shortened(rest);
    let message = format!("a plain value cannot begin with {first:?}");
    let problem = error(context.word(), message);
    Some(problem.help(format!("quote it: `'{}'`", line.trim_end())))
}

fn list_beside_key(context: &Context<'_>) -> Option<Problem> {
    let (start, line) = context.line_at(context.at);
    let item = line.get(context.at - start..)?.trim_end();
    let key = line[..context.at - start].trim();
    if !context.info.contains("block sequence entries") || !key.ends_with(':') {
        return None;
    }
    let message = format!("a list cannot begin on the line of its key `{}`", &key[..key.len() - 1]);
    let problem = error(context.word(), message);
    Some(problem.help(format!("put `{}` on a line of its own", shortened(item))))
}

fn neither_key_nor_item(context: &Context<'_>) -> Option<Problem> {
    let about = ["simple key", "mapping values are not allowed", "expected key"];
    let [last, before] = context.suspects();
    let is_key_or_item = |written: &str| written.contains(':') || written.starts_with('-');
    let (start, line) = if is_key_or_item(last.1.trim()) { before } else { last };
    let written = line.trim();
    if is_key_or_item(written) || !about.iter().any(|it| context.info.contains(it)) {
        return None;
    }
    let offset = start + line.len() - line.trim_start().len();
    let message = format!("`{}` is neither a key nor a list item", shortened(written));
    let problem = error(Span::new(offset, offset + written.len()), message);
    Some(problem.help("add a colon and a value, or remove the line"))
}

fn indentation(context: &Context<'_>) -> Option<Problem> {
    let about = ["indent", "did not find expected key", "expected '-' indicator", "simple key"];
    let more = ["mapping values are not allowed", "block sequence entries", "document start"];
    if !about.iter().chain(&more).any(|it| context.info.contains(it)) {
        return None;
    }
    let (start, line) = context.suspects()[0];
    let written = line.trim();
    let offset = line.len() - line.trim_start().len();
    let span = Span::new(start + offset, start + offset + written.len());
    let message = "this line is indented like nothing above it".to_owned();
    let help = "align it with the keys or items it belongs to; a key that has a value cannot have more below it";
    Some(error(span, message).help(help))
}

fn error(span: Span, message: String) -> Problem {
    Problem::error(ProblemKind::Syntax, span, message)
}
