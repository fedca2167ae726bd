//! Whether files can lie beside each other in a folder.

use std::collections::BTreeMap;

use wob_engine::{FilePath, Tree};

use super::{OutputError, is_reserved_below};

/// What a file system makes of upper and lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Kept,
    Ignored,
}

/// Checks that the files of `tree` can lie beside each other.
pub(super) fn check_paths(tree: &Tree, case: Case) -> Result<(), OutputError> {
    let wrong = |path: &FilePath, reason: String| OutputError::Path { path: path.clone(), reason };
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut before = "";
    for (path, _) in tree.files() {
        let text = path.as_str();
        // The folders that a path shares with the one before it were checked with that.
        let checked = shared_folders(before, text);
        before = text;
        if is_reserved_below(text, checked) {
            return Err(wrong(path, "is a path that only git or wob itself writes".to_owned()));
        }
        for (end, _) in text.match_indices('/').filter(|(end, _)| *end >= checked) {
            let above = FilePath::new(&text[..end]).ok();
            if above.is_some_and(|it| tree.get(&it).is_some()) {
                return Err(wrong(
                    path,
                    format!("needs the folder `{}`, which is a file", &text[..end]),
                ));
            }
        }
        if case == Case::Kept {
            continue;
        }
        for end in text.match_indices('/').map(|(end, _)| end).chain([text.len()]) {
            let other = seen.entry(text[..end].to_lowercase()).or_insert(&text[..end]);
            if *other != &text[..end] {
                let reason =
                    format!("differs from `{other}` only in case, which this disk ignores");
                return Err(wrong(path, reason));
            }
        }
    }
    Ok(())
}

/// Returns how many bytes of two paths are the same folders, with the slash behind them.
fn shared_folders(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    one.as_bytes()[..same].iter().rposition(|it| *it == b'/').map_or(0, |it| it + 1)
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use wob_engine::Blob;

    use super::{super::ignores_case, *};

    fn check(paths: &[&str], case: Case) -> Option<String> {
        let mut tree = Tree::default();
        for path in paths {
            tree.insert(FilePath::new(path).unwrap(), Blob::new(b"".as_slice()));
        }
        check_paths(&tree, case).err().map(|it| it.to_string())
    }

    #[test]
    fn paths_that_cannot_lie_beside_each_other_are_refused() {
        assert_eq!(check(&["a/b", "a/c", "A/b"], Case::Kept), None);
        assert_eq!(check(&["a/b", "a/c"], Case::Ignored), None);
        for (paths, case) in [
            (&["a/b", "A/c"][..], Case::Ignored),
            (&["a", "A"], Case::Ignored),
            (&["ä", "Ä"], Case::Ignored),
            (&["a", "a/b"], Case::Kept),
            (&["a", "a-", "a/b"], Case::Kept),
            (&["a/b", "a/b-", "a/b/c", "a/b/d"], Case::Kept),
            (&["a/b/c", "a/b/d/.git/x"], Case::Kept),
            (&["a/b/c", "a/b/git~1"], Case::Kept),
            (&[".wob/x"], Case::Kept),
            (&[".WOB/x"], Case::Kept),
            (&["a/.Git/config"], Case::Kept),
            (&["a/.git./config"], Case::Kept),
            (&["a/GIT~1/config"], Case::Kept),
            (&["a/.gi\u{200d}t/config"], Case::Kept),
            (&["a/.git::$INDEX_ALLOCATION/x"], Case::Kept),
        ] {
            assert!(check(paths, case).is_some(), "{paths:?}");
        }
    }

    #[test]
    fn this_disk_is_asked_about_case() {
        let folder = tempfile::Builder::new().prefix("case").tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        std::fs::write(path.join("a"), "").unwrap();
        assert_eq!(ignores_case(&path.join("missing/x")), path.join("A").exists());
    }
}
