//! What each request costs in AWS calls. A call more is a bug: it is paid for and waited for.

use aws_room::SettingsChanges;
use model::Timestamp;
use model::broadcast::Phase;
use serde_json::json;
use tests::{Air, ChatRooms, Fleet, Request, Room, Setup, TestApp, eventually};

#[tokio::test]
async fn each_request_makes_the_aws_calls_that_it_must_and_no_more() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        let made = async |what: &str, status: u16, request: tests::Request<'_>, expected: &[&str]| {
            let (answer, calls) = app.calls_of(request).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            assert_eq!(calls, expected, "{what}");
        };
        let participants = "/stages/demo/participants";
        let create = ["dynamodb:GetItem", "dynamodb:TransactWriteItems", "ivs:CreateStage", "dynamodb:PutItem"];
        made("create", 201, Box::pin(alice.put("/stages/demo", json!({}))), &create).await;
        made("fetch", 200, Box::pin(alice.get("/stages/demo")), &["dynamodb:GetItem"]).await;
        made("fetch by PUT", 200, Box::pin(bob.put("/stages/demo", json!({}))), &["dynamodb:GetItem"]).await;
        made("list", 200, Box::pin(alice.get("/stages")), &["dynamodb:Query"]).await;
        let update = ["dynamodb:UpdateItem"];
        made("update", 200, Box::pin(alice.patch("/stages/demo", json!({"doors": "open"}))), &update).await;

        // An instance fetches the signing key while it starts; minting is one read and one write.
        let mint = ["dynamodb:BatchGetItem", "dynamodb:PutItem"];
        let first = ["secretsmanager:GetSecretValue", "dynamodb:BatchGetItem", "dynamodb:PutItem"];
        made("first mint", 201, Box::pin(alice.post(participants, json!({}))), &first).await;
        let line = eventually("the first mint is logged", async || app.log_of("participant").pop()).await;
        assert_eq!(line["awsCallCount"], json!(mint.len()), "the key was there: {line}");
        made("mint", 201, Box::pin(bob.post(participants, json!({}))), &mint).await;
        made("the current token", 200, Box::pin(bob.post(participants, json!({}))), &mint[..1]).await;
        made("exchange", 201, Box::pin(bob.post(participants, json!({"exchange": true}))), &mint).await;
        made("who is there", 200, Box::pin(alice.get(participants)), &["dynamodb:GetItem", "dynamodb:Query"]).await;
        let publishes = ["dynamodb:BatchGetItem", "dynamodb:Query"];
        made("who publishes", 200, Box::pin(bob.get("/stages/demo/session")), &publishes).await;
        let bobs = "/stages/demo/participants/bob";
        made("grant", 200, Box::pin(alice.patch(bobs, json!({}))), &mint).await;
        let remove = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "ivs:DisconnectParticipant", "dynamodb:PutItem"];
        made("remove", 204, Box::pin(alice.delete(bobs)), &remove).await;

        let (read, key) = (["dynamodb:GetItem"], "/channels/demo/stream-key");
        let create = ["dynamodb:GetItem", "dynamodb:TransactWriteItems", "ivs:CreateChannel", "dynamodb:PutItem"];
        let private = json!({"private": true});
        made("create a channel", 201, Box::pin(alice.put("/channels/demo", private)), &create).await;
        made("fetch a channel", 200, Box::pin(bob.get("/channels/demo")), &read).await;
        made("stream key", 200, Box::pin(alice.get(key)), &read).await;
        let rotate = [
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "ivs:DeleteStreamKey",
            "ivs:ListStreamKeys",
            "ivs:CreateStreamKey",
            "dynamodb:UpdateItem",
        ];
        made("rotate", 200, Box::pin(alice.post(key, json!({}))), &rotate).await;
        let tokens = "/channels/demo/playback-tokens";
        let first = ["dynamodb:GetItem", "secretsmanager:GetSecretValue"];
        made("first playback token", 201, Box::pin(bob.post(tokens, json!({}))), &first).await;
        made("playback token", 201, Box::pin(bob.post(tokens, json!({}))), &read).await;
        let delete = [
            "dynamodb:GetItem",
            "ivs:GetStream",
            "dynamodb:UpdateItem",
            "ivs:DeleteChannel",
            "dynamodb:Query",
            // Its room ends with it, if it has one.
            "sqs:SendMessage",
            "dynamodb:GetItem",
            "dynamodb:TransactWriteItems",
        ];
        made("delete a channel", 204, Box::pin(alice.delete("/channels/demo")), &delete).await;
        // What the recovery calls is no request's.
        eventually("the recovery looks for its room", async || app.log_of("recovery").pop()).await;

        let invited = json!({"private": true, "admission": "invited"});
        made("create a channel by invitation", 201, Box::pin(alice.put("/channels/members", invited)), &create).await;
        let (bobs, write) = ("/channels/members/viewers/bob", ["dynamodb:GetItem", "dynamodb:TransactWriteItems"]);
        made("invite", 201, Box::pin(alice.put(bobs, json!({}))), &write).await;
        let list = ["dynamodb:GetItem", "dynamodb:Query"];
        made("who is invited", 200, Box::pin(alice.get("/channels/members/viewers")), &list).await;
        let (tokens, reads) = ("/channels/members/playback-tokens", ["dynamodb:GetItem", "dynamodb:GetItem"]);
        made("a token by invitation", 201, Box::pin(bob.post(tokens, json!({}))), &reads).await;
        made("the owner's token", 201, Box::pin(alice.post(tokens, json!({}))), &read).await;
        let end = ["dynamodb:GetItem", "dynamodb:DeleteItem"];
        made("take an invitation back", 204, Box::pin(alice.delete(bobs)), &end).await;

        let settings = json!({
            "kind": "custom", "ingestUrl": "rtmp://live.example.com/app", "streamKey": "key-of-alice",
            "playbackUrl": "https://cdn.example.com/x.m3u8",
        });
        let path = "/broadcast-settings";
        made("save settings", 201, Box::pin(alice.put(path, settings)), &["dynamodb:PutItem"]).await;
        made("read settings", 200, Box::pin(alice.get(path)), &read).await;
        // An instance's first list begins anywhere, and goes past the last server.
        bob.get("/servers").await.expect(200);
        made("servers", 200, Box::pin(bob.get("/servers")), &["dynamodb:Query"]).await;
        made("forget settings", 204, Box::pin(alice.delete(path)), &["dynamodb:DeleteItem"]).await;

        let delete = [
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "ivs:DeleteStage",
            "dynamodb:Query",
            "dynamodb:DeleteItem",
            "dynamodb:DeleteItem",
            "sqs:SendMessage",
            "dynamodb:GetItem",
            "dynamodb:TransactWriteItems",
        ];
        made("delete", 204, Box::pin(alice.delete("/stages/demo")), &delete).await;
        eventually("the recovery looks for its room", async || app.log_of("recovery").get(1).cloned()).await;
        made("delete again", 204, Box::pin(alice.delete("/stages/demo")), &["dynamodb:GetItem"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_chat_token_costs_two_calls_of_ours_and_what_moderates_no_more() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        alice.post("/stages/demo/chat-tokens", json!({})).await.expect(201);
        let (batch, query) = ("dynamodb:BatchGetItem", "dynamodb:Query");
        let (update, write) = ("dynamodb:UpdateItem", "dynamodb:TransactWriteItems");
        let (put, disconnect) = ("dynamodb:PutItem", "ivschat:DisconnectUser");
        let (chat, bob) = ("/stages/demo/chat", "/stages/demo/chat/users/bob");
        let mute = || Box::pin(alice.patch(bob, json!({"muted": true})));
        for (what, status, request, expected) in [
            (
                "a token",
                201,
                Box::pin(alice.post("/stages/demo/chat-tokens", json!({}))),
                &[batch, update, "ivschat:CreateChatToken"][..],
            ),
            ("settings", 200, Box::pin(alice.get(chat)), &[batch]),
            ("other settings", 200, Box::pin(alice.patch(chat, json!({"slowModeSeconds": 5}))), &[batch, update]),
            ("muting", 200, mute(), &[batch, write, disconnect]),
            ("muting again", 200, mute(), &[batch, disconnect]),
            ("removing", 204, Box::pin(alice.delete(bob)), &[batch, write, disconnect]),
            ("readmitting", 200, Box::pin(alice.patch(bob, json!({"removed": false}))), &[batch, write]),
            (
                "a message",
                204,
                Box::pin(alice.delete("/stages/demo/chat/messages/AbCdEfGhIjKl")),
                &[batch, put, "ivschat:DeleteMessage"],
            ),
            ("who was moderated", 200, Box::pin(alice.get("/stages/demo/chat/users")), &[batch, query]),
            ("the log", 200, Box::pin(alice.get("/stages/demo/chat/log")), &[batch, query]),
        ] as [(&str, u16, Request<'_>, &[&str]); 10]
        {
            let (answer, calls) = app.calls_of(request).await;
            assert_eq!(
                (answer.status, calls.as_slice()),
                (status, expected.iter().map(|&it| it.to_owned()).collect::<Vec<_>>().as_slice()),
                "{what}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn going_live_costs_five_calls_and_a_renewal_one() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let room = Room::new(app).await;
        let server = room.open(1, 8).await.remove(0);
        let (query, batch, get) = ("dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:GetItem");
        let (put, update) = ("dynamodb:PutItem", "dynamodb:UpdateItem");
        let begin = |desired| Box::pin(alice.post("/broadcasts", desired));
        let (begun, calls) = app.calls_of(begin(json!({"channel": "demo"}))).await;
        let begun = begun.expect(201).json();
        assert_eq!(calls, [query, batch, query, update, put]);
        room.redeem(&begun, &server.id, Timestamp::now()).await;
        let one = format!("/broadcasts/{}", begun["broadcast"].as_str().unwrap());
        let again = json!({"channel": "demo", "takeOver": true});
        for (what, status, request, expected) in [
            ("on air", 409, begin(json!({"channel": "demo"})), &[query, batch][..]),
            ("taking over", 201, begin(again), &[batch, query, update, put]),
            ("no settings", 404, begin(json!({"broadcastSettings": true})), &[query, batch]),
            (
                "another ticket",
                201,
                Box::pin(alice.post(&format!("{one}/tickets"), json!({}))),
                &[get, query, update, update],
            ),
            ("one", 200, Box::pin(alice.get(&one)), &[get]),
            ("the list", 200, Box::pin(alice.get("/broadcasts")), &[query, batch]),
            ("an empty list", 200, Box::pin(app.user("bob").get("/broadcasts")), &[query]),
            ("ending", 204, Box::pin(alice.delete(&one)), &[get, update]),
            ("ending again", 204, Box::pin(alice.delete(&one)), &[get]),
        ] as [(&str, u16, Request<'_>, &[&str]); 9]
        {
            let (answer, calls) = app.calls_of(request).await;
            assert_eq!(
                (answer.status, calls.as_slice()),
                (status, expected.iter().map(|&it| it.to_owned()).collect::<Vec<_>>().as_slice()),
                "{what}"
            );
        }
        // The indexes hold nothing that a renewal changes.
        let begun = alice.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await.expect(201).json();
        let (row, own) = room.redeem(&begun, &server.id, Timestamp::now()).await;
        room.broadcasts.renew(&row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap();
        let since = app.anonymous().get("/_local/calls").await.expect(200).json()["next"].clone();
        room.broadcasts.renew(&row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap();
        let calls = app.anonymous().get(&format!("/_local/calls?since={since}")).await.expect(200).json();
        let renewals = calls["calls"].as_array().unwrap();
        let cost: Vec<_> = renewals.iter().map(|call| (&call["operation"], &call["consumedCapacity"])).collect();
        assert_eq!(cost, [(&json!("UpdateItem"), &json!(1.0))]);
    })
    .await;
}

#[tokio::test]
async fn each_event_of_a_task_makes_three_aws_calls_at_most_and_one_if_it_is_no_news() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        let (read, write) = ("dynamodb:GetItem", "dynamodb:PutItem");
        let locate = "ec2:DescribeNetworkInterfaces";
        for (what, event, expected) in [
            ("not running yet", task.at(2, "PENDING", "RUNNING"), &[read][..]),
            ("a start", task.last().clone(), &[read, locate, write]),
            ("a start again", task.last().clone(), &[read]),
            ("a change of no account", task.at(5, "RUNNING", "RUNNING"), &[read]),
            ("draining", task.at(6, "RUNNING", "STOPPED"), &[read, write]),
            ("still draining", task.at(8, "DEPROVISIONING", "STOPPED"), &[read]),
            ("a stop", task.at(9, "STOPPED", "STOPPED"), &[read, write]),
            ("a stop again", task.at(9, "STOPPED", "STOPPED"), &[read]),
            ("a start after the stop", task.at(5, "RUNNING", "RUNNING"), &[read]),
        ] {
            let (answer, calls) = app.calls_of(app.invoke("TaskTrackerFunction", event.to_string())).await;
            assert_eq!(
                (answer.as_str(), calls),
                ("null", expected.iter().map(|&call| call.to_owned()).collect()),
                "{what}"
            );
        }
        // One call for each page, whatever the servers are.
        fleet.fill(150).await;
        let bob = app.user("bob");
        bob.get("/servers").await.expect(200);
        let (_, calls) = app.calls_of(bob.get("/servers")).await;
        assert!((1..=2).contains(&calls.len()) && calls.iter().all(|call| call == "dynamodb:Query"), "{calls:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_on_air_costs_one_call_and_a_page_of_it_two() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (show, hidden) =
            (air.channel("show", json!({})).await, air.channel("hidden", json!({"private": true})).await);
        let (read, write) = ("dynamodb:BatchGetItem", "dynamodb:PutItem");
        let twice = show.started("st-1", 5);
        for (what, event, expected) in [
            ("a start", twice.clone(), &[read, write][..]),
            ("the same once more", twice, &[read]),
            ("a late start", show.started("st-0", 9), &[read]),
            ("a takeover", show.event("Stream Takeover", "st-1", 4), &[]),
            (
                "that of another's channel",
                tests::Channel { name: "none".into(), ..show.clone() }.started("st-1", 4),
                &[read],
            ),
        ] {
            let (_, calls) = app.calls_of(air.tell([event])).await;
            assert_eq!(calls, expected, "{what}");
        }
        let anonymous = app.anonymous();
        let given = app.user("bob").post("/channels/hidden/playback-tokens", json!({})).await.expect(201).json();
        let viewer = anonymous.with_token(given["token"].as_str().unwrap());
        for (what, status, request, expected) in [
            ("one", 200, anonymous.get("/streams/show"), &[read][..]),
            ("none", 404, anonymous.get("/streams/none"), &[read]),
            ("private, without a token", 404, anonymous.get("/streams/hidden"), &[read]),
            ("private", 200, viewer.get("/streams/hidden"), &[read, "secretsmanager:GetSecretValue"]),
            ("private, again", 200, viewer.get("/streams/hidden"), &[read]),
            ("the list", 200, anonymous.get("/streams"), &["dynamodb:Query", read]),
        ] {
            let (answer, calls) = app.calls_of(Box::pin(request)).await;
            assert_eq!(
                (answer.status, calls.as_slice()),
                (status, expected.iter().map(|&it| it.to_owned()).collect::<Vec<_>>().as_slice()),
                "{what}"
            );
        }
        air.tell([show.ended("st-1", 1)]).await;
        let (_, calls) = app.calls_of(anonymous.get("/streams")).await;
        assert_eq!(calls, ["dynamodb:Query"], "an empty list");
        assert_eq!(hidden.name, "hidden");
    })
    .await;
}

#[tokio::test]
async fn each_notification_of_nginx_makes_two_aws_calls_at_most_and_one_if_nothing_changes() {
    let setup = Setup::default().parameter("SelfHostedIngestUrl", "rtmps://video.example/live");
    let setup = setup.parameter("SelfHostedPlaybackUrl", "https://video.example/hls/{channel}.m3u8");
    setup
        .run(async |app| {
            const SECRET: &str = "the-forwarders-own-secret-of-this-test";
            app.put_secret("rtmp-hook", SECRET).await;
            let alice = app.user("alice");
            let (_, calls) = app.calls_of(alice.put("/channels/demo", json!({"origin": "selfHosted"}))).await;
            assert_eq!(calls, ["dynamodb:GetItem", "dynamodb:TransactWriteItems", "dynamodb:PutItem"]);
            let key = alice.get("/channels/demo/stream-key").await.expect(200).json()["streamKey"].clone();
            let key = key.as_str().unwrap();
            let (read, write) = ("dynamodb:BatchGetItem", "dynamodb:PutItem");
            let publish = format!("publish&name={key}&type=live");
            let update =
                |seconds: u64| format!("update_publish&time={seconds}&timestamp={}&name={key}", seconds * 1000);
            for (what, rest, status, expected) in [
                ("an instance's first", publish.clone(), 302, &["secretsmanager:GetSecretValue", read, write][..]),
                ("a question again", publish, 302, &[read]),
                ("the first media", update(5), 204, &[read, write]),
                ("more of it", update(10), 204, &[read]),
                ("somebody who watches", "play&name=demo&start=0&duration=0&reset=0".to_owned(), 204, &[]),
                ("no key", "publish&name=demo_x&type=live".to_owned(), 403, &[]),
                ("the end", format!("publish_done&name={key}"), 204, &[read, write]),
                ("the end again", format!("publish_done&name={key}"), 204, &[read]),
            ] {
                let body = format!("app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid=1&call={rest}");
                let headers = [("x-hook-secret", SECRET)];
                let (answer, calls) = app.calls_of(app.anonymous().send("POST", "/hooks/rtmp", &headers, body)).await;
                assert_eq!(
                    (answer.status, calls),
                    (status, expected.iter().map(|&call| call.to_owned()).collect()),
                    "{what}"
                );
            }
            // Of one's own server, the table knows whether it is on air.
            let (_, calls) = app.calls_of(alice.delete("/channels/demo")).await;
            let (get, update) = ("dynamodb:GetItem", "dynamodb:UpdateItem");
            assert_eq!(calls, [get, get, update, "sqs:SendMessage", get, "dynamodb:TransactWriteItems"]);
        })
        .await;
}

#[tokio::test]
async fn a_review_of_a_message_makes_two_calls_at_most_and_one_while_the_room_is_known() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let stage = alice.put("/stages/demo", json!({})).await.expect(201).json()["arn"].clone();
        let rooms = ChatRooms::new(app);
        let room = rooms.enter("stage/demo", stage.as_str().unwrap()).await;
        let review = async |role: &str, text: &str| {
            let sender = json!({"UserId": "bob", "Attributes": {"role": role}, "Ip": "192.0.2.7"});
            let message = json!({"Content": text, "MessageId": "abcdefghijkl", "RoomArn": room.arn, "Sender": sender});
            app.calls_of(app.invoke("ChatReviewFunction", message.to_string())).await.1
        };
        let (query, get) = ("dynamodb:Query".to_owned(), "dynamodb:GetItem".to_owned());
        assert_eq!(review("viewer", "hello").await, [query.clone(), get.clone()]);
        // What holds in the room is kept for some seconds, however long this machine takes.
        let once_kept =
            |calls: &[String], rest: &[String]| calls.strip_prefix(&[query.clone()][..]).unwrap_or(calls) == rest;
        assert!(once_kept(&review("viewer", "hello").await, &[get]));
        assert!(once_kept(&review("owner", "hello").await, &[]));
        let slow = SettingsChanges { slow_mode_seconds: Some(60), ..SettingsChanges::default() };
        rooms.table.change_settings(&room, &slow).await.unwrap().unwrap();
        eventually("slow mode is known", async || {
            let calls = review("viewer", "hello").await;
            once_kept(&calls, &["dynamodb:UpdateItem".to_owned()]).then_some(())
        })
        .await;
    })
    .await;
}
