/** What a command works with: its doors to Kubernetes, to servers, to the terminal and to the clock. */

import type { KubeClient } from "../kube/client.ts";
import type { HttpTransport } from "../kube/http-transport.ts";
import type { ObjectName } from "../kubernetes-object.ts";
import type { Clock } from "../runtime/clock.ts";
import type { TlsSecrets } from "./secure-socket.ts";
import type { ServerLink } from "./server-link.ts";

export interface Terminal {
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Somebody looks at it: what was written may be replaced. */
  readonly isScreen: boolean;
  /** Longer lines are wrapped by the terminal. Asked each time: windows change. */
  readonly columns: () => number;
}

export interface Context {
  readonly client: KubeClient;
  readonly transport: HttpTransport;
  readonly namespace: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** A connection to the client port of a pod, on which nobody has logged in. */
  readonly openServer: (pod: ObjectName, secrets?: TlsSecrets) => Promise<ServerLink>;
  /** Lines that a person or a script types. A person is shown the prompt before each. */
  readonly readLines: (prompt: () => string) => AsyncIterable<string>;
}
