//! IVS: the streams of the account, and whose channels they are.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, listing_retries, sdk_client};
use aws_sdk_ivs::Client;
use aws_sdk_ivs::config::Config;
use aws_sdk_ivs::types::StreamSummary;
use model::stream::{Health, Listed};
use model::{ChannelArn, ChannelName, Error};
use time::OffsetDateTime;

/// What IVS lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Everything on air of which it tells enough.
    pub(crate) streams: Vec<Listed>,
    /// Whose channels are on air, too, as far as it tells; not since when, or with which session.
    pub(crate) unclear: HashSet<ChannelArn>,
    /// How many of its entries do not even tell whose they are.
    pub(crate) nameless: usize,
}

/// The most channels that one call tells of.
const BATCH: usize = 50;

/// IVS, as far as what is on air goes.
pub struct StreamIvs {
    ivs: SdkClient<Client>,
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

    /// Everything on air in the account, from a complete listing. An entry that lacks something does not keep the others
    /// from being told of: it may be anybody's.
    ///
    /// # Errors
    /// What IVS fails with, on any page.
    pub(crate) async fn streams(&self) -> Result<Listing, Error> {
        let operation = "ivs:ListStreams";
        let mut listing = Listing::default();
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
            listed.streams().iter().for_each(|stream| listing.add(stream));
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(listing);
            }
        }
    }

    /// The names of these channels, of those that have one that a channel of ours could have.
    ///
    /// # Errors
    /// What IVS fails with, for any of them.
    pub(crate) async fn names(&self, of: &[&ChannelArn]) -> Result<HashMap<ChannelArn, ChannelName>, Error> {
        let operation = "ivs:BatchGetChannel";
        // Those of channels that are not on air any more are forgotten.
        let mut names = self.known(of);
        self.remember(&names);
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
            // At once: should there be no time for all of them, the next run goes on.
            self.remember(&names);
        }
        Ok(names.into_iter().filter_map(|(arn, name)| Some((arn, name?))).collect())
    }

    fn remember(&self, names: &HashMap<ChannelArn, Option<ChannelName>>) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone_from(names);
    }

    fn known(&self, of: &[&ChannelArn]) -> HashMap<ChannelArn, Option<ChannelName>> {
        let wanted: HashSet<&ChannelArn> = of.iter().copied().collect();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().filter(|(arn, _)| wanted.contains(arn));
        known.map(|(arn, name)| (arn.clone(), name.clone())).collect()
    }
}

impl Listing {
    fn add(&mut self, stream: &StreamSummary) {
        let arn = stream.channel_arn().and_then(|arn| arn.parse::<ChannelArn>().ok());
        match (read(stream), arn) {
            (Some(listed), _) => self.streams.push(listed),
            (None, Some(arn)) => drop(self.unclear.insert(arn)),
            (None, None) => self.nameless += 1,
        }
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

#[cfg(test)]
mod tests {
    use aws_sdk_ivs::primitives::DateTime;
    use aws_sdk_ivs::types::builders::StreamSummaryBuilder;

    use super::*;

    fn summary() -> StreamSummaryBuilder {
        let summary = StreamSummary::builder().channel_arn("arn:aws:ivs:us-east-1:000000000000:channel/abc");
        summary.stream_id("st-1").start_time(DateTime::from_secs(1_772_366_400)).viewer_count(-1)
    }

    #[test]
    fn an_entry_that_lacks_something_does_not_keep_the_others_from_being_listed() {
        let mut listing = Listing::default();
        let other = "arn:aws:ivs:us-east-1:000000000000:channel/other";
        for entry in [
            summary().channel_arn(other).set_stream_id(None),
            summary().channel_arn(other).set_start_time(None),
            summary().set_channel_arn(None),
            summary().channel_arn("no ARN"),
            summary(),
        ] {
            listing.add(&entry.build());
        }
        assert_eq!(listing.streams.len(), 1);
        assert_eq!((listing.streams[0].session.as_str(), listing.streams[0].viewer_count), ("st-1", None));
        assert_eq!((listing.unclear, listing.nameless), ([other.parse().unwrap()].into(), 2));
    }
}
