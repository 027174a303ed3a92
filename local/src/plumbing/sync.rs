//! Locking without poisoning: a panic in one request does not take the others down.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicked holder left behind is used as it is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
