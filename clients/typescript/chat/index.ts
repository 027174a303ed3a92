export {
  ApiError,
  ChatApi,
  userRef,
  type ChatApiOptions,
  type ChatLogEntry,
  type ChatSettings,
  type ChatSettingsChanges,
  type ModeratedUser,
  type Moderation,
} from "./api.js";
export { ChatClient, codePoints, LONGEST_MESSAGE, type ChatEnvironment, type ChatListener, type ChatSession, type ChatState } from "./client.js";
export { systemClock, type Clock } from "./clock.js";
export { ChatError, type ChatErrorCode } from "./errors.js";
export { applyToChannel, applyToStage, PushedState, type ChannelState, type PushedOptions, type StageState } from "./pushed.js";
export type { ChatEvent, ChatMessage, Room, RoomOptions } from "./room.js";
export type { ChatRole, ChatService, ChatToken, ChatTokenRequest, Failure } from "./service.js";
