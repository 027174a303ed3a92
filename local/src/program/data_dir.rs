//! The directory that keeps state across restarts, used by one local cloud at a time and always by the same stack.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::plumbing::private_file;
use crate::plumbing::state_file::broken;

/// A data directory that nobody else uses while this value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Otherwise, whoever comes next gives up sooner.
        let _ = self.lock.set_len(0);
    }
}

/// Whose state a directory keeps. Names and ARNs of what lies in it say so, and stages of every stack lie together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Owner {
    pub(crate) stack_name: String,
    pub(crate) region: String,
}

/// How long a lock may stay after its holder has let go of it: a process that is being started holds a copy of every
/// file until it runs its own program, which takes its time on a busy machine.
const LINGER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it is tried for if the holder has not said that it lets go: it was killed, or is just about to say that it
/// holds the lock.
const UNCLEAR_TIMEOUT: Duration = Duration::from_secs(1);
/// What the lock's file says while somebody holds it. It is empty once they have let go.
const HELD: &[u8] = b"held";

/// Takes the lock of a file, for as long as one may linger.
fn lock_while_it_lingers(lock: &File, file: &Path) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let is_let_go = fs::read_to_string(file).is_ok_and(|said| said.is_empty());
                if started.elapsed() >= if is_let_go { LINGER_TIMEOUT } else { UNCLEAR_TIMEOUT } {
                    return Err(TryLockError::WouldBlock);
                }
                thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

impl DataDir {
    /// Makes the directory if there is none, and takes it.
    ///
    /// # Errors
    /// A directory that cannot be used, is in use, or keeps the state of another owner; the message names the cure.
    pub(crate) fn open(path: &Path, owner: &Owner) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use the data directory {}", path.display());
        if path.is_file() {
            bail!("the data directory {} is a file: name a directory with --data-dir", path.display());
        }
        private_file::make_directory(path).with_context(cannot)?;
        let file = path.join("lock");
        let lock = private_file::options().write(true).create(true).truncate(false).open(&file).with_context(cannot)?;
        match lock_while_it_lingers(&lock, &file) {
            Ok(()) => lock.set_len(0).and_then(|()| (&lock).write_all(HELD)).with_context(cannot)?,
            Err(TryLockError::WouldBlock) => bail!(
                "the data directory {} is in use by another local cloud: stop that one, or give this one --ephemeral or \
                 another --data-dir",
                path.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let directory = Self { path: path.to_owned(), lock };
        directory.belong_to(owner)?;
        Ok(directory)
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Checks whose state is kept here. Nobody's becomes the owner's.
    fn belong_to(&self, owner: &Owner) -> anyhow::Result<()> {
        let file = self.file("owner.json");
        let kept = match fs::read(&file) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| broken(&file, error))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let json = serde_json::to_vec(owner)?;
                return fs::write(&file, json).with_context(|| format!("cannot write {}", file.display()));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let Owner { stack_name, region } = &kept;
        let mut cure = Vec::new();
        if stack_name != &owner.stack_name {
            cure.push(format!("--stack-name {stack_name}"));
        }
        if region != &owner.region {
            cure.push(format!("--region {region}"));
        }
        if cure.is_empty() {
            return Ok(());
        }
        Err(anyhow!(
            "the data directory {} keeps the stack {stack_name} in {region}: give {}, or another --data-dir",
            self.path.display(),
            cure.join(" ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    fn owner(stack_name: &str, region: &str) -> Owner {
        Owner { stack_name: stack_name.to_owned(), region: region.to_owned() }
    }

    #[test]
    fn a_directory_stays_with_its_first_stack_and_region() {
        let temporary = TemporaryDirectory::new();
        let path = temporary.file();
        let open = |stack: &str, region: &str| DataDir::open(&path, &owner(stack, region)).map(drop);
        open("a", "us-east-1").unwrap();
        open("a", "us-east-1").unwrap();
        for (stack, region, cure) in [
            ("a", "eu-west-1", "--region us-east-1"),
            ("b", "us-east-1", "--stack-name a"),
            ("b", "eu-west-1", "--stack-name a --region us-east-1"),
        ] {
            let said = open(stack, region).unwrap_err().to_string();
            let what = "keeps the stack a in us-east-1";
            let path = path.display();
            assert_eq!(said, format!("the data directory {path} {what}: give {cure}, or another --data-dir"));
        }
        open("a", "us-east-1").unwrap();
    }

    #[test]
    fn a_lock_that_lingers_is_waited_for_and_one_that_is_held_is_not() {
        let temporary = TemporaryDirectory::new();
        let path = temporary.file();
        let open = || DataDir::open(&path, &owner("a", "us-east-1"));
        let held = open().unwrap();
        let said = open().unwrap_err().to_string();
        assert!(said.contains("is in use by another local cloud"), "{said}");
        // As a process that is being started has one.
        let copy = held.lock.try_clone().unwrap();
        drop(held);
        assert!(matches!(File::open(path.join("lock")).unwrap().try_lock(), Err(TryLockError::WouldBlock)));
        let waiting = Instant::now();
        let later = thread::spawn(move || {
            // Longer than for a lock that nobody has let go of.
            while waiting.elapsed() < 2 * UNCLEAR_TIMEOUT {
                thread::sleep(Duration::from_millis(20));
            }
            drop(copy);
        });
        assert!(open().is_ok());
        later.join().unwrap();
    }

    #[test]
    fn a_file_is_no_data_directory() {
        let temporary = TemporaryDirectory::new();
        let file = temporary.file();
        fs::write(&file, "").unwrap();
        let said = DataDir::open(&file, &owner("a", "us-east-1")).unwrap_err().to_string();
        assert_eq!(said, format!("the data directory {} is a file: name a directory with --data-dir", file.display()));
    }

    #[test]
    fn a_broken_owner_is_no_owner() {
        let temporary = TemporaryDirectory::new();
        let path = temporary.file();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("owner.json"), "{").unwrap();
        let said = DataDir::open(&path, &owner("a", "us-east-1")).unwrap_err().to_string();
        assert!(said.contains(&format!("delete the whole data directory {} to", path.display())), "{said}");
    }
}
