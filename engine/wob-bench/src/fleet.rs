//! Generated fleets: control planes of any number of assignments, the same for the same seed.
//!
//! **Invariant:** the sources are correct: a build of them has no errors, and as many assignments as [`Shape`] says.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::texts;

/// The one environment of a fleet.
pub(crate) const ENVIRONMENT: &str = "prod";

/// How many deployment targets of [`ENVIRONMENT`] a workload has.
const TARGETS_OF_A_WORKLOAD: usize = 5;

/// How many of what a fleet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Groups of cluster types and targets: each target of a group runs on each cluster type of it.
    groups: usize,
    /// Cluster types, in equal parts by group.
    pub(crate) cluster_types: usize,
    /// Deployment targets of one group.
    targets_of_a_group: usize,
}

/// One assignment of a fleet, and what its config depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) cluster_type: String,
    pub(crate) region: String,
    pub(crate) size: &'static str,
    pub(crate) workload: String,
    /// The name of the target, without the workload's.
    pub(crate) target: String,
}

/// The files of a fleet, by path, in three sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fleet {
    /// Templates, registrations and shared config.
    pub(crate) base: BTreeMap<String, String>,
    /// Cluster types, policies and config.
    pub(crate) control_plane: BTreeMap<String, String>,
    /// The workloads of each team.
    pub(crate) teams: BTreeMap<String, BTreeMap<String, String>>,
}

impl Shape {
    /// Returns the shape that has `assignments`, or a few more where it does not come out even.
    pub(crate) fn of(assignments: usize) -> Self {
        let (groups, cluster_types) = match assignments {
            ..=500 => (2, 10),
            501..=5_000 => (2, 20),
            5_001..=50_000 => (5, 50),
            50_001.. => (10, 200),
        };
        let workloads = assignments.div_ceil(cluster_types * TARGETS_OF_A_WORKLOAD).max(1);
        Self { groups, cluster_types, targets_of_a_group: workloads * TARGETS_OF_A_WORKLOAD }
    }

    /// Returns the number of assignments.
    pub(crate) fn assignments(self) -> usize {
        self.cluster_types * self.targets_of_a_group
    }

    /// Returns the number of deployment targets.
    pub(crate) fn targets(self) -> usize {
        self.groups * self.targets_of_a_group
    }

    /// Returns every assignment, as the policies of the fleet bring them about.
    pub(crate) fn pairs(self) -> impl Iterator<Item = Pair> {
        let workloads = move |group| (group..self.workloads()).step_by(self.groups);
        (0..self.cluster_types).flat_map(move |cluster_type| {
            let workloads = workloads(cluster_type % self.groups);
            workloads.flat_map(move |workload| {
                (0..TARGETS_OF_A_WORKLOAD).map(move |target| Pair {
                    cluster_type: cluster_type_name(cluster_type),
                    region: region_name(cluster_type % self.regions()),
                    size: texts::size(cluster_type),
                    workload: workload_name(workload),
                    target: texts::target_name(target),
                })
            })
        })
    }

    fn workloads(self) -> usize {
        self.targets() / TARGETS_OF_A_WORKLOAD
    }

    fn regions(self) -> usize {
        (self.cluster_types / 10).max(2)
    }

    fn teams(self) -> usize {
        self.workloads().div_ceil(10)
    }
}

impl Fleet {
    /// Generates the fleet of `shape`.
    pub(crate) fn generate(shape: Shape, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut fleet = Self::default();
        fleet.add_base(shape, &mut random);
        fleet.add_cluster_types(shape, &mut random);
        fleet.add_policies(shape);
        fleet.add_workloads(shape, &mut random);
        fleet
    }

    /// Returns every file, under the folder that it has in a workspace of the folders layout.
    pub(crate) fn files(&self) -> BTreeMap<String, &str> {
        let base = self.base.iter().map(|(path, text)| (format!("base/{path}"), text.as_str()));
        let control_plane = self.control_plane.iter();
        let control_plane =
            control_plane.map(|(path, text)| (format!("{ENVIRONMENT}/{path}"), text.as_str()));
        let teams = self.teams.iter().flat_map(|(team, files)| {
            files.iter().map(move |(path, text)| (format!("teams/{team}/{path}"), text.as_str()))
        });
        base.chain(control_plane).chain(teams).collect()
    }

    /// Returns the settings of a workspace of the folders layout.
    pub(crate) fn workspace_file(&self) -> String {
        let mut text = format!(
            "version: 1\nbase: base\nenvironments:\n  {ENVIRONMENT}: {ENVIRONMENT}\ninputs:\n"
        );
        for team in self.teams.keys() {
            writeln!(text, "  - url: {}\n    path: teams/{team}", texts::repository(team))
                .expect("because writing to a text cannot fail");
        }
        text
    }

    fn add_base(&mut self, shape: Shape, random: &mut Random) {
        for (path, text) in texts::TEMPLATES {
            self.base.insert(path.to_owned(), text.to_owned());
        }
        self.base.insert("schemas/common.yaml".to_owned(), texts::SCHEMA.to_owned());
        let company = [
            ("COMPANY", "Example Ferries".to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
            ("REPLICAS", "2".to_owned()),
            (
                "TELEMETRY",
                "|\n    endpoint: https://telemetry.example.org\n    sampling: 10".to_owned(),
            ),
            ("DATABASE_HOST", format!("db-{}.internal.example.org", random.word())),
            ("FEATURES", "|\n    - checkout\n    - timetable\n    - seat-map".to_owned()),
            ("REGISTRY", "registry.example.org/platform".to_owned()),
            ("SUPPORT", "mailto:platform@example.org".to_owned()),
            ("TRACE_ENDPOINT", "https://traces.example.org:4318/v1/traces".to_owned()),
            ("METRICS_ENDPOINT", "https://metrics.example.org:9090/api/v1/write".to_owned()),
            ("IDENTITY_ISSUER", "https://login.example.org/realms/platform".to_owned()),
            ("HTTP_PROXY", "http://proxy.internal.example.org:3128".to_owned()),
            ("NO_PROXY", ".svc,.cluster.local,.internal.example.org".to_owned()),
            ("TLS_MIN_VERSION", "\"1.2\"".to_owned()),
            ("BACKUP_SCHEDULE", "30 2 * * *".to_owned()),
            ("MAINTENANCE", "|\n    day: sunday\n    window: 02:00-04:00".to_owned()),
        ];
        self.base.insert("config/company.yaml".to_owned(), texts::layer("company", &[], &company));
        for team in (0..shape.teams()).map(team_name) {
            self.base.insert(format!("registrations/{team}.yaml"), texts::registration(&team));
        }
    }

    fn add_cluster_types(&mut self, shape: Shape, random: &mut Random) {
        for region in (0..shape.regions()).map(region_name) {
            let values = [
                ("REGION", region.clone()),
                ("DATABASE_HOST", format!("db.{region}.example.org")),
                ("CACHE_HOST", format!("cache-{}.{region}.example.org", random.word())),
                ("TIME_ZONE", "Europe/Oslo".to_owned()),
            ];
            let text = texts::layer(&format!("region-{region}"), &[("region", &region)], &values);
            self.control_plane.insert(format!("config/region-{region}.yaml"), text);
        }
        for (size, replicas) in [("small", 1), ("medium", 3), ("large", 6)] {
            let values = [
                ("REPLICAS", replicas.to_string()),
                ("CPU_LIMIT", format!("\"{}\"", replicas * 2)),
                ("MEMORY_LIMIT", format!("{replicas}Gi")),
            ];
            let text = texts::layer(&format!("size-{size}"), &[("size", size)], &values);
            self.control_plane.insert(format!("config/size-{size}.yaml"), text);
        }
        for index in 0..shape.cluster_types {
            let name = cluster_type_name(index);
            let text = texts::cluster_type(&name, index, index % shape.groups, shape.regions());
            self.control_plane.insert(format!("cluster-types/{name}.yaml"), text);
            if index % 3 == 0 {
                let values = [
                    ("INGRESS_HOST", format!("{}.{name}.example.org", random.word())),
                    ("STORAGE_CLASS", format!("fast-{}", random.word())),
                    ("LOG_LEVEL", "warn".to_owned()),
                ];
                let labels = [("cluster-type", name.as_str())];
                let text = texts::layer(&format!("type-{name}"), &labels, &values);
                self.control_plane.insert(format!("config/type-{name}.yaml"), text);
            }
        }
    }

    fn add_policies(&mut self, shape: Shape) {
        for group in 0..shape.groups {
            for size in [None, Some("large")] {
                let (name, text) = texts::policy(group, size);
                self.control_plane.insert(format!("scheduling/{name}.yaml"), text);
            }
        }
    }

    fn add_workloads(&mut self, shape: Shape, random: &mut Random) {
        for index in 0..shape.workloads() {
            let name = workload_name(index);
            let team = team_name(index % shape.teams());
            let text = texts::workload(&name, index % shape.groups, TARGETS_OF_A_WORKLOAD);
            self.teams.entry(team).or_default().insert(format!("{name}.yaml"), text);
            let values = [
                ("APP_NAME", name.clone()),
                ("APP_ENDPOINT", format!("https://{name}.example.org/{}", random.word())),
                ("QUEUE", format!("amqp://queue.example.org/{name}-{}", random.word())),
                ("REPLICAS", (index % 7 + 1).to_string()),
                ("OWNER", format!("{}@example.org", random.word())),
                ("LIMITS", format!("|\n    requests: {}\n    burst: 50", index % 90 + 10)),
                ("SECRET_PATH", format!("vault/{name}/{}", random.word())),
                ("DATABASE_NAME", format!("{}_{}", random.word(), random.word())),
                ("HEALTH_PATH", format!("/{}/healthz?deep=true", random.word())),
                ("DESCRIPTION", format!("The {} service, {} for passengers", random.word(), random.word())),
                ("TIMEOUT", format!("{}s", index % 50 + 5)),
                ("FLAGS", "|\n    - name: fast-path\n      enabled: true\n    - name: dark-mode\n      enabled: false".to_owned()),
            ];
            let labels = [("workload", name.as_str())];
            let text = texts::layer(&format!("workload-{name}"), &labels, &values);
            self.control_plane.insert(format!("config/workload-{name}.yaml"), text);
            if index % 2 == 0 {
                let target = format!("{name}-{}", texts::target_name(1));
                let values = [("LOG_LEVEL", "debug".to_owned()), ("CANARY", "true".to_owned())];
                let labels = [("deployment-target", target.as_str())];
                let text = texts::layer(&format!("target-{target}"), &labels, &values);
                self.control_plane.insert(format!("config/target-{target}.yaml"), text);
            }
        }
    }
}

fn team_name(index: usize) -> String {
    format!("team-{index:03}")
}

fn workload_name(index: usize) -> String {
    format!("app-{index:04}")
}

fn region_name(index: usize) -> String {
    format!("region-{index:02}")
}

fn cluster_type_name(index: usize) -> String {
    format!("site-{index:03}")
}

/// `SplitMix64`: small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// Returns eight lower-case letters.
    fn word(&mut self) -> String {
        let mut bits = self.next();
        let letter = |_| {
            let letter = char::from(b'a' + u8::try_from(bits % 26).unwrap_or_default());
            bits /= 26;
            letter
        };
        (0..8).map(letter).collect()
    }
}
