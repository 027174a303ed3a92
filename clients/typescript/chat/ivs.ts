import { ChatRoom, SendMessageRequest, type ChatMessage as IvsMessage } from "amazon-ivs-chat-messaging";

import type { ChatMessage, Room, RoomOptions } from "./room.js";

const silent = { debug: () => {}, info: () => {}, error: () => {} };

/** Calls a listener so that what it throws is the page's own uncaught error: Amazon's client hears nothing any more once a listener has thrown. */
function apart(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A room by Amazon's own client. */
export function ivsRoom({ endpoint, tokenProvider, listener }: RoomOptions): Room {
  // Left to itself, it makes four attempts within milliseconds, each with a token of its own: whoever uses the room comes back with pauses.
  const room = new ChatRoom({ regionOrUrl: endpoint, tokenProvider, maxReconnectAttempts: 0 });
  // It would write what it does to the console.
  room.logger = silent;
  room.addListener("connect", () => apart(() => listener.onConnect()));
  room.addListener("disconnect", (reason) => apart(() => listener.onDisconnect(reason)));
  room.addListener("message", (message) => apart(() => listener.onMessage(messageOf(message))));
  room.addListener("messageDelete", ({ messageId }) => apart(() => listener.onDelete(messageId)));
  room.addListener("userDisconnect", ({ userId, reason }) => apart(() => listener.onUserDisconnect(userId, reason)));
  room.addListener("event", ({ eventName, attributes }) => apart(() => listener.onEvent({ name: eventName, attributes: attributes ?? {} })));
  return {
    connect: () => room.connect(),
    disconnect: () => room.disconnect(),
    get connected() {
      return room.state === "connected";
    },
    send: (content) => room.sendMessage(new SendMessageRequest(content)),
  };
}

function messageOf({ id, content, sendTime, sender }: IvsMessage): ChatMessage {
  const { displayName = null, role = null } = sender.attributes ?? {};
  return { id, userId: sender.userId, displayName, role, content, sentAt: sendTime.getTime() };
}
