//! The functions of sprig, as templates of Helm and of Kalypso call them.
//!
//! Pure ones answer as Go does; one whose answer would depend on more than its arguments is refused with a reason.

mod arguments;
mod casing;
mod decimal;
mod defaults;
mod dicts;
mod encodings;
mod floats;
mod integers;
mod letters;
mod lists;
mod paths;
mod print;
mod reflect;
mod refusals;
mod strings;
mod table;
mod walk;
mod words;

use crate::Functions;

/// Returns the functions of sprig 3.2.3's text table; more can be put in.
pub fn functions() -> Functions {
    let files = [
        casing::FUNCTIONS,
        defaults::FUNCTIONS,
        dicts::FUNCTIONS,
        encodings::FUNCTIONS,
        floats::FUNCTIONS,
        integers::FUNCTIONS,
        lists::FUNCTIONS,
        paths::FUNCTIONS,
        reflect::FUNCTIONS,
        refusals::FUNCTIONS,
        strings::FUNCTIONS,
        words::FUNCTIONS,
    ];
    files.into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests;
