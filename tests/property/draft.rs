//! Drafts: a workspace as somebody edits it, and every kind of edit that there is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    random::Random,
    scene::{self, Root, Scene, TOGETHER},
    words,
};
use crate::oracle::{
    self,
    world::{Files, Precedence, Profile, World},
};

/// A kind of edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    /// Nothing means something else after these.
    Comment,
    WhiteSpace,
    /// The lines of values move.
    CommentBefore,
    /// Quotes and brackets.
    Restyle,
    /// Objects move between files.
    Move,
    /// A template that gives the same text.
    TemplateComment,
    /// One value of one config.
    Value,
    /// One key of one config is added or removed.
    Key,
    /// A value that a schema looks at, or the schema.
    Schema,
    /// Something comes or goes of which one is warned.
    Warning,
    /// The text of a template.
    Template,
    /// A label of a cluster type or of a target, which may move assignments.
    Label,
    /// What a policy or a config selects.
    Selector,
    /// One object becomes another one of its kind.
    Redraw,
    /// Several do.
    RedrawSeveral,
    Add,
    Delete,
    Rename,
    /// An earlier state of all objects.
    Revert,
    /// The profile that is set.
    Profile,
    /// Which config wins.
    Precedence,
}

impl Edit {
    /// Every kind, and how often it is drawn.
    pub(crate) const ALL: [(u32, Self); 21] = [
        (3, Self::Comment),
        (3, Self::WhiteSpace),
        (6, Self::CommentBefore),
        (3, Self::Restyle),
        (3, Self::Move),
        (3, Self::TemplateComment),
        (14, Self::Value),
        (6, Self::Key),
        (8, Self::Schema),
        (5, Self::Warning),
        (5, Self::Template),
        (6, Self::Label),
        (5, Self::Selector),
        (6, Self::Redraw),
        (3, Self::RedrawSeveral),
        (4, Self::Add),
        (4, Self::Delete),
        (4, Self::Rename),
        (4, Self::Revert),
        (3, Self::Profile),
        (5, Self::Precedence),
    ];
}

/// The sources as somebody edits them.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) scene: Scene,
    /// Earlier states, to return to.
    history: Vec<Scene>,
    /// Which layout of files is used.
    layout: u64,
    style: u64,
    /// What is written before and behind the text of a file, and means nothing.
    around: BTreeMap<String, (String, String)>,
    /// How many comments there are before each block of these files.
    notes: BTreeMap<String, usize>,
    /// Whether the profile is said of the environment, or of the workspace.
    pub(crate) is_profile_own: bool,
}

impl Draft {
    pub(crate) fn draw(random: &mut Random) -> Self {
        Self {
            scene: Scene::draw(random),
            history: vec![],
            layout: random.number() % 3,
            style: 0,
            around: BTreeMap::new(),
            notes: BTreeMap::new(),
            is_profile_own: random.chance(50),
        }
    }

    /// Draws sources that can be built, if they are found soon: what is wrong with them is for edits to bring.
    pub(crate) fn draw_sound(random: &mut Random) -> Self {
        let mut draft = Self::draw(random);
        for _ in 0..50 {
            let world = draft.world();
            if oracle::evaluate(&world).failed.is_empty()
                && oracle::assignments(&oracle::model(&world)).len() > 2
            {
                break;
            }
            draft = Self::draw(random);
        }
        draft
    }

    /// Edits the sources; says whether they are other texts or settings now.
    pub(crate) fn edit(&mut self, edit: Edit, random: &mut Random) -> bool {
        let before = self.world();
        self.history.push(self.scene.clone());
        self.apply(edit, random);
        self.world() != before
    }

    /// Changes a value so that no file becomes longer or shorter, from the second time on.
    pub(crate) fn edit_unseen(&mut self, random: &mut Random) {
        let letter = ["a", "b", "c", "d", "e"][random.below(5)];
        let labels = json!({"platform-config": "true"});
        self.put(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c25", "labels": labels}, "data": {"K1": format!("value {letter}")},
        }));
    }

    /// Draws a workload.
    pub(crate) fn workload(random: &mut Random, number: usize) -> Value {
        scene::workload(random, number)
    }

    /// Lays the sources out.
    pub(crate) fn world(&self) -> World {
        let mut world = self.scene.lay_out_in(self.layout, self.style);
        let workloads =
            world.workloads.iter_mut().map(|(address, files)| (address.as_str(), files));
        let roots = [("base", &mut world.base), ("environment", &mut world.environment)];
        for (root, files) in roots.into_iter().chain(workloads) {
            for (path, text) in files {
                let path = format!("{root} {path}");
                if let Some(&count) = self.notes.get(&path) {
                    *text = with_notes(text, count);
                }
                if let Some((before, behind)) = self.around.get(&path) {
                    *text = format!("{before}{text}{behind}");
                }
            }
        }
        world
    }

    fn apply(&mut self, edit: Edit, random: &mut Random) {
        match edit {
            Edit::Comment => self.write_around(random, &["# a comment\n", "\n\n# why\n\n"]),
            Edit::WhiteSpace => self.write_around(random, &["\n", "\n\n\n"]),
            Edit::CommentBefore => {
                let path = self.some_path(random);
                *self.notes.entry(path).or_default() += random.between(1, 2);
            }
            Edit::Restyle => self.style = random.number(),
            Edit::Move => {
                let layouts = [TOGETHER, 1, 2].into_iter().filter(|it| *it != self.layout);
                let layouts: Vec<u64> = layouts.collect();
                self.layout = layouts[random.below(2)];
            }
            Edit::Value => self.change_value(random),
            Edit::Key => self.change_key(random),
            Edit::Schema => self.change_schema(random),
            Edit::Warning => self.toggle_warning(random),
            Edit::Template => {
                if let Some(object) = self.some("Template", random) {
                    let name = object["metadata"]["name"].as_str().unwrap_or("").to_owned();
                    *object = scene::template(random, &name);
                }
            }
            Edit::TemplateComment => {
                let template = self.some("Template", random);
                let manifests = template.and_then(|it| it["spec"]["manifests"].as_array_mut());
                if let Some(Value::String(text)) = manifests.and_then(|it| it.first_mut()) {
                    text.push_str("{{/* why */}}");
                }
            }
            Edit::Label => self.change_label(random),
            Edit::Selector => self.change_selector(random),
            Edit::Redraw => self.scene.edit(random),
            Edit::RedrawSeveral => (0..3).for_each(|_| self.scene.edit(random)),
            Edit::Add => self.add(random),
            Edit::Delete => {
                // Without what it is made of, a workspace says little.
                let is_spare = |it: &Value| it["kind"] != "Template" || name_of(it) == "rec-b";
                let spare = self.scene.objects.iter().enumerate();
                let spare: Vec<usize> =
                    spare.filter(|(_, it)| is_spare(&it.1)).map(|(index, _)| index).collect();
                if spare.len() > 4 {
                    self.scene.objects.remove(spare[random.below(spare.len())]);
                }
            }
            Edit::Rename => self.rename(random),
            Edit::Revert => {
                // The first state is the soundest.
                let count = if random.chance(50) { 1 } else { self.history.len() };
                self.scene = self.history[random.below(count)].clone();
            }
            Edit::Profile => {
                self.scene.profile = other(self.scene.profile);
                self.is_profile_own = random.chance(50);
            }
            Edit::Precedence => {
                self.scene.precedence = match self.scene.precedence {
                    Precedence::Name => Precedence::Specificity,
                    Precedence::Specificity => Precedence::Name,
                };
            }
        }
    }

    fn some_path(&self, random: &mut Random) -> String {
        let world = self.world();
        let named = |root: &str, files: &Files| -> Vec<String> {
            files.keys().map(|it| format!("{root} {it}")).collect()
        };
        let mut paths = named("base", &world.base);
        paths.extend(named("environment", &world.environment));
        world.workloads.iter().for_each(|(address, it)| paths.extend(named(address, it)));
        paths.swap_remove(random.below(paths.len()))
    }

    fn write_around(&mut self, random: &mut Random, texts: &[&str]) {
        let path = self.some_path(random);
        let (before, behind) = self.around.entry(path).or_default();
        let side = if random.chance(50) { before } else { behind };
        side.push_str(random.pick(texts));
    }

    /// Returns one of the objects of a kind.
    fn some(&mut self, kind: &str, random: &mut Random) -> Option<&mut Value> {
        self.some_of(random, |it| it["kind"] == kind)
    }

    fn some_of(&mut self, random: &mut Random, is: impl Fn(&Value) -> bool) -> Option<&mut Value> {
        let mut all: Vec<&mut Value> =
            self.scene.objects.iter_mut().map(|(_, it)| it).filter(|it| is(it)).collect();
        (!all.is_empty()).then(|| random.below(all.len())).map(|it| all.swap_remove(it))
    }

    fn change_value(&mut self, random: &mut Random) {
        let has_data = |it: &Value| it["data"].as_object().is_some_and(|it| !it.is_empty());
        let Some(map) = self.some_of(random, has_data) else { return };
        let data = map["data"].as_object_mut().expect("because it was chosen for it");
        let index = random.below(data.len());
        let value = data.values_mut().nth(index).expect("because the index is below the length");
        // One that cannot be the same.
        let others = words::VALUES.iter().filter(|it| *value != json!(it));
        let others: Vec<&str> = others.copied().collect();
        *value = json!(random.pick(&others));
    }

    fn change_key(&mut self, random: &mut Random) {
        let is_config = |it: &Value| it["kind"] == "ConfigMap" && !name_of(it).starts_with("azure");
        let Some(map) = self.some_of(random, is_config) else { return };
        let key = random.pick(words::KEYS);
        let data = map["data"].as_object_mut().expect("because a config has data");
        if data.remove(key).is_none() {
            data.insert(key.to_owned(), json!(random.pick(words::VALUES)));
        }
    }

    /// The schema of one workload asks for a port, which a config of its own sets to what it may be and what it may not.
    fn change_schema(&mut self, random: &mut Random) {
        if random.chance(30) || !self.has("s20") {
            let number = r#"{"properties": {"PORT": {"type": "integer", "minimum": 10}}}"#;
            let text = r#"{"properties": {"PORT": {"enum": ["plain", "12"]}}, "maxProperties": 9}"#;
            self.put(json!({
                "apiVersion": scene::OURS, "kind": "ConfigSchema",
                "metadata": {"name": "s20", "labels": {"workload": "w0"}},
                "spec": {"schema": random.pick(&[number, text])},
            }));
        }
        let before = self.scene.objects.iter().find(|(_, it)| name_of(it) == "c20");
        let before = before.map(|(_, it)| it["data"]["PORT"].clone());
        let ports = ["12", "12", "8080", "plain", "5"].into_iter();
        let ports: Vec<&str> = ports.filter(|it| before != Some(json!(it))).collect();
        let labels = json!({"platform-config": "true", "workload": "w0"});
        self.put(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c20", "labels": labels}, "data": {"PORT": random.pick(&ports)},
        }));
    }

    fn toggle_warning(&mut self, random: &mut Random) {
        let name = random.pick(&["c30", "p30", "s30", "c31"]);
        if self.has(name) && random.chance(70) {
            self.remove(name);
            return;
        }
        let nobody = json!({"platform-config": "true", "workload": "w9"});
        let value = random.pick(words::VALUES);
        let mut object = match name {
            "p30" => scene::policy(random, 30),
            "s30" => scene::config_schema(random, 30),
            _ => scene::config_map(random, 30),
        };
        object["metadata"]["name"] = json!(name);
        match name {
            "c30" => object["metadata"]["labels"] = nobody,
            "p30" => {
                object["spec"]["clusterTypeSelector"]["labelSelector"] =
                    json!({"matchLabels": {"region": "nowhere"}});
            }
            "s30" => object["metadata"]["labels"] = json!({"workload": "w9"}),
            _ => {
                object["metadata"]["labels"] = json!({"platform-config": "true"});
                object["data"] = json!({"UNUSED": value});
            }
        }
        self.put(object);
    }

    fn change_label(&mut self, random: &mut Random) {
        let is_labelled = |it: &Value| it["kind"] == "ClusterType" || it["kind"] == "Workload";
        let Some(object) = self.some_of(random, is_labelled) else { return };
        let targets = object["spec"]["deploymentTargets"].as_array().map_or(0, Vec::len);
        let labels = match targets {
            0 => &mut object["metadata"]["labels"],
            _ => &mut object["spec"]["deploymentTargets"][random.below(targets)]["labels"],
        };
        let (key, values) = words::LABELS[random.below(words::LABELS.len())];
        let Some(labels) = labels.as_object_mut() else { return };
        match labels.get(key) {
            Some(_) if random.chance(30) => {
                labels.remove(key);
            }
            before => {
                let others = values.iter().filter(|it| before != Some(&json!(it)));
                let others: Vec<&str> = others.copied().collect();
                labels.insert(key.to_owned(), json!(random.pick(&others)));
            }
        }
    }

    fn change_selector(&mut self, random: &mut Random) {
        let selects = |it: &Value| it["kind"] == "SchedulingPolicy" || it["kind"] == "ConfigMap";
        let Some(object) = self.some_of(random, selects) else { return };
        if object["kind"] == "ConfigMap" {
            let (key, value) = scene::layer_label(random);
            let labels = &mut object["metadata"]["labels"];
            let is_there = labels.as_object_mut().is_some_and(|it| it.remove(key).is_some());
            if !is_there {
                labels[key] = json!(value);
            }
            return;
        }
        let side = random.pick(&["deploymentTargetSelector", "clusterTypeSelector"]);
        object["spec"][side]["labelSelector"] = scene::selector(random);
    }

    fn add(&mut self, random: &mut Random) {
        match random.below(5) {
            0 => {
                let number = random.between(5, 7);
                self.put(scene::cluster_type(random, number));
            }
            1 => {
                let number = random.between(5, 7);
                self.put(scene::policy(random, number));
            }
            2 => {
                let number = random.between(2, 4);
                self.put(scene::config_schema(random, number));
            }
            3 => {
                let number = random.between(4, 6);
                self.remove(&format!("w{number}"));
                self.scene.add_workload(random, number);
            }
            _ => {
                let number = random.between(10, 12);
                self.put(scene::config_map(random, number));
            }
        }
    }

    fn rename(&mut self, random: &mut Random) {
        let has_number = |it: &Value| {
            ["ClusterType", "SchedulingPolicy", "ConfigMap"].iter().any(|kind| it["kind"] == *kind)
                && !name_of(it).starts_with("azure")
        };
        let Some(object) = self.some_of(random, has_number) else { return };
        let name = name_of(object).trim_end_matches(|it: char| it.is_ascii_digit()).to_owned();
        let mut object = object.clone();
        let before = name_of(&object).to_owned();
        object["metadata"]["name"] = json!(format!("{name}{}", random.between(40, 44)));
        let root = self.scene.objects.iter().find(|(_, it)| name_of(it) == before);
        let root = root.map_or(Root::Environment, |it| it.0.clone());
        self.remove(&before);
        self.remove(name_of(&object));
        self.scene.objects.push((root, object));
    }

    fn has(&self, name: &str) -> bool {
        self.scene.objects.iter().any(|(_, it)| name_of(it) == name)
    }

    /// Removes every object of a name.
    fn remove(&mut self, name: &str) {
        self.scene.objects.retain(|(_, it)| name_of(it) != name);
    }

    /// Puts an object into the environment, in place of others of its name.
    fn put(&mut self, object: Value) {
        self.remove(name_of(&object));
        self.scene.objects.push((Root::Environment, object));
    }
}

/// Returns the other profile.
pub(crate) fn other(profile: Profile) -> Profile {
    match profile {
        Profile::Standard => Profile::Kalypso,
        Profile::Kalypso => Profile::Standard,
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or("")
}

/// Puts comments before the blocks of objects. What begins like this in a text of a block is indented deeper; in brackets, texts
/// have one line.
fn with_notes(text: &str, count: usize) -> String {
    let blocks = ["data:", "metadata:", "spec:", "  \"data\":", "  \"metadata\":", "  \"spec\":"];
    let mut noted = String::new();
    for line in text.split_inclusive('\n') {
        if blocks.iter().any(|it| line.starts_with(it)) {
            noted.push_str(&"# why\n".repeat(count));
        }
        noted.push_str(line);
    }
    noted
}
