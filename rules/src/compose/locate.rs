//! Where in a JSON text the value at a pointer is.

use wob_engine::Span;

/// Returns the bytes of the value at JSON `pointer` in `text`, or of the value around it if there is none.
///
/// `text` must be JSON that a parser accepted, which bounds how deep it nests; of a repeated key the last counts.
pub(super) fn locate(text: &str, pointer: &str) -> Span {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    cursor.space();
    let mut span = cursor.value();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let mut inner = Cursor { bytes: text.as_bytes(), at: span.0 };
        match inner.child(text, &step) {
            Some(child) => span = child,
            None => break,
        }
    }
    Span::new(span.0, span.1)
}

struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'}')
    }

    fn space(&mut self) {
        while self.at < self.bytes.len() && matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Steps over one value, by counting brackets, and returns its bytes.
    fn value(&mut self) -> (usize, usize) {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => self.string(),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => break,
                b']' | b'}' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.bytes.get(self.at - 1), Some(b'"' | b']' | b'}')) {
                break;
            }
        }
        (start, self.at)
    }

    fn string(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() && self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }

    /// Steps into the object or array here, to the value of `step`.
    fn child(&mut self, text: &str, step: &str) -> Option<(usize, usize)> {
        let is_object = match self.peek() {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        let mut found = None;
        for index in 0.. {
            self.space();
            if self.at >= self.bytes.len() || matches!(self.peek(), b']' | b'}') {
                break;
            }
            let is_it = if is_object { self.key(text) == step } else { index.to_string() == step };
            let value = self.value();
            if is_it {
                found = Some(value);
            }
            self.space();
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        found
    }

    /// Steps over a key and its colon, and returns the key.
    fn key(&mut self, text: &str) -> String {
        let start = self.at;
        self.string();
        let key = text.get(start..self.at).and_then(|key| serde_json::from_str(key).ok());
        self.space();
        self.at += 1;
        self.space();
        key.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_its_bytes() {
        let text = r#" {"a": [1, {"b\u0041": "x,}"}], "a/b":true , "n": -1.5e3}"#;
        let at = |pointer: &str| {
            let span = locate(text, pointer);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(at("/a/0"), "1");
        assert_eq!(at("/a/1/bA"), r#""x,}""#);
        assert_eq!(at("/a~1b"), "true");
        assert_eq!(at("/n"), "-1.5e3");
        assert_eq!(at("/a/7"), r#"[1, {"b\u0041": "x,}"}]"#);
        assert_eq!(at(""), text.trim());
    }
}
