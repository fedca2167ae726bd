//! Explanations as they are shown: places found in their files, secrets masked. The text and the JSON are both made
//! of these; docs/output.md documents their shape.

use serde::Serialize;
use wob_engine::{Place, Step};
use wob_rules::why::{
    ConditionWhy, ConfigWhy, Descent, Fate, FileWhy, Input, LayerSay, LayerWhy, Matched, Overview,
    ScalarWhy, Side, TemplatePlace, pointer,
};

use crate::report::{AtView, FileTexts, Files, MASK, Secrecy, ValueView, shown};

/// The answer for one assignment.
#[derive(Debug, Serialize)]
pub(super) struct JsonWhy<'w> {
    pub(super) label: &'w str,
    #[serde(flatten)]
    pub(super) why: &'w WhyView,
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WhyView {
    Assignment(OverviewView),
    Config(ConfigView),
    Value(ScalarView),
    #[serde(rename = "values")]
    File(Vec<ScalarView>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigView {
    pub(super) key: String,
    pub(super) pointer: String,
    #[serde(flatten)]
    pub(super) value: ValueView,
    pub(super) says: Vec<SayView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SayView {
    pub(super) fate: Fate,
    pub(super) layer: String,
    pub(super) at: AtView,
    #[serde(flatten)]
    pub(super) value: ValueView,
    pub(super) labels: Vec<LabelView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelView {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) side: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<AtView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputView {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) value: ValueView,
    #[serde(rename = "from")]
    pub(super) descent: DescentView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(super) enum DescentView {
    Config(ConfigView),
    Said { at: AtView },
    Made { pattern: Option<String>, of: Vec<InputView> },
    Parameter { rule: String, set: Option<AtView> },
    Several,
    Unset,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConditionView {
    pub(super) at: AtView,
    pub(super) inputs: Vec<InputView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalarView {
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
    #[serde(flatten)]
    pub(super) value: ValueView,
    pub(super) template: String,
    pub(super) places: Vec<AtView>,
    pub(super) inputs: Vec<InputView>,
    pub(super) conditions: Vec<ConditionView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OverviewView {
    pub(super) namespace: InputView,
    pub(super) policies: Vec<NamedView>,
    pub(super) files: Vec<FileView>,
    pub(super) layers: Vec<LayerView>,
    pub(super) config: Vec<ConfigView>,
}

#[derive(Debug, Serialize)]
pub(super) struct NamedView {
    pub(super) name: String,
    pub(super) at: AtView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileView {
    pub(super) file: String,
    pub(super) template: String,
    pub(super) chosen: AtView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<AtView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerView {
    pub(super) layer: String,
    pub(super) at: AtView,
    pub(super) labels: Vec<LabelView>,
}

/// Finds places and masks secrets.
pub(super) struct Viewer<'t> {
    files: Files<'t>,
}

impl<'t> Viewer<'t> {
    /// Looks places up in `texts`.
    pub(super) fn new(texts: &'t FileTexts) -> Self {
        Self { files: Files::new(texts) }
    }

    /// Finds a place.
    pub(super) fn at(&mut self, place: &Place) -> AtView {
        AtView::of(place, &mut self.files)
    }

    fn template(&mut self, place: &TemplatePlace) -> AtView {
        AtView::of_template(place, &mut self.files)
    }

    /// Shows a config value.
    pub(super) fn config(&mut self, why: &ConfigWhy) -> ConfigView {
        let secrecy = Secrecy::of(&why.key, &why.path);
        ConfigView {
            key: why.key.to_string(),
            pointer: pointer(&why.path),
            value: shown(Some(&why.value), secrecy),
            says: why.says.iter().map(|it| self.say(it, secrecy)).collect(),
        }
    }

    fn say(&mut self, say: &LayerSay, secrecy: Secrecy) -> SayView {
        let mut at = self.at(&say.place);
        if secrecy == Secrecy::Secret {
            // In a text block, nothing on the line tells that it is a secret.
            at.text = String::new();
        }
        SayView {
            fate: say.fate,
            layer: say.layer.to_string(),
            at,
            value: shown(Some(&say.value), secrecy),
            labels: self.labels(&say.labels),
        }
    }

    fn labels(&mut self, labels: &[Matched]) -> Vec<LabelView> {
        let label = |it: &Matched| LabelView {
            label: it.label.to_string(),
            value: it.value.to_string(),
            side: it.side,
            at: it.place.as_ref().map(|it| self.at(it)),
        };
        labels.iter().map(label).collect()
    }

    fn input(&mut self, input: &Input) -> InputView {
        let mut path = String::new();
        for step in &input.path {
            path.push('.');
            match step {
                Step::Key(key) => path.push_str(key),
                Step::Index(index) => path.push_str(&index.to_string()),
            }
        }
        let descent = match &input.descent {
            Descent::Config(why) => DescentView::Config(self.config(why)),
            Descent::Said(place) => DescentView::Said { at: self.at(place) },
            Descent::Made { pattern, of } => DescentView::Made {
                pattern: pattern.clone(),
                of: of.iter().map(|it| self.input(it)).collect(),
            },
            Descent::Parameter { rule, set } => {
                let set = set.as_ref().map(|it| self.at(it));
                DescentView::Parameter { rule: rule.clone(), set }
            }
            Descent::Several => DescentView::Several,
            Descent::Unset => DescentView::Unset,
        };
        let path = if path.is_empty() { ".".to_owned() } else { path };
        let secrecy = Secrecy::of("", &input.path);
        InputView { path, value: shown(input.value.as_ref(), secrecy), descent }
    }

    /// Shows a scalar of a file.
    pub(super) fn scalar(&mut self, why: &ScalarWhy) -> ScalarView {
        let inputs: Vec<InputView> = why.inputs.iter().map(|it| self.input(it)).collect();
        let conditions = why.conditions.iter().map(|it| self.condition(it)).collect();
        let made_of_secret = inputs.iter().any(|it| it.value.masked && it.value.value == MASK);
        let named = Secrecy::of("", why.path.as_deref().unwrap_or_default());
        let secrecy = if made_of_secret { Secrecy::Secret } else { named };
        ScalarView {
            file: why.file.clone(),
            document: why.document,
            pointer: why.path.as_deref().map(pointer),
            line: why.line,
            value: shown(Some(&why.value), secrecy),
            template: why.template.clone(),
            places: why.places.iter().map(|it| self.template(it)).collect(),
            inputs,
            conditions,
        }
    }

    fn condition(&mut self, why: &ConditionWhy) -> ConditionView {
        ConditionView {
            at: self.template(&why.place),
            inputs: why.inputs.iter().map(|it| self.input(it)).collect(),
        }
    }

    /// Shows an assignment.
    pub(super) fn overview(&mut self, why: &Overview) -> OverviewView {
        let file = |viewer: &mut Self, it: &FileWhy| FileView {
            file: it.file.clone(),
            template: it.template.clone(),
            chosen: viewer.at(&it.chosen),
            at: it.place.as_ref().map(|it| viewer.at(it)),
        };
        let layer = |viewer: &mut Self, it: &LayerWhy| LayerView {
            layer: it.layer.to_string(),
            at: viewer.at(&it.place),
            labels: viewer.labels(&it.labels),
        };
        OverviewView {
            namespace: self.input(&why.namespace),
            policies: why
                .policies
                .iter()
                .map(|(name, place)| NamedView { name: name.to_string(), at: self.at(place) })
                .collect(),
            files: why.files.iter().map(|it| file(self, it)).collect(),
            layers: why.layers.iter().map(|it| layer(self, it)).collect(),
            config: why.config.iter().map(|it| self.config(it)).collect(),
        }
    }
}
