//! Everything that there is, for those who look at all of it: past the quotas, which are the application's.

use super::{IvsRealTime, stage};
use crate::aws::service::resource::Resource;

impl IvsRealTime {
    /// The stages.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.read(|state| {
            let stages = state.stages.iter().map(|(arn, stage)| Resource {
                arn: arn.clone(),
                service: "ivs-realtime",
                kind: "stage",
                name: stage.name.clone(),
                state: if stage.active_session.is_some() { "active" } else { "idle" }.to_owned(),
                is_kept_in_rows: true,
                ids: vec![arn.clone()],
                tags: stage.tags.clone(),
                description: stage::summary(arn, stage),
            });
            stages.collect()
        })
    }
}
