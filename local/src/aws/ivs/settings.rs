//! What a channel's owner chooses: the members that `CreateChannel` and `UpdateChannel` share.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::{not_found, validation};

/// The settings under the names of the model. ARNs are empty where nothing is attached.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    pub(super) name: String,
    latency_mode: String,
    #[serde(rename = "type")]
    kind: String,
    pub(super) authorized: bool,
    pub(super) insecure_ingest: bool,
    /// Empty for the types that are not transcoded.
    preset: String,
    recording_configuration_arn: String,
    playback_restriction_policy_arn: String,
    ad_configuration_arn: String,
    failover_slate_configuration_arn: String,
    container_format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    multitrack_input_configuration: Option<Value>,
}

/// What names something else that is attached to the channel.
const ATTACHED: [&str; 4] = [
    "recordingConfigurationArn",
    "playbackRestrictionPolicyArn",
    "adConfigurationArn",
    "failoverSlateConfigurationArn",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            latency_mode: "LOW".to_owned(),
            kind: "STANDARD".to_owned(),
            authorized: false,
            insecure_ingest: false,
            preset: String::new(),
            recording_configuration_arn: String::new(),
            playback_restriction_policy_arn: String::new(),
            ad_configuration_arn: String::new(),
            failover_slate_configuration_arn: String::new(),
            container_format: "TS".to_owned(),
            multitrack_input_configuration: None,
        }
    }
}

impl Settings {
    /// These settings, but for what the input names.
    ///
    /// # Errors
    /// Settings that do not go together, and a configuration that does not exist: none can be made here.
    pub(super) fn with(&self, input: Input<'_>) -> Result<Self, ServiceError> {
        if let Some(arn) = ATTACHED.into_iter().filter_map(|member| input.text(member)).find(|arn| !arn.is_empty()) {
            return Err(not_found(arn));
        }
        let mut settings = self.clone();
        for (member, setting) in [
            ("name", &mut settings.name),
            ("latencyMode", &mut settings.latency_mode),
            ("type", &mut settings.kind),
            ("recordingConfigurationArn", &mut settings.recording_configuration_arn),
            ("playbackRestrictionPolicyArn", &mut settings.playback_restriction_policy_arn),
            ("adConfigurationArn", &mut settings.ad_configuration_arn),
            ("failoverSlateConfigurationArn", &mut settings.failover_slate_configuration_arn),
            ("containerFormat", &mut settings.container_format),
        ] {
            if let Some(text) = input.text(member) {
                text.clone_into(setting);
            }
        }
        settings.authorized = input.boolean("authorized").unwrap_or(self.authorized);
        settings.insecure_ingest = input.boolean("insecureIngest").unwrap_or(self.insecure_ingest);
        if let Some(multitrack) = input.json("multitrackInputConfiguration") {
            settings.multitrack_input_configuration = Some(multitrack.clone());
        }
        settings.choose_preset(input.text("preset"))?;
        settings.check_multitrack()?;
        Ok(settings)
    }

    /// Only the advanced types have a preset, and they always have one.
    fn choose_preset(&mut self, given: Option<&str>) -> Result<(), ServiceError> {
        let is_advanced = self.kind.starts_with("ADVANCED");
        match given {
            Some(_) if !is_advanced => {
                return Err(validation("preset can be set only for the types ADVANCED_SD and ADVANCED_HD"));
            }
            Some(preset) => preset.clone_into(&mut self.preset),
            None if !is_advanced => self.preset.clear(),
            None if self.preset.is_empty() => "HIGHER_BANDWIDTH_DELIVERY".clone_into(&mut self.preset),
            None => {}
        }
        Ok(())
    }

    /// What the model's documentation of `MultitrackInputConfiguration` asks for.
    fn check_multitrack(&self) -> Result<(), ServiceError> {
        let Some(multitrack) = &self.multitrack_input_configuration else { return Ok(()) };
        if multitrack["enabled"] != true {
            return Ok(());
        }
        let rules = [
            (self.kind == "STANDARD", "multitrack input can be enabled only for the type STANDARD"),
            (multitrack["policy"].is_string(), "multitrack input requires a policy"),
            (multitrack["maximumResolution"].is_string(), "multitrack input requires a maximumResolution"),
            (self.container_format == "FRAGMENTED_MP4", "multitrack input requires the containerFormat FRAGMENTED_MP4"),
        ];
        rules.into_iter().find(|(met, _)| !met).map_or(Ok(()), |(_, broken)| Err(validation(broken)))
    }

    /// The members of a `Channel`.
    pub(super) fn view(&self) -> Value {
        json!(self)
    }

    /// The members of a `ChannelSummary`.
    pub(super) fn summary(&self) -> Value {
        let mut summary = self.view();
        if let Some(members) = summary.as_object_mut() {
            members.remove("containerFormat");
            members.remove("multitrackInputConfiguration");
        }
        summary
    }
}
