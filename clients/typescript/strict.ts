// What the types must refuse: each line below an @ts-expect-error is an error, or `npm run check` fails. None of it runs.

import createClient from "openapi-fetch";

import type {
  ChatLogEntry,
  ChatSettings,
  ChatSettingsChanges,
  ChatToken,
  ChatTokenRequest,
  ModeratedUser,
  Moderation,
} from "./chat/index.js";
import type { components, paths } from "./greenroom.js";

const api = createClient<paths>();
const stage = { path: { stage: "demo" } };

export async function refused(token: components["schemas"]["ParticipantToken"], server: components["schemas"]["Server"]) {
  // @ts-expect-error: there is no such field.
  const options: components["schemas"]["StageOptions"] = { admision: "open" };
  await api.PUT("/stages/{stage}", { params: stage, body: options });
  // @ts-expect-error: it is not one of its words.
  await api.PUT("/stages/{stage}", { params: stage, body: { admission: "closed" } });
  // @ts-expect-error: the settings are not complete.
  await api.PUT("/broadcast-settings", { body: { kind: "custom", streamKey: "key" } });
  // @ts-expect-error: which stage?
  await api.GET("/stages/{stage}");
  // @ts-expect-error: a limit is a number.
  await api.GET("/servers", { params: { query: { limit: "10" } } });
  // @ts-expect-error: there is no such route.
  await api.GET("/stage/{stage}", { params: stage });
  // @ts-expect-error: no such field is answered.
  token.streamKey;
  // @ts-expect-error: it may be null.
  server.startedAt.length;

  const { error } = await api.DELETE("/channels/{channel}", { params: { path: { channel: "demo" } } });
  // @ts-expect-error: this route has no such problem.
  if (error && "type" in error) error.type === "stage-closed";
}

type Schemas = components["schemas"];

/** What the chat takes is what the API answers, and what it sends is what the API takes: the chat's types stand without the generated ones. */
export const chat = {
  token: (answered: Schemas["ChatToken"]): ChatToken => answered,
  user: (answered: Schemas["ChatUser"]): ModeratedUser => answered,
  settings: (answered: Schemas["ChatSettings"]): ChatSettings => answered,
  entry: (answered: Schemas["ChatLogEntry"]): ChatLogEntry => answered,
  tokenRequest: (sent: ChatTokenRequest): Schemas["ChatTokenRequest"] => sent,
  moderation: (sent: Moderation): Schemas["ChatUserChanges"] => sent,
  settingsChanges: (sent: ChatSettingsChanges): Schemas["ChatSettingsChanges"] => sent,
};
