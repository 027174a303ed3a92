/** Text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_/:.,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A line for a shell that makes a request as that user, whose token it fetches itself. */
export function curlOf(origin: string, request: { method: string; path: string; sub: string | null; body?: unknown }): string {
  const parts = ["curl", "-sS"];
  if (request.method !== "GET") parts.push("-X", request.method);
  if (request.sub !== null) {
    const token = `${origin}/_local/token?sub=${encodeURIComponent(request.sub)}`;
    parts.push("-H", `"authorization: Bearer $(curl -sS '${token}')"`);
  }
  if (request.body !== undefined) parts.push("-H", "'content-type: application/json'", "-d", quoted(JSON.stringify(request.body)));
  parts.push(quoted(origin + request.path));
  return parts.join(" ");
}

/** The line that repeats a request that was seen. Its body was not kept, and neither was a part of its path that may be a secret. */
export function repeatOf(origin: string, { method, path, sub }: { method: string; path: string; sub: string | null }): string {
  const line = curlOf(origin, { method, path, sub, ...(method === "POST" || method === "PATCH" ? { body: {} } : {}) });
  return path.includes("…") ? `${line}  # fill in …` : line;
}
