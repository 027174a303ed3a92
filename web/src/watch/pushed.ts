import { applyToChannel, PushedState, type ChannelState, type Clock } from "../../../clients/typescript/chat/index.js";
import type { StreamService } from "./service";

/** What {@link pushedChannel} tells. */
export interface PushedListener {
  /** Whether the state is pushed at present. */
  isPushed: boolean;
  learnPushed(state: ChannelState): void;
}

/** A channel's state by what is pushed into its room: `listener` learns it. */
export function pushedChannel(service: Pick<StreamService, "ask">, listener: PushedListener, clock: Clock, random: () => number): PushedState<ChannelState> {
  const pushed: PushedState<ChannelState> = new PushedState({
    ask: async () => {
      const answer = await service.ask();
      if (answer.kind === "problem") throw answer.problem;
      if (answer.kind !== "stream") return null;
      const { state, session, startedAt, viewerCount } = answer.stream;
      return { state, session, startedAt, viewerCount };
    },
    apply: applyToChannel,
    onChange: () => {
      // Until something is, nobody knows whether anything will be.
      listener.isPushed = pushed.connected && pushed.heard;
      if (pushed.connected && pushed.state !== null) listener.learnPushed(pushed.state);
    },
    clock,
    random,
  });
  return pushed;
}

/** Follows whether the room is connected. */
export function follow(pushed: PushedState<ChannelState>, room: { connected: boolean }): void {
  if (room.connected) pushed.connect();
  else pushed.disconnect();
}
