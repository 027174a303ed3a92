//! The recovery queue: names whose create or delete died, completed by one listing of IVS for all of them; and chat rooms
//! whose stage or channel is gone.

mod handler;

use aws_channel::{ChannelIvs, ChannelTable, ViewerTable};
use aws_recovery_queue::RecoveryQueue;
use aws_room::{RoomIvs, RoomRows, RoomTable, SubjectTables};
use aws_stage::{ParticipantRows, StageIvs, StageTable};
use lambda::config::from_env;
use lambda::queue::serve;
use model::rates;
use tokio::sync::Mutex;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, names) = from_env(|variables| {
        let names = [
            "STACK_NAME",
            "STAGES_TABLE",
            "PARTICIPANTS_TABLE",
            "CHANNELS_TABLE",
            "VIEWERS_TABLE",
            "ROOMS_TABLE",
            "CHAT_USERS_TABLE",
            "CHAT_LOG_TABLE",
            "RECOVERY_QUEUE_URL",
        ];
        Some(names.map(|name| variables.required(name)))
    })?;
    let [stack, stages, participants, channels, viewers, rooms, chat_users, chat_log, recovery] = names;
    let handler = Handler {
        ivs_realtime: StageIvs::new(&aws, stack.clone()).limited_to(rates::RECOVERY).adopting_at(rates::ADOPTION),
        ivs: ChannelIvs::new(&aws, stack.clone()).limited_to(rates::RECOVERY).adopting_at(rates::ADOPTION),
        ivs_chat: RoomIvs::new(&aws, stack).limited_to(rates::RECOVERY).adopting_at(rates::ADOPTION),
        rooms: RoomTable::new(&aws, rooms),
        room_rows: RoomRows::new(&aws, chat_users, chat_log),
        subjects: SubjectTables::new(&aws, stages.clone(), channels.clone()),
        rooms_recovering: Mutex::default(),
        recovery: RecoveryQueue::new(&aws, recovery),
        stages: StageTable::new(&aws, stages),
        stages_recovering: Mutex::default(),
        participants: ParticipantRows::new(&aws, participants),
        viewers: ViewerTable::new(&aws, viewers, channels.clone()),
        channels: ChannelTable::new(&aws, channels),
        channels_recovering: Mutex::default(),
    };
    serve("recovery", aws.calls(), |orders| handler.handle(orders)).await
}
