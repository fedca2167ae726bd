//! The door to the template language: what a template sees of an assignment.

use std::{any::Any, cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use wob_template::{
    Functions, Map, MapOf, Object, Value,
    kalypso::{self, ToYamlStyle},
};

use super::{Labels, render::Data, world::Profile};

/// The data root of a template.
#[derive(Debug)]
struct Root(BTreeMap<&'static str, Value>);

impl Object for Root {
    fn type_name(&self) -> &'static str {
        "scheduler.dataType"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }

    fn display(&self) -> String {
        format!("{:?}", self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Returns the dot of a template.
pub(super) fn root(data: &Data<'_>, profile: Profile) -> Value {
    let target = data.target;
    let text = |map: &Labels, key: &str| Value::from(map.get(key).map_or("", String::as_str));
    let config = wob_engine::Value::from(serde_json::Value::Object(data.config.clone()));
    let config = match (profile, &config) {
        (Profile::Kalypso, wob_engine::Value::Map(config)) => kalypso::config_data(config),
        _ => Value::from(&config),
    };
    let fields = [
        ("DeploymentTargetName", Value::from(&*target.name)),
        ("Namespace", Value::from(&*data.namespace)),
        ("Environment", Value::from(&*target.environment)),
        ("Workspace", text(&target.labels, "workspace")),
        ("Workload", text(&target.labels, "workload")),
        ("ClusterType", Value::from(&*data.cluster_type)),
        ("Labels", strings(&target.labels)),
        ("Manifests", strings(&target.manifests)),
        ("ConfigData", config),
        ("Repo", text(&target.manifests, "repo")),
        ("Branch", text(&target.manifests, "branch")),
        ("Path", text(&target.manifests, "path")),
    ];
    Value::Object(Rc::new(Root(BTreeMap::from(fields))))
}

/// Go's `map[string]string`.
fn strings(map: &Labels) -> Value {
    let entries = map.iter().map(|(key, value)| (Arc::from(&**key), Value::from(&**value)));
    Value::Map(Rc::new(Map { entries: RefCell::new(entries.collect()), of: MapOf::Strings }))
}

/// Returns the functions that a template may call.
pub(super) fn functions(profile: Profile) -> Functions {
    kalypso::functions(match profile {
        Profile::Standard => ToYamlStyle::Helm,
        Profile::Kalypso => ToYamlStyle::GoYamlV3,
    })
}
