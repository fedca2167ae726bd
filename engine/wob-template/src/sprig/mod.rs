//! The functions of sprig, as templates of Helm and of Kalypso call them.
//!
//! Pure ones answer as Go does; one whose answer would depend on more than its arguments is refused with a reason.

mod arguments;
mod casing;
mod constraint;
mod dates;
mod decimal;
mod defaults;
mod dicts;
mod durations;
mod encodings;
mod floats;
mod integers;
mod json;
mod json_reader;
mod layout;
mod letters;
mod lists;
mod paths;
mod plain;
mod print;
mod reflect;
mod refusals;
mod regex;
mod regex_syntax;
mod semver;
mod strings;
mod table;
mod time;
mod time_parser;
mod urls;
mod walk;
mod words;
pub(crate) mod work;

use crate::Functions;

pub(crate) use arguments::{Answer, Arguments, list, text};
pub(crate) use json_reader::read as read_json;
pub(crate) use plain::plain;
pub(crate) use reflect::kind_of;
pub(crate) use table::{pure, refused};

/// Returns the functions of sprig 3.2.3's text table; more can be put in.
pub fn functions() -> Functions {
    let files = [
        casing::FUNCTIONS,
        dates::FUNCTIONS,
        defaults::FUNCTIONS,
        dicts::FUNCTIONS,
        durations::FUNCTIONS,
        encodings::FUNCTIONS,
        floats::FUNCTIONS,
        integers::FUNCTIONS,
        json::FUNCTIONS,
        lists::FUNCTIONS,
        paths::FUNCTIONS,
        reflect::FUNCTIONS,
        refusals::FUNCTIONS,
        regex::FUNCTIONS,
        semver::FUNCTIONS,
        strings::FUNCTIONS,
        urls::FUNCTIONS,
        words::FUNCTIONS,
    ];
    files.into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests;
