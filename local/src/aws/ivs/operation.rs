//! The operations: the constraints on their input, what they act on, how often they may be called, what they do.
//!
//! After the service model `ivs` 2020-07-14; the rates after "Service Quotas" in the IVS Low-Latency user guide.

use std::sync::Arc;

use super::context::ResourceQuotas;
use super::{
    channel,
    constraint::{
        AD_CONFIGURATION_ARN, CHANNEL_ARN, CHANNEL_ARNS, CONTAINER_FORMAT, FAILOVER_SLATE_CONFIGURATION_ARN,
        FILTER_BY_HEALTH, LATENCY_MODE, MAX_STREAM_KEY_RESULTS, METADATA, MULTITRACK, PLAYBACK_KEY_ARN,
        PLAYBACK_RESTRICTION_POLICY_ARN, PRESET, RECORDING_CONFIGURATION_ARN, STREAM_ID, STREAM_KEY_ARN,
        STREAM_KEY_ARNS, TYPE, VIEWER_ID, VIEWER_SESSION_VERSION,
    },
    playback_key,
    state::State,
    stream, stream_key, stream_session, viewer_session,
};
use crate::aws::service::shape::{Shape, optional, required};
use crate::aws::video::constraint::{ANY_TEXT, MAX_RESULTS, NAME, PAGE_TOKEN, TAGS};
use crate::aws::video::operation::{self, Model, Run, Tags, Target};
use crate::aws::video::tags::{list_tags_for_resource, tag_resource, untag_resource};

/// Calls per second of every operation that the quotas do not single out.
const DEFAULT_RATE: f64 = 5.0;
/// Calls per second of each operation on playback keys.
const PLAYBACK_KEY_RATE: f64 = 3.0;
/// Calls per second of `StartViewerSessionRevocation`.
const REVOCATION_RATE: f64 = 10.0;
/// Calls per second of `PutMetadata`.
const METADATA_RATE: f64 = 155.0;

const ANY_CHANNEL: Target = Target::Any(&["channel"]);
const ANY_PLAYBACK_KEY: Target = Target::Any(&["playback-key"]);
const THE_CHANNEL: Target = Target::Named("channelArn");

pub(super) type Operation = operation::Operation<State>;

/// The members that `CreateChannel` and `UpdateChannel` share, and one of their own. See [`settings`](super::settings).
macro_rules! settings_and {
    ($own:expr) => {
        &[
            $own,
            optional("name", NAME),
            optional("latencyMode", LATENCY_MODE),
            optional("type", TYPE),
            optional("authorized", Shape::Boolean),
            optional("recordingConfigurationArn", RECORDING_CONFIGURATION_ARN),
            optional("insecureIngest", Shape::Boolean),
            optional("preset", PRESET),
            optional("playbackRestrictionPolicyArn", PLAYBACK_RESTRICTION_POLICY_ARN),
            optional("multitrackInputConfiguration", MULTITRACK),
            optional("containerFormat", CONTAINER_FORMAT),
            optional("adConfigurationArn", AD_CONFIGURATION_ARN),
            optional("failoverSlateConfigurationArn", FAILOVER_SLATE_CONFIGURATION_ARN),
        ]
    };
}

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation; 25] = [
    Operation {
        name: "CreateChannel",
        input: settings_and!(optional("tags", TAGS)),
        // The stream key is made with it.
        target: Target::Any(&["channel", "stream-key"]),
        rate: DEFAULT_RATE,
        run: Run::Write(channel::create),
    },
    Operation {
        name: "GetChannel",
        input: &[required("arn", CHANNEL_ARN)],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Read(channel::get),
    },
    Operation {
        name: "BatchGetChannel",
        input: &[required("arns", CHANNEL_ARNS)],
        target: Target::Each("arns"),
        rate: DEFAULT_RATE,
        run: Run::Read(channel::batch_get),
    },
    Operation {
        name: "UpdateChannel",
        input: settings_and!(required("arn", CHANNEL_ARN)),
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Write(channel::update),
    },
    Operation {
        name: "DeleteChannel",
        input: &[required("arn", CHANNEL_ARN)],
        // Its stream keys go with it.
        target: Target::NamedWith("arn", "stream-key"),
        rate: DEFAULT_RATE,
        run: Run::Write(channel::delete),
    },
    Operation {
        name: "ListChannels",
        input: &[
            optional("filterByName", NAME),
            optional("filterByRecordingConfigurationArn", RECORDING_CONFIGURATION_ARN),
            optional("filterByPlaybackRestrictionPolicyArn", PLAYBACK_RESTRICTION_POLICY_ARN),
            optional("filterByAdConfigurationArn", AD_CONFIGURATION_ARN),
            optional("filterByFailoverSlateConfigurationArn", FAILOVER_SLATE_CONFIGURATION_ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_RESULTS),
        ],
        target: ANY_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(channel::list),
    },
    Operation {
        name: "CreateStreamKey",
        input: &[required("channelArn", CHANNEL_ARN), optional("tags", TAGS)],
        target: Target::Any(&["stream-key"]),
        rate: DEFAULT_RATE,
        run: Run::Write(stream_key::create),
    },
    Operation {
        name: "GetStreamKey",
        input: &[required("arn", STREAM_KEY_ARN)],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Read(stream_key::get),
    },
    Operation {
        name: "BatchGetStreamKey",
        input: &[required("arns", STREAM_KEY_ARNS)],
        target: Target::Each("arns"),
        rate: DEFAULT_RATE,
        run: Run::Read(stream_key::batch_get),
    },
    Operation {
        name: "DeleteStreamKey",
        input: &[required("arn", STREAM_KEY_ARN)],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Write(stream_key::delete),
    },
    Operation {
        name: "ListStreamKeys",
        input: &[
            required("channelArn", CHANNEL_ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_STREAM_KEY_RESULTS),
        ],
        target: Target::NamedWith("channelArn", "stream-key"),
        rate: DEFAULT_RATE,
        run: Run::Read(stream_key::list),
    },
    Operation {
        name: "GetStream",
        input: &[required("channelArn", CHANNEL_ARN)],
        target: THE_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(stream::get),
    },
    Operation {
        name: "ListStreams",
        input: &[
            optional("filterBy", FILTER_BY_HEALTH),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_RESULTS),
        ],
        target: ANY_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(stream::list),
    },
    Operation {
        name: "StopStream",
        input: &[required("channelArn", CHANNEL_ARN)],
        target: THE_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(stream::stop),
    },
    Operation {
        name: "PutMetadata",
        input: &[required("channelArn", CHANNEL_ARN), required("metadata", METADATA)],
        target: THE_CHANNEL,
        rate: METADATA_RATE,
        run: Run::Read(stream::put_metadata),
    },
    Operation {
        name: "GetStreamSession",
        input: &[required("channelArn", CHANNEL_ARN), optional("streamId", STREAM_ID)],
        target: THE_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(stream_session::get),
    },
    Operation {
        name: "ListStreamSessions",
        input: &[
            required("channelArn", CHANNEL_ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_RESULTS),
        ],
        target: THE_CHANNEL,
        rate: DEFAULT_RATE,
        run: Run::Read(stream_session::list),
    },
    Operation {
        name: "ImportPlaybackKeyPair",
        input: &[required("publicKeyMaterial", ANY_TEXT), optional("name", NAME), optional("tags", TAGS)],
        target: ANY_PLAYBACK_KEY,
        rate: PLAYBACK_KEY_RATE,
        run: Run::Write(playback_key::import),
    },
    Operation {
        name: "GetPlaybackKeyPair",
        input: &[required("arn", PLAYBACK_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PLAYBACK_KEY_RATE,
        run: Run::Read(playback_key::get),
    },
    Operation {
        name: "ListPlaybackKeyPairs",
        input: &[optional("nextToken", PAGE_TOKEN), optional("maxResults", MAX_RESULTS)],
        target: ANY_PLAYBACK_KEY,
        rate: PLAYBACK_KEY_RATE,
        run: Run::Read(playback_key::list),
    },
    Operation {
        name: "DeletePlaybackKeyPair",
        input: &[required("arn", PLAYBACK_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PLAYBACK_KEY_RATE,
        run: Run::Write(playback_key::delete),
    },
    Operation {
        name: "StartViewerSessionRevocation",
        input: &[
            required("channelArn", CHANNEL_ARN),
            required("viewerId", VIEWER_ID),
            optional("viewerSessionVersionsLessThanOrEqualTo", VIEWER_SESSION_VERSION),
        ],
        target: THE_CHANNEL,
        rate: REVOCATION_RATE,
        run: Run::Write(viewer_session::revoke),
    },
    tag_resource(),
    untag_resource(),
    list_tags_for_resource(),
];

impl Model for State {
    type Limits = ResourceQuotas;

    fn operations() -> &'static [Operation] {
        &OPERATIONS
    }

    /// Who sends is sent away; where servers are found stays.
    fn clear(&mut self) {
        self.on_air.clear();
        let (on_air, addresses) = (Arc::clone(&self.on_air), self.addresses.clone());
        *self = Self { on_air, addresses, ..Self::default() };
    }

    fn tags(&self, arn: &str) -> Option<&Tags> {
        let channel = self.channels.get(arn).map(|channel| &channel.tags);
        let channel_or_key = channel.or_else(|| self.stream_keys.get(arn).map(|key| &key.tags));
        channel_or_key.or_else(|| self.playback_keys.get(arn).map(|key| &key.tags))
    }

    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        let channel = self.channels.get_mut(arn).map(|channel| &mut channel.tags);
        let channel_or_key = channel.or_else(|| self.stream_keys.get_mut(arn).map(|key| &mut key.tags));
        channel_or_key.or_else(|| self.playback_keys.get_mut(arn).map(|key| &mut key.tags))
    }
}
