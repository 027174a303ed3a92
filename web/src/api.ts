import createClient, { type Client, type FetchResponse } from "openapi-fetch";

import type { paths } from "./greenroom";
import { PASSING, Problem, retryAfterMs, unreachable } from "./problem";

/** The API's typed client. */
export type Api = Client<paths>;

/** What the client needs to know of who is signed in. */
export interface TokenSource {
  token(): Promise<string | null>;
  renew(): Promise<string | null>;
}

/** Who asks without a token, whoever is signed in. */
export const nobody: TokenSource = { token: async () => null, renew: async () => null };

export interface ApiOptions {
  fetch?: typeof globalThis.fetch;
  sleep?: (ms: number) => Promise<void>;
  /** A number in [0, 1): clients that failed together do not come back together. */
  random?: () => number;
}

/** How often a GET is sent at most, and how long it waits between. */
const TRIES = 3;
const PAUSE_MS = 500;
/** A longer wait than this is not the client's to make in silence. */
const LONGEST_WAIT_MS = 5_000;

/**
 * A client of the API at `baseUrl` for whoever is signed in. Requests that bring their own Authorization keep it. A GET that may succeed later
 * is repeated, as long after as the API says; nothing else is, for it may have been done. A token that the API does not take is renewed once.
 */
export function apiClient(baseUrl: string, tokens: TokenSource, options: ApiOptions = {}): Api {
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const sleep = options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  const random = options.random ?? Math.random;

  const send = async (request: Request): Promise<Response> => {
    try {
      return await fetch(request);
    } catch (error) {
      if (request.signal.aborted) throw error;
      throw unreachable(error);
    }
  };

  const authorized = async (request: Request): Promise<Response> => {
    if (request.headers.has("authorization")) return send(request);
    const token = await tokens.token().catch((error: unknown) => {
      throw unreachable(error);
    });
    if (token === null) return send(request);
    const again = request.clone();
    request.headers.set("authorization", `Bearer ${token}`);
    const response = await send(request);
    if (response.status !== 401) return response;
    const renewed = await tokens.renew().catch(() => null);
    if (renewed === null) return response;
    again.headers.set("authorization", `Bearer ${renewed}`);
    return send(again);
  };

  const politely = async (request: Request): Promise<Response> => {
    for (let tries = 1; ; tries += 1) {
      const last = tries === TRIES || request.method !== "GET";
      let wait = PAUSE_MS * 2 ** (tries - 1) * (1 + random());
      try {
        const response = await authorized(last ? request : request.clone());
        if (last || !PASSING.includes(response.status)) return response;
        wait = Math.max(wait, retryAfterMs(response) ?? 0);
        if (wait > LONGEST_WAIT_MS) return response;
      } catch (error) {
        if (last || !(error instanceof Problem)) throw error;
      }
      await sleep(wait);
    }
  };

  return createClient<paths>({ baseUrl, fetch: politely });
}

/** What the API answered, or the {@link Problem} thrown: `const channel = await ok(api.GET("/channels/{channel}", ..))`. */
export async function ok<T extends Record<string | number, any>, O, M extends `${string}/${string}`>(
  request: Promise<FetchResponse<T, O, M>>,
): Promise<NonNullable<FetchResponse<T, O, M>["data"]>> {
  const { data, error, response } = await request;
  if (!response.ok) throw Problem.of(response, error);
  return data as NonNullable<FetchResponse<T, O, M>["data"]>;
}
