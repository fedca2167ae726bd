//! The pages of docs/diagnostics, built into the command so that `wob help CODE` always fits it.

/// The page of one diagnostic.
#[derive(Debug)]
pub(crate) struct Page {
    /// The code.
    pub(crate) code: &'static str,
    /// The page, in Markdown.
    pub(crate) text: &'static str,
}

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        &[$(Page {
            code: $code,
            text: include_str!(concat!("../../docs/diagnostics/", $code, ".md")),
        }),*]
    };
}

/// All pages, sorted by code.
pub(crate) const PAGES: &[Page] = pages![];
