//! What a stand-in remembers: in memory, and in a JSON file when there is one.

use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, anyhow};
use serde::{Serialize, de::DeserializeOwned};

use super::private_file;

/// State behind a lock. With a file, a change is on disk before it is visible or acknowledged.
pub(crate) struct Stored<T> {
    inner: Mutex<Inner<T>>,
    file: Option<PathBuf>,
}

struct Inner<T> {
    state: T,
    /// What the file holds; nothing without one.
    saved: Vec<u8>,
}

/// The state file could not be written; the change did not happen.
#[derive(Debug)]
pub(crate) struct SaveError {
    file: PathBuf,
    cause: io::Error,
}

impl Display for SaveError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "cannot write {}: {}", self.file.display(), self.cause)
    }
}

impl<T: Clone + Default + Serialize + DeserializeOwned> Stored<T> {
    /// Reads the state from `file`, if there is one; it need not exist yet. None keeps the state in memory alone.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that is not such a state.
    pub(crate) fn open(file: Option<PathBuf>) -> anyhow::Result<Self> {
        let inner = match &file {
            None => Inner { state: T::default(), saved: Vec::new() },
            Some(path) => {
                let (state, saved) = read(path)?;
                let mut inner = Inner { state, saved };
                // A directory that cannot be written is found out here, and not by the first change.
                inner.take_up(path).with_context(|| format!("cannot write {}", path.display()))?;
                inner
            }
        };
        Ok(Self { inner: Mutex::new(inner), file })
    }

    /// Looks at the state.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock().state)
    }

    /// Changes the state and saves it. A change that fails must leave the state as it found it.
    ///
    /// # Errors
    /// Those of `change`, and a file that cannot be written; nothing has changed then.
    pub(crate) fn change<R, E: From<SaveError>>(&self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        let mut inner = self.lock();
        let Some(file) = &self.file else { return change(&mut inner.state) };
        let mut next = inner.state.clone();
        let answer = change(&mut next)?;
        inner.save(file, &next).map_err(|cause| SaveError { file: file.clone(), cause })?;
        inner.state = next;
        Ok(answer)
    }

    /// A change that happens in memory even where it cannot be saved; the next saved change carries it along.
    pub(crate) fn change_anyway<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let inner = &mut *self.lock();
        let answer = change(&mut inner.state);
        if let Some(file) = &self.file
            && let Ok(text) = serde_json::to_vec(&inner.state)
        {
            let _ = save(file, text, &mut inner.saved);
        }
        answer
    }

    /// A panic while the lock was held says nothing about the state: every change either is complete or is not there.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Serialize> Inner<T> {
    /// Saves a state that has been read, or finds out that one could be saved.
    fn take_up(&mut self, file: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(&self.state)?;
        if text != self.saved {
            return save(file, text, &mut self.saved);
        }
        private_file::restrict(file)?;
        let next = next(file);
        create(&next)?;
        fs::remove_file(next)
    }

    /// Saves what is to be the state.
    fn save(&mut self, file: &Path, state: &T) -> io::Result<()> {
        save(file, serde_json::to_vec(state)?, &mut self.saved)
    }
}

/// The state, and the text of the file; none of it is there yet if the file is not.
fn read<T: Default + DeserializeOwned>(file: &Path) -> anyhow::Result<(T, Vec<u8>)> {
    match fs::read(file) {
        Ok(json) => Ok((serde_json::from_slice(&json).map_err(|error| broken(file, error))?, json)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((T::default(), Vec::new())),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Replaces the file as a whole, unless it holds this text: a reader, or the next start after a kill, finds the old text or
/// the new one. To have that on disk takes milliseconds.
fn save(file: &Path, text: Vec<u8>, saved: &mut Vec<u8>) -> io::Result<()> {
    if text == *saved {
        return Ok(());
    }
    let next = next(file);
    let mut writer = create(&next)?;
    writer.write_all(&text)?;
    writer.sync_all()?;
    fs::rename(next, file)?;
    *saved = text;
    Ok(())
}

/// What becomes the file.
fn next(file: &Path) -> PathBuf {
    let mut next = file.as_os_str().to_owned();
    next.push(".next");
    next.into()
}

/// Makes a file in the place of one that was left behind. Only this user may read it, since the state may hold secrets.
fn create(next: &Path) -> io::Result<File> {
    match fs::remove_file(next) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    private_file::options().write(true).create_new(true).open(next)
}

/// A file of the data directory that is not what the local cloud writes there. The files refer to each other (a secret
/// names a public key of IVS, say), so that none can be deleted alone.
pub(crate) fn broken(file: &Path, cause: impl std::fmt::Display) -> anyhow::Error {
    let directory = file.parent().unwrap_or(file).display();
    anyhow!(
        "{} is broken ({cause}): delete the whole data directory {directory} to start afresh, since its files refer \
         to each other",
        file.display()
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory of a test's own, deleted with it.
    pub(crate) struct TemporaryDirectory(PathBuf);

    impl TemporaryDirectory {
        pub(crate) fn new() -> Self {
            let path = std::env::temp_dir().join(format!("local-cloud-{}", crate::plumbing::ids::alphanumeric(16)));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(crate) fn file(&self) -> PathBuf {
            self.0.join("state.json")
        }
    }

    impl Drop for TemporaryDirectory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn push(stored: &Stored<Vec<u8>>, item: u8) -> Result<(), SaveError> {
        stored.change(|state| {
            state.push(item);
            Ok(())
        })
    }

    #[test]
    fn a_change_survives_reopening() {
        let directory = TemporaryDirectory::new();
        push(&Stored::open(Some(directory.file())).unwrap(), 1).unwrap();
        let again = Stored::<Vec<u8>>::open(Some(directory.file())).unwrap();
        assert_eq!(again.read(Clone::clone), [1]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_file() {
        let directory = TemporaryDirectory::new();
        push(&Stored::open(Some(directory.file())).unwrap(), 1).unwrap();
        assert_eq!(private_file::mode(&directory.file()), 0o600);
    }

    #[test]
    fn what_changes_nothing_is_not_written_and_what_could_not_be_saved_is_with_the_next_change() {
        let directory = TemporaryDirectory::new();
        let stored = Stored::open(Some(directory.file())).unwrap();
        push(&stored, 1).unwrap();
        let reopened = Stored::<Vec<u8>>::open(Some(directory.file())).unwrap();
        fs::write(directory.file(), "another's").unwrap();
        for stored in [&stored, &reopened] {
            stored.change_anyway(|_| ());
            stored.change(|_| Ok::<_, SaveError>(())).unwrap();
        }
        assert_eq!(fs::read(directory.file()).unwrap(), b"another's");
        fs::create_dir(next(&directory.file())).unwrap();
        stored.change_anyway(|state| state.push(2));
        fs::remove_dir(next(&directory.file())).unwrap();
        stored.change_anyway(|_| ());
        assert_eq!(fs::read(directory.file()).unwrap(), b"[1,2]");
    }

    #[test]
    fn a_state_that_could_not_be_saved_is_not_taken_up() {
        let directory = TemporaryDirectory::new();
        push(&Stored::open(Some(directory.file())).unwrap(), 1).unwrap();
        fs::create_dir(next(&directory.file())).unwrap();
        assert!(Stored::<Vec<u8>>::open(Some(directory.file())).is_err());
    }

    #[test]
    fn a_change_that_cannot_be_saved_did_not_happen() {
        let directory = TemporaryDirectory::new();
        let stored = Stored::open(Some(directory.file())).unwrap();
        push(&stored, 1).unwrap();
        fs::remove_dir_all(&directory.0).unwrap();
        let error = push(&stored, 2).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(stored.read(Clone::clone), [1]);
    }

    #[test]
    fn a_failed_change_is_not_saved() {
        let directory = TemporaryDirectory::new();
        let stored = Stored::<Vec<u8>>::open(Some(directory.file())).unwrap();
        let refused = stored.change(|state| {
            state.push(1);
            Err::<(), _>(SaveError { file: directory.file(), cause: ErrorKind::Other.into() })
        });
        assert!(refused.is_err());
        assert!(stored.read(Vec::is_empty));
    }

    #[test]
    fn a_file_that_is_no_state_is_named_with_what_to_delete() {
        let directory = TemporaryDirectory::new();
        fs::write(directory.file(), "{").unwrap();
        let error = Stored::<Vec<u8>>::open(Some(directory.file())).err().unwrap();
        let advice = format!("delete the whole data directory {} to start afresh", directory.0.display());
        let said = format!("{error:#}");
        assert!(said.contains("state.json is broken (") && said.contains(&advice), "{said}");
    }
}
