//! The parser counts characters; we count bytes.

use saphyr_parser::Marker;

/// Translates character indexes of one text to byte offsets in constant time.
pub(super) struct Positions<'t> {
    text: &'t str,
    /// The byte offset of each `STRIDE`th character; empty if the text is ASCII, where both counts agree.
    checkpoints: Vec<u32>,
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
        Self { text, checkpoints }
    }

    /// Returns the byte offset of `marker`, at most the length of the text.
    pub(super) fn byte(&self, marker: Marker) -> usize {
        let index = marker.index();
        if self.checkpoints.is_empty() {
            return index.min(self.text.len());
        }
        let Some(start) = self.checkpoints.get(index / STRIDE) else { return self.text.len() };
        let rest = &self.text[*start as usize..];
        let within = rest.char_indices().nth(index % STRIDE).map_or(rest.len(), |(at, _)| at);
        *start as usize + within
    }
}
