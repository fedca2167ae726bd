//! Why a config value is as it is.

use wob_engine::{Place, Step, Value, yaml};

use super::{ConfigWhy, LayerSay, Unknown, address, case::Case, pointer};
use crate::compose::{History, Said, history};

impl Case<'_> {
    /// Explains a config value that somebody asked for.
    pub(super) fn asked_config(&self, key: &str, asked: &str) -> Result<ConfigWhy, Unknown> {
        let whole = self.config(key, &[]).ok_or_else(|| self.unknown_key(key))?;
        let path = address::steps(&whole.value, asked)?;
        let found = self.config(key, &path);
        found.ok_or_else(|| Unknown {
            reason: format!("config `{key}` has no part `{}`", pointer(&path)),
            help: format!("ask for all of `{key}`"),
        })
    }

    fn unknown_key(&self, key: &str) -> Unknown {
        let layers = self.ids.iter().filter_map(|it| self.layers.get(*it));
        let mut keys: Vec<&str> = layers.flat_map(|it| &it.entries).map(|it| &**it.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        let reason = format!("no layer of this assignment's config sets `{}`", key.escape_debug());
        Unknown { reason, help: address::guess_or_list(key, &keys, "config keys") }
    }

    /// Explains the part at `path` of a config value; `None` if no layer says it.
    pub(super) fn config(&self, key: &str, path: &[Step]) -> Option<ConfigWhy> {
        let History { value, says } = history(self.layers, &self.ids, self.precedence, key, path)?;
        let say = |it: Said<'_>| LayerSay {
            layer: it.layer.name.clone(),
            place: self.place_of(&it),
            labels: self.matched(it.layer),
            value: it.value,
            fate: it.fate,
        };
        let says = says.into_iter().map(say).collect();
        Some(ConfigWhy { key: key.into(), path: path.into(), value, says })
    }

    /// Returns where a layer says the part that is asked for: inside the text of the key, if that can be told.
    fn place_of(&self, said: &Said<'_>) -> Place {
        let whole = &said.entry.place;
        let inside = || {
            let path = said.path.as_deref().filter(|it| !it.is_empty())?;
            let text = self.text_at(whole)?;
            let parsed = yaml::parse(text, &yaml::Limits::default());
            let (node, key) = parsed.documents.first()?.root.at(path)?;
            let is_block = !matches!(node.kind, yaml::NodeKind::Scalar(_));
            Some(whole.text(key.filter(|_| is_block).unwrap_or(node.span)))
        };
        inside().unwrap_or_else(|| whole.clone())
    }

    /// Returns the text of a config map's key.
    fn text_at(&self, place: &Place) -> Option<&str> {
        let (Step::Key(key), _) = place.parent()? else { return None };
        self.model.config_maps.iter().find_map(|map| {
            let text = map.data.get(&*key)?;
            (map.place.key("data").key(&key) == *place).then_some(&**text)
        })
    }
}

/// Says whether `value` is a list or mapping.
pub(super) fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}
