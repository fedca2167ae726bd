//! Where wob's own files lie in a tree: its record, which those who read it trust, and what a build needs while it writes.

use crate::FilePath;

/// The folder of all of them.
pub const OWN_FOLDER: &str = ".wob";
/// The head of a tree's record.
pub const RECORD_PATH: &str = ".wob/tree.json";
/// The folder of the records of its parts.
pub const PARTS_FOLDER: &str = ".wob/parts";

/// What a build is about to write, as long as it writes.
pub const JOURNAL_PATH: &str = ".wob/journal.json";

/// Returns where the record of the part in `folder` lies.
pub fn part_path(folder: &FilePath) -> FilePath {
    let path = FilePath::new(&format!("{PARTS_FOLDER}/{folder}.json"));
    path.expect("because nothing in it is no component of a path")
}

/// Returns the folder of the part whose record lies at `path`, if one does.
pub fn folder_of_part(path: &str) -> Option<&str> {
    path.strip_prefix(PARTS_FOLDER)?.strip_prefix('/')?.strip_suffix(".json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_its_record() {
        let folder = FilePath::new("clusters/large.json").unwrap();
        let path = part_path(&folder);
        assert_eq!(path.as_str(), ".wob/parts/clusters/large.json.json");
        assert_eq!(folder_of_part(path.as_str()), Some(folder.as_str()));
        for it in [RECORD_PATH, ".wob/parts", ".wob/parts.json", ".wob/parts/large", "large.json"] {
            assert_eq!(folder_of_part(it), None, "{it}");
        }
    }
}
