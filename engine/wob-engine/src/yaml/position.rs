//! The parser counts characters; we count bytes.

use saphyr_parser::Marker;

/// Translates character indexes of one text to byte offsets, in constant time wherever they lie.
pub(super) struct Positions<'t> {
    text: &'t str,
    /// The byte offset of each `STRIDE`th character; empty if the text is ASCII, where both counts agree.
    checkpoints: Vec<u32>,
    /// The character that was asked for last, and its offset: the next one is often near.
    last: (usize, usize),
}

const STRIDE: usize = 64;

impl<'t> Positions<'t> {
    /// Indexes `text`.
    pub(super) fn new(text: &'t str) -> Self {
        let mut checkpoints = vec![];
        if !text.is_ascii() {
            let offsets = text.char_indices().step_by(STRIDE);
            checkpoints.extend(offsets.map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)));
        }
        Self { text, checkpoints, last: (0, 0) }
    }

    /// Returns the byte offset of `marker`, at most the length of the text.
    pub(super) fn byte(&mut self, marker: Marker) -> usize {
        let index = marker.index();
        if self.checkpoints.is_empty() {
            return index.min(self.text.len());
        }
        let (mut from, mut at) = self.last;
        if index < from || index - from > STRIDE {
            let Some(start) = self.checkpoints.get(index / STRIDE) else { return self.text.len() };
            (from, at) = (index - index % STRIDE, *start as usize);
        }
        let bytes = self.text.as_bytes();
        for _ in from..index {
            at += 1;
            while bytes.get(at).is_some_and(|it| !is_first_byte(*it)) {
                at += 1;
            }
        }
        let at = at.min(bytes.len());
        self.last = (index, at);
        at
    }
}

/// Says whether `byte` begins a character of UTF-8.
fn is_first_byte(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}
