//! The message review handler of IVS Chat: each message of a room comes here before anybody reads it. IVS Chat waits for 200
//! ms; then, and when the function fails, the room's fallback decides.

mod handler;

use aws_chat_review::{ReviewRooms, ReviewSenders};
use lambda::config::from_env;
use lambda::event::answer;
use model::chat::review::Words;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, (words, [rooms, users])) = from_env(|variables| {
        let words = variables.optional("CHAT_WORDS").unwrap_or_default();
        Some((words, ["ROOMS_TABLE", "CHAT_USERS_TABLE"].map(|name| variables.required(name))))
    })?;
    let handler = Handler {
        words: Words::of_list(&words),
        rooms: ReviewRooms::new(&aws, rooms),
        senders: ReviewSenders::new(&aws, users),
    };
    aws.connect("DYNAMODB").await;
    answer("chat-review", aws.calls(), |message| handler.handle(message)).await
}
