import { defineConfig, loadEnv, type Plugin } from "vite";

/** The file of each page, by the first segment of its path. Whoever serves the build maps them likewise. */
const PAGES: Record<string, string> = {
  "": "/console.html",
  home: "/index.html",
  broadcast: "/broadcast.html",
  watch: "/watch.html",
  "signed-in": "/signed-in.html",
};

/** `/broadcast/demo` is `broadcast.html`: the page reads the channel from its address. */
const pageOfPath = (request: { url?: string; headers: { accept?: string } }, _response: unknown, next: () => void) => {
  const [path = "", query] = (request.url ?? "").split("?");
  const page = PAGES[path.split("/")[1] ?? ""];
  if (page !== undefined && request.headers.accept?.includes("text/html")) request.url = query ? `${page}?${query}` : page;
  next();
};

const paths: Plugin = {
  name: "greenroom-paths",
  configureServer: ({ middlewares }) => void middlewares.use(pageOfPath),
  configurePreviewServer: ({ middlewares }) => void middlewares.use(pageOfPath),
};

/** What pages have in common: `<!-- part: head -->` in a page stands for the text of that name. */
const PARTS: Record<string, string> = {
  head: `<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="referrer" content="no-referrer" />`,
  masthead: `<a class="skip" href="#main">Skip to the page</a>
    <header class="masthead">
      <a class="product" href="/"><img src="/mark.svg" alt="" width="28" height="28" />Greenroom</a>
      <span class="who" id="who"></span>
      <button id="sign-in" type="button" hidden>Sign in</button>
      <button id="sign-out" type="button" hidden>Sign out</button>
    </header>`,
  chat: `<section class="chat" id="chat" aria-labelledby="chat-heading" data-chat="signed-out">
        <h2 id="chat-heading">Chat</h2>
        <div class="chat-messages">
          <div class="chat-scroll" id="chat-scroll" role="log" aria-label="Messages" tabindex="0">
            <p class="muted" id="chat-empty" hidden>Nobody has written yet.</p>
            <ol class="chat-list" id="chat-list"></ol>
          </div>
          <button class="chat-new primary" id="chat-new" type="button" hidden></button>
        </div>
        <div class="chat-status notice" id="chat-status">
          <p><strong id="chat-title-now"></strong> <span id="chat-text-now"></span></p>
          <button id="chat-sign-in" type="button" hidden>Sign in</button>
          <button id="chat-again" type="button" hidden>Try again</button>
          <div id="chat-details"></div>
        </div>
        <p class="visually-hidden" id="chat-announcer" role="status"></p>
        <div class="chat-rules notice" id="chat-rules" hidden>
          <p class="chat-rules-text" id="chat-rules-text" tabindex="0"></p>
          <button class="primary" id="chat-agree" type="button">I will keep to that</button>
        </div>
        <form class="chat-form" id="chat-form" hidden>
          <label for="chat-text">Message</label>
          <textarea id="chat-text" rows="2" data-key="KeyT" enterkeyhint="send" autocomplete="off" aria-describedby="chat-counter chat-slow"></textarea>
          <div class="row">
            <span class="small muted figures"><span class="chat-counter" id="chat-counter">0/500</span> <span id="chat-slow"></span></span>
            <button class="primary" id="chat-send" type="submit" disabled>Send</button>
          </div>
        </form>
        <p class="chat-notice notice" id="chat-notice" hidden></p>
        <details class="small" id="chat-name-fold" hidden>
          <summary>You are <strong id="chat-as"></strong></summary>
          <form class="chat-name-form" id="chat-name-form">
            <div class="field"><label for="chat-name">Name in this chat</label><input id="chat-name" autocomplete="nickname" spellcheck="false" aria-describedby="chat-name-problem" /></div>
            <button type="submit">Use it</button>
          </form>
          <p id="chat-name-problem"></p>
        </details>
        <details class="small" id="chat-moderated" hidden>
          <summary>Muted, removed, moderators</summary>
          <ul class="chat-moderated-list" id="chat-moderated-list"></ul>
        </details>
        <details class="small" id="chat-settings" hidden>
          <summary>Settings</summary>
          <form class="chat-settings-form" id="chat-settings-form">
            <div class="field"><label for="chat-settings-rules">Rules, to agree with before writing</label><textarea id="chat-settings-rules" rows="3" maxlength="500"></textarea></div>
            <div class="field"><label for="chat-settings-slow">Slow mode: seconds between two messages</label><input id="chat-settings-slow" type="number" min="0" max="3600" step="1" required /></div>
            <div class="field"><label for="chat-settings-words">Words that no message may have, one a line</label><textarea id="chat-settings-words" rows="3"></textarea></div>
            <button type="submit">Save</button>
          </form>
        </details>
      </section>`,
};

const parts: Plugin = {
  name: "greenroom-parts",
  transformIndexHtml: {
    order: "pre",
    handler: (html) => html.replace(/<!-- part: (\w+) -->/g, (comment, name: string) => PARTS[name] ?? comment),
  },
};

export default defineConfig(({ mode }) => {
  // Pages of `npm run dev` use a local cloud that runs: GREENROOM_CLOUD says where.
  const { GREENROOM_CLOUD = "http://127.0.0.1:8080" } = loadEnv(mode, ".", "GREENROOM_");
  const api = "^/(stages|channels|streams|servers|broadcasts|broadcast-settings|health|config\\.json|_local)([/?]|$)";
  return {
    appType: "mpa",
    base: "/",
    plugins: [paths, parts],
    // The client's own folder has another copy of what it imports, or none.
    resolve: { dedupe: ["amazon-ivs-chat-messaging"] },
    server: { fs: { allow: [".", "../clients/typescript"] }, proxy: { [api]: { target: GREENROOM_CLOUD } } },
    build: {
      target: "es2022",
      // Nothing inline: the pages work under `script-src 'self'; style-src 'self'`.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // What the licences of the bundled packages ask for.
      license: { fileName: "assets/licenses.txt" },
      rollupOptions: { input: ["index.html", "console.html", "broadcast.html", "watch.html", "signed-in.html"] },
    },
    test: { include: ["src/**/*.test.ts"] },
  };
});
