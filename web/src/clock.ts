/** Time, as logic asks for it; tests bring their own. */
export { systemClock, type Clock } from "../../clients/typescript/chat/clock.js";
