//! jrsonnet: one program of jsonnet that makes every manifest.

use std::{fs, io, process::Command};

use camino::Utf8Path;

use super::{Peer, Printer, base};
use crate::fleet::{Fleet, Pair};

/// The Rust implementation of jsonnet, which is the fastest.
pub(super) struct Jrsonnet;

/// Merges the layers of each assignment and changes the manifests, which are read once.
const PROGRAM: &str = r"local layers = import 'layers.json';
local assignments = import 'assignments.json';
local sync = std.parseYaml(importstr 'sync.yaml');
local networkPolicy = std.parseYaml(importstr 'network-policy.yaml');
local config = std.parseYaml(importstr 'config.yaml');

local manifests(it) =
  local metadata(base) = {
    metadata+: {
      name: base.metadata.name + '-' + it.name,
      namespace: it.name,
      labels+: { workload: it.workload, 'cluster-type': it.clusterType },
    },
  };
  [
    sync + metadata(sync),
    networkPolicy + metadata(networkPolicy),
    config + metadata(config) {
      data: std.foldl(function(data, layer) data + layers[layer], it.layers, {}),
    },
  ];

std.flatMap(manifests, assignments)
";

impl Peer for Jrsonnet {
    fn name(&self) -> &'static str {
        "jrsonnet"
    }

    fn probe(&self) -> Command {
        let mut command = Command::new("jrsonnet");
        command.arg("--version");
        command
    }

    fn command(&self, at: &Utf8Path) -> Command {
        let mut command = Command::new("jrsonnet");
        command.args(["--yaml-stream", "--format=yaml", "main.jsonnet"]).current_dir(at);
        command
    }
}

impl Printer for Jrsonnet {
    fn most(&self) -> usize {
        100_000
    }

    fn write(&self, at: &Utf8Path, fleet: &Fleet, pairs: &[Pair]) -> io::Result<()> {
        fs::create_dir_all(at)?;
        fs::write(at.join("main.jsonnet"), PROGRAM)?;
        for (name, text) in base::MANIFESTS {
            fs::write(at.join(format!("{name}.yaml")), text)?;
        }
        let layers = base::layers(fleet)?;
        let assignments = pairs.iter().map(|it| {
            serde_json::json!({
                "name": base::name(it),
                "workload": it.workload,
                "clusterType": it.cluster_type,
                "layers": base::layers_of(it, &layers),
            })
        });
        let assignments: Vec<_> = assignments.collect();
        fs::write(at.join("layers.json"), serde_json::to_string(&layers)?)?;
        fs::write(at.join("assignments.json"), serde_json::to_string(&assignments)?)
    }
}
