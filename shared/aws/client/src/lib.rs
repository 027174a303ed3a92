//! What the AWS SDK clients have in common: how they are built, at what rate they call, what a call costs, and what it
//! fails with. It links no client of a service: a crate that calls one brings it, and builds it with [`sdk_client!`].

mod calls;
mod client;
mod failure;
mod http;
mod rate_limiter;
#[cfg(test)]
mod tests;

pub use calls::{Call, Calls, OperationCalls, Tally};
pub use client::{Aws, AwsConfig, SdkClient, create_timeouts, listing_retries};
pub use failure::AwsFailure;
pub use http::Trust;
pub use rate_limiter::RateLimiter;
