//! Every code of a diagnostic has a page in docs/diagnostics, and every page belongs to a code.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::ROOT;

/// What stands before a code, as the next quoted text.
const BEFORE_ONE: [&str; 4] =
    ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::advice(", "push(wrong("];
/// What begins a block in which every kebab-case text is a code.
const BLOCKS: [&str; 3] = ["-> Code {", "let code = match", "let (code, message, help) = match"];

#[test]
fn codes_and_pages_are_in_step() {
    let sources = sources();
    let codes: BTreeSet<String> = sources.iter().flat_map(|text| codes(text)).collect();
    assert!(codes.len() > 40, "{codes:?}");
    assert_eq!(codes, pages(), "codes in the sources, and pages in docs/diagnostics");
}

#[test]
fn every_page_has_the_same_parts() {
    for code in pages() {
        let path = Path::new(ROOT).join("docs/diagnostics").join(format!("{code}.md"));
        let page = fs::read_to_string(path).unwrap();
        assert!(page.starts_with(&format!("# `{code}`\n\nSeverity: ")), "{code}");
        for part in ["\n## Example\n\n```", "\n## How to mend it\n\n"] {
            assert!(page.contains(part), "{code}: {part}");
        }
    }
}

fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(ROOT).join("docs/diagnostics"));
    let name = |path: &Path| path.file_stem().and_then(|it| it.to_str()).map(str::to_owned);
    let entries = entries.expect("because the folder is there");
    entries.filter_map(|it| name(&it.expect("because it can be read").path())).collect()
}

/// Returns the text of every source file, without its tests.
fn sources() -> Vec<String> {
    let mut texts = vec![];
    let mut folders = vec![Path::new(ROOT).join("engine"), Path::new(ROOT).join("rules")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("because the folder is there") {
            let path = entry.expect("because it can be read").path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).expect("because it can be read");
                texts.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
            }
        }
    }
    texts
}

fn codes(text: &str) -> Vec<String> {
    let mut codes = vec![];
    for before in BEFORE_ONE {
        for (at, _) in text.match_indices(before) {
            let rest = text[at + before.len()..].trim_start();
            let quoted = rest.strip_prefix('"').and_then(|it| it.split('"').next());
            codes.extend(quoted.map(str::to_owned));
        }
    }
    for begin in BLOCKS {
        for (at, _) in text.match_indices(begin) {
            let block = &text[at..];
            let end = ["\n    };", "\n    }\n"].iter().filter_map(|it| block.find(it)).min();
            let block = &block[..end.unwrap_or(block.len())];
            codes.extend(
                block.split('"').skip(1).step_by(2).filter(|it| is_code(it)).map(str::to_owned),
            );
        }
    }
    codes
}

/// Says whether a text is lower-case words joined by hyphens.
fn is_code(text: &str) -> bool {
    let is_word = |it: &str| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    text.contains('-') && text.split('-').all(is_word)
}
