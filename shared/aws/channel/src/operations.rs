//! What the API does with channels and their stream keys.

use std::time::Duration;

use aws_claim::{Dependents, Inventory, ListedPage, Provider, Recovering, Recovery, SweepOutcome, SweepRun, Sweeping};
use model::channel::{Channel, ChannelOptions, DesiredChannelOptions, KeyState, Rotation, StreamKey, Viewer};
use model::claim::{Claim, CreateError, NameRequest, Outcome, owned_by};
use model::error::{Conflict, Denial};
use model::recovery::Recovered;
use model::self_hosted::draw_key;
use model::{ChannelArn, ChannelName, Cursor, Error, Limit, Page, Timestamp, UserId};

use crate::{ChannelIvs, ChannelTable, ViewerTable};

/// Channels come to be in IVS low-latency, and viewers and a chat room hang on them.
struct ChannelProvider<'a, D> {
    ivs: &'a ChannelIvs,
    viewers: &'a ViewerTable,
    room: &'a D,
}

impl Inventory<Channel> for ChannelIvs {
    async fn list(&self, only: Option<&ChannelName>, page: Option<&str>) -> Result<ListedPage<Channel>, Error> {
        self.list_channels(only, page).await
    }

    /// IVS refuses for a channel that is live.
    async fn delete_idle(&self, arn: &ChannelArn) -> Result<bool, Error> {
        match self.delete_channel(arn).await {
            Ok(()) => Ok(true),
            Err(Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<D: Dependents<Channel>> Provider<Channel> for ChannelProvider<'_, D> {
    type Inventory = ChannelIvs;

    fn inventory(&self) -> &ChannelIvs {
        self.ivs
    }

    async fn create(&self, claim: &Claim<Channel>, now: Timestamp) -> Result<Channel, CreateError> {
        match &claim.options {
            ChannelOptions::Ivs(options) => self.ivs.create_channel(claim, *options, now).await,
            ChannelOptions::SelfHosted(_) => match self.ivs.own_server() {
                Some(server) => server.create_channel(claim, now).map_err(CreateError::Refused),
                None => Err(CreateError::Refused(Error::Conflict(Conflict::SelfHostedNotSupported))),
            },
        }
    }

    async fn adopt(&self, claim: &Claim<Channel>, arn: ChannelArn, now: Timestamp) -> Result<Option<Channel>, Error> {
        self.ivs.adoption().await;
        let Some(mut channel) = self.ivs.read_channel(claim, &arn, now).await? else { return Ok(None) };
        channel.key = Some(KeyState::Current(self.ivs.only_key(&arn, None).await?));
        Ok(Some(channel))
    }

    async fn check_deletable(&self, channel: &Channel, now: Timestamp) -> Result<(), Error> {
        let is_live = match (channel.arn.is_self_hosted(), self.ivs.own_server()) {
            (false, _) => self.ivs.is_live(&channel.arn).await,
            (true, Some(server)) => server.is_live(channel, now).await,
            (true, None) => Ok(false),
        };
        match is_live {
            Ok(true) => Err(Error::Conflict(Conflict::Live)),
            Ok(false) => Ok(()),
            Err(error) if channel.arn.is_self_hosted() => Err(error),
            // Then it is found out by deleting: IVS refuses for a live channel, and the row's mark is taken back.
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "whether the channel is live could not be asked; deleting it nevertheless");
                Ok(())
            }
        }
    }

    async fn delete(&self, arn: &ChannelArn) -> Result<(), Error> {
        // Of a self-hosted channel there is nothing but its row.
        if arn.is_self_hosted() { Ok(()) } else { self.ivs.delete_channel(arn).await }
    }

    /// Its key is in its row, and ends with it.
    async fn forget(&self, name: &ChannelName, arn: &ChannelArn) -> Result<(), Error> {
        // Nobody is invited to a self-hosted one.
        if !arn.is_self_hosted() {
            self.viewers.purge(arn).await?;
        }
        self.room.end_with(name).await
    }
}

/// Completes what creates and deletes of these channels have left halfway, by one listing of IVS. Answers what became of
/// each, in their order.
#[expect(clippy::too_many_arguments, reason = "what a recovery takes, and what hangs on it")]
pub async fn recover(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    viewers: &ViewerTable,
    room: &impl Dependents<Channel>,
    recovering: &mut Recovering<Channel>,
    now: Timestamp,
    names: &[ChannelName],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    aws_claim::recover(&ChannelProvider { ivs, viewers, room }, &channels.names, recovering, now, names, how).await
}

/// Returns the channel of that name, creating it first if there is none. Any number of concurrent callers get one.
///
/// # Errors
/// [`Conflict::OptionsDiffer`] if it exists with other options; [`Conflict::SelfHostedNotSupported`] if there is no server
/// to host it; [`Error::Busy`] if another request holds the name for longer than this one waits; [`Error::Unfinished`] if
/// its recovery is to be asked for; what AWS fails with, after which the same request may be repeated.
pub async fn create_or_fetch(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    viewers: &ViewerTable,
    room: &impl Dependents<Channel>,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
    desired: DesiredChannelOptions,
) -> Result<Outcome<Channel>, Error> {
    aws_claim::create_or_fetch(&ChannelProvider { ivs, viewers, room }, &channels.names, now, request, &desired).await
}

/// Returns the channel of that name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Busy`] while it is being created; [`Error::Unfinished`] if its recovery is to be asked for.
pub async fn fetch(channels: &ChannelTable, name: &ChannelName, now: Timestamp) -> Result<Channel, Error> {
    aws_claim::fetch(&channels.names, name, now).await
}

/// Returns the caller's own channels, newest first, without their keys.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn list(
    channels: &ChannelTable,
    caller: &UserId,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Channel>, Error> {
    channels.names.list(caller, limit, cursor).await
}

/// Deletes a channel of the caller's, in IVS too. Repeating it is harmless, and finishes a delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`]; [`Conflict::Live`] while it is
/// broadcasting, after which it is as it was, unless another attempt has deleted it meanwhile; [`Error::Busy`] while it
/// is being created; [`Error::Unfinished`] if its recovery is to be asked for; what AWS fails with.
pub async fn delete(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    viewers: &ViewerTable,
    room: &impl Dependents<Channel>,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
) -> Result<(), Error> {
    aws_claim::delete(&ChannelProvider { ivs, viewers, room }, &channels.names, now, request).await
}

/// Holds every channel in IVS against its row, and deletes orphans; see [`aws_claim::sweep()`]. No stream key is read.
pub async fn sweep(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    sweeping: &mut Sweeping<Channel>,
    run: &SweepRun,
) -> SweepOutcome<Channel> {
    aws_claim::sweep(ivs, &channels.names, sweeping, run).await
}

/// The channels whose create or delete was left halfway, whether IVS has anything of them or not.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn unfinished(channels: &ChannelTable, now: Timestamp) -> Result<Vec<ChannelName>, Error> {
    channels.names.unfinished(now).await
}

/// Returns the stream key of the caller's own channel. A rotation that was cut short is finished first.
///
/// # Errors
/// [`Error::NotFound`]; [`Denial::NotOwner`]; [`Error::Busy`] while the key is being
/// rotated.
pub async fn stream_key(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
) -> Result<StreamKey, Error> {
    match own(channels, now, request).await? {
        (_, KeyState::Current(key)) => Ok(key),
        (channel, rotating @ KeyState::Rotating(_)) => replace(ivs, channels, now, request, &channel, rotating).await,
    }
}

/// Replaces the stream key of the caller's own channel: the old one stops working.
///
/// # Errors
/// As [`stream_key`]; what IVS fails with, after which the same request may be repeated.
pub async fn rotate_stream_key(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
) -> Result<StreamKey, Error> {
    let (channel, state) = own(channels, now, request).await?;
    match state {
        // Nobody but the row has to learn of another key of ours.
        KeyState::Current(old) if channel.arn.is_self_hosted() => {
            let new = draw_key(&channel.name)?;
            if channels.replace_key(&channel, &old, &new).await? { Ok(new) } else { Err(rotating(Duration::ZERO)) }
        }
        state => replace(ivs, channels, now, request, &channel, state).await,
    }
}

/// Whether a caller may have a playback token for a channel.
///
/// # Errors
/// [`Denial::NotInvited`] if the channel's admission is `invited` and the caller neither owns it nor is invited.
pub async fn admit(viewers: &ViewerTable, channel: &Channel, caller: &UserId) -> Result<(), Error> {
    let may_watch =
        !channel.options.is_by_invitation() || channel.owner == *caller || viewers.has(&channel.arn, caller).await?;
    if may_watch { Ok(()) } else { Err(Error::Forbidden(Denial::NotInvited)) }
}

/// Invites a user to watch a private channel of the caller's. The invitation, and whether it is new.
///
/// # Errors
/// [`Error::NotFound`]; [`Denial::NotOwner`]; [`Conflict::NotByInvitation`] if the channel's admission is `open`.
pub async fn invite(
    channels: &ChannelTable,
    viewers: &ViewerTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
    user_id: UserId,
) -> Result<(Viewer, bool), Error> {
    let channel = by_invitation(channels, now, request).await?;
    viewers.put(&channel, Viewer { user_id, invited_at: now }).await
}

/// Takes an invitation back: the user gets no token any more. One that is not there is fine.
///
/// # Errors
/// As [`invite`].
pub async fn uninvite(
    channels: &ChannelTable,
    viewers: &ViewerTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
    user_id: &UserId,
) -> Result<(), Error> {
    let channel = by_invitation(channels, now, request).await?;
    viewers.delete(&channel.arn, user_id).await
}

/// Who is invited to a channel of the caller's, the latest first. The index behind it follows a write within moments, not
/// at once.
///
/// # Errors
/// As [`invite`].
pub async fn list_viewers(
    channels: &ChannelTable,
    viewers: &ViewerTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Viewer>, Error> {
    let channel = by_invitation(channels, now, request).await?;
    viewers.list(&channel.arn, limit, cursor).await
}

/// The caller's own channel, if its viewers are invited.
async fn by_invitation(
    channels: &ChannelTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
) -> Result<Channel, Error> {
    let channel = owned_by(fetch(channels, &request.name, now).await?, &request.caller)?;
    if channel.options.is_by_invitation() { Ok(channel) } else { Err(Error::Conflict(Conflict::NotByInvitation)) }
}

async fn own(
    channels: &ChannelTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
) -> Result<(Channel, KeyState), Error> {
    let channel = owned_by(fetch(channels, &request.name, now).await?, &request.caller)?;
    let state = channel.key.clone().ok_or_else(|| Error::internal("a channel row has no stream key"))?;
    Ok((channel, state))
}

/// Replaces a key under a lease. Every step may be repeated by a successor: the old key is named by its ARN, so that no
/// late delete hits the new one, and IVS allows one key per channel, so that any other key is the new one.
async fn replace(
    ivs: &ChannelIvs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &NameRequest<ChannelName>,
    channel: &Channel,
    state: KeyState,
) -> Result<StreamKey, Error> {
    let old = match &state {
        KeyState::Current(key) => key.arn.clone(),
        KeyState::Rotating(rotation) if rotation.lease_until > now => {
            return Err(rotating(now.until(rotation.lease_until)));
        }
        KeyState::Rotating(lapsed) => lapsed.old.clone(),
    };
    let rotation = Rotation { old, id: request.claim_id.clone(), lease_until: now + request.lease };
    // From here on, the row points at no key: the old one may be dead at any moment.
    if !channels.begin_rotation(channel, &state, &rotation).await? {
        return Err(rotating(Duration::ZERO));
    }
    let key = match ivs.only_key(&channel.arn, Some(&rotation.old)).await {
        Ok(key) => key,
        Err(error) => {
            channels.lapse_rotation(channel, &rotation, now).await?;
            return Err(error);
        }
    };
    if channels.finish_rotation(channel, &rotation, &key).await? { Ok(key) } else { Err(rotating(Duration::ZERO)) }
}

fn rotating(lease_left: Duration) -> Error {
    Error::Busy {
        resource: "stream key",
        retry_after: lease_left.clamp(Duration::from_secs(1), Duration::from_secs(5)),
    }
}
