//! The built-in rules: declarative folders under rules/reconcilers/, compiled into the binary.
//!
//! To add one, add a folder with `rule.yaml`, its templates and a README, and one line to `FOLDERS`.

use std::sync::OnceLock;

use wob_engine::{Map, Value, yaml};

/// The files of one rule folder.
struct Folder {
    rule: &'static str,
    readme: &'static str,
    templates: &'static [(&'static str, &'static str)],
}

macro_rules! folder {
    ($name:literal, $($template:literal),+) => {
        Folder {
            rule: include_str!(concat!("../reconcilers/", $name, "/rule.yaml")),
            readme: include_str!(concat!("../reconcilers/", $name, "/README.md")),
            templates: &[$(($template, include_str!(concat!("../reconcilers/", $name, "/", $template)))),+],
        }
    };
}

/// Every rule folder; the order is that of `wob rules list`: reconcilers, namespaces, configs.
static FOLDERS: [Folder; 4] = [
    folder!("flux", "git-repository.yaml.j2", "kustomization.yaml.j2"),
    folder!("argocd", "application.yaml.j2"),
    folder!("namespace", "namespace.yaml.j2"),
    folder!("configmap", "config-map.yaml.j2"),
];

/// A built-in rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name that cluster types use.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// What it does, in one sentence.
    pub description: String,
    /// The values of its parameters.
    pub parameters: Map,
    /// File name and jinja text of each manifest, in order.
    pub manifests: Vec<(&'static str, &'static str)>,
    /// Its README.
    pub readme: &'static str,
}

/// Returns the rule of that name or alias.
pub fn find(name: &str) -> Option<&'static Rule> {
    all().iter().find(|it| it.name == name || it.aliases.iter().any(|alias| alias == name))
}

/// Returns every name and alias, in registry order.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().iter().flat_map(|it| std::iter::once(&it.name).chain(&it.aliases)).map(String::as_str)
}

/// Returns every rule, in registry order.
pub fn all() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| FOLDERS.iter().map(read).collect())
}

fn read(folder: &Folder) -> Rule {
    let rule = yaml::parse_value(folder.rule).expect("because a test reads every rule.yaml");
    let text = |key: &str| {
        field(&rule, key).as_str().expect("because a test reads every rule.yaml").to_owned()
    };
    let texts = |key: &str| {
        let items = field(&rule, key).as_list().unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let parameters = field(&rule, "parameters").as_map().into_iter().flatten();
    let template = |name: &str| {
        let found = folder.templates.iter().find(|(file, _)| *file == name);
        *found.expect("because a test finds every manifest's template")
    };
    Rule {
        name: text("name"),
        aliases: texts("aliases").into_iter().map(ToOwned::to_owned).collect(),
        description: text("description"),
        parameters: parameters
            .map(|(key, it)| (key.clone(), field(it, "default").clone()))
            .collect(),
        manifests: texts("manifests").into_iter().map(template).collect(),
        readme: folder.readme,
    }
}

fn field<'v>(value: &'v Value, key: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.as_map().and_then(|it| it.get(key)).unwrap_or(&NULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_folder_is_whole() {
        for (rule, folder) in all().iter().zip(&FOLDERS) {
            assert_eq!(
                rule.manifests.len(),
                folder.templates.len(),
                "{}: manifests and templates",
                rule.name
            );
            assert!(
                rule.readme.starts_with(&format!("# `{}`", rule.name)),
                "{}: README",
                rule.name
            );
            for name in std::iter::once(&rule.name).chain(&rule.aliases) {
                assert_eq!(
                    find(name).map(|it| &it.name),
                    Some(&rule.name),
                    "each name belongs to one rule"
                );
            }
        }
    }
}
