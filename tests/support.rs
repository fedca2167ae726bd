//! Where snapshots go, and how `wob` is run.

use std::{
    path::Path,
    process::{Command, Output},
};

/// The workspace's root.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs `assert` with insta writing to `snapshots/<folder>/<name>.snap`.
pub(crate) fn with_snapshots_in(folder: &str, assert: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(ROOT).join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.remove_snapshot_suffix();
    settings.set_omit_expression(true);
    settings.bind(assert);
}

/// Returns `wob` in the folder `at`, with an environment that holds nothing but a cache folder below it.
pub(crate) fn wob_command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wob"));
    command.args(args).current_dir(at).env_clear().env("HOME", at.join("home"));
    command
}

/// Runs `wob` in the folder `at` and returns everything a user would see, in one text.
pub(crate) fn wob_in(at: &Path, args: &[&str]) -> String {
    seen(&wob_command(at, args).output().expect("because cargo built wob"))
}

/// Returns everything a user would see of a run, in one text.
pub(crate) fn seen(output: &Output) -> String {
    let code = output.status.code().expect("because wob ends by itself");
    let stdout = str::from_utf8(&output.stdout).expect("because wob prints UTF-8");
    let stderr = str::from_utf8(&output.stderr).expect("because wob prints UTF-8");
    format!("exit: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}")
}
