/** Programs of others that the tests start: each is ended with the test that started it. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const running = new Set();
// Whoever ends this process in the midst of a test ends what it has started.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    running.forEach((child) => child.kill("SIGKILL"));
    process.exit(1);
  });
}

/** A running program, and what it has said. */
export class Program {
  /** Starts it for a test; it gets no terminal, and nothing to read. */
  constructor(test, command, words, { env = {}, cwd } = {}) {
    this.text = "";
    this.process = spawn(command, words, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.process);
    for (const output of [this.process.stdout, this.process.stderr]) {
      output.setEncoding("utf8");
      output.on("data", (text) => this.hear(text));
    }
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", reject);
      this.process.once("close", (code, signal) => {
        running.delete(this.process);
        resolve({ code, signal, at: Date.now() });
      });
    });
    // Whoever awaits it hears of it.
    this.ended.catch(() => {});
    test.after(() => this.end("SIGKILL"));
  }

  /** Takes in a piece of its output. */
  hear(text) {
    this.text += text;
  }

  /** Sends it a signal and waits for its end. */
  async end(signal) {
    this.process.kill(signal);
    return this.ended;
  }
}

/** Removes a program's folder when the test ends: said after the program, whose own end then comes first. */
export const removeAfter = (test, folder) => test.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
