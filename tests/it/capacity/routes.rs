//! A request of each route, and what it costs.

use model::List;
use model::server::{RingCursor, Segment};
use serde_json::{Value, json};
use tests::{Request, TestApp};

/// What opens the hook.
pub(super) const HOOK_SECRET: &str = "the-forwarders-own-secret-of-this-test";

/// What a request costs.
#[derive(Debug)]
pub(super) struct Cost {
    /// As template.yaml has it.
    pub(super) route: &'static str,
    /// Which request of the route, if there are several.
    pub(super) case: &'static str,
    /// DynamoDB's operations with their capacity units, in their order.
    pub(super) calls: Vec<(String, f64)>,
}

impl Cost {
    /// The read units.
    pub(super) fn reads(&self) -> f64 {
        self.units(true)
    }

    /// The write units.
    pub(super) fn writes(&self) -> f64 {
        self.units(false)
    }

    fn units(&self, of_reads: bool) -> f64 {
        let is_read = |operation: &str| ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation);
        let calls = self.calls.iter().filter(|(operation, _)| is_read(operation) == of_reads);
        calls.fold(0.0, |sum, (_, units)| sum + units)
    }
}

/// Asks, and notes what it costs.
struct Meter<'a> {
    app: &'a TestApp,
    costs: Vec<Cost>,
}

impl Meter<'_> {
    async fn ask(&mut self, route: &'static str, case: &'static str, status: u16, request: Request<'_>) -> Value {
        let (answer, calls) = self.app.capacity_of(request).await;
        assert_eq!(answer.status, status, "{route}{case}: {}", answer.text);
        self.costs.push(Cost { route, case, calls });
        answer.json()
    }

    /// A page of five, and the next one.
    async fn list(&mut self, route: &'static str, caller: &tests::Caller, path: &str) {
        let page = self.ask(route, ", a page of 5", 200, Box::pin(caller.get(&format!("{path}?limit=5")))).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(5), "{page}");
        let path = format!("{path}?limit=5&cursor={}", page["cursor"].as_str().unwrap());
        let page = self.ask(route, ", its next page", 200, Box::pin(caller.get(&path))).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(5), "{page}");
    }
}

/// What each route costs now. What is made has names of its own for each size, of the same length.
pub(super) async fn measure(app: &TestApp, size: usize) -> Vec<Cost> {
    let mut meter = Meter { app, costs: Vec::new() };
    stages(&mut meter, size).await;
    channels(&mut meter, size).await;
    broadcasts(&mut meter, size).await;
    streams(&mut meter, size).await;
    let anonymous = app.anonymous();
    meter.ask("GET /health", "", 200, Box::pin(anonymous.get("/health"))).await;
    meter.ask("GET /openapi.json", "", 200, Box::pin(anonymous.get("/openapi.json"))).await;
    meter.costs
}

async fn stages(meter: &mut Meter<'_>, size: usize) {
    let app = meter.app;
    let (alice, guest) = (app.user("alice"), app.user(&format!("guest-{size:07}")));
    let new = &format!("/stages/new-{size:07}");
    meter.ask("PUT /stages/{stage}", ", a new one", 201, Box::pin(alice.put(new, json!({})))).await;
    meter.ask("PUT /stages/{stage}", ", one that is there", 200, Box::pin(guest.put(new, json!({})))).await;
    meter.ask("GET /stages/{stage}", "", 200, Box::pin(guest.get(new))).await;
    meter.list("GET /stages", &alice, "/stages").await;
    meter.ask("PATCH /stages/{stage}", "", 200, Box::pin(alice.patch(new, json!({"doors": "open"})))).await;
    let (participants, mint) = ("/stages/demo/participants", "POST /stages/{stage}/participants");
    meter.ask(mint, ", a new token", 201, Box::pin(guest.post(participants, json!({})))).await;
    meter.ask(mint, ", the current one", 200, Box::pin(guest.post(participants, json!({})))).await;
    meter.list("GET /stages/{stage}/participants", &alice, participants).await;
    meter.ask("GET /stages/{stage}/session", "", 200, Box::pin(guest.get("/stages/demo/session"))).await;
    let (chat, token) = (&format!("{new}/chat-tokens"), "POST /stages/{stage}/chat-tokens");
    meter.ask(token, ", the first", 201, Box::pin(guest.post(chat, json!({})))).await;
    meter.ask(token, ", another", 201, Box::pin(guest.post(chat, json!({})))).await;
    let named = guest.post(chat, json!({"displayName": "Guest"}));
    meter.ask(token, ", another under a new name", 201, Box::pin(named)).await;
    const CHAT: [&str; 7] = [
        "GET /stages/{stage}/chat",
        "PATCH /stages/{stage}/chat",
        "PATCH /stages/{stage}/chat/users/{userId}",
        "DELETE /stages/{stage}/chat/users/{userId}",
        "DELETE /stages/{stage}/chat/messages/{messageId}",
        "GET /stages/{stage}/chat/users",
        "GET /stages/{stage}/chat/log",
    ];
    moderation(meter, CHAT, &format!("{new}/chat"), "/stages/demo/chat").await;
    let guests = &format!("{participants}/guest-{size:07}");
    let of_user = "PATCH /stages/{stage}/participants/{userId}";
    meter.ask(of_user, "", 200, Box::pin(alice.patch(guests, json!({})))).await;
    meter.ask("DELETE /stages/{stage}/participants/{userId}", "", 204, Box::pin(alice.delete(guests))).await;
    app.mint(&guest, new.trim_start_matches("/stages/"), json!({})).await.expect(201);
    meter.ask("DELETE /stages/{stage}", ", with one participant", 204, Box::pin(alice.delete(new))).await;
}

/// What a chat's owner does: there, and for the lists, in one with many rows. The routes are in the order of the requests.
async fn moderation(meter: &mut Meter<'_>, routes: [&'static str; 7], chat: &str, full: &str) {
    let alice = meter.app.user("alice");
    let [get, patch, patch_user, delete_user, delete_message, users, log] = routes;
    let user = &format!("{chat}/users/guest");
    let rules = json!({"rules": "Be kind.", "slowModeSeconds": 5});
    meter.ask(get, "", 200, Box::pin(alice.get(chat))).await;
    meter.ask(patch, "", 200, Box::pin(alice.patch(chat, rules))).await;
    meter.ask(patch_user, "", 200, Box::pin(alice.patch(user, json!({"muted": true})))).await;
    meter.ask(patch_user, ", once more", 200, Box::pin(alice.patch(user, json!({"muted": true})))).await;
    meter.ask(delete_user, "", 204, Box::pin(alice.delete(user))).await;
    let message = &format!("{chat}/messages/AbCdEfGhIjKl");
    meter.ask(delete_message, "", 204, Box::pin(alice.delete(message))).await;
    meter.list(users, &alice, &format!("{full}/users")).await;
    meter.list(log, &alice, &format!("{full}/log")).await;
}

async fn channels(meter: &mut Meter<'_>, size: usize) {
    let app = meter.app;
    let (alice, guest) = (app.user("alice"), app.user(&format!("guest-{size:07}")));
    let new = &format!("/channels/new-{size:07}");
    let by_invitation = json!({"private": true, "admission": "invited"});
    meter.ask("PUT /channels/{channel}", ", a new one", 201, Box::pin(alice.put(new, by_invitation.clone()))).await;
    meter.ask("PUT /channels/{channel}", ", one that is there", 200, Box::pin(guest.put(new, by_invitation))).await;
    meter.ask("GET /channels/{channel}", "", 200, Box::pin(guest.get(new))).await;
    meter.list("GET /channels", &alice, "/channels").await;
    let key = &format!("{new}/stream-key");
    meter.ask("GET /channels/{channel}/stream-key", "", 200, Box::pin(alice.get(key))).await;
    meter.ask("POST /channels/{channel}/stream-key", "", 200, Box::pin(alice.post(key, json!({})))).await;
    let viewers = "/channels/members/viewers";
    let invitation = &format!("{viewers}/guest-{size:07}");
    meter.ask("PUT /channels/{channel}/viewers/{userId}", "", 201, Box::pin(alice.put(invitation, json!({})))).await;
    let tokens = "POST /channels/{channel}/playback-tokens";
    let open = guest.post("/channels/hidden/playback-tokens", json!({}));
    meter.ask(tokens, ", `open`", 201, Box::pin(open)).await;
    let invited = guest.post("/channels/members/playback-tokens", json!({}));
    meter.ask(tokens, ", `invited`", 201, Box::pin(invited)).await;
    // The room is there.
    alice.post("/channels/members/chat-tokens", json!({})).await.expect(201);
    let chat = guest.post("/channels/members/chat-tokens", json!({}));
    meter.ask("POST /channels/{channel}/chat-tokens", ", `invited`", 201, Box::pin(chat)).await;
    const CHAT: [&str; 7] = [
        "GET /channels/{channel}/chat",
        "PATCH /channels/{channel}/chat",
        "PATCH /channels/{channel}/chat/users/{userId}",
        "DELETE /channels/{channel}/chat/users/{userId}",
        "DELETE /channels/{channel}/chat/messages/{messageId}",
        "GET /channels/{channel}/chat/users",
        "GET /channels/{channel}/chat/log",
    ];
    // The room is there.
    alice.patch(&format!("{new}/chat"), json!({"slowModeSeconds": 5})).await.expect(200);
    moderation(meter, CHAT, &format!("{new}/chat"), "/channels/demo/chat").await;
    meter.list("GET /channels/{channel}/viewers", &alice, viewers).await;
    meter.ask("DELETE /channels/{channel}/viewers/{userId}", "", 204, Box::pin(alice.delete(invitation))).await;
    alice.put(&format!("{new}/viewers/bob"), json!({})).await.expect(201);
    meter.ask("DELETE /channels/{channel}", ", with one viewer", 204, Box::pin(alice.delete(new))).await;
}

async fn broadcasts(meter: &mut Meter<'_>, size: usize) {
    let (alice, guest) = (meter.app.user("alice"), meter.app.user(&format!("guest-{size:07}")));
    let (path, settings) = (
        "/broadcast-settings",
        json!({
            "kind": "custom", "ingestUrl": "rtmp://live.example.com/app", "streamKey": "key-of-guest",
            "playbackUrl": "https://cdn.example.com/x.m3u8",
        }),
    );
    meter.ask("PUT /broadcast-settings", "", 201, Box::pin(guest.put(path, settings))).await;
    meter.ask("GET /broadcast-settings", "", 200, Box::pin(guest.get(path))).await;
    meter.ask("DELETE /broadcast-settings", "", 204, Box::pin(guest.delete(path))).await;
    let begin = alice.post("/broadcasts", json!({"channel": "demo"}));
    let begun = meter.ask("POST /broadcasts", "", 201, Box::pin(begin)).await;
    let one = &format!("/broadcasts/{}", begun["broadcast"].as_str().unwrap());
    let another = format!("{one}/tickets");
    meter.ask("POST /broadcasts/{broadcast}/tickets", "", 201, Box::pin(alice.post(&another, json!({})))).await;
    meter.list("GET /broadcasts", &alice, "/broadcasts").await;
    meter.ask("GET /broadcasts/{broadcast}", "", 200, Box::pin(alice.get(one))).await;
    meter.ask("DELETE /broadcasts/{broadcast}", "", 204, Box::pin(alice.delete(one))).await;
    // A list begins at any server, and one that begins near the last goes on with the first: two calls.
    let first = || "0".parse().unwrap();
    let cursor = RingCursor { segment: Segment::From(first()), after: Some(first()) };
    let servers = List::new("GET /servers").of("alice").cursor(&cursor);
    let servers = format!("/servers?limit=5&cursor={servers}");
    meter.ask("GET /servers", ", a page of 5", 200, Box::pin(alice.get(&servers))).await;
}

async fn streams(meter: &mut Meter<'_>, size: usize) {
    let (alice, anonymous) = (meter.app.user("alice"), meter.app.anonymous());
    meter.list("GET /streams", anonymous, "/streams").await;
    meter.ask("GET /streams/{channel}", "", 200, Box::pin(anonymous.get("/streams/show"))).await;
    let own = &format!("/channels/own-{size:07}");
    alice.put(own, json!({"origin": "selfHosted"})).await.expect(201);
    let key = alice.get(&format!("{own}/stream-key")).await.expect(200).json()["streamKey"].clone();
    let name = key.as_str().unwrap();
    for (case, call, status) in [
        (", a publisher", format!("publish&name={name}&type=live"), 302),
        (", an update", format!("update_publish&time=5&timestamp=5000&name={name}"), 204),
        (", the end", format!("publish_done&name={name}"), 204),
    ] {
        let body = format!("app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid=1&call={call}");
        let headers = [("x-hook-secret", HOOK_SECRET)];
        let told = anonymous.send("POST", "/hooks/rtmp", &headers, body);
        meter.ask("POST /hooks/rtmp", case, status, Box::pin(told)).await;
    }
}
