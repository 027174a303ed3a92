//! Every five minutes, and on demand: what no event or request has told. Compares the tables with ECS and IVS, repairs
//! them, and reports how far they were apart. Every minute, the same of what is on air alone.

mod handler;

use aws_channel::{ChannelIvs, ChannelTable};
use aws_client::RateLimiter;
use aws_fleet::Ecs;
use aws_publishers::PublisherIvs;
use aws_recovery_queue::RecoveryQueue;
use aws_room::{Review, RoomIvs, RoomTable, SubjectTables};
use aws_server::ServerTable;
use aws_session::SessionTable;
use aws_stage::{StageIvs, StageTable};
use aws_stream::StreamTable;
use aws_stream_listing::StreamIvs;
use aws_task::Ec2;
use lambda::config::from_env;
use lambda::event::{Ordered, serve};
use model::rates;
use tokio::sync::Mutex;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, (fleet, [stack, servers, stages, channels, rooms, streams, sessions, recovery], reviewer, fallback)) =
        from_env(|variables| {
            let fleet = variables.fleet();
            let names = [
                "STACK_NAME",
                "SERVERS_TABLE",
                "STAGES_TABLE",
                "CHANNELS_TABLE",
                "ROOMS_TABLE",
                "STREAMS_TABLE",
                "STAGE_SESSIONS_TABLE",
                "RECOVERY_QUEUE_URL",
            ];
            let names = names.map(|name| variables.required(name));
            let (reviewer, fallback) =
                (variables.required("CHAT_REVIEW_FUNCTION_ARN"), variables.parsed("CHAT_REVIEW_FALLBACK"));
            Some((fleet?, names, reviewer, fallback?))
        })?;
    let review = Review { function: Some(reviewer), fallback, ..Review::default() };
    // Of the 20 calls a second of ECS and EC2, callers keep most.
    let handler = Handler {
        ecs: Ecs::new(&aws, fleet, RateLimiter::per_second(10)),
        ec2: Ec2::new(&aws, RateLimiter::per_second(5)),
        ivs_realtime: StageIvs::new(&aws, stack.clone()).limited_to(rates::SWEEP),
        publisher_ivs: PublisherIvs::new(&aws, stack.clone()),
        sessions: SessionTable::new(&aws, sessions),
        ivs: ChannelIvs::new(&aws, stack.clone()).limited_to(rates::SWEEP),
        stream_ivs: StreamIvs::new(&aws, RateLimiter::per_minute(rates::STREAMS)),
        streams: StreamTable::new(&aws, streams, channels.clone()),
        servers: ServerTable::new(&aws, servers),
        ivs_chat: RoomIvs::new(&aws, stack).reviewed_by(review).limited_to(rates::SWEEP),
        rooms: RoomTable::new(&aws, rooms),
        subjects: SubjectTables::new(&aws, stages.clone(), channels.clone()),
        room_sweep: Mutex::default(),
        stages: StageTable::new(&aws, stages),
        channels: ChannelTable::new(&aws, channels),
        stage_sweep: Mutex::default(),
        channel_sweep: Mutex::default(),
        recovery: RecoveryQueue::new(&aws, recovery),
    };
    serve("reconciler", aws.calls(), |Ordered(order)| handler.handle(order)).await
}
