//! `/stages/{stage}/chat-tokens` and `/channels/{channel}/chat-tokens`: what opens the chat beside a video; and `…/chat`, its
//! settings and moderation.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_chat::{Chat, ChatTables, TableNames};
use aws_recovery_queue::RecoveryQueue;
use aws_room::{Review, RoomIvs, RoomRows, RoomTable, SubjectTables};
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (tables, [stack, recovery, endpoint, reviewer], lease, rate, fallback)) = from_env(|variables| {
        let tables = TableNames {
            users: variables.required("CHAT_USERS_TABLE"),
            rooms: variables.required("ROOMS_TABLE"),
            stages: variables.required("STAGES_TABLE"),
            channels: variables.required("CHANNELS_TABLE"),
            participants: variables.required("PARTICIPANTS_TABLE"),
            viewers: variables.required("VIEWERS_TABLE"),
            log: variables.required("CHAT_LOG_TABLE"),
        };
        let names = ["STACK_NAME", "RECOVERY_QUEUE_URL", "CHAT_ENDPOINT", "CHAT_REVIEW_FUNCTION_ARN"];
        let names = names.map(|name| variables.required(name));
        let (lease, rate) = (variables.seconds("CLAIM_LEASE_SECONDS"), variables.parsed("CHAT_MESSAGES_PER_SECOND"));
        let fallback = variables.parsed("CHAT_REVIEW_FALLBACK");
        Some((tables, names, lease, rate?, fallback?))
    })?;
    let review = Review { function: Some(reviewer), fallback, messages_per_second: Some(rate) };
    let handler = Handler {
        chat: Chat {
            ivs: RoomIvs::new(&aws, stack).reviewed_by(review),
            rooms: RoomTable::new(&aws, tables.rooms.clone()),
            rows: RoomRows::new(&aws, tables.users.clone(), tables.log.clone()),
            subjects: SubjectTables::new(&aws, tables.stages.clone(), tables.channels.clone()),
            tables: ChatTables::new(&aws, tables),
            recovery: RecoveryQueue::new(&aws, recovery),
            lease,
        },
        endpoint,
    };
    aws.connect("DYNAMODB").await;
    serve("chat", aws.calls(), |request| handler.handle(request)).await
}
