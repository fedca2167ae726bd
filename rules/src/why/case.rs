//! The case of one assignment: everything that its explanation looks at.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use wob_engine::{Database, Place, Step, Value};

use super::{FileWhy, LayerWhy, Matched, Overview, Side};
use crate::{
    Assignment, EnvironmentInput, LayerId, Layers, Model, Name, Target, WorkloadSource,
    compose::{Layer, SpecialLabels},
    environment_model, queries,
    render::{self, CompiledTemplate, Inputs, OutputFile, trace::TracedManifest},
    resource::{ClusterType, TargetSpec, Workload, WorkloadRegistration},
};

/// One assignment with its sources.
pub(super) struct Case<'d> {
    db: &'d Database,
    environment: EnvironmentInput,
    pub(super) model: &'d Model,
    pub(super) assignment: &'d Assignment,
    pub(super) cluster_type: &'d ClusterType,
    pub(super) target: &'d Target,
    pub(super) layers: &'d Layers,
    pub(super) ids: Vec<LayerId>,
    pub(super) precedence: crate::Precedence,
    /// What is rendered; `None` if it could not be put together.
    pub(super) inputs: Option<Arc<Inputs>>,
    /// What templates see, but for their parameters.
    data: OnceCell<Value>,
    /// The files that were traced, by name.
    traces: RefCell<BTreeMap<String, Rc<[TracedManifest]>>>,
}

/// A file of an assignment with its template.
pub(super) struct File<'c> {
    pub(super) name: String,
    pub(super) output: OutputFile<'c>,
    pub(super) template: &'c CompiledTemplate,
    pub(super) role: &'static str,
}

impl<'d> Case<'d> {
    /// Returns the case of an assignment whose inputs can be put together.
    pub(super) fn new(
        db: &'d Database,
        environment: EnvironmentInput,
        assignment: &'d Assignment,
    ) -> Option<Self> {
        let case = Self::without_inputs(db, environment, assignment);
        case.inputs.is_some().then_some(case)
    }

    /// Returns the case of an assignment; its config may be asked for even if it has no files.
    pub(super) fn without_inputs(
        db: &'d Database,
        environment: EnvironmentInput,
        assignment: &'d Assignment,
    ) -> Self {
        let model = environment_model(db, environment);
        let target = &model.targets[&assignment.target];
        let (layers, ids) = queries::layers_of(db, environment, assignment);
        Self {
            db,
            environment,
            model,
            assignment,
            cluster_type: &model.cluster_types[&assignment.cluster_type],
            target,
            layers,
            ids,
            precedence: environment.settings(db).config_precedence,
            inputs: queries::inputs_of(db, environment, assignment).as_ref().ok().cloned(),
            data: OnceCell::new(),
            traces: RefCell::default(),
        }
    }

    pub(super) fn data(&self) -> &Value {
        self.data
            .get_or_init(|| render::data(self.inputs(), &self.inputs().cluster_type.reconciler))
    }

    pub(super) fn inputs(&self) -> &Inputs {
        self.inputs.as_deref().expect("because cases with files are made with inputs")
    }

    /// Returns where the workspace sets a parameter of a rule for the cluster type.
    pub(super) fn parameter(&self, rule: &str, parameter: &str) -> Option<Place> {
        let settings = self.environment.parameters(self.db);
        let cluster_type = self.cluster_type.meta.name.as_str();
        settings.place(rule, parameter, cluster_type).cloned()
    }

    /// Returns what brought the target, if that was a registration.
    pub(super) fn registration(&self) -> Option<&'d WorkloadRegistration> {
        let file = &self.target.place.file;
        let brought = |it: &&WorkloadSource| {
            let source = it.source.as_ref().ok();
            *it.registration.workspace == *self.target.workspace
                && source
                    .is_some_and(|it| it.files(self.db).iter().any(|it| it.name(self.db) == file))
        };
        self.environment.workloads(self.db).iter().find(brought).map(|it| &it.registration)
    }

    /// Returns the workload of the target and the target in it; `None` if the target stands alone.
    pub(super) fn workload(&self) -> Option<(&'d Workload, &'d TargetSpec)> {
        let workload = self.model.workloads.get(&*self.target.workload)?;
        let spec = workload.targets.iter().find(|it| it.place == self.target.place)?;
        Some((workload, spec))
    }

    /// Returns the files with their templates, whether or not they are written; the reconciler's come first.
    pub(super) fn files(&self) -> Vec<File<'_>> {
        let inputs = self.inputs();
        let mut files = vec![];
        for output in inputs.output_files() {
            let name = output.name().to_string();
            files.push(File { name, output, template: output.template, role: output.role() });
        }
        files.sort_by_key(|it| match it.role {
            "reconciler" => 0,
            "namespaceService" => 1,
            _ => 2,
        });
        files
    }

    /// Traces the manifests of a file; none if one fails.
    pub(super) fn traced(&self, file: &File<'_>) -> Rc<[TracedManifest]> {
        let mut traces = self.traces.borrow_mut();
        let trace = || render::trace::trace(file.output, self.inputs()).unwrap_or_default().into();
        traces.entry(file.name.clone()).or_insert_with(trace).clone()
    }

    pub(super) fn overview(&self) -> Overview {
        let policies = self.assignment.policies.iter();
        let policy =
            |name: &Name| Some((name.clone(), self.model.policies.get(name)?.meta.place.clone()));
        let spec = self.cluster_type.meta.place.key("spec");
        let layers = crate::compose::by_precedence(self.layers, &self.ids, self.precedence);
        Overview {
            namespace: self.input(
                &vec![Step::Key("Namespace".into())],
                &self.inputs().cluster_type.namespace_service,
            ),
            policies: policies.filter_map(policy).collect(),
            files: self
                .files()
                .into_iter()
                .filter(|it| it.output.is_written(self.inputs()))
                .map(|it| FileWhy {
                    template: it.template.name().to_owned(),
                    chosen: spec.key(it.role),
                    place: self.template_place(it.template.name()),
                    file: it.name,
                })
                .collect(),
            layers: layers
                .into_iter()
                .map(|it| LayerWhy {
                    layer: it.name.clone(),
                    place: it.place.clone(),
                    labels: self.matched(it),
                })
                .collect(),
            config: self
                .inputs()
                .config
                .iter()
                .filter_map(|(key, _)| self.config(key, &[]))
                .collect(),
        }
    }

    fn template_place(&self, name: &str) -> Option<Place> {
        self.model.templates.get(name).map(|it| it.meta.place.clone())
    }

    /// Says what each label of a layer matches.
    pub(super) fn matched(&self, layer: &Layer) -> Vec<Matched> {
        let special = SpecialLabels::KALYPSO;
        let cluster = &self.cluster_type.meta;
        let matched = |(label, value): (&Arc<str>, &Arc<str>)| {
            let (side, place) = if **label == *special.cluster_type {
                (Side::ClusterTypeName, Some(cluster.place.key("metadata").key("name")))
            } else if **label == *special.deployment_target {
                (Side::TargetName, Some(self.target.place.clone()))
            } else if **label == *special.workload {
                (Side::WorkloadName, self.workload_name())
            } else if cluster.labels.get(&**label).is_some_and(|it| **it == **value) {
                let labels = cluster.place.key("metadata").key("labels");
                (Side::ClusterTypeLabel, Some(labels.key(label)))
            } else {
                (Side::TargetLabel, self.label(label))
            };
            Matched { label: label.clone(), value: value.clone(), side, place }
        };
        layer.labels.iter().map(matched).collect()
    }
}
