//! Whom processes trust in TLS: whom this machine trusts, and the local cloud's own authority.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::{env, io};

use crate::plumbing::{ids, pem, private_file};

/// A file of certificates, in the form that `SSL_CERT_FILE` is in. It is deleted with this value.
pub(crate) struct Certificates {
    bundle: Arc<Bundle>,
    writer: Option<JoinHandle<()>>,
}

struct Bundle {
    file: PathBuf,
    /// As PEM.
    authority: String,
    written: OnceLock<Result<(), String>>,
}

impl Certificates {
    /// Begins to write this machine's roots and another one, given as PEM. To find the roots takes longer than anything else
    /// at the start, and nobody needs them before there is a task.
    pub(crate) fn begin(authority: String) -> Self {
        let file = env::temp_dir().join(format!("local-cloud-{}.pem", ids::hex(32)));
        let bundle = Arc::new(Bundle { file, authority, written: OnceLock::new() });
        let writer = Arc::clone(&bundle);
        // Without a thread, whoever needs it writes it.
        let writer = thread::Builder::new().spawn(move || _ = writer.written()).ok();
        Self { bundle, writer }
    }

    /// The file, once it is written.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn file(&self) -> io::Result<&Path> {
        match self.bundle.written() {
            Ok(()) => Ok(&self.bundle.file),
            Err(error) => Err(io::Error::other(format!("cannot write certificates: {error}"))),
        }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // A process that ends before it would leave the file behind.
        let _ = self.writer.take().map(JoinHandle::join);
    }
}

impl Bundle {
    /// Writes it, if nobody has, and waits until it is done.
    fn written(&self) -> &Result<(), String> {
        self.written.get_or_init(|| self.write().map_err(|error| error.to_string()))
    }

    fn write(&self) -> io::Result<()> {
        let mut writer = private_file::options().write(true).create_new(true).open(&self.file)?;
        writer.write_all([roots(), &self.authority].concat().as_bytes())
    }
}

/// This machine's roots, as PEM: found once for all local clouds of a process, of which tests have hundreds.
fn roots() -> &'static str {
    static ROOTS: OnceLock<String> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let roots = rustls_native_certs::load_native_certs().certs;
        roots.iter().map(|root| pem::encode("CERTIFICATE", root)).collect()
    })
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}
