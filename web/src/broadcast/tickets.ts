import { ok, type Api } from "../api";
import type { components } from "../greenroom";

/** What a connection to a server takes; single-use, and good for a minute. */
export type Ticket = components["schemas"]["BroadcastTicket"];
/** A broadcast as the API shows it to its owner. */
export type BroadcastView = components["schemas"]["Broadcast"];

/** A new broadcast of a channel. */
export function openBroadcast(api: Api, channel: string, takeOver: boolean): Promise<Ticket> {
  return ok(api.POST("/broadcasts", { body: { channel, takeOver } }));
}

/** Another ticket of a broadcast that has not ended. */
export function anotherTicket(api: Api, broadcast: string): Promise<Ticket> {
  return ok(api.POST("/broadcasts/{broadcast}/tickets", { params: { path: { broadcast } } }));
}

export function broadcastOf(api: Api, broadcast: string): Promise<BroadcastView> {
  return ok(api.GET("/broadcasts/{broadcast}", { params: { path: { broadcast } } }));
}

/** Ends it, wherever it is. */
export async function endBroadcast(api: Api, broadcast: string): Promise<void> {
  await ok(api.DELETE("/broadcasts/{broadcast}", { params: { path: { broadcast } } }));
}
