/** All conversations, by what they are about. */

import type { Conversation } from "../conversation.ts";
import { ACCESS_CONTROL } from "./access-control.ts";
import { CLIENTS } from "./clients.ts";
import { CONFIGURATION } from "./configuration.ts";
import { DEBUGGING } from "./debugging.ts";
import { MONITOR } from "./monitor.ts";
import { OBSERVATION } from "./observation.ts";
import { PROGRAMS } from "./programs.ts";
import { PUBLISH_SUBSCRIBE } from "./publish-subscribe.ts";
import { TRANSACTIONS } from "./transactions.ts";

export const CONVERSATIONS: Readonly<Record<string, readonly Conversation[]>> = {
  "publish and subscribe": PUBLISH_SUBSCRIBE,
  clients: CLIENTS,
  MONITOR,
  transactions: TRANSACTIONS,
  "access control": ACCESS_CONTROL,
  configuration: CONFIGURATION,
  programs: PROGRAMS,
  observation: OBSERVATION,
  DEBUG: DEBUGGING,
};
