//! What the AWS SDK clients have in common: how they are built, at what rate they call, what a call costs, and what it
//! fails with. It links no client of a service: a crate that calls one brings it, and builds it with [`sdk_client!`].

mod calls;
mod client;
mod failure;
mod rate_limiter;

pub use calls::{Call, Calls, OperationCalls, Tally};
pub use client::{Aws, AwsConfig, create_timeouts, listing_retries};
pub use failure::AwsFailure;
pub use rate_limiter::RateLimiter;
