//! The only place that reads the environment.

use std::path::{Path, PathBuf};

/// The repository that these tests belong to.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where what is made once is kept.
pub fn cache() -> PathBuf {
    variable("UNDERSTUDY_CACHE").map_or_else(
        || PathBuf::from(variable("HOME").expect("HOME must be set")).join(".cache/understudy"),
        PathBuf::from,
    )
}

/// What `make demo` printed: KUBECONFIG, VIEW, WHEP or TOKEN.
pub fn demo(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("{name} is not set: `DETACH=1 make demo` prints it"))
}

/// The kube context of a demo in a cluster of somebody's; that of this machine is the only one in its file.
pub fn context() -> Option<String> {
    variable("CONTEXT")
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
