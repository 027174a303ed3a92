//! What becomes of a chat message before anybody reads it: the local cloud's messaging asks the function, as IVS Chat does.

use aws_room::SettingsChanges;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ivschat::types::FallbackResult;
use model::chat::review::Refusal;
use model::room::Room;
use serde_json::{Value, json};
use tests::{ChatRooms, Chatter, Setup, TestApp, eventually};

use crate::sweep::{last_line, reconcile};

const TOKENS: &str = "/stages/demo/chat-tokens";

/// A stage of alice's with its room, and IVS Chat with more patience than it has: what is not a matter of time is no matter of
/// this machine's speed either.
async fn open(app: &TestApp) -> String {
    app.quotas(json!({"messageReviewMilliseconds": 20_000})).await;
    let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
    app.user("alice").post(TOKENS, json!({})).await.expect(201);
    stage["arn"].as_str().unwrap().to_owned()
}

async fn enter(app: &TestApp, user: &str) -> Chatter {
    Chatter::enter(app, &app.user(user), TOKENS).await
}

/// The room of a stage, and what may be said of it.
async fn room<'a>(app: &'a TestApp, stage: &str) -> (ChatRooms<'a>, Room) {
    let rooms = ChatRooms::new(app);
    let room = rooms.enter("stage/demo", stage).await;
    (rooms, room)
}

async fn set_words(rooms: &ChatRooms<'_>, room: &Room, words: &[&str]) {
    let words = Some(words.iter().map(|word| (*word).to_owned()).collect());
    let changes = SettingsChanges { words, ..SettingsChanges::default() };
    rooms.table.change_settings(room, &changes).await.unwrap().unwrap();
}

async fn slow_down(rooms: &ChatRooms<'_>, room: &Room) {
    let changes = SettingsChanges { slow_mode_seconds: Some(3600), ..SettingsChanges::default() };
    rooms.table.change_settings(room, &changes).await.unwrap().unwrap();
}

/// Says something of a user who has had a token.
async fn set_standing(app: &TestApp, user: &str, flag: &str) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let update = app.dynamodb().update_item().table_name(app.table("chat-users"));
    let update = update.key("room", text("stage/demo")).key("userId", text(user));
    let update = update.update_expression("SET #flag = :yes").condition_expression("attribute_exists(version)");
    let update = update.expression_attribute_names("#flag", flag);
    update.expression_attribute_values(":yes", AttributeValue::Bool(true)).send().await.unwrap();
}

/// Says something as soon as the connection and the room take it: ten messages a second.
async fn say_in_time(chatter: &mut Chatter, text: &str) -> Result<Value, (u64, String)> {
    eventually("there are not too many messages", async || match chatter.say(text).await {
        Err((429, _)) => None,
        answer => Some(answer),
    })
    .await
}

fn denied(refusal: Refusal) -> Result<Value, (u64, String)> {
    Err((406, refusal.reason().to_owned()))
}

#[tokio::test]
async fn a_word_of_the_deployment_is_denied_in_whatever_form_and_all_else_passes_as_it_is() {
    let setup = Setup::default().parameter("ChatWords", "darn, Straße");
    setup
        .run(async |app| {
            open(app).await;
            let (mut alice, mut bob) = (enter(app, "alice").await, enter(app, "bob").await);
            for text in ["well, DARN it", "ｄａｒｎ", "d.a.r.n", "da\u{200b}rn", "STRASSE strasse STRAßE"] {
                assert_eq!(bob.say(text).await, denied(Refusal::Word), "{text}");
            }
            // The owner's too, and what is shown beside the text.
            assert_eq!(alice.say("darn").await, denied(Refusal::Word));
            assert_eq!(bob.say_with("look", json!({"caption": "Darn!"})).await, denied(Refusal::Word));
            let (text, attributes) = (" Darning  socks \u{200b}ａ ", json!({"sticker": "wave"}));
            let sent = bob.say_with(text, attributes.clone()).await.unwrap();
            // Nothing that was denied came before.
            let heard = alice.hear().await;
            assert_eq!((&heard["Content"], &heard["Attributes"]), (&json!(text), &attributes));
            assert_eq!((&heard["Id"], &heard["Sender"]["UserId"]), (&sent["Id"], &json!("bob")));
        })
        .await;
}

#[tokio::test]
async fn a_word_of_one_room_is_denied_there_alone_and_a_change_of_words_holds_within_seconds() {
    TestApp::run(async |app| {
        let stage = open(app).await;
        app.user("alice").put("/channels/demo", json!({})).await.expect(201);
        let mut bob = enter(app, "bob").await;
        let mut elsewhere = Chatter::enter(app, &app.user("bob"), "/channels/demo/chat-tokens").await;
        let (rooms, room) = room(app, &stage).await;
        bob.say("darn").await.unwrap();
        set_words(&rooms, &room, &["darn"]).await;
        eventually("the word is denied", async || (bob.say("D-arn").await == denied(Refusal::Word)).then_some(()))
            .await;
        elsewhere.say("darn").await.unwrap();
        set_words(&rooms, &room, &["heck"]).await;
        eventually("the word is allowed again", async || say_in_time(&mut bob, "darn").await.ok()).await;
        assert_eq!(say_in_time(&mut bob, "heck").await, denied(Refusal::Word));
    })
    .await;
}

#[tokio::test]
async fn slow_mode_holds_a_second_message_back_but_no_owners_and_no_moderators() {
    TestApp::run(async |app| {
        let stage = open(app).await;
        app.user("carol").post(TOKENS, json!({})).await.expect(201);
        set_standing(app, "carol", "moderator").await;
        let (rooms, room) = room(app, &stage).await;
        set_words(&rooms, &room, &["darn"]).await;
        slow_down(&rooms, &room).await;
        let (mut bob, mut dave) = (enter(app, "bob").await, enter(app, "dave").await);
        // What is refused is nobody's last message.
        assert_eq!(bob.say("darn").await, denied(Refusal::Word));
        bob.say("one").await.unwrap();
        assert_eq!(bob.say("two").await, denied(Refusal::TooSoon));
        dave.say("three").await.unwrap();
        for user in ["alice", "carol"] {
            let mut moderator = enter(app, user).await;
            moderator.say("four").await.unwrap();
            moderator.say("five").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn in_slow_mode_a_message_whose_write_is_repeated_is_not_held_back_by_itself() {
    TestApp::run(async |app| {
        let stage = open(app).await;
        let (rooms, room) = room(app, &stage).await;
        slow_down(&rooms, &room).await;
        let mut bob = enter(app, "bob").await;
        let lost = json!({"kind": "drop", "when": "after"});
        app.fault(
            json!({"service": "dynamodb", "operation": "UpdateItem", "function": "ChatReviewFunction", "fault": lost}),
        )
        .await;
        bob.say("one").await.unwrap();
        assert_eq!(bob.say("two").await, denied(Refusal::TooSoon));
    })
    .await;
}

#[tokio::test]
async fn who_is_muted_or_removed_is_denied_at_once_though_still_connected() {
    TestApp::run(async |app| {
        open(app).await;
        let (mut alice, mut bob, mut carol) =
            (enter(app, "alice").await, enter(app, "bob").await, enter(app, "carol").await);
        for chatter in [&mut alice, &mut bob, &mut carol] {
            chatter.say("hello").await.unwrap();
        }
        for (user, flag) in [("bob", "muted"), ("carol", "removed"), ("alice", "muted")] {
            set_standing(app, user, flag).await;
        }
        assert_eq!(bob.say("hello").await, denied(Refusal::Muted));
        assert_eq!(carol.say("hello").await, denied(Refusal::Removed));
        // Nobody moderates the owner.
        alice.say("hello").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn in_slow_mode_too_who_is_muted_is_told_so() {
    TestApp::run(async |app| {
        let stage = open(app).await;
        let (rooms, room) = room(app, &stage).await;
        slow_down(&rooms, &room).await;
        let mut bob = enter(app, "bob").await;
        set_standing(app, "bob", "muted").await;
        assert_eq!(bob.say("hello").await, denied(Refusal::Muted));
    })
    .await;
}

/// Says something while the function fails in each of its ways, or does not answer in time.
async fn says_without_review(app: &TestApp) -> Vec<bool> {
    open(app).await;
    let mut bob = enter(app, "bob").await;
    let denied = json!({"kind": "error", "status": 400, "code": "AccessDeniedException"});
    let mut passed = Vec::new();
    for (fault, milliseconds) in [
        (denied, 20_000),
        (json!({"kind": "kill", "when": "before"}), 20_000),
        (json!({"kind": "latency", "ms": 60_000}), 300),
    ] {
        app.quotas(json!({"messageReviewMilliseconds": milliseconds})).await;
        // The room is not known yet.
        let fault = json!({
            "service": "dynamodb", "operation": "Query", "function": "ChatReviewFunction", "times": null, "fault": fault,
        });
        app.fault(fault).await;
        passed.push(bob.say("what nobody has looked at").await.is_ok());
        app.heal().await;
    }
    passed
}

#[tokio::test]
async fn what_the_function_does_not_answer_for_passes_where_the_fallback_allows_it() {
    let setup = Setup::default().parameter("ChatReviewFallback", "ALLOW");
    setup.run(async |app| assert_eq!(says_without_review(app).await, [true; 3])).await;
}

#[tokio::test]
async fn what_the_function_does_not_answer_for_is_denied_where_the_fallback_denies_it() {
    let setup = Setup::default().parameter("ChatReviewFallback", "DENY");
    setup.run(async |app| assert_eq!(says_without_review(app).await, [false; 3])).await;
}

#[tokio::test]
async fn ivs_chat_asks_only_where_the_template_lets_it() {
    let setup = Setup::default().parameter("ChatWords", "darn").parameter("ChatReviewFallback", "ALLOW");
    let setup = setup.edit("Principal: ivschat.amazonaws.com", "Principal: events.amazonaws.com");
    setup
        .run(async |app| {
            open(app).await;
            enter(app, "bob").await.say("darn").await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn rooms_are_made_with_the_handler_and_those_without_it_get_it_from_the_reconciler() {
    let setup = Setup::default().parameter("ChatReviewFallback", "DENY");
    setup
        .run(async |app| {
            let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
            let handler = async |arn: &str| {
                let got = app.ivs_chat().get_room().identifier(arn).send().await.unwrap();
                got.message_review_handler().cloned()
            };
            // As before there was a handler.
            let (_, old) = room(app, stage["arn"].as_str().unwrap()).await;
            assert_eq!(handler(old.arn.as_str()).await, None);
            app.user("alice").put("/channels/demo", json!({})).await.expect(201);
            app.user("alice").post("/channels/demo/chat-tokens", json!({})).await.expect(201);
            let made = app.rooms_in_ivs().await.into_iter().find(|arn| arn != old.arn.as_str()).unwrap();
            let made = handler(&made).await.unwrap();
            assert!(made.uri().is_some_and(|uri| uri.contains(":function:") && uri.contains("ChatReview")), "{made:?}");
            assert_eq!(made.fallback_result(), Some(&FallbackResult::Deny));
            assert_eq!(app.at_once(reconcile(app)).await, Value::Null);
            assert_eq!(handler(old.arn.as_str()).await, Some(made));
            assert_eq!(last_line(app)["rooms.newlyReviewed"], 1);
            let (_, calls) = app.calls_of(app.at_once(reconcile(app))).await;
            assert!(!calls.contains(&"ivschat:UpdateRoom".to_owned()), "{calls:?}");
        })
        .await;
}

#[tokio::test]
async fn nothing_that_somebody_writes_is_logged() {
    let setup = Setup::default().parameter("ChatWords", "darn");
    setup
        .run(async |app| {
            open(app).await;
            let mut bob = enter(app, "bob").await;
            let texts = ["what bob says to carol", "what darn bob may not say", "what bob says to nobody"];
            texts.iter().for_each(|text| app.is_secret(text));
            bob.say(texts[0]).await.unwrap();
            bob.say(texts[1]).await.unwrap_err();
            let denied = json!({"kind": "error", "status": 400, "code": "AccessDeniedException"});
            let denied =
                json!({"service": "dynamodb", "operation": "GetItem", "function": "ChatReviewFunction", "fault": denied});
            app.fault(denied).await;
            // Whether it passes is the fallback's to say.
            let _ = bob.say(texts[2]).await;
            let malformed = json!({"Content": texts[0], "Sender": texts[1], "RoomArn": 7}).to_string();
            let failed = app.invoke("ChatReviewFunction", malformed).await;
            assert!(texts.iter().all(|text| !failed.contains(text)), "{failed}");
            let lines = eventually("each is logged", async || {
                let lines = app.log_of("chat-review");
                (lines.len() >= 4).then_some(lines)
            })
            .await;
            let said: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
            assert_eq!(said, ["allowed", "denied", "failed", "failed"].map(|word| format!("chat-review {word}")));
            assert_eq!((&lines[1]["refusal"], &lines[1]["MessagesDenied"]), (&json!("word"), &json!(1)));
        })
        .await;
}
