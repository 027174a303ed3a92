//! Where the project is.

use std::path::{Path, PathBuf};

/// The project's root, where template.yaml is.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
