//! The local issuer as an OpenID provider: a page's sign-in from its beginning to its end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use aws_lc_rs::digest::{SHA256, digest};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The URL that a page sends the browser to, with one parameter as it should not be.
fn authorize(cloud: &LocalCloud, wrong: Option<(&str, &str)>) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let back = format!("{}/signed-in", cloud.api_url());
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", back.as_str()),
        ("scope", "openid"),
        ("state", "s&1"),
        ("nonce", "n1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for parameter in &mut parameters {
        if let Some((_, value)) = wrong.filter(|(name, _)| *name == parameter.0) {
            parameter.1 = value;
        }
    }
    format!("{}/_local/oauth2/authorize?{}", cloud.api_url(), encoded(&parameters))
}

/// Signs in on the page, and answers the query that the browser goes back with.
async fn signed_in(cloud: &LocalCloud, user: &str) -> Vec<(String, String)> {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*cloud.api_url())];
    let answer = send("POST", authorize(cloud, None), &headers, encoded(&[("username", user)])).await;
    assert_eq!(answer.status, 303, "{:?}", answer.body);
    let (back, query) = answer.header("location").split_once('?').unwrap();
    assert_eq!(back, format!("{}/signed-in", cloud.api_url()));
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

async fn tokens(cloud: &LocalCloud, form: &[(&str, &str)]) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://localhost:5173")];
    send("POST", format!("{}/_local/oauth2/token", cloud.api_url()), &headers, encoded(form)).await
}

async fn redeemed(cloud: &LocalCloud, code: &str, verifier: &str) -> Answer {
    let back = format!("{}/signed-in", cloud.api_url());
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", back.as_str()),
        ("code_verifier", verifier),
    ];
    tokens(cloud, &form).await
}

fn claims(token: &Value) -> Value {
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn is_let_in(cloud: &LocalCloud, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    send("PUT", format!("{}/own/a", cloud.api_url()), &[("authorization", &bearer)], "").await.status == 200
}

#[tokio::test]
async fn a_page_signs_its_user_in_and_calls_the_api_with_the_access_token() {
    let cloud = start().await;
    let page = send("GET", authorize(&cloud, None), &[], "").await;
    let html = String::from_utf8_lossy(&page.body);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for part in [
        "<label for=\"username\">",
        "<button type=\"submit\" name=\"username\" value=\"alice\">alice</button>",
        "state=s%261",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&format!("form-action 'self' {};", cloud.api_url())), "{policy}");

    let back = signed_in(&cloud, " dave ").await;
    assert_eq!((back[0].0.as_str(), back[1..].to_vec()), ("code", vec![("state".to_owned(), "s&1".to_owned())]));
    let answer = redeemed(&cloud, &back[0].1, VERIFIER).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), "*", "the page may be of a development server");
    let first = answer.json();
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("Bearer"), &json!(43_200)));
    let id = claims(&first["id_token"]);
    let told = (&id["sub"], &id["preferred_username"], &id["nonce"], &id["aud"], &id["iss"]);
    assert_eq!(told, (&json!("dave"), &json!("dave"), &json!("n1"), &json!("app"), &json!("https://issuer.test")));
    assert!(is_let_in(&cloud, first["access_token"].as_str().unwrap()).await);

    let refresh = first["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh)];
    for _ in 0..2 {
        let again = tokens(&cloud, &form).await.json();
        assert_eq!((&claims(&again["id_token"])["sub"], again.get("refresh_token")), (&json!("dave"), None));
        assert!(is_let_in(&cloud, again["access_token"].as_str().unwrap()).await);
    }
    assert!(!is_let_in(&cloud, refresh).await, "a refresh token is no access token");
    assert_eq!(door(&cloud, "GET", "users", json!(null)).await.json(), json!({"users": ["dave"]}));
}

#[tokio::test]
async fn a_code_is_good_once_and_for_who_asked_for_it() {
    let cloud = start().await;
    let code = async || signed_in(&cloud, "alice").await[0].1.clone();
    let used = code().await;
    assert_eq!(redeemed(&cloud, &used, VERIFIER).await.status, 200);
    let other = "a-verifier-of-somebody-else-who-saw-the-code";
    for (code, verifier) in [(used.as_str(), VERIFIER), (&code().await, other), ("made-up", VERIFIER)] {
        let answer = redeemed(&cloud, code, verifier).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_grant")));
    }
    let code = code().await;
    for (form, error) in [
        (&[("grant_type", "password"), ("client_id", "app")][..], "unsupported_grant_type"),
        (&[("grant_type", "refresh_token"), ("client_id", "other"), ("refresh_token", "x")], "invalid_client"),
        (&[("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", "x")], "invalid_grant"),
        (&[("grant_type", "authorization_code"), ("client_id", "app"), ("code", &code)], "invalid_request"),
        (&[("client_id", "app")], "invalid_request"),
    ] {
        let answer = tokens(&cloud, form).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{form:?}");
    }
    // An access token opens no other.
    let access = cloud.token("alice");
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", access.as_str())];
    assert_eq!(tokens(&cloud, &form).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_request_that_is_wrong_goes_back_with_the_reason_and_nowhere_else() {
    let cloud = start().await;
    for (wrong, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
    ] {
        let answer = send("GET", authorize(&cloud, Some(wrong)), &[], "").await;
        let location = answer.header("location");
        let back = format!("{}/signed-in?error={error}&", cloud.api_url());
        assert!(
            answer.status == 303 && location.starts_with(&back) && location.ends_with("&state=s%261"),
            "{location}"
        );
    }
    for wrong in [
        ("redirect_uri", "https://evil.test/"),
        ("redirect_uri", "http://localhost@evil.test/"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "/signed-in"),
        ("client_id", "other"),
    ] {
        for method in ["GET", "POST"] {
            let answer = send(method, authorize(&cloud, Some(wrong)), &[], "username=alice").await;
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{method} {wrong:?}");
        }
    }
    for name in ["", " ", &"x".repeat(129), "a\nb"] {
        let answer = send("POST", authorize(&cloud, None), &[], encoded(&[("username", name)])).await;
        assert_eq!(answer.status, 400, "{name:?}");
    }
    let allowed = authorize(&cloud, Some(("redirect_uri", "http://app.test/back")));
    assert_eq!(send("GET", allowed.clone(), &[], "").await.status, 200, "the template allows its pages");
    let page = send("POST", allowed, &[("origin", "http://evil.test")], "username=alice").await;
    assert_eq!(page.status, 403, "no page of elsewhere signs anybody in");
}

#[tokio::test]
async fn names_are_text_and_no_markup_on_the_page() {
    let cloud = start().await;
    signed_in(&cloud, "<b>\"x\"&").await;
    let page = send("GET", format!("{}&login_hint=%22%3E%3Cb%3E", authorize(&cloud, None)), &[], "").await;
    let html = String::from_utf8_lossy(&page.body);
    assert!(html.contains("value=\"&lt;b&gt;&quot;x&quot;&amp;\">&lt;b&gt;") && !html.contains("<b>"), "{html}");
}

#[tokio::test]
async fn the_issuer_says_where_its_endpoints_are_and_signing_out_leads_back() {
    let cloud = start().await;
    let url = cloud.api_url();
    let described = door(&cloud, "GET", ".well-known/openid-configuration", json!(null)).await.json();
    for (name, path) in [
        ("authorization_endpoint", "oauth2/authorize"),
        ("token_endpoint", "oauth2/token"),
        ("end_session_endpoint", "logout"),
        ("jwks_uri", ".well-known/jwks.json"),
    ] {
        assert_eq!(described[name], format!("{url}/_local/{path}"), "{name}");
    }
    assert_eq!(described["code_challenge_methods_supported"], json!(["S256"]));
    let logout = async |uri: &str| {
        door(&cloud, "GET", &format!("logout?{}", encoded(&[("client_id", "app"), ("logout_uri", uri)])), json!(null))
            .await
    };
    let home = format!("{url}/");
    let answer = logout(&home).await;
    assert_eq!((answer.status, answer.header("location")), (303, home.as_str()));
    assert_eq!(logout("https://evil.test/").await.status, 400);
}
