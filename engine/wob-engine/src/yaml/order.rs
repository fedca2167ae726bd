//! The order of keys in what we write: "natural", as go-yaml has it, so that `v9` comes before `v10`.

use std::cmp::Ordering;

/// Which of the two go-yaml orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyOrder {
    /// yaml.v3: a letter after a digit comes before everything else there. A total order.
    Three,
    /// yaml.v2: a letter comes after everything else. Not transitive for keys such as `a1b`, `a2` and `a12`.
    Two,
}

/// Up to so many entries are sorted without merging.
const FEW: usize = 8;

/// Sorts `entries` by their keys.
///
/// Merge sort, because the standard sort may panic on an order that is not total.
pub(super) fn sort<V: Copy>(entries: &mut Vec<(&str, V)>, order: KeyOrder) {
    // In a total order, what is sorted pair by pair is sorted.
    if order == KeyOrder::Three
        && entries.is_sorted_by(|a, b| compare(a.0, b.0, order) == Ordering::Less)
    {
        return;
    }
    if order == KeyOrder::Three && entries.len() <= FEW {
        // Few are in order soonest one by one.
        for end in 1..entries.len() {
            let mut at = end;
            while at > 0 && compare(entries[at].0, entries[at - 1].0, order) == Ordering::Less {
                entries.swap(at, at - 1);
                at -= 1;
            }
        }
        return;
    }
    let mut width = 1;
    let mut merged = Vec::with_capacity(entries.len());
    while width < entries.len() {
        for pair in entries.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                if compare(b.0, a.0, order) == Ordering::Less {
                    merged.push(*b);
                    right = &right[1..];
                } else {
                    merged.push(*a);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(entries, &mut merged);
        merged.clear();
        width *= 2;
    }
}

/// Compares two keys: runs of digits as numbers, letters after other characters, else by code point.
pub(super) fn compare(a: &str, b: &str, order: KeyOrder) -> Ordering {
    let differs = a.bytes().zip(b.bytes()).position(|(a, b)| a != b);
    let differs = differs.unwrap_or(a.len().min(b.len()));
    // The first byte that differs may lie inside of a character, but not if it is one itself.
    if let (Some(left), Some(right)) = (a.as_bytes().get(differs), b.as_bytes().get(differs))
        && left.is_ascii_alphabetic()
        && right.is_ascii_alphabetic()
    {
        return left.cmp(right);
    }
    let at = a.floor_char_boundary(differs);
    let (Some(left), Some(right)) = (a[at..].chars().next(), b[at..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    let after_digit = a[..at].ends_with(|it: char| it.is_ascii_digit());
    match (left.is_alphabetic(), right.is_alphabetic()) {
        (true, true) => left.cmp(&right),
        (false, false) => numbers(&a[..at], &a[at..], &b[at..]).then_with(|| left.cmp(&right)),
        (left_is_letter, _) => {
            let letters_first = order == KeyOrder::Three && after_digit;
            if left_is_letter == letters_first { Ordering::Less } else { Ordering::Greater }
        }
    }
}

/// Compares the runs of digits at the beginning of `a` and `b`, as they continue the common text `before`.
fn numbers(before: &str, a: &str, b: &str) -> Ordering {
    let mut run = before.bytes().rev().take_while(u8::is_ascii_digit);
    let inside_a_number = run.any(|digit| digit != b'0');
    let (a, b) = (digits(a), digits(b));
    let by_length = a.len().cmp(&b.len());
    if inside_a_number {
        return by_length.then_with(|| a.cmp(b));
    }
    let value = |digits: &'_ str| digits.trim_start_matches('0').len();
    let by_value = value(a)
        .cmp(&value(b))
        .then_with(|| a.trim_start_matches('0').cmp(b.trim_start_matches('0')));
    by_value.then(by_length)
}

fn digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..end]
}
