//! Everything that there is, for those who look at all of it: past the quotas, which are the application's.

use super::Ivs;
use crate::aws::service::resource::Resource;

impl Ivs {
    /// The channels, and what is on air.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.read(|state| {
            let streams = state.on_air.streams();
            let is_live = |arn: &str| streams.iter().any(|(channel, _)| channel == arn);
            let text = |description: &serde_json::Value, member: &str| {
                description[member].as_str().unwrap_or_default().to_owned()
            };
            let channels = state.channels.iter().map(|(arn, channel)| Resource {
                arn: arn.clone(),
                service: "ivs",
                kind: "channel",
                name: channel.settings.name.clone(),
                state: if is_live(arn) { "live" } else { "offline" }.to_owned(),
                is_kept_in_rows: true,
                ids: vec![arn.clone()],
                tags: channel.tags.clone(),
                description: channel.view(arn, &state.addresses),
            });
            let on_air = streams.iter().map(|(arn, stream)| {
                let channel = state.channels.get(arn);
                Resource {
                    arn: arn.clone(),
                    service: "ivs",
                    kind: "stream",
                    name: channel.map(|channel| channel.settings.name.clone()).unwrap_or_default(),
                    state: text(stream, "health"),
                    is_kept_in_rows: true,
                    ids: vec![text(stream, "streamId")],
                    // A stream has none of its own.
                    tags: channel.map(|channel| channel.tags.clone()).unwrap_or_default(),
                    description: stream.clone(),
                }
            });
            channels.chain(on_air).collect()
        })
    }
}
