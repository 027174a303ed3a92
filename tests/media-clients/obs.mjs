/** Debian's OBS, on a screen that nobody sees, with a profile made for the test. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "./cloud.mjs";
import { Program } from "./processes.mjs";

const ini = (sections) =>
  Object.entries(sections)
    .map(([name, values]) => `[${name}]\n${Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join("")}`)
    .join("\n");

/** OBS as it sends to a server from its start on, and goes on until it is ended. */
export class Obs extends Program {
  /** `server` and `key` are what a person types into Settings, Stream, Custom. */
  static async start(test, server, key) {
    const home = mkdtempSync(join(tmpdir(), "obs-"));
    const screen = new Program(test, "Xvfb", ["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"]);
    const display = await until("Xvfb names its display", () => /^\d+$/m.exec(screen.text)?.[0]);
    const files = {
      "global.ini": ini({
        General: { FirstRun: true, EnableAutoUpdates: false, InfoIncrement: 99, LastVersion: 486539266 },
        Basic: { Profile: "test", ProfileDir: "test", SceneCollection: "test", SceneCollectionFile: "test" },
      }),
      "basic/profiles/test/basic.ini": ini({
        General: { Name: "test" },
        Output: { Mode: "Simple", Reconnect: true, RetryDelay: 2, MaxRetries: 25 },
        SimpleOutput: { VBitrate: 600, ABitrate: 96, StreamEncoder: "x264", Preset: "ultrafast", UseAdvanced: true, x264Settings: "keyint=30" },
        Video: { BaseCX: 640, BaseCY: 360, OutputCX: 640, OutputCY: 360, FPSCommon: 30 },
        Audio: { SampleRate: 48000, ChannelSetup: "Stereo" },
      }),
      "basic/profiles/test/service.json": JSON.stringify({ type: "rtmp_custom", settings: { server, key, use_auth: false, bwtest: false } }),
      "basic/scenes/test.json": JSON.stringify({
        name: "test",
        current_scene: "test",
        current_program_scene: "test",
        scene_order: [{ name: "test" }],
        sources: [{ id: "scene", name: "test", settings: { items: [], id_counter: 0 } }],
      }),
    };
    for (const [name, content] of Object.entries(files)) {
      const file = join(home, "obs-studio", name);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, content);
    }
    const words = ["--multi", "--startstreaming", "--profile", "test", "--collection", "test", "--disable-updater"];
    const env = { DISPLAY: `:${display}`, HOME: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home, LIBGL_ALWAYS_SOFTWARE: "1", QT_QPA_PLATFORM: "xcb" };
    const obs = new Obs(test, "obs", words, { env });
    obs.logs = join(home, "obs-studio/logs");
    // After the programs that use it have ended.
    test.after(() => rmSync(home, { recursive: true, force: true }));
    return obs;
  }

  /** What it has written into its log, which is what a person sends to whoever helps. */
  log() {
    if (!existsSync(this.logs)) return "";
    return readdirSync(this.logs).map((name) => readFileSync(join(this.logs, name), "utf8")).join("");
  }

  /** Waits until its log says something. */
  async says(pattern, seconds = 60) {
    try {
      return await until(`OBS says ${pattern}`, () => pattern.exec(this.log()), seconds);
    } catch (error) {
      throw new Error(`${error.message}; its log ends: ${this.log().slice(-2000)} ${this.text.slice(-1000)}`, { cause: error });
    }
  }
}
