//! Whom processes trust in TLS: whom this machine trusts, and the local cloud's own authority.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::plumbing::{ids, pem, private_file};

/// A file of certificates, in the form that `SSL_CERT_FILE` is in. It is deleted with this value.
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    /// Writes this machine's roots and another one, given as PEM.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(authority: &str) -> io::Result<Self> {
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots = roots.iter().map(|root| pem::encode("CERTIFICATE", root));
        let file = env::temp_dir().join(format!("local-cloud-{}.pem", ids::hex(32)));
        let mut writer = private_file::options().write(true).create_new(true).open(&file)?;
        let certificates = Self(file);
        writer.write_all(roots.chain([authority.to_owned()]).collect::<String>().as_bytes())?;
        Ok(certificates)
    }

    pub(super) fn file(&self) -> &Path {
        &self.0
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
