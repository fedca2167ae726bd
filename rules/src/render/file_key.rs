//! Keys of single files: an assignment has several, and each depends only on what its template can read.
//!
//! **Invariant:** never too little. Two files of one template with the same key have the same bytes, if nothing was said of
//! the first, and no value in it was a template itself.

use std::collections::BTreeSet;

use wob_engine::{Digest, Hasher};
use wob_template::TemplateReads;

use super::{CompiledTemplate, Config, Inputs, Slot, compile::CompiledManifest, data::Sibling};
use crate::Profile;

/// What of an assignment's inputs a file can depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileReads {
    /// But for those of config; sorted, each once.
    fields: Vec<Field>,
    config: TemplateReads,
}

/// One of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Target,
    Namespace,
    Environment,
    Workspace,
    Workload,
    Labels,
    Manifests,
    ClusterType,
    Parameters,
    Source,
    Files,
    Config,
}

impl Field {
    /// Returns the input that a field of the data is made from.
    fn of(name: &str) -> Self {
        match name {
            "DeploymentTargetName" => Self::Target,
            "Namespace" => Self::Namespace,
            "Environment" => Self::Environment,
            "Workspace" => Self::Workspace,
            "Workload" => Self::Workload,
            "Labels" => Self::Labels,
            "Manifests" | "Repo" | "Branch" | "Path" => Self::Manifests,
            "ClusterType" => Self::ClusterType,
            "params" => Self::Parameters,
            "source" => Self::Source,
            "files" => Self::Files,
            "ConfigData" | "ConfigTexts" => Self::Config,
            _ => unreachable!("because these are all names"),
        }
    }
}

impl FileReads {
    /// Finds out what some manifests can read, which make one file.
    pub(super) fn of(manifests: &[CompiledManifest], profile: Profile) -> Self {
        let mut reads = Self { fields: vec![], config: TemplateReads::default() };
        for manifest in manifests {
            for name in manifest.fields() {
                reads.add(Field::of(name), manifest.reads(name));
            }
        }
        // There a key may be a part of another one's value.
        if profile == Profile::Kalypso && reads.config != TemplateReads::default() {
            reads.config = TemplateReads::All;
        }
        reads.fields.sort_unstable();
        reads.fields.dedup();
        reads
    }

    fn add(&mut self, field: Field, read: TemplateReads) {
        if read == TemplateReads::default() {
            return;
        }
        if field == Field::Config {
            self.config.add(read);
        } else {
            self.fields.push(field);
        }
    }

    /// Returns what of config the file can depend on.
    pub(super) fn config(&self) -> &TemplateReads {
        &self.config
    }

    /// Returns the digest of what the file of `inputs` in `slot` can depend on; `siblings` are the files that it comes with.
    pub(super) fn key(&self, inputs: &Inputs, slot: Slot, siblings: &[Sibling]) -> Digest {
        let Inputs { cluster_type, target, namespace, config } = inputs;
        let mut hasher = Hasher::new("wob 2026-11 file");
        hasher.add(cluster_type.settings.digest().as_bytes());
        hasher.add(&[slot as u8]);
        for field in &self.fields {
            hasher.add(&[*field as u8]);
            match field {
                Field::Target => hasher.add(target.name.as_str().as_bytes()),
                Field::Namespace => hasher.add(namespace.as_bytes()),
                Field::Environment => hasher.add(target.environment.as_bytes()),
                Field::Workspace => hasher.add(target.workspace.as_bytes()),
                Field::Workload => hasher.add(target.workload.as_bytes()),
                Field::Labels => hasher.add(target.labels_digest().as_bytes()),
                Field::Manifests => hasher.add(target.manifests_digest().as_bytes()),
                Field::ClusterType => hasher.add(cluster_type.name.as_str().as_bytes()),
                Field::Parameters => hasher.add(cluster_type.parameters.digest().as_bytes()),
                Field::Source => {
                    hasher.add(&[u8::from(cluster_type.looks_at_sources())]);
                    hasher.add(target.manifests_digest().as_bytes());
                }
                Field::Files => {
                    for it in siblings {
                        hasher.add(it.name.as_bytes());
                        hasher.add(&[it.content as u8]);
                    }
                }
                Field::Config => unreachable!("because it has keys"),
            }
        }
        self.add_config(config, &mut hasher);
        hasher.finish()
    }

    /// Says whether several assignments can have the same file: hardly, where it names both of whom an assignment is made.
    pub(super) fn can_be_shared(&self) -> bool {
        let names_target = self.has(Field::Target) || self.has(Field::Namespace);
        !(names_target && self.has(Field::ClusterType))
    }

    /// Says whether the file that `template` makes in `slot` is as it was, if only the parts of the inputs that are called `changed`
    /// are other ones.
    pub(super) fn is_unaffected(
        &self,
        (template, slot): (&CompiledTemplate, Slot),
        changed: &BTreeSet<String>,
    ) -> bool {
        let is_affected = |it: &String| self.is_affected((template, slot), it);
        !self.has(Field::Files) && !changed.iter().any(is_affected)
    }

    fn is_affected(&self, (template, slot): (&CompiledTemplate, Slot), part: &str) -> bool {
        match part.split_once('.') {
            None => match part {
                "clusterType" => self.has(Field::ClusterType),
                "target" => self.has(Field::Target),
                "namespace" => self.has(Field::Namespace),
                "environment" => self.has(Field::Environment),
                "workspace" => self.has(Field::Workspace),
                "workload" => self.has(Field::Workload),
                _ => true,
            },
            // Whether a source is shown depends on all templates, but for one that looks at sources itself.
            Some(("template", name)) => {
                name == slot.as_str() || (self.has(Field::Source) && template.sources().is_empty())
            }
            Some(("label", _)) => self.has(Field::Labels),
            Some(("manifests", _)) => self.has(Field::Manifests) || self.has(Field::Source),
            Some(("param", _)) => self.has(Field::Parameters),
            Some(("config", key)) => self.config.has(key),
            Some(_) => true,
        }
    }

    fn has(&self, field: Field) -> bool {
        self.fields.binary_search(&field).is_ok()
    }

    fn add_config(&self, config: &Config, hasher: &mut Hasher) {
        match &self.config {
            TemplateReads::All => hasher.add(config.digest().as_bytes()),
            TemplateReads::Keys(keys) => {
                for key in keys {
                    hasher.add(key.as_bytes());
                    let digest = config.digest_of(key);
                    hasher.add(digest.as_ref().map_or(&[][..], |it| it.as_bytes()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wob_engine::{FileName, Place, Value};

    use super::*;
    use crate::{
        Name, builtin,
        render::{
            CompiledTemplate, Parts, compile_builtin, compile_template, render, render_digests,
            tests::{change_cluster_type, changed_parts, inputs},
        },
        resource::{Language, Manifest, Meta, Template},
    };

    /// Templates, and what each reads, by the beginnings of parts' names.
    const TEMPLATES: [(Language, &str, &[&str]); 22] = [
        (Language::Go, "fixed: 1", &[]),
        (Language::Go, "a: {{ .Namespace }}", &["namespace"]),
        (Language::Go, "a: {{ .Workload }}-{{ $.Workspace }}", &["workload", "workspace"]),
        (Language::Go, "a: {{ if eq .Environment \"dev\" }}1{{ end }}", &["environment"]),
        (Language::Go, "a: {{ .DeploymentTargetName | quote }}", &["target"]),
        (Language::Go, "a: {{ .ClusterType }}", &["clusterType"]),
        (Language::Go, "a: {{ toJson .Labels }}", &["label"]),
        (Language::Go, "{{ range $k, $v := .Labels }}{{ $k }}: {{ $v }}\n{{ end }}", &["label"]),
        (Language::Go, "a: {{ .Branch }}", &["manifests"]),
        (Language::Go, "a: {{ .Manifests.branch }}", &["manifests"]),
        (Language::Go, "a: {{ .ConfigData.A | default \"x\" }}", &["config"]),
        (Language::Go, "a: {{ .ConfigData.B | default \"x\" }}", &[]),
        (Language::Go, "a: {{ hasKey .ConfigData \"A\" }}", &["config"]),
        (Language::Go, "a: {{ len .ConfigData }}", &["config"]),
        (Language::Go, "a: {{ with .ConfigData }}{{ .B | default 1 }}{{ end }}", &["config"]),
        (Language::Go, "a: {{ $all := . }}{{ $all.Namespace }}", EVERYTHING),
        (
            Language::Go,
            "{{ define \"y\" }}{{ .Namespace }}{{ end }}a: {{ template \"y\" . }}",
            EVERYTHING,
        ),
        (Language::Jinja, "a: {{ Namespace }}", &["namespace"]),
        (Language::Jinja, "a: {{ Labels | tojson }}", &["label"]),
        (Language::Jinja, "a: {{ ConfigData.B | default(1) }}", &["config"]),
        (Language::Jinja, "a: {{ ConfigTexts.A }}", &["config"]),
        (Language::Jinja, "a: {% if source is defined %}{{ Path }}{% endif %}", &["manifests"]),
    ];

    /// What one reads that hands on all of its data; parameters and sources are for jinja.
    const EVERYTHING: &[&str] = &[
        "clusterType",
        "config",
        "environment",
        "label",
        "manifests",
        "namespace",
        "target",
        "workload",
        "workspace",
    ];

    fn compiled(language: Language, text: &str) -> Arc<CompiledTemplate> {
        let place = Place::file(&FileName::new("x"));
        let meta = Meta {
            name: Name::new("x").unwrap(),
            labels: crate::resource::Labels::new(),
            place: place.clone(),
        };
        let manifests = vec![Manifest::Text { text: text.into(), place }];
        let template = Template { meta, manifests, content_type: None, language, raw: false };
        Arc::new(compile_template(&template, Profile::Standard).unwrap())
    }

    /// Says whether inputs with another part give another key for the only file of a template.
    fn has_other_key(template: &CompiledTemplate, a: &Inputs, b: &Inputs) -> bool {
        let reads = &template.files()[0].reads;
        reads.key(a, Slot::Namespace, &[]) != reads.key(b, Slot::Namespace, &[])
    }

    #[test]
    fn a_file_depends_on_what_its_template_can_read() {
        let base = inputs([("A".into(), Value::from("a"))].into());
        for (language, text, expected) in TEMPLATES {
            let template = compiled(language, text);
            let changed = changed_parts(&base);
            let read = changed.iter().filter(|(_, it)| has_other_key(&template, &base, it));
            let kind = |it: &(&'static str, Inputs)| it.0.split('.').next().unwrap();
            let read: BTreeSet<&str> = read.map(kind).filter(|it| *it != "settings").collect();
            assert_eq!(read, expected.iter().copied().collect(), "{text}");

            // What is told by the names of parts is what is told by keys, but for those that are in none.
            let reads = &template.files()[0].reads;
            for (part, inputs) in &changed {
                let parts = inputs.changes_since(&base);
                assert!(parts.iter().any(|it| it == part), "{part} is not in {parts:?}");
                let is_always = ["check", "template.namespaceService"].contains(part)
                    || (part.starts_with("template.") && reads.has(Field::Source));
                let is_affected = is_always || has_other_key(&template, &base, inputs);
                let is_unaffected = reads.is_unaffected((&template, Slot::Namespace), &parts);
                assert_eq!(is_unaffected, !is_affected, "{part}");
            }
        }
    }

    #[test]
    fn a_rule_that_looks_at_sources_sees_them_whatever_the_other_templates_are() {
        let mut looked_at = 0;
        for rule in builtin::all().map(|it| Arc::new(compile_builtin(it))) {
            let mut base = inputs([("A".into(), Value::from("a"))].into());
            change_cluster_type(&mut base, |it| it.reconciler = rule.clone());
            let mut other = base.clone();
            let namespace = compiled(Language::Go, "a: {{ .Namespace }}");
            change_cluster_type(&mut other, |it| it.namespace_service = namespace.clone());
            let changed = other.changes_since(&base);
            assert_eq!(changed, BTreeSet::from(["template.namespaceService".to_owned()]));

            let (before, now) = (render(&base).files, render(&other).files);
            for it in base.output_files().filter(|it| it.slot == Slot::Reconciler) {
                if it.file().reads.is_unaffected((&rule, it.slot), &changed) {
                    assert_eq!(before.get(it.name()), now.get(it.name()), "{}", rule.name());
                    looked_at += usize::from(it.file().reads.has(Field::Source));
                }
            }
        }
        assert!(looked_at > 2, "only {looked_at} files look at sources");
    }

    /// Whatever was rendered before, an assignment has the files that it has alone.
    #[test]
    fn files_that_are_shared_are_those_of_each() {
        let base = inputs([("A".into(), Value::from("a"))].into());
        let mut templates: Vec<Arc<CompiledTemplate>> =
            TEMPLATES.iter().map(|(language, text, _)| compiled(*language, text)).collect();
        templates.extend(builtin::all().map(|it| Arc::new(compile_builtin(it))));
        let mut shared = 0;
        let mut kept = vec![];
        for template in templates {
            for (part, mut inputs) in changed_parts(&base) {
                change_cluster_type(&mut inputs, |it| it.namespace_service = template.clone());
                let inputs = Arc::new(inputs);
                let alone = render(&inputs);
                let made = render_digests(&inputs);
                assert_eq!(made, alone, "{} with another {part}", template.name());
                let recipes = made.files.iter().filter(|(_, it)| it.take_made().is_none());
                shared += recipes.count();
                // A file is found for as long as somebody has it.
                kept.push(made);
            }
        }
        assert!(shared > 200, "only {shared} were shared");
    }

    #[test]
    fn what_values_read_is_not_shared() {
        let template = compiled(Language::Go, "a: {{ .ConfigData.A }}");
        let of = |namespace: &str| {
            let mut inputs = inputs([("A".into(), Value::from("{{ .Namespace }}"))].into());
            inputs.namespace = namespace.into();
            change_cluster_type(&mut inputs, |it| it.namespace_service = template.clone());
            render_digests(&Arc::new(inputs)).files["namespace.yaml"].bytes().to_vec()
        };
        assert_eq!((of("one"), of("two")), (b"a: one\n".to_vec(), b"a: two\n".to_vec()));
    }
}
