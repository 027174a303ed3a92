//! What the API does with broadcast settings.

use model::broadcast_settings::BroadcastSettings;
use model::{Error, UserId};

use crate::BroadcastSettingsTable;

/// Saves the caller's settings in place of any before. True: there were none.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn save(
    table: &BroadcastSettingsTable,
    caller: &UserId,
    settings: &BroadcastSettings,
) -> Result<bool, Error> {
    table.write(caller, settings).await
}

/// Returns the caller's settings.
///
/// # Errors
/// [`Error::NotFound`] if there are none.
pub async fn read(table: &BroadcastSettingsTable, caller: &UserId) -> Result<BroadcastSettings, Error> {
    table.read(caller).await?.ok_or(Error::NotFound("broadcast settings"))
}

/// Forgets the caller's settings. Repeating it is harmless.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn delete(table: &BroadcastSettingsTable, caller: &UserId) -> Result<(), Error> {
    table.delete(caller).await
}
