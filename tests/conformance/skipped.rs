//! The cases that depend on a rule of the original which wob does not follow, each with the number of that rule.
//!
//! Section 10 of docs/kalypso.md says what happens instead. A case may stand here only under a rule of that table.

/// Suite, case, rule.
const SKIPPED: &[(&str, &str, &str)] = &[
    ("label_match", "unknown label with empty value matches (map zero value)", "4.6"),
    ("label_match", "known label with empty value: the target lacks it, so it matches", "4.6"),
    (
        "merge_objects",
        "maps without name merge into every map without name (bug: nil == nil)",
        "4.13",
    ),
    ("config_validator", "upstream schema, numeric text in a string property fails", "5.4"),
    ("config_validator", "int text as string", "5.4"),
    ("config_validator", "booleans are not coerced", "5.4"),
    ("config_validator", "NaN text breaks validation", "5.4"),
    ("config_validator", "inf text breaks validation", "5.4"),
    ("config_validator", "pattern on digits can never match", "5.4"),
    ("config_validator", "enum of numeric text", "5.4"),
    ("config_validator", "const numeric text", "5.4"),
    ("templater", "unknown top field", "6.1"),
    ("templater", "stringify", "6.4"),
    ("templater", "blank result kept", "6.7"),
    ("templater", "join without final newline", "3.5"),
    ("templates kalypso", "k020", "6.4"),
    ("tree_update", "838735d", "3.6"),
    ("worlds", "unit/worlds/duplicate-pair-two-policies", "2.6"),
    ("worlds", "unit/worlds/multi-document-templates", "6.7"),
    ("worlds", "unit/worlds/template-error", "6.1"),
    ("worlds", "worlds/021", "4.13"),
    ("worlds", "worlds/032", "4.6"),
    ("worlds", "worlds/060", "4.6"),
    ("worlds", "worlds/099", "3.5"),
    ("worlds", "worlds/129", "4.6"),
    ("worlds", "worlds/134", "4.6"),
    ("worlds", "worlds/170", "4.6"),
    ("assignments", "worlds/021", "4.13"),
    ("assignments", "worlds/032", "4.6"),
    ("assignments", "worlds/060", "4.6"),
    ("assignments", "worlds/064", "4.13"),
    ("assignments", "worlds/129", "4.6"),
    ("assignments", "worlds/134", "4.6"),
    ("assignments", "worlds/170", "4.6"),
    ("assignments", "worlds/198", "4.13"),
];

/// The rules that wob does not follow: the table of section 10, and 6.1, since templates see `.Repo` in both profiles.
const NOT_FOLLOWED: &[&str] = &[
    "1.2", "1.10", "1.12", "2.6", "3.5", "3.6", "3.11", "3.12", "3.13", "4.6", "4.8", "4.9",
    "4.10", "4.12", "4.13", "5.4", "5.5", "6.1", "6.2", "6.4", "6.6", "6.7", "7.1", "7.2", "7.3",
];

/// Returns the rule for which a case is skipped.
pub(crate) fn rule(suite: &str, case: &str) -> Option<&'static str> {
    // Both evaluators follow the same rules: `worlds: oracle` and `worlds: engine` share their skips.
    let suite = suite.split(':').next().unwrap_or(suite);
    SKIPPED.iter().find(|it| it.0 == suite && it.1 == case).map(|it| it.2)
}

/// A world may be skipped only for a rule that its own marks name.
#[test]
fn every_skip_is_justified() {
    for (suite, case, rule) in SKIPPED {
        assert!(NOT_FOLLOWED.contains(rule), "{suite} {case}: wob follows {rule}");
        if case.starts_with("worlds/") && super::corpus().is_dir() {
            let marks = &super::read_json(&format!("{case}.json"))["quirk"];
            let marked = crate::oracle::list(marks).iter().any(|it| it == rule);
            assert!(marked, "{suite} {case} is not marked {rule}, but {marks}");
        }
    }
}
