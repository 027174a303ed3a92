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
    server: { proxy: { [api]: { target: GREENROOM_CLOUD } } },
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
