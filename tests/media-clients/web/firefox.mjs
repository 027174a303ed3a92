/** Debian's Firefox, driven by its own Marionette protocol: Playwright's WebDriver BiDi asks of it what that version does not know. */
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { firefoxProfile } from "../browsers.mjs";
import { until } from "../cloud.mjs";
import { Program, removeAfter } from "../processes.mjs";

const PREFERENCES = {
  "marionette.port": 0,
  // A camera and a microphone that it makes up, and nobody to ask.
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
};

/** A Firefox with one page. */
export class Firefox {
  #socket;
  #answers = new Map();
  #received = Buffer.alloc(0);
  #sent = 0;

  /** Starts it, until the test ends. */
  static async start(test) {
    const profile = firefoxProfile(PREFERENCES);
    const firefox = new Firefox();
    new Program(test, "firefox-esr", ["--headless", "--no-remote", "--marionette", "--profile", profile]);
    removeAfter(test, profile);
    const file = join(profile, "MarionetteActivePort");
    const port = await until("Firefox can be driven", () => existsSync(file) && Number(readFileSync(file, "utf8")));
    firefox.#socket = connect(port, "127.0.0.1");
    test.after(() => firefox.#socket.destroy());
    firefox.#socket.on("data", (data) => firefox.#hear(data));
    await firefox.send("WebDriver:NewSession", { capabilities: {} });
    return firefox;
  }

  /** Sends a command, and gives what is answered. */
  send(command, parameters = {}) {
    const id = (this.#sent += 1);
    const message = JSON.stringify([0, id, command, parameters]);
    this.#socket.write(`${Buffer.byteLength(message)}:${message}`);
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
  }

  /** Messages are JSON, each after its length. */
  #hear(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const message = JSON.parse(this.#received.subarray(colon + 1, end));
      this.#received = this.#received.subarray(end);
      // The first is a greeting, and answers nothing.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      const { resolve, reject } = this.#answers.get(id);
      this.#answers.delete(id);
      if (error) reject(new Error(`${error.error}: ${error.message}`));
      else resolve(result);
    }
  }

  open(url) {
    return this.send("WebDriver:Navigate", { url });
  }

  /** Runs a script in the page, and gives what it returns. */
  async run(script) {
    return (await this.send("WebDriver:ExecuteScript", { script, args: [] })).value;
  }

  /** Clicks an element once it is there and seen. */
  async press(selector) {
    const element = `document.querySelector(${JSON.stringify(selector)})`;
    await until(`Firefox shows ${selector}`, () => this.run(`return Boolean(${element}?.checkVisibility())`).catch(() => false));
    // A user's own click, as far as the page can tell.
    const { value } = await this.send("WebDriver:FindElement", { using: "css selector", value: selector });
    await this.send("WebDriver:ElementClick", { id: Object.values(value)[0] });
  }

  /** Waits until the page is in a state. */
  async reaches(state) {
    let last;
    const is = async () => (last = await this.run("return document.body.dataset.state").catch(() => undefined)) === state;
    await until(`Firefox's page is in ${state}`, is).catch((error) => {
      throw new Error(`${error.message}; it is in ${last}`, { cause: error });
    });
  }
}
