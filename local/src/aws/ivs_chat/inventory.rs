//! Everything that there is, for those who look at all of it: past the quotas, which are the application's.

use super::{IvsChat, room};
use crate::aws::service::resource::Resource;

impl IvsChat {
    /// The rooms.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.rooms.read(|state| {
            let rooms = state.rooms.iter().map(|(arn, room)| Resource {
                arn: arn.clone(),
                service: "ivschat",
                kind: "room",
                name: room.name.clone(),
                state: format!("{} connected", self.hub.connected(arn)),
                is_kept_in_rows: true,
                ids: vec![arn.clone()],
                tags: room.tags.clone(),
                description: room::summary(arn, room),
            });
            rooms.collect()
        })
    }
}
