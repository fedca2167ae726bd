//! Amends the text of a part's record where it lies: most of what it says stays, and to read all of it takes longer.

use std::ops::Range;

use wob_engine::Digest;

/// How many characters a digest has.
const HEX: usize = 64;

/// The text of a [`Part`](super::Part), as wob writes it, and where in it everything is said.
///
/// **Invariant:** what is amended reads as the part that has the same said, written down anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartText {
    text: Vec<u8>,
    /// The files: where their paths stand, and where their digests begin; sorted by path.
    files: Vec<(Range<usize>, usize)>,
    /// The assignments: where their targets stand, and where the digests of their inputs begin, if they have any; in order.
    assignments: Vec<(Range<usize>, Option<usize>)>,
}

impl PartText {
    /// Finds out where everything is said; `None` if the text is not laid out as wob does it, or holds anything that JSON escapes.
    pub fn new(text: Vec<u8>) -> Option<Self> {
        if memchr::memchr(b'\\', &text).is_some() {
            return None;
        }
        let mut found = Self { text: vec![], files: vec![], assignments: vec![] };
        let mut start = 0;
        while start < text.len() {
            start += found.line(&text[start..], start)?;
        }
        let is_sorted = found.files.is_sorted_by(|a, b| text[a.0.clone()] < text[b.0.clone()]);
        found.text = text;
        is_sorted.then_some(found)
    }

    /// Takes the first line of `text`, which begins at `start`, and returns how long it is with its end.
    fn line(&mut self, text: &[u8], start: usize) -> Option<usize> {
        // The depth tells the lists of files and of assignments apart from what is said of an assignment.
        if let Some(rest) = text.strip_prefix(b"    \"") {
            let end = memchr::memchr(b'"', rest)?;
            let digest = rest[end..].strip_prefix(b"\": \"")?;
            let length = 5 + end + 4 + end_of_digest(digest)?;
            let path = start + 5..start + 5 + end;
            self.files.push((path.clone(), path.end + 4));
            return Some(length);
        }
        if let Some(rest) = text.strip_prefix(b"      \"target\": \"") {
            let end = memchr::memchr(b'"', rest)?;
            let target = start + 17;
            self.assignments.push((target..target + end, None));
        } else if let Some(rest) = text.strip_prefix(b"      \"inputs\": \"") {
            self.assignments.last_mut()?.1 = Some(start + 17);
            return Some(17 + end_of_digest(rest)?);
        }
        Some(memchr::memchr(b'\n', text)? + 1)
    }

    /// Lists the targets, in order.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.assignments.iter().map(|(target, _)| &self.text[target.clone()])
    }

    /// Returns how many files it has.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Says whether the assignment at `index` was made from inputs with this digest.
    pub fn has_inputs(&self, index: usize, inputs: &Digest) -> bool {
        let start = self.assignments.get(index).and_then(|it| it.1);
        start.is_some_and(|it| self.text[it..it + HEX] == inputs.hex())
    }

    /// Says that the assignment at `index` was made from `inputs`; `None` if it says no inputs.
    pub fn set_inputs(&mut self, index: usize, inputs: &Digest) -> Option<()> {
        let start = self.assignments.get(index)?.1?;
        self.text[start..start + HEX].copy_from_slice(&inputs.hex());
        Some(())
    }

    /// Says whether the file at `path` has this digest; `None` if there is none.
    pub fn has_file(&self, path: &str, digest: &Digest) -> Option<bool> {
        let start = self.start_of(path)?;
        Some(self.text[start..start + HEX] == digest.hex())
    }

    /// Returns the digest of the file at `path`; `None` if there is none.
    pub fn file(&self, path: &str) -> Option<Digest> {
        let start = self.start_of(path)?;
        Digest::parse(std::str::from_utf8(&self.text[start..start + HEX]).ok()?)
    }

    /// Says that the file at `path` has another digest; `None` if there is no such file.
    pub fn set_file(&mut self, path: &str, digest: &Digest) -> Option<()> {
        let start = self.start_of(path)?;
        self.text[start..start + HEX].copy_from_slice(&digest.hex());
        Some(())
    }

    fn start_of(&self, path: &str) -> Option<usize> {
        let compare = |it: &(Range<usize>, usize)| self.text[it.0.clone()].cmp(path.as_bytes());
        self.files.binary_search_by(compare).ok().map(|it| self.files[it].1)
    }

    /// Returns the text.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }
}

/// Returns where the line ends that goes on with a digest and its quote, behind its end; `None` if it goes on otherwise.
fn end_of_digest(text: &[u8]) -> Option<usize> {
    let (digest, rest) = text.split_at_checked(HEX)?;
    // Without a way out, so that many are compared at a time.
    let is_hex = |it: &u8| it.is_ascii_digit() | (b'a'..=b'f').contains(it);
    let is_digest = digest.iter().fold(true, |all, it| all & is_hex(it));
    let end = if rest.starts_with(b"\",\n") {
        3
    } else if rest.starts_with(b"\"\n") {
        2
    } else {
        return None;
    };
    is_digest.then_some(HEX + end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::text::Part;

    /// A part as a record says it.
    fn part(files: &[(String, u8)], targets: &[(String, Option<u8>)]) -> Part {
        let digest = |it: &u8| Digest::of(&[*it]).to_string();
        let files: serde_json::Map<String, serde_json::Value> =
            files.iter().map(|(path, it)| (path.clone(), digest(it).into())).collect();
        let assignments: Vec<serde_json::Value> = targets
            .iter()
            .map(|(target, inputs)| {
                let mut it = serde_json::json!({"target": target, "policies": ["p", "q"]});
                match inputs {
                    Some(inputs) => it["inputs"] = digest(inputs).into(),
                    None => it["failed"] = true.into(),
                }
                it
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "version": 2, "clusterType": "large", "files": files, "assignments": assignments,
        }))
        .unwrap()
    }

    /// Writes a part down as serde does.
    fn text_of(part: &Part) -> String {
        serde_json::to_string_pretty(part).unwrap() + "\n"
    }

    proptest! {
        #[test]
        fn what_is_amended_reads_as_if_it_was_written_anew(
            files in prop::collection::btree_map("[a-c]{1,2}/[a-c.]{1,3}|README[.]md", any::<u8>(), 1..6),
            targets in prop::collection::btree_map("[a-z]{1,3}", prop::option::of(any::<u8>()), 1..5),
            file in any::<prop::sample::Index>(),
            target in any::<prop::sample::Index>(),
            new in any::<u8>(),
        ) {
            let mut files: Vec<(String, u8)> = files.into_iter().collect();
            let mut targets: Vec<(String, Option<u8>)> = targets.into_iter().collect();
            let said = part(&files, &targets);
            let text = text_of(&said);
            let ids = wob_engine::Tree::default().folder("");
            let (written, _) = Part::write("large", &said.files, &said.assignments, ids);
            prop_assert_eq!(&written, &text);
            let mut amended = PartText::new(text.into_bytes()).unwrap();
            prop_assert_eq!(amended.files(), files.len());
            let said: Vec<&[u8]> = amended.targets().collect();
            prop_assert_eq!(said, targets.iter().map(|it| it.0.as_bytes()).collect::<Vec<_>>());

            let (file, target) = (file.index(files.len()), target.index(targets.len()));
            prop_assert_eq!(amended.file(&files[file].0), Some(Digest::of(&[files[file].1])));
            let is_new = amended.has_file(&files[file].0, &Digest::of(&[new]));
            prop_assert_eq!(is_new, Some(files[file].1 == new));
            files[file].1 = new;
            amended.set_file(&files[file].0, &Digest::of(&[new])).unwrap();
            let set = amended.set_inputs(target, &Digest::of(&[new]));
            if let Some(inputs) = &mut targets[target].1 {
                prop_assert!(set.is_some());
                *inputs = new;
                prop_assert!(amended.has_inputs(target, &Digest::of(&[new])));
            } else {
                prop_assert!(set.is_none(), "what failed has no inputs");
            }
            let text = String::from_utf8(amended.into_text()).unwrap();
            prop_assert_eq!(text, text_of(&part(&files, &targets)));
        }
    }

    #[test]
    fn other_texts_are_not_amended() {
        let text = text_of(&part(&[("a/b".to_owned(), 1)], &[("a".to_owned(), Some(1))]));
        let new = |text: &str| PartText::new(text.as_bytes().to_vec());
        assert!(new(&text).is_some());
        assert_eq!(new(text.trim_end()), None, "no newline at its end");
        assert_eq!(new(&text.replace("a/b", "a/\\u0062")), None);
        let digest = Digest::of(&[1]).to_string();
        assert_eq!(new(&text.replace(&digest, &digest[1..])), None);
        assert_eq!(new(&text.replace(&digest, &digest.to_uppercase())), None);
        assert_eq!(new(&text).unwrap().file("a/c"), None);
    }
}
