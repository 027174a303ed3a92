import { beforeEach, expect, test } from "vitest";

import { FakeDevices, FakeStream, settled, type FakeTrack } from "../testing/browser";
import { Source, type SourceBrowser } from "./source";

let devices: FakeDevices;
let source: Source;

beforeEach(() => {
  devices = new FakeDevices();
  source = sourceOf({ camera: "", microphone: "" });
});

function sourceOf(choice: { camera: string | null; microphone: string | null }): Source {
  return new Source({ devices, MediaStream: FakeStream } as unknown as SourceBrowser, choice);
}

/** The labels of what is recorded. */
function recorded(): string[] {
  return (source.stream as unknown as FakeStream | null)?.getTracks().map(({ label }) => label) ?? [];
}

function alive(): string[] {
  return devices.given.filter(({ readyState }) => readyState === "live").map(({ label }) => label);
}

test("opens a camera and a microphone, and then knows the names of all", async () => {
  const opening = source.open();
  expect(source.state).toEqual({ name: "asking" });
  await opening;
  expect(source.state).toEqual({ name: "open" });
  expect(recorded()).toEqual(["Front camera", "Headset"]);
  expect(source.cameras.map(({ name }) => name)).toEqual(["Front camera", "Desk camera"]);
});

test("opens the remembered devices, or others when those are gone", async () => {
  source = sourceOf({ camera: "cam2", microphone: "gone" });
  await source.open();
  expect(recorded()).toEqual(["Desk camera", "Headset"]);
});

test.each([
  ["video", ["Headset"]],
  ["audio", ["Front camera"]],
] as const)("does without %s where it cannot be had", async (kind, left) => {
  devices.refuses = { [kind]: "NotReadableError" };
  await source.open();
  expect(source.state).toEqual({ name: "open" });
  expect(recorded()).toEqual(left);
});

test.each([
  ["NotAllowedError", "denied"],
  ["NotFoundError", "none"],
  ["NotReadableError", "busy"],
  ["TypeError", "failed"],
])("says of %s that it is %s", async (error, state) => {
  devices.refuses = { video: error, audio: error };
  await source.open();
  expect(source.state.name).toBe(state);
  devices.refuses = {};
  await source.open();
  expect(source.state.name).toBe("open");
});

test("says that the page is insecure where browsers give no devices", async () => {
  source = new Source({ devices: undefined, MediaStream: FakeStream } as unknown as SourceBrowser, { camera: "", microphone: "" });
  await source.open();
  expect(source.state.name).toBe("insecure");
});

test("changes the camera: another stream first, and then the old track ends", async () => {
  await source.open();
  const before = source.stream;
  let aliveAtChange: string[] = [];
  source.addEventListener("change", () => {
    if (source.stream !== before && aliveAtChange.length === 0) aliveAtChange = alive();
  });
  await source.useCamera("cam2");
  expect(recorded()).toEqual(["Desk camera", "Headset"]);
  expect(aliveAtChange).toEqual(["Front camera", "Headset", "Desk camera"]);
  expect(alive()).toEqual(["Headset", "Desk camera"]);
});

test("keeps what there is when the other camera cannot be had", async () => {
  await source.open();
  const before = source.stream;
  devices.refuses = { video: "NotReadableError" };
  await source.useCamera("cam2");
  expect(source.stream).toBe(before);
  expect(source.state.name).toBe("open");
});

test("stops what comes late of a choice that was changed meanwhile", async () => {
  await source.open();
  let let1 = () => {};
  devices.gate = new Promise((resolve) => (let1 = resolve));
  const first = source.useCamera("cam2");
  devices.gate = Promise.resolve();
  await source.useCamera(null);
  let1();
  await first;
  expect(recorded()).toEqual(["Headset"]);
  expect(alive()).toEqual(["Headset"]);
});

test("takes another camera when the one in use is unplugged, and says so", async () => {
  await source.open();
  devices.unplug("cam1");
  await settled();
  expect(recorded()).toEqual(["Desk camera", "Headset"]);
  expect(source.unplugged).toEqual({ kind: "camera", name: "Front camera", instead: "Desk camera" });
});

test("goes on with sound when the only camera is unplugged, and takes it up again when it is back", async () => {
  devices.plugged = devices.plugged.filter(({ id }) => id !== "cam2");
  await source.open();
  devices.unplug("cam1");
  await settled();
  expect(recorded()).toEqual(["Headset"]);
  expect(source.unplugged).toMatchObject({ kind: "camera", instead: null });
  devices.plugged.push({ kind: "video", label: "Front camera", id: "cam1" });
  devices.dispatchEvent(new Event("devicechange"));
  await settled();
  expect(recorded()).toEqual(["Front camera", "Headset"]);
  expect(source.unplugged).toBeNull();
});

test("shows the screen in place of the camera, until the browser's own button ends it", async () => {
  await source.open();
  expect(await source.shareScreen()).toBe(true);
  expect(recorded()).toEqual(["screen", "Headset"]);
  devices.given.at(-1)?.isUnplugged();
  expect(source.sharing).toBe(false);
  expect(recorded()).toEqual(["Front camera", "Headset"]);
});

test("mutes without another stream, and what is plugged in later, too", async () => {
  await source.open();
  const before = source.stream;
  source.muted = true;
  expect(source.stream).toBe(before);
  const tracks = () => source.stream?.getAudioTracks() as unknown as FakeTrack[];
  expect(tracks()[0]?.enabled).toBe(false);
  await source.useMicrophone(null);
  await source.useMicrophone("mic1");
  expect(tracks()[0]?.enabled).toBe(false);
});

test("lets go of everything when it is closed", async () => {
  await source.open();
  await source.shareScreen();
  source.close();
  expect(alive()).toEqual([]);
  expect(source.stream).toBeNull();
});
