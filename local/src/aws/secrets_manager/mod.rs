//! AWS Secrets Manager: secrets with versions and staging labels, deletion with a recovery window, tags.
//!
//! After the service model `secretsmanager` 2017-10-17 and the API reference. Rotation, replication, resource policies
//! and encryption keys are not here; the state file alone (mode 0600) protects the values.

mod context;
mod error;
mod lifecycle;
mod list;
mod operation;
mod permission;
mod secret;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod value;
mod version;

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use time::OffsetDateTime;

use self::{
    context::Context,
    operation::{OPERATIONS, Run},
    secret::{Secret, arn},
    state::Secrets,
};
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::Input;
use crate::aws::service::{Requirement, Service, ServiceError};
use crate::plumbing::ids;
use crate::plumbing::state_file::Stored;

/// The service in one region.
pub(crate) struct SecretsManager {
    region: String,
    secrets: Stored<Secrets>,
}

impl SecretsManager {
    /// The service with what `state_file` remembers; without a file, everything is in memory and new.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, state_file: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self { region: region.to_owned(), secrets: Stored::open(state_file)? })
    }

    /// The name of every operation that the local cloud has.
    pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
        Operation::names(&OPERATIONS)
    }

    /// Sees to it that there is a secret of that name, as CloudFormation does: a new one has no value, an existing one
    /// keeps its own. Answers the ARN, which is the same each time, also after a reset.
    pub(crate) fn declare(&self, name: &str, description: &str) -> String {
        let arn = arn(&self.region, name, &ids::derived(name, 6));
        self.secrets.change_anyway(|secrets| {
            let secret = secrets.by_name.entry(name.to_owned()).or_insert_with(|| Secret::new(arn));
            secret.description = Some(description.to_owned());
            secret.arn.clone()
        })
    }
}

impl Service for SecretsManager {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.secrets.read(|secrets| permission::requirements(secrets, &self.region, operation, input))
    }

    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let operation = Operation::named(&OPERATIONS, operation).ok_or_else(|| error::unknown_operation(operation))?;
        let input = Input::check(operation.input, input).map_err(error::invalid_parameter)?;
        match operation.run {
            Run::Read(run) => self.secrets.read(|secrets| run(secrets, input)),
            Run::Write(run) => {
                let context = Context { region: &self.region, now };
                self.secrets.change(|secrets| {
                    secrets.delete_expired(now);
                    run(secrets, input, &context)
                })
            }
        }
    }

    fn reset(&self) {
        self.secrets.change_anyway(|secrets| secrets.by_name = BTreeMap::new());
    }
}
