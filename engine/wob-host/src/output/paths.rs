//! Whether files can lie beside each other in a folder.

use std::collections::BTreeMap;

use wob_engine::{FilePath, Folder, Node, Tree};

use super::{OutputError, is_reserved_below};

/// What a file system makes of upper and lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Kept,
    Ignored,
}

/// Checks that the files of `tree` can lie beside each other.
pub(super) fn check_paths(tree: &Tree, case: Case) -> Result<(), OutputError> {
    check_folder(tree.root_folder(), &mut String::new(), (tree, case))
}

/// Checks what is in `folder`, whose own path, with its slash, is `above`.
fn check_folder(
    folder: &Folder,
    above: &mut String,
    (tree, case): (&Tree, Case),
) -> Result<(), OutputError> {
    let checked = above.len();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, node) in folder.entries() {
        above.push_str(name);
        // Of what is in a folder, the first file is named.
        let wrong = |reason: String| {
            let below = tree.below(above).next().map(|it| it.0);
            let path = match node {
                Node::File(_) => FilePath::new(above).ok(),
                Node::Folder(_) => below,
            };
            OutputError::Path { path: path.expect("because no folder is empty"), reason }
        };
        if is_reserved_below(above, checked) {
            return Err(wrong("is a path that only git or wob itself writes".to_owned()));
        }
        if matches!(node, Node::Folder(_)) && folder.file(name).is_some() {
            return Err(wrong(format!("needs the folder `{above}`, which is a file")));
        }
        if case == Case::Ignored
            && let Some(other) = seen.insert(name.to_lowercase(), name)
            && other != &**name
        {
            let other = format!("{}{other}", &above[..checked]);
            return Err(wrong(format!(
                "differs from `{other}` only in case, which this disk ignores"
            )));
        }
        if let Node::Folder(folder) = node {
            above.push('/');
            check_folder(folder, above, (tree, case))?;
        }
        above.truncate(checked);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use wob_engine::Blob;

    use super::{super::ignores_case, *};

    fn check(paths: &[&str], case: Case) -> Option<String> {
        let mut tree = Tree::default();
        for path in paths {
            tree.insert(&FilePath::new(path).unwrap(), Blob::new(b"".as_slice()));
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
