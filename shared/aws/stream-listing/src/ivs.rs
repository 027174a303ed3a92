//! IVS: the streams of the account, and whose channels they are.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use aws_client::{Aws, AwsFailure, RateLimiter, listing_retries, sdk_client};
use aws_sdk_ivs::Client;
use aws_sdk_ivs::config::Config;
use aws_sdk_ivs::types::StreamSummary;
use model::stream::{Health, Listed};
use model::{ChannelArn, ChannelName, Error};
use time::OffsetDateTime;

/// The most channels that one call tells of.
const BATCH: usize = 50;

/// IVS, as far as what is on air goes.
pub struct StreamIvs {
    ivs: Client,
    limiter: RateLimiter,
    /// The names of channels on air of which no row told, so that those of others are asked for once. `None`: it has
    /// none that a channel of ours could have.
    names: Mutex<HashMap<ChannelArn, Option<ChannelName>>>,
}

impl StreamIvs {
    /// Calls at a pace that leaves some of IVS's five calls a second to others.
    pub fn new(aws: &Aws, limiter: RateLimiter) -> Self {
        Self { ivs: sdk_client!(aws, aws_sdk_ivs, "IVS"), limiter, names: Mutex::default() }
    }

    /// Everything on air in the account, from a complete listing.
    ///
    /// # Errors
    /// What IVS fails with, on any page.
    pub(crate) async fn streams(&self) -> Result<Vec<Listed>, Error> {
        let operation = "ivs:ListStreams";
        let mut streams = Vec::new();
        let mut next = None;
        loop {
            self.limiter.acquire().await;
            let listed = self
                .ivs
                .list_streams()
                .max_results(100)
                .set_next_token(next)
                .customize()
                .config_override(Config::builder().retry_config(listing_retries()))
                .send()
                .await
                .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
            for stream in listed.streams() {
                let stream = read(stream).ok_or_else(|| {
                    Error::internal(AwsFailure::malformed(operation, "a stream without ARN, id or start"))
                })?;
                streams.push(stream);
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(streams);
            }
        }
    }

    /// The names of these channels, of those that have one that a channel of ours could have.
    ///
    /// # Errors
    /// What IVS fails with, for any of them.
    pub(crate) async fn names(&self, of: &[&ChannelArn]) -> Result<HashMap<ChannelArn, ChannelName>, Error> {
        let operation = "ivs:BatchGetChannel";
        let mut names = self.known(of);
        let unknown: Vec<&ChannelArn> = of.iter().filter(|arn| !names.contains_key(**arn)).copied().collect();
        for batch in unknown.chunks(BATCH) {
            self.limiter.acquire().await;
            let arns = batch.iter().map(|arn| arn.as_str().to_owned()).collect();
            let got = self.ivs.batch_get_channel().set_arns(Some(arns)).send().await;
            let got = got.map_err(|error| AwsFailure::new(operation, &error).into_error())?;
            // One that is gone meanwhile is in `errors`.
            for channel in got.channels() {
                let arn = channel.arn().and_then(|arn| arn.parse().ok());
                let arn = arn.ok_or_else(|| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
                names.insert(arn, channel.name().and_then(|name| name.parse().ok()));
            }
        }
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&names);
        Ok(names.into_iter().filter_map(|(arn, name)| Some((arn, name?))).collect())
    }

    fn known(&self, of: &[&ChannelArn]) -> HashMap<ChannelArn, Option<ChannelName>> {
        let wanted: HashSet<&ChannelArn> = of.iter().copied().collect();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().filter(|(arn, _)| wanted.contains(arn));
        known.map(|(arn, name)| (arn.clone(), name.clone())).collect()
    }
}

fn read(stream: &StreamSummary) -> Option<Listed> {
    let start = OffsetDateTime::from_unix_timestamp_nanos(stream.start_time()?.as_nanos()).ok()?;
    Some(Listed {
        arn: stream.channel_arn()?.parse().ok()?,
        session: stream.stream_id()?.parse().ok()?,
        started_at: start.try_into().ok()?,
        // -1: it could not be counted in time.
        viewer_count: stream.viewer_count().try_into().ok(),
        health: stream.health().and_then(|health| Health::parse(health.as_str())).unwrap_or(Health::Unknown),
    })
}
