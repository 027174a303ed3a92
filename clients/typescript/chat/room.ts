/** What the chat takes of Amazon's client: `ivsRoom` makes one over the package, tests make their own. */
export interface Room {
  /** Begins to connect: asks the token provider, and says `onConnect` or `onDisconnect`. */
  connect(): void;
  disconnect(): void;
  /** Whether it is connected; a token that is asked for meanwhile is to renew the session. */
  readonly connected: boolean;
  /** Settles with IVS's answer, or never: there may be none, and a connection that ends takes no leave. Rejects with `{ errorCode, errorMessage }`. */
  send(content: string): Promise<unknown>;
}

/** A token as Amazon's client takes it. It asks for another one before `tokenExpirationTime`, by a timer. */
export interface RoomToken {
  token: string;
  tokenExpirationTime?: string;
}

export interface RoomOptions {
  /** `wss://...` */
  endpoint: string;
  tokenProvider: () => Promise<RoomToken>;
  /** What the room says; of a room that was left, nothing is heard. */
  listener: RoomListener;
}

export interface RoomListener {
  onConnect(): void;
  /** It is over, whoever ended it: the room does not come back by itself. */
  onDisconnect(reason: string): void;
  onMessage(message: ChatMessage): void;
  onDelete(messageId: string): void;
  /** Somebody is about to be disconnected by IVS. */
  onUserDisconnect(userId: string, reason: string | undefined): void;
  onEvent(event: ChatEvent): void;
}

/** A message. What its sender may be called is in their token: nobody writes in another's name. */
export interface ChatMessage {
  id: string;
  userId: string;
  displayName: string | null;
  role: string | null;
  /** Plain text of at most 500 code points. */
  content: string;
  /** When IVS took it, in milliseconds since 1970. */
  sentAt: number;
}

/** An event that the service has pushed to everybody in the room. */
export interface ChatEvent {
  name: string;
  attributes: Record<string, string>;
}
