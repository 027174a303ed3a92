import { beforeEach, expect, test } from "vitest";

import { SignIn } from "./sign-in";
import { FakeClock, FakeStorage, fakeFetch, settled, type Answer } from "./testing/browser";

const provider = {
  authorizeUrl: "https://id.example.com/oauth2/authorize",
  tokenUrl: "https://id.example.com/oauth2/token",
  logoutUrl: "https://id.example.com/logout",
  clientId: "pages",
  scope: "openid",
};

let clock: FakeClock;
let storage: FakeStorage;
let visited: string[];
let answer: () => Answer;
let asked: { path: string; body: string }[];
let signIn: SignIn;

beforeEach(() => {
  clock = new FakeClock();
  storage = new FakeStorage();
  visited = [];
  answer = () => tokens("one");
  const { fetch, requests } = fakeFetch(() => answer());
  asked = requests;
  signIn = new SignIn(provider, { fetch, storage, now: () => clock.now(), origin: "https://live.example.com", navigate: (url) => visited.push(url) });
});

function tokens(access: string, more: object = {}): Answer {
  const claims = (value: object) => `h.${btoa(JSON.stringify(value)).replaceAll("=", "")}.s`;
  const idToken = claims({ sub: "u-1", preferred_username: "alice" });
  return { status: 200, body: { access_token: access, id_token: idToken, refresh_token: `refresh-${access}`, expires_in: 3600, ...more } };
}

/** Goes to the provider and back. */
async function signedIn(returnTo = "/broadcast/demo"): Promise<string> {
  await signIn.begin(returnTo);
  const state = new URL(visited.at(-1) ?? "").searchParams.get("state") ?? "";
  return signIn.complete(new URLSearchParams({ code: "the-code", state }));
}

test("asks for a code with a challenge, and shows the verifier of it for the tokens", async () => {
  expect(await signedIn()).toBe("/broadcast/demo");
  const { searchParams } = new URL(visited[0] ?? "");
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_type: "code",
    client_id: "pages",
    redirect_uri: "https://live.example.com/signed-in",
    scope: "openid",
    code_challenge_method: "S256",
  });
  const body = new URLSearchParams(asked[0]?.body);
  expect(Object.fromEntries(body)).toMatchObject({ grant_type: "authorization_code", code: "the-code", redirect_uri: "https://live.example.com/signed-in" });
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body.get("code_verifier") ?? ""));
  const challenge = btoa(String.fromCharCode(...new Uint8Array(digest))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  expect(searchParams.get("code_challenge")).toBe(challenge);
  expect(signIn.user).toEqual({ id: "u-1", name: "alice" });
  expect(await signIn.token()).toBe("one");
});

test("takes no code that was not asked for in this tab, and none twice", async () => {
  await expect(signIn.complete(new URLSearchParams({ code: "x", state: "forged" }))).rejects.toThrow("not begun in this tab");
  await signIn.begin("/");
  await expect(signIn.complete(new URLSearchParams({ code: "x", state: "forged" }))).rejects.toThrow("not begun in this tab");
  await signedIn();
  const state = new URL(visited.at(-1) ?? "").searchParams.get("state") ?? "";
  await expect(signIn.complete(new URLSearchParams({ code: "x", state }))).rejects.toThrow("not begun in this tab");
  expect(asked).toHaveLength(1);
});

test("tells why the provider refused", async () => {
  await signIn.begin("/");
  const state = new URL(visited.at(-1) ?? "").searchParams.get("state") ?? "";
  const refused = signIn.complete(new URLSearchParams({ error: "access_denied", state }));
  await expect(refused).rejects.toMatchObject({ code: "access_denied" });
});

test.each(["https://evil.example.com/", "//evil.example.com/x"])("goes back to this site only, not to %s", async (elsewhere) => {
  expect(await signedIn(elsewhere)).toBe("/");
});

test("renews a token that is about to end, once for all who ask", async () => {
  await signedIn();
  clock.skip(3600_000 - 60_000);
  answer = () => tokens("two");
  expect(await Promise.all([signIn.token(), signIn.token()])).toEqual(["two", "two"]);
  expect(asked).toHaveLength(2);
  expect(asked[1]?.body).toBe("client_id=pages&grant_type=refresh_token&refresh_token=refresh-one");
});

test("keeps the refresh token where the provider sends no other, as Cognito does", async () => {
  await signedIn();
  answer = () => tokens("two", { refresh_token: undefined });
  await signIn.renew();
  await signIn.renew();
  expect(asked[2]?.body).toContain("refresh_token=refresh-one");
});

test("uses what is left of a token while the provider is out of reach", async () => {
  await signedIn();
  answer = () => ({ status: 503 });
  clock.skip(3600_000 - 1000);
  expect(await signIn.token()).toBe("one");
  clock.skip(1000);
  await expect(signIn.token()).rejects.toThrow("503");
  expect(signIn.user).not.toBeNull();
});

test("forgets who it was when the provider has ended the session", async () => {
  await signedIn();
  answer = () => ({ status: 400, body: { error: "invalid_grant" } });
  let changes = 0;
  signIn.addEventListener("change", () => (changes += 1));
  expect(await signIn.renew()).toBeNull();
  expect(signIn.user).toBeNull();
  expect(changes).toBe(1);
});

test("signs out here and at the provider", async () => {
  await signedIn();
  signIn.signOut();
  await settled();
  expect(visited.at(-1)).toBe("https://id.example.com/logout?client_id=pages&logout_uri=https%3A%2F%2Flive.example.com%2F");
  expect(await signIn.token()).toBeNull();
});
