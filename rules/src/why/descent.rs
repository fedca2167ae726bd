//! Where the values come from that templates read.

use wob_engine::{Place, Step, Value};
use wob_template::DataPath;

use super::{Descent, Input, case::Case, config::is_container};
use crate::{compose::value_at, render::CompiledTemplate};

impl Case<'_> {
    /// Says what a template read at `path`, and where that comes from.
    pub(super) fn input(&self, path: &DataPath, template: &CompiledTemplate) -> Input {
        let value = self.value(path, template);
        let descent = self.descent(path, value.as_ref(), template);
        Input { path: path.clone(), value, descent }
    }

    /// Returns the value at `path` of the data of `template`.
    pub(super) fn value(&self, path: &[Step], template: &CompiledTemplate) -> Option<Value> {
        if path.first() == Some(&Step::Key("params".into())) {
            let parameters = self.inputs().cluster_type.parameters.of(template.name());
            let parameters = Value::Map(parameters.cloned().unwrap_or_default());
            return value_at(&parameters, &path[1..]).cloned();
        }
        value_at(self.data(), path).cloned()
    }

    fn descent(
        &self,
        path: &[Step],
        value: Option<&Value>,
        template: &CompiledTemplate,
    ) -> Descent {
        let keys: Vec<&str> = path
            .iter()
            .map_while(|it| if let Step::Key(key) = it { Some(&**key) } else { None })
            .collect();
        match keys.as_slice() {
            ["ConfigData" | "ConfigTexts", key, ..] => match self.config(key, &path[2..]) {
                Some(why) => Descent::Config(why),
                None => Descent::Unset,
            },
            ["params", rest @ ..] if value.is_some() => {
                let rule = template.name().to_owned();
                let set = rest.first().and_then(|it| self.parameter(&rule, it));
                Descent::Parameter { rule, set }
            }
            ["source", ..] => Descent::Said(self.target.manifests_place.clone()),
            _ if value.is_none() => Descent::Unset,
            ["Namespace"] => {
                let pattern = &self.inputs().cluster_type.settings.namespace_pattern;
                self.made(Some(pattern.to_string()), pattern.fields(), template)
            }
            ["DeploymentTargetName"] if self.workload().is_some() => {
                self.made(None, vec!["workload", "target"], template)
            }
            ["DeploymentTargetName"] => Descent::Said(self.target.place.clone()),
            ["Environment"] => said(self.beside_target("environment")),
            ["Workspace"] => said(self.label("workspace")),
            ["Workload"] => said(self.workload_name()),
            ["ClusterType"] => {
                Descent::Said(self.cluster_type.meta.place.key("metadata").key("name"))
            }
            ["Labels", label] => said(self.label(label)),
            ["Manifests", key] => said(self.beside_target("manifests").map(|it| it.key(key))),
            ["Repo"] => said(self.beside_target("manifests").map(|it| it.key("repo"))),
            ["Branch"] => said(self.beside_target("manifests").map(|it| it.key("branch"))),
            ["Path"] => said(self.beside_target("manifests").map(|it| it.key("path"))),
            _ if value.is_some_and(is_container) => Descent::Several,
            _ => Descent::Unset,
        }
    }

    fn made(
        &self,
        pattern: Option<String>,
        fields: Vec<&'static str>,
        template: &CompiledTemplate,
    ) -> Descent {
        let of = |field: &'static str| {
            let name = match field {
                "target" => {
                    let name = self.workload().map(|(_, it)| Value::from(it.name.as_str()));
                    let descent = Descent::Said(self.target.place.clone());
                    return Input { path: vec![Step::Key("target".into())], value: name, descent };
                }
                "environment" => "Environment",
                "workspace" => "Workspace",
                "clusterType" => "ClusterType",
                "deploymentTarget" => "DeploymentTargetName",
                _ => "Workload",
            };
            self.input(&vec![Step::Key(name.into())], template)
        };
        Descent::Made { pattern, of: fields.into_iter().map(of).collect() }
    }

    /// Returns the place of another field of the target.
    pub(super) fn beside_target(&self, field: &str) -> Option<Place> {
        if self.workload().is_some() {
            return self.target.place.parent().map(|(_, it)| it.key(field));
        }
        // A target that stands alone is named in its metadata.
        let (_, metadata) = self.target.place.parent()?;
        metadata.parent().map(|(_, root)| root.key("spec").key(field))
    }

    pub(super) fn workload_name(&self) -> Option<Place> {
        match self.workload() {
            Some((workload, _)) => Some(workload.meta.place.key("metadata").key("name")),
            None => self.lone_label("workload"),
        }
    }

    /// Returns where a label of the target is said: its own, its workload's or its registration's.
    pub(super) fn label(&self, label: &str) -> Option<Place> {
        if label == "workspace"
            && let Some(registration) = self.registration()
        {
            return Some(registration.meta.place.key("spec").key("workspace"));
        }
        let Some((workload, _)) = self.workload() else { return self.lone_label(label) };
        if label == "workload" {
            return self.workload_name();
        }
        if workload.meta.labels.contains_key(label) {
            return Some(workload.meta.place.key("metadata").key("labels").key(label));
        }
        self.beside_target("labels").map(|it| it.key(label))
    }

    /// The labels of a lone target's metadata win over those of its spec, which only they tell apart.
    fn lone_label(&self, label: &str) -> Option<Place> {
        let (_, metadata) = self.target.place.parent()?;
        self.target.labels.contains_key(label).then(|| metadata.key("labels").key(label))
    }
}

fn said(place: Option<Place>) -> Descent {
    place.map_or(Descent::Unset, Descent::Said)
}
