/**
 * The plugin in this process against a fake API server, with servers that answer from a script, for tests. Time stands still
 * until the plugin waits: then the scene may change the world, and time jumps.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { encodeData } from "../resources/manifest.ts";
import type { Clock } from "../runtime/clock.ts";
import { FakeApiServer } from "../runtime/fake-api-server.ts";
import { NOW_MS } from "./example-world.ts";
import { runPlugin } from "./run.ts";
import type { TlsSecrets } from "./secure-socket.ts";
import type { World } from "./world.ts";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Answers one command that was sent to a pod. */
export type Answer = (pod: string, words: readonly string[]) => RespValue;

export interface PluginScene {
  readonly api: FakeApiServer;
  /** What servers were told: the pod first. */
  readonly told: string[][];
  /** By what TLS was spoken, each time that a server was opened. */
  readonly secrets: (TlsSecrets | undefined)[];
  /** Before each wait of the plugin. */
  onWait: () => void;
  answer: Answer;
  /** Statuses by pod, as the admin ports give them; with "https:" before the name where that is asked for. */
  readonly statuses: Map<string, unknown>;
  typed: readonly string[];
  run(...argv: readonly string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

const STATUS_PATH = /\/pods\/((?:https:)?[^/:]+):9121\/proxy\/status$/;

export async function startPluginScene(): Promise<PluginScene> {
  const api = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS), now: () => NOW_MS });
  await api.start();
  let now = NOW_MS;
  const clock: Clock = {
    now: () => now,
    after: (delayMs, run) => {
      const timer = setImmediate(() => {
        now += delayMs;
        scene.onWait();
        run();
      });
      return () => clearImmediate(timer);
    },
  };
  const scene: PluginScene = {
    api,
    told: [],
    secrets: [],
    onWait: () => undefined,
    answer: (_pod, [command]) => (command === "AUTH" ? "OK" : null),
    statuses: new Map(),
    typed: [],
    run: async (...argv) => {
      const [out, error]: [string[], string[]] = [[], []];
      const terminal = {
        write: (text: string) => void out.push(text),
        warn: (text: string) => void error.push(text),
        isScreen: false,
        columns: () => 80,
      };
      const code = await runPlugin(argv, terminal, ({ namespace = "apps" }) => {
        const transport = withStatuses(httpTransport({ url: api.url, requestOptions: async () => ({}) }, clock), scene);
        return {
          client: new KubeClient(transport, "kubectl-kv"),
          transport,
          namespace,
          terminal,
          clock,
          openServer: async ({ name }, secrets) => {
            scene.secrets.push(secrets);
            return {
              command: async (...words) => {
                scene.told.push([name, ...words.map(String)]);
                return scene.answer(name, words.map(String));
              },
              close: () => undefined,
            };
          },
          readLines: async function* () {
            yield* scene.typed;
          },
        };
      });
      return { code, out: out.join(""), error: error.join("") };
    },
    stop: () => api.stop(),
  };
  return scene;
}

function withStatuses(transport: HttpTransport, scene: PluginScene): HttpTransport {
  return {
    ...transport,
    request: async (request) => {
      const [, pod] = STATUS_PATH.exec(request.path) ?? [];
      return pod === undefined ? transport.request(request) : (scene.statuses.get(pod) ?? {});
    },
  };
}

/** Puts the objects of a world into the API server, and the Secret of its password. */
export function seedWorld({ api }: PluginScene, { cluster, pods, backups, schedules }: World): void {
  const { uid: _uid, resourceVersion: _version, generation: _generation, ...metadata } = cluster.metadata;
  const objects: readonly KubernetesObject[] = [{ ...cluster, metadata }, ...pods, ...backups, ...schedules];
  for (const object of objects) api.seed(object);
  const authority = cluster.spec.tls === undefined ? {} : { "ca.crt": "authority" };
  seedSecret(api, "shop-connection", { username: "default", password: "s3cret", ...authority });
}

export function seedSecret(api: FakeApiServer, name: string, fields: Readonly<Record<string, string>>): void {
  const metadata = { name, namespace: "apps" };
  api.seed({ apiVersion: "v1", kind: "Secret", metadata, data: encodeData(fields) } as KubernetesObject);
}
