//! What the hook has to know of a channel, from its row.

use aws_item::{Fields, Item};
use model::channel::StreamKeyText;
use model::qualities::Qualities;
use model::{ChannelArn, Error};

/// A self-hosted channel.
#[derive(Debug, Clone)]
pub(crate) struct HostedChannel {
    /// Tells it from an earlier channel of its name.
    pub(crate) arn: ChannelArn,
    /// What a broadcast has to have.
    pub(crate) qualities: Qualities,
    /// What viewers play.
    pub(crate) playback_url: String,
    /// What opens it.
    pub(crate) key: Option<StreamKeyText>,
}

impl HostedChannel {
    /// Reads a row of `channels`: `None` of a channel that is not self-hosted, or not there yet or any more.
    pub(crate) fn read(item: &Item) -> Result<Option<Self>, Error> {
        let row = Fields::of("channel", item);
        if row.text("status")? != "active" {
            return Ok(None);
        }
        let Some(qualities) = Qualities::of_type(row.text("type")?) else { return Ok(None) };
        let key = row.map("streamKey")?.map(|key| key.text("text").map(|text| StreamKeyText::new(text.to_owned())));
        let playback_url = row.text("playbackUrl")?.to_owned();
        Ok(Some(Self { arn: row.parse("arn")?, qualities, playback_url, key: key.transpose()? }))
    }
}
