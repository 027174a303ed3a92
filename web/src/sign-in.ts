// Sign-in by OAuth 2.0's authorization code with PKCE (RFC 7636), as Cognito's hosted page and the local issuer have it.
// There is no client secret: the pages are public, and the verifier shows that who brings the code is who asked for it.

import type { SignInConfig } from "./config";

/** Who is signed in, of the id token. For showing only: the API decides by the access token. */
export interface User {
  /** The user's id in the API. */
  id: string;
  /** What people call them. */
  name: string;
}

interface Tokens {
  access: string;
  refresh: string | null;
  /** In milliseconds since 1970, by this computer's clock. */
  expiresAt: number;
  user: User;
}

interface Pending {
  state: string;
  verifier: string;
  returnTo: string;
}

/** Why a sign-in came to nothing. */
export class SignInError extends Error {
  override name = "SignInError";
  /** The provider's word for it, such as `access_denied`. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What of the browser a sign-in needs; tests bring their own. */
export interface Browser {
  fetch: typeof globalThis.fetch;
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  now: () => number;
  origin: string;
  navigate: (url: string) => void;
}

const TOKENS = "greenroom.tokens";
const PENDING = "greenroom.sign-in";
/** A token is renewed this long before it ends, so that none ends on the way to the API. */
const RENEW_BEFORE_MS = 60_000;

/** Who is signed in in this tab. Says `change` when that changes. */
export class SignIn extends EventTarget {
  readonly #config: SignInConfig;
  readonly #browser: Browser;
  #refreshing: Promise<Tokens | null> | null = null;

  constructor(config: SignInConfig, browser: Browser = thisBrowser()) {
    super();
    this.#config = config;
    this.#browser = browser;
  }

  get user(): User | null {
    return this.#tokens()?.user ?? null;
  }

  /** Leaves for the provider's page. It leads to `/signed-in`, and that back to `returnTo`, a path of this site. */
  async begin(returnTo: string): Promise<void> {
    const pending: Pending = { state: randomText(), verifier: randomText(), returnTo };
    this.#browser.storage.setItem(PENDING, JSON.stringify(pending));
    const url = new URL(this.#config.authorizeUrl);
    const parameters = {
      response_type: "code",
      client_id: this.#config.clientId,
      redirect_uri: this.#redirectUri,
      scope: this.#config.scope,
      state: pending.state,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    this.#browser.navigate(url.href);
  }

  /** Takes up what the provider sent back to `/signed-in`; answers the path to go on to. */
  async complete(query: URLSearchParams): Promise<string> {
    const stored = this.#browser.storage.getItem(PENDING);
    this.#browser.storage.removeItem(PENDING);
    const pending = stored === null ? null : (JSON.parse(stored) as Pending);
    if (pending === null || query.get("state") !== pending.state) {
      throw new SignInError("state", "This sign-in was not begun in this tab, or is over already.");
    }
    const code = query.get("code");
    if (code === null) {
      throw new SignInError(query.get("error") ?? "no-code", query.get("error_description") ?? "The sign-in was not finished.");
    }
    const tokens = await this.#ask({
      grant_type: "authorization_code",
      code,
      redirect_uri: this.#redirectUri,
      code_verifier: pending.verifier,
    });
    this.#keep(tokens);
    return this.#ownPath(pending.returnTo);
  }

  /** The access token, renewed when it is about to end; `null` when nobody is signed in (any more). */
  async token(): Promise<string | null> {
    const tokens = this.#tokens();
    if (tokens === null) return null;
    const left = tokens.expiresAt - this.#browser.now();
    if (left > RENEW_BEFORE_MS) return tokens.access;
    if (tokens.refresh === null) {
      if (left > 0) return tokens.access;
      this.forget();
      return null;
    }
    try {
      return (await this.#refresh())?.access ?? null;
    } catch (error) {
      // The provider cannot be reached. The token may be good for a little still.
      if (left > 0) return tokens.access;
      throw error;
    }
  }

  /** Another access token at once: the API did not take this one. `null`: sign in again. */
  async renew(): Promise<string | null> {
    return this.#tokens()?.refresh ? ((await this.#refresh())?.access ?? null) : null;
  }

  /** Drops the tokens, and leaves for the provider's page that ends its session, too. */
  signOut(): void {
    this.forget();
    const url = new URL(this.#config.logoutUrl);
    url.searchParams.set("client_id", this.#config.clientId);
    url.searchParams.set("logout_uri", `${this.#browser.origin}/`);
    this.#browser.navigate(url.href);
  }

  /** Takes an access token that was had otherwise: of the local cloud's console, in which one picks who one is. */
  adopt(access: string, expiresInSeconds: number): void {
    const expiresAt = this.#browser.now() + 1000 * expiresInSeconds;
    this.#keep({ access, refresh: null, expiresAt, user: userOf(access, null) });
  }

  /** Drops the tokens: nobody is signed in in this tab. */
  forget(): void {
    this.#browser.storage.removeItem(TOKENS);
    this.dispatchEvent(new Event("change"));
  }

  get #redirectUri(): string {
    return `${this.#browser.origin}/signed-in`;
  }

  #tokens(): Tokens | null {
    const stored = this.#browser.storage.getItem(TOKENS);
    return stored === null ? null : (JSON.parse(stored) as Tokens);
  }

  #keep(tokens: Tokens): void {
    this.#browser.storage.setItem(TOKENS, JSON.stringify(tokens));
    this.dispatchEvent(new Event("change"));
  }

  /** One refresh at a time: some providers take a refresh token once only. */
  #refresh(): Promise<Tokens | null> {
    this.#refreshing ??= this.#refreshOnce().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refreshOnce(): Promise<Tokens | null> {
    const old = this.#tokens();
    if (!old?.refresh) return null;
    try {
      const tokens = await this.#ask({ grant_type: "refresh_token", refresh_token: old.refresh }, old);
      this.#keep(tokens);
      return tokens;
    } catch (error) {
      if (!(error instanceof SignInError)) throw error;
      // The provider has ended the session.
      this.forget();
      return null;
    }
  }

  async #ask(parameters: Record<string, string>, old?: Tokens): Promise<Tokens> {
    const response = await this.#browser.fetch(this.#config.tokenUrl, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({ client_id: this.#config.clientId, ...parameters }),
    });
    if (response.status >= 500) throw new Error(`the sign-in service answers ${response.status}`);
    const body = (await response.json()) as Record<string, unknown>;
    if (!response.ok || typeof body.access_token !== "string") {
      throw new SignInError(String(body.error ?? response.status), "The sign-in service did not accept the sign-in.");
    }
    return {
      access: body.access_token,
      refresh: typeof body.refresh_token === "string" ? body.refresh_token : (old?.refresh ?? null),
      expiresAt: this.#browser.now() + 1000 * Number(body.expires_in ?? 300),
      user: userOf(body.access_token, typeof body.id_token === "string" ? body.id_token : null),
    };
  }

  /** Only this site is gone back to, whatever was stored. */
  #ownPath(path: string): string {
    const url = new URL(path, this.#browser.origin);
    return url.origin === this.#browser.origin ? url.pathname + url.search + url.hash : "/";
  }
}

function thisBrowser(): Browser {
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    storage: sessionStorage,
    now: () => Date.now(),
    origin: location.origin,
    navigate: (url) => location.assign(url),
  };
}

function userOf(accessToken: string, idToken: string | null): User {
  const claims = { ...claimsOf(accessToken), ...(idToken === null ? {} : claimsOf(idToken)) };
  const id = String(claims.sub ?? "");
  const name = [claims.name, claims.preferred_username, claims.email, claims.username].find((claim) => typeof claim === "string");
  return { id, name: name ?? id };
}

/** The claims of a token, unverified; nothing of a token that is opaque. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
