/**
 * A pass through one cluster and the shape of its steps. Steps run in order and fill in the pass as they learn; each says
 * how to go on: `proceed`, `wait` (end here, look again after some seconds) or `stop` (somebody has to act; look again
 * much later). Throwing means that the world did not do what it was asked, and the whole pass is retried with backoff.
 */

import type { SecureContext } from "node:tls";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { ObjectName } from "../kubernetes-object.ts";
import type { KvSession } from "../kv/kv-session.ts";
import type { DeclaredUsers, OldPassword } from "../resources/manifest.ts";
import type { CertificateFacts } from "../status/certificate-valid.ts";
import type { ExternalFacts } from "../status/external-access.ts";
import type { HibernationState } from "../status/hibernation-state.ts";
import type { ModeChange } from "../status/mode-change.ts";
import type { RestoreFacts } from "../status/restore-state.ts";
import type { Turnout } from "../status/turnout.ts";
import type { UserProblem } from "../status/users-applied.ts";
import type { PodView } from "../topology/cluster-view.ts";
import type { Plan } from "../topology/plan.ts";
import type { ModeTask } from "./mode-in-force.ts";
import type { ClusterDependencies, ClusterOptions } from "./ports.ts";
import type { Spellings } from "./spellings.ts";

export type StepResult =
  | { readonly kind: "proceed" }
  | { readonly kind: "wait"; readonly seconds: number; readonly reason: string }
  | { readonly kind: "stop"; readonly reason: string; readonly message: string };

export const PROCEED: StepResult = { kind: "proceed" };

export interface Pass {
  readonly name: ObjectName;
  /** With the mode in which its servers run, where the spec asks for another (mode-in-force.ts). */
  cluster: KVCluster;
  readonly modeTask: ModeTask | undefined;
  readonly dependencies: ClusterDependencies;
  readonly options: ClusterOptions;
  /** Open connections by pod, closed when the pass ends. */
  readonly sessions: Map<string, KvSession>;
  /** What is known of how servers show values; of all clusters. */
  readonly spellings: Spellings;
  password: string | undefined;
  /** What the servers are to take on in its place. */
  nextPassword: string | undefined;
  /** What they still accept besides, and until when at least. */
  oldPassword: OldPassword | undefined;
  /** Pods whose server knows only the old one. */
  readonly laggingPods: Set<string>;
  /** How the source of the password differs from what the servers run with. */
  passwordProblem: string | undefined;
  /** What is to be said of the certificate of spec.tls. */
  certificate: CertificateFacts | undefined;
  /** In PEM: by which clients know the servers. */
  authority: string | undefined;
  /** By which the operator knows them, and they it. */
  identity: SecureContext | undefined;
  /** Size of the smallest volume. */
  volumeSize: string | undefined;
  /** Why a volume does not become larger. */
  volumeRefusal: string | undefined;
  /** Directives whose values servers do not take, with their words. */
  refusals: ReadonlyMap<string, string>;
  /** With what servers have, or were told, in the place of that. */
  startable: KVCluster;
  /** Directives that servers are set back to the defaults of. */
  leftDirectives: readonly string[];
  /** Undefined while no server was asked for its configuration. */
  configTurnout: Turnout | undefined;
  /** For the file that servers start with. */
  users: DeclaredUsers;
  /** Users that are not as spec.auth.users says; undefined while that was not looked at. */
  userProblems: readonly UserProblem[] | undefined;
  userTurnout: Turnout | undefined;
  /** Undefined where nobody is served outside, or that was not looked at. */
  external: ExternalFacts | undefined;
  /** For the file that servers start with. */
  opensExternalPort: boolean;
  podViews: readonly PodView[];
  plan: Plan | undefined;
  /** Why servers that should be restarted are not. */
  restartWait: string | undefined;
  /** How far the restore of a new cluster is; undefined where there is none. */
  restore: RestoreFacts | undefined;
  /** How far it is asleep; undefined where it is awake. */
  hibernation: HibernationState | undefined;
  /** How far a group is on its way into a cluster; undefined where it is in the mode of its spec. */
  modeChange: ModeChange | undefined;
}

export interface Step {
  readonly name: string;
  /** Steps that change something are left out while spec.paused is true. */
  readonly changes: boolean;
  readonly run: (pass: Pass) => Promise<StepResult>;
}
