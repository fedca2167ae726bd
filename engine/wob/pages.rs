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
pub(crate) const PAGES: &[Page] = pages![
    "ambiguous-boolean",
    "ambiguous-number",
    "bad-commit",
    "bad-label",
    "bad-name",
    "bad-namespace",
    "bad-parameter",
    "bad-path",
    "bad-placement",
    "bad-selector",
    "bad-source",
    "config-applies-nowhere",
    "config-invalid",
    "config-missing",
    "config-precedence",
    "config-shadowed",
    "config-tie",
    "config-too-large",
    "duplicate-file",
    "duplicate-name",
    "duplicate-target",
    "empty-template",
    "endless-template",
    "file-too-large",
    "input-unavailable",
    "link-leaves-source",
    "lock-invalid",
    "manifest-invalid",
    "missing-field",
    "missing-key",
    "missing-parameter",
    "missing-template-file",
    "not-utf8",
    "placement-ignored",
    "placement-short",
    "policy-selects-nothing",
    "refused-function",
    "rendered-not-yaml",
    "rule-failed",
    "scheduler-answer",
    "scheduler-failed",
    "schema-applies-nowhere",
    "schema-invalid",
    "schema-missing",
    "schema-too-costly",
    "shared-namespace",
    "template-error",
    "template-limit",
    "template-syntax",
    "unclear-promotion",
    "undefined-template",
    "unknown-cluster-type",
    "unknown-environment",
    "unknown-field",
    "unknown-function",
    "unknown-kind",
    "unknown-rule",
    "unknown-template",
    "unknown-template-field",
    "unknown-value",
    "unreadable-file",
    "unsupported-source",
    "unused-config-key",
    "unused-label",
    "workload-without-target",
    "wrong-type",
    "yaml-alias",
    "yaml-duplicate-key",
    "yaml-key",
    "yaml-limit",
    "yaml-merge",
    "yaml-syntax",
    "yaml-tag",
];

/// Returns the page of `code`.
pub(crate) fn find(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}
