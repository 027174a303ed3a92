//! PEM (RFC 7468).

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::private_file;

/// Encodes DER under a label such as `PRIVATE KEY`.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Writes a private key that only this user may read.
pub(crate) fn write_private(file: &Path, pem: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut writer = private_file::options().write(true).create(true).truncate(true).open(file)?;
        writer.write_all(pem.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}
