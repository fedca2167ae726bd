//! `kubectl kustomize`: a base, an overlay for each assignment, and one kustomization that takes them all.

use std::{fs, io, process::Command};

use camino::Utf8Path;

use super::{Peer, Printer, base};
use crate::fleet::{Fleet, Pair};

/// The kustomize that comes with kubectl.
pub(super) struct Kustomize;

const HEAD: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

impl Peer for Kustomize {
    fn name(&self) -> &'static str {
        "kubectl kustomize"
    }

    fn probe(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["kustomize", "--help"]);
        command
    }

    fn command(&self, at: &Utf8Path) -> Command {
        let mut command = Command::new("kubectl");
        // Overlays share the files of config layers.
        command.args(["kustomize", "--load-restrictor=LoadRestrictionsNone", "."]);
        command.current_dir(at);
        command
    }
}

impl Printer for Kustomize {
    /// Its time grows with the square of the number of overlays.
    fn most(&self) -> usize {
        1_000
    }

    fn write(&self, at: &Utf8Path, fleet: &Fleet, pairs: &[Pair]) -> io::Result<()> {
        let write = |path: String, text: String| {
            let path = at.join(path);
            fs::create_dir_all(path.parent().unwrap_or(at))?;
            fs::write(path, text)
        };
        for (name, text) in base::MANIFESTS {
            write(format!("base/{name}.yaml"), text.to_owned())?;
        }
        let files = base::MANIFESTS.map(|(name, _)| format!("- {name}.yaml")).join("\n");
        write("base/kustomization.yaml".to_owned(), format!("{HEAD}resources:\n{files}\n"))?;
        let layers = base::layers(fleet)?;
        for (name, data) in &layers {
            let patch = serde_json::json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": "config" },
                "data": data,
            });
            // JSON is YAML, too.
            write(format!("layers/{name}.yaml"), patch.to_string())?;
        }
        for pair in pairs {
            let name = base::name(pair);
            let patches = base::layers_of(pair, &layers).into_iter();
            let patches: Vec<String> =
                patches.map(|it| format!("- path: ../../layers/{it}.yaml")).collect();
            let text = format!(
                "{HEAD}resources:\n- ../../base\nnamespace: {name}\nnameSuffix: -{name}\nlabels:\n- pairs:\n    \
                 workload: {}\n    cluster-type: {}\npatches:\n{}\n",
                pair.workload,
                pair.cluster_type,
                patches.join("\n")
            );
            write(format!("overlays/{name}/kustomization.yaml"), text)?;
        }
        let overlays = pairs.iter().map(|it| format!("- overlays/{}", base::name(it)));
        let overlays = overlays.collect::<Vec<_>>().join("\n");
        write("kustomization.yaml".to_owned(), format!("{HEAD}resources:\n{overlays}\n"))
    }
}
