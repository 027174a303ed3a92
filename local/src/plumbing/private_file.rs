//! Files that only this user may read, since keys and tokens lie in them.
//!
//! Only Unix has modes. Elsewhere a file is as private as the directory in which it lies.

#[cfg(unix)]
use std::fs;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Options that make a file of the mode 0600.
pub(crate) fn options() -> OpenOptions {
    with_mode(OpenOptions::new())
}

#[cfg(unix)]
fn with_mode(mut options: OpenOptions) -> OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(not(unix))]
fn with_mode(options: OpenOptions) -> OpenOptions {
    options
}

/// Makes a directory of the mode 0700, and what is missing above it. One that is there stays as it is.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Gives a file the mode 0600, if it is there.
#[cfg(unix)]
pub(crate) fn restrict(file: &Path) -> io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    match fs::set_permissions(file, mode) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// There is no mode to give it.
#[cfg(not(unix))]
pub(crate) fn restrict(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// The mode of a file, for tests.
#[cfg(all(test, unix))]
pub(crate) fn mode(file: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(file).expect("the file is there").permissions()) & 0o777
}
