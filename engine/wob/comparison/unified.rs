//! What differs, line by line, as `diff -u` writes it; secrets are masked, so it is to be read and not to be applied.

use super::{Compared, FileChange, lines::Lines, masked::Secrets};
use crate::{
    report::printable,
    text_diff::{Hunk, hunks},
};

/// How many lines around a difference are shown.
const AROUND: usize = 3;

impl Compared {
    /// Returns the differences of all files.
    pub(crate) fn to_unified(&self) -> String {
        self.files.iter().map(of_file).collect()
    }
}

fn of_file(file: &FileChange) -> String {
    let path = printable(file.path.as_str());
    let name = |side: &str, is_there: bool| {
        if is_there {
            format!("{side}/{}/{path}", file.environment)
        } else {
            "/dev/null".to_owned()
        }
    };
    let (old, new) = (name("a", file.before.is_some()), name("b", file.after.is_some()));
    let bytes = |blob: &Option<wob_engine::Blob>| blob.as_ref().map(|it| it.bytes().into_owned());
    let (before, after) = (bytes(&file.before), bytes(&file.after));
    let found = hunks(&before.unwrap_or_default(), &after.unwrap_or_default(), AROUND);
    let Some(found) = found else { return format!("Binary files {old} and {new} differ\n") };
    format!(
        "--- {old}\n+++ {new}\n{}",
        found.iter().map(|it| of_hunk(it, &file.secrets)).collect::<String>()
    )
}

fn of_hunk(hunk: &Hunk, secrets: &Secrets) -> String {
    let mut text = Lines(format!("{}\n", hunk.header));
    for line in &hunk.lines {
        text.add(format_args!("{}{}\n", line.sign, secrets.masked(&line.text)));
        if line.is_open {
            text.push_str("\\ No newline at end of file\n");
        }
    }
    text.0
}
