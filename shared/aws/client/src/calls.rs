//! Counts what a request costs in AWS calls, for its log line and its metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// How many attempts are remembered one by one: more than a request makes. A run that makes thousands is told by sums.
const LISTED: usize = 16;

/// One attempt of one AWS operation; a retry is a call of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Such as `DynamoDB.GetItem`.
    pub operation: String,
    /// From sending to the end of the answer, or to giving up.
    pub duration: Duration,
}

/// The calls of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationCalls {
    /// Calls, however often each was tried.
    pub calls: u64,
    /// Attempts, which are what AWS counts.
    pub attempts: u64,
    /// Attempts that failed: refused, or without an answer.
    pub errors: u64,
    /// Of all attempts together.
    pub total: Duration,
    /// Of one attempt.
    pub longest: Duration,
}

/// What was called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    first: Vec<Call>,
    /// By operation.
    pub operations: BTreeMap<String, OperationCalls>,
}

impl Tally {
    /// Adds an attempt.
    pub fn add(&mut self, call: Call, is_retry: bool, failed: bool) {
        let of = self.operations.entry(call.operation.clone()).or_default();
        of.calls += u64::from(!is_retry);
        of.attempts += 1;
        of.errors += u64::from(failed);
        of.total += call.duration;
        of.longest = of.longest.max(call.duration);
        if self.first.len() < LISTED {
            self.first.push(call);
        }
    }

    /// Attempts of any operation.
    pub fn attempts(&self) -> u64 {
        self.operations.values().map(|of| of.attempts).sum()
    }

    /// Every attempt, in order; `None` if there were too many to remember.
    pub fn listed(&self) -> Option<&[Call]> {
        (usize::try_from(self.attempts()) == Ok(self.first.len())).then_some(&self.first)
    }
}

/// The calls made since they were last taken. An instance serves one request at a time, so they are that request's.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Tally>>);

impl Calls {
    /// The calls since the last time.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
struct SentAt(Instant);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(SentAt(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation =
            cfg.load::<Metadata>().map_or_else(String::new, |call| format!("{}.{}", call.service(), call.name()));
        let duration = cfg.load::<SentAt>().map_or(Duration::ZERO, |sent| sent.0.elapsed());
        let is_retry = cfg.load::<RequestAttempts>().is_some_and(|attempts| attempts.attempts() > 1);
        let failed = context.output_or_error().is_none_or(|outcome| outcome.is_err());
        let call = Call { operation, duration };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(call, is_retry, failed);
        Ok(())
    }
}
