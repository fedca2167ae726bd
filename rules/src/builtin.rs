//! The built-in rules: declarative folders under rules/reconcilers/, compiled into the binary.
//!
//! To add one, add a folder with `rule.yaml`, its templates and a README, and one line to `FOLDERS`.

use std::sync::OnceLock;

use wob_engine::{Place, yaml};

use crate::{
    Rule,
    decode::{Problems, decode_builtin},
};

/// The files of one rule folder.
struct Folder {
    name: &'static str,
    /// Other names for the rule.
    aliases: &'static [&'static str],
    rule: &'static str,
    readme: &'static str,
    templates: &'static [(&'static str, &'static str)],
    /// What it says, once somebody asks: to read them all takes a third of a small build.
    read: OnceLock<Builtin>,
}

impl Folder {
    /// Lists its name, then its aliases.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    fn get(&self) -> &Builtin {
        self.read.get_or_init(|| read(self))
    }
}

macro_rules! folder {
    ($name:literal, $aliases:expr, [$($template:literal),*]) => {
        Folder {
            name: $name,
            aliases: &$aliases,
            rule: include_str!(concat!("../reconcilers/", $name, "/rule.yaml")),
            readme: include_str!(concat!("../reconcilers/", $name, "/README.md")),
            templates: &[$(($template, include_str!(concat!("../reconcilers/", $name, "/", $template)))),*],
            read: OnceLock::new(),
        }
    };
}

/// Every rule folder; the order is that of `wob rules list`: reconcilers, namespaces, configs.
static FOLDERS: [Folder; 12] = [
    folder!(
        "flux",
        [],
        [
            "git-repository.yaml.j2",
            "helm-repository.yaml.j2",
            "oci-repository.yaml.j2",
            "kustomization.yaml.j2",
            "helm-release.yaml.j2"
        ]
    ),
    folder!(
        "flux-v1beta2",
        [],
        [
            "git-repository.yaml.j2",
            "helm-repository.yaml.j2",
            "oci-repository.yaml.j2",
            "kustomization.yaml.j2",
            "helm-release.yaml.j2"
        ]
    ),
    folder!("argocd", [], ["application.yaml.j2"]),
    folder!("argocd-appset", [], ["application-set.yaml.j2"]),
    folder!("fleet", [], ["git-repo.yaml.j2", "helm-op.yaml.j2"]),
    folder!("zarf", [], ["package.yaml.j2", "values.yaml.j2"]),
    folder!("kustomize", [], ["kustomization.yaml.j2"]),
    folder!("script", [], ["pull.env.j2", "pull.sh.j2"]),
    folder!(
        "namespace",
        ["default"],
        [
            "namespace.yaml.j2",
            "service-account.yaml.j2",
            "resource-quota.yaml.j2",
            "limit-range.yaml.j2",
            "network-policy.yaml.j2",
            "role.yaml.j2",
            "role-binding.yaml.j2"
        ]
    ),
    folder!("none", [], []),
    folder!("configmap", ["configMap"], ["config-map.yaml.j2"]),
    folder!("envfile", ["envFile"], ["env.sh.j2"]),
];

/// A built-in rule.
#[derive(Clone, Debug)]
pub struct Builtin {
    /// What its `rule.yaml` says.
    pub rule: Rule,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// File name and jinja text of each template.
    pub templates: &'static [(&'static str, &'static str)],
    /// Its README.
    pub readme: &'static str,
}

/// Returns the rule of that name or alias.
pub fn find(name: &str) -> Option<&'static Builtin> {
    FOLDERS.iter().find(|it| it.names().any(|it| it == name)).map(Folder::get)
}

/// Returns every name and alias, in registry order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FOLDERS.iter().flat_map(Folder::names)
}

/// Returns the name of every rule, without aliases, in registry order.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    FOLDERS.iter().map(|it| it.name)
}

/// Returns every rule, in registry order.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    FOLDERS.iter().map(Folder::get)
}

fn read(folder: &Folder) -> Builtin {
    let file = Rule::builtin_file(folder.name);
    let parsed = yaml::parse(folder.rule, &yaml::Limits::default());
    assert!(parsed.problems.is_empty(), "{}: {:?}", folder.name, parsed.problems);
    let document = parsed.documents.first().expect("because a test reads every rule.yaml");
    let mut problems = Problems::default();
    let rule = decode_builtin(&document.root, &Place::document(&file, 0), &mut problems);
    assert!(
        problems.diagnostics.is_empty(),
        "because a test reads every rule.yaml: {:#?}",
        problems.diagnostics
    );
    Builtin {
        rule: rule.expect("because it has no problems"),
        aliases: folder.aliases,
        templates: folder.templates,
        readme: folder.readme,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Presence, matcher};

    #[test]
    fn every_rule_folder_is_whole() {
        for (it, folder) in all().zip(&FOLDERS) {
            let name = it.rule.name();
            assert_eq!(name, folder.name, "a rule is named like its folder");
            let used: Vec<&str> = it.rule.templates().iter().map(|it| &*it.name).collect();
            let there: Vec<&str> = folder.templates.iter().map(|it| it.0).collect();
            assert_eq!(used, there, "{name}: templates");
            assert!(it.readme.starts_with(&format!("# `{name}`")), "{name}: README");
            for other in std::iter::once(name).chain(it.aliases.iter().copied()) {
                assert_eq!(find(other).map(|it| it.rule.name()), Some(name), "of one rule");
            }
            for parameter in &it.rule.parameters {
                let text = parameter.pattern.as_deref();
                assert_eq!(text.map(matcher).and_then(Result::err), None, "{name}: pattern");
                if let Presence::Default(value) = &parameter.presence {
                    assert_eq!(parameter.check(value), Ok(()), "{name}: {}", parameter.name);
                }
            }
        }
    }
}
