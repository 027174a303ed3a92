//! A panic is a bug. It ends the invocation that met it, which fails as for any other bug, and not the instance.
//!
//! A panic's message may be made of whatever was at hand, such as an answer of AWS with a token in it. So the log tells
//! where it was, and its message only if it stands in the source as it is.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::pin::pin;
use std::task::Poll;

use model::Error;

/// Where the panic was.
#[derive(Debug)]
pub(crate) struct Panicked {
    place: String,
    message: Option<&'static str>,
}

impl Panicked {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let place = info.location().map_or_else(|| "a place unknown".to_owned(), ToString::to_string);
        Self { place, message: info.payload().downcast_ref::<&'static str>().copied() }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at {}", self.place)?;
        self.message.map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

impl std::error::Error for Panicked {}

/// What this thread is doing.
enum State {
    /// Nothing that [`caught`] watches.
    Unwatched,
    /// It polls what is watched.
    Watched,
    /// That has panicked.
    Panicked(Panicked),
}

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::Unwatched) };
}

/// From now on, the panics of what [`caught`] watches are told by it alone, and those of anything else by `otherwise`.
pub(crate) fn watch(otherwise: impl Fn(&PanicHookInfo<'_>, Panicked) + Send + Sync + 'static) {
    set_hook(Box::new(move |info| {
        let panicked = Panicked::of(info);
        let unwatched = STATE.with_borrow_mut(|state| match state {
            State::Unwatched => Some(panicked),
            State::Watched | State::Panicked(_) => {
                *state = State::Panicked(panicked);
                None
            }
        });
        if let Some(panicked) = unwatched {
            otherwise(info, panicked);
        }
    }));
}

/// What comes of a future, or where it panicked.
///
/// # Errors
/// [`Error::Internal`] for a panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Error> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let before = STATE.replace(State::Watched);
        // Nothing of the future is used after it panicked; what it shares with others are locks that go on when poisoned.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let state = STATE.replace(before);
        match (polled, state) {
            (Ok(Poll::Pending), _) => Poll::Pending,
            (Ok(Poll::Ready(output)), _) => Poll::Ready(Ok(output)),
            (Err(_), State::Panicked(panicked)) => Poll::Ready(Err(Error::internal(panicked))),
            (Err(_), _) => Poll::Ready(Err(Error::internal("panicked"))),
        }
    })
    .await
}

#[cfg(test)]
pub(crate) mod tests {
    use std::panic::take_hook;
    use std::sync::Once;

    use super::*;

    /// As `log::init` has it, except that other tests' panics are shown as ever.
    pub(crate) fn watch_in_tests() {
        static WATCHING: Once = Once::new();
        WATCHING.call_once(|| {
            let shown = take_hook();
            watch(move |info, _| shown(info));
        });
    }

    async fn cause<T: fmt::Debug>(future: impl Future<Output = T>) -> String {
        watch_in_tests();
        caught(future).await.unwrap_err().causes().unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_told_by_its_place_and_by_its_message_if_that_is_of_the_source() {
        let line = line!() + 1;
        let cause = cause(async { panic!("no such thing") }).await;
        assert!(cause.starts_with(&format!("panicked at shared/lambda/src/panic.rs:{line}:")), "{cause}");
        assert!(cause.ends_with(": no such thing"), "{cause}");
    }

    #[tokio::test]
    async fn a_message_that_was_put_together_is_not_told() {
        let token = "hunter2".to_owned();
        let cause = cause(async move {
            tokio::task::yield_now().await;
            token.parse::<u8>().map_err(|_| token).unwrap();
        })
        .await;
        assert!(cause.starts_with("panicked at ") && !cause.contains("hunter2"), "{cause}");
    }

    #[tokio::test]
    async fn one_that_is_caught_within_another_leaves_that_watched() {
        let cause = cause(async {
            assert!(caught(async { panic!("inner") }).await.is_err());
            assert!(caught(async { 1 }).await.is_ok());
            panic!("outer")
        })
        .await;
        assert!(cause.ends_with(": outer"), "{cause}");
    }
}
