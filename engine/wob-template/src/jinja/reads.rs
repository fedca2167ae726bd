//! Which keys of a field of its data a jinja template can read.

use std::collections::BTreeSet;

use super::Jinja;
use crate::TemplateReads;

/// What a mapping can be asked: these are not its keys.
const METHODS: [&str; 4] = ["items", "keys", "values", "get"];

impl Jinja {
    /// Says whether the text of the template called `name` has `word` anywhere in it: there is no other way to a variable.
    pub fn mentions(&self, name: &str, word: &str) -> bool {
        self.environment.get_template(name).is_ok_and(|it| it.source().contains(word))
    }

    /// Returns which keys of the data's `field` the template called `name` can read.
    pub fn reads(&self, name: &str, field: &str) -> TemplateReads {
        let Ok(template) = self.environment.get_template(name) else { return TemplateReads::All };
        let mut reads = TemplateReads::default();
        // With the parts that are read by name: `ConfigData.REGION.zone`, or `ConfigData` where it is used as a whole.
        let paths: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        for path in paths {
            let mut parts = path.split('.');
            if parts.next() != Some(field) {
                continue;
            }
            match parts.next() {
                Some(key) if !METHODS.contains(&key) => reads.add_key(key),
                Some(_) | None => reads = TemplateReads::All,
            }
        }
        reads
    }
}
