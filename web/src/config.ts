/** What a deployment tells its pages in `/config.json`. */
export interface Config {
  /** Where the API is, without a slash at the end. */
  api: string;
  signIn: SignInConfig;
  /** Whether this is the local cloud on somebody's own computer. */
  local: boolean;
}

/** The pages' client at the OpenID provider: Cognito's hosted page, or the local issuer's. */
export interface SignInConfig {
  authorizeUrl: string;
  tokenUrl: string;
  logoutUrl: string;
  clientId: string;
  scope: string;
}

/** The configuration in a parsed `/config.json`. */
export function parseConfig(json: unknown): Config {
  const { api, signIn, local } = fields(json, "the file");
  const provider = fields(signIn, "signIn");
  return {
    api: text(api, "api").replace(/\/$/, ""),
    signIn: {
      authorizeUrl: text(provider.authorizeUrl, "signIn.authorizeUrl"),
      tokenUrl: text(provider.tokenUrl, "signIn.tokenUrl"),
      logoutUrl: text(provider.logoutUrl, "signIn.logoutUrl"),
      clientId: text(provider.clientId, "signIn.clientId"),
      scope: text(provider.scope, "signIn.scope"),
    },
    local: local === true,
  };
}

/** Fetches the configuration of the site that this page is of. */
export async function loadConfig(fetch: typeof globalThis.fetch = globalThis.fetch): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`/config.json answers ${response.status}`);
  return parseConfig(await response.json());
}

function fields(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new Error(`config.json: ${name} is not an object`);
  return value as Record<string, unknown>;
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw new Error(`config.json: ${name} is missing`);
  return value;
}
