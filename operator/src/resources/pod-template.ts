/**
 * The pod of one server. It runs under the `restricted` pod security standard, without a service account token, and keeps
 * files only on its data volume. It announces its stable host name, which peers store and resolve again whenever they
 * reconnect. Before it is stopped, by whomever, it hands its shard over. Probes ask the admin port: alive while the event loop turns (loading included), ready when it can serve.
 */

import type { KVCluster, KVClusterSpec } from "../api/kv-cluster.ts";
import { SHARD_LABEL } from "../api/labels.ts";
import { PASSWORD_KEY } from "./auth-secret.ts";
import { ADMIN_PORT, type ChildContext, CLIENT_PORT, commonLabels } from "./manifest.ts";
import { configMapName, podHost, serverAuthSecretName } from "./names.ts";
import { containerSecurity, FILE_MODE, podSecurity } from "./pod-security.ts";
import { restartInputs } from "./restart-inputs.ts";
import { scheduling } from "./scheduling.ts";
import { AUTH_DIRECTORY, CONFIG_DIRECTORY, CONFIG_FILE, DATA_DIRECTORY } from "./server-config.ts";
import { serverPorts, TLS_DIRECTORY, tlsFiles, tlsOptions } from "./tls.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the pod was made with, as far as a server is restarted for it. */
export const RESTART_INPUTS_ANNOTATION = "kvcluster.dev/restart-inputs";
export const SERVER_CONTAINER = "server";
export const DATA_VOLUME = "data";
const TLS_VOLUME = "tls";
/** Scrapers know it: how metrics are read. */
const SCHEME_ANNOTATION = "prometheus.io/scheme";

export function podTemplate(context: ChildContext, shard: number): Fields {
  const { cluster } = context;
  const { imagePullSecrets, disruption } = cluster.spec;
  return {
    metadata: {
      labels: { ...commonLabels(cluster), [SHARD_LABEL]: String(shard) },
      annotations: {
        [RESTART_INPUTS_ANNOTATION]: restartInputs(cluster),
        ...(cluster.spec.tls === undefined ? {} : { [SCHEME_ANNOTATION]: "https" }),
      },
    },
    spec: {
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      schedulerName: "default-scheduler",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: disruption.terminationGracePeriodSeconds,
      securityContext: podSecurity(),
      ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
      ...scheduling(cluster, shard),
      containers: [serverContainer(context)],
      volumes: volumes(context),
    },
  };
}

/** How long a primary of a group takes writes without a proof that it has no successor. */
export const GROUP_LEASE_SECONDS = 10;

/** Whatever the file has come to say. */
const OUTSIDE_OF_CLUSTER = ["--cluster-enabled", "no"];

/**
 * What belongs to the mode is here and not in the file: a running pod may see a new file, and would start by it, but not new
 * words.
 */
const ARGUMENTS: Readonly<Record<KVClusterSpec["mode"], (host: string) => readonly string[]>> = {
  Cluster: (host) => ["--cluster-announce-hostname", host, "--cluster-announce-ip", "$(POD_IP)"],
  Replication: (host) => [
    ...OUTSIDE_OF_CLUSTER,
    ...["--replica-announce-ip", host, "--group-lease", String(GROUP_LEASE_SECONDS)],
  ],
  Standalone: (host) => [...OUTSIDE_OF_CLUSTER, "--replica-announce-ip", host],
};

function serverContainer({ cluster, clusterDomain, defaultImage }: ChildContext): Fields {
  const { image, imagePullPolicy, resources, tls } = cluster.spec;
  return {
    name: SERVER_CONTAINER,
    image: image ?? defaultImage,
    imagePullPolicy,
    command: ["kv-server", `${CONFIG_DIRECTORY}/${CONFIG_FILE}`],
    args: [...ARGUMENTS[cluster.spec.mode](podHost(cluster, "$(POD_NAME)", clusterDomain))],
    env: [fieldVariable("POD_NAME", "metadata.name"), fieldVariable("POD_IP", "status.podIP")],
    ports: serverPorts(cluster).map(([name, number]) => ({ name, containerPort: number, protocol: "TCP" })),
    resources,
    lifecycle: {
      preStop: { exec: { command: handOverCommand(cluster) } },
    },
    startupProbe: probe(cluster, "/healthz", { periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 60 }),
    livenessProbe: probe(cluster, "/healthz", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: probe(cluster, "/readyz", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }),
    securityContext: containerSecurity(),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: DATA_VOLUME, mountPath: DATA_DIRECTORY },
      { name: "config", mountPath: CONFIG_DIRECTORY, readOnly: true },
      { name: "auth", mountPath: AUTH_DIRECTORY, readOnly: true },
      ...(tls === undefined ? [] : [{ name: TLS_VOLUME, mountPath: TLS_DIRECTORY, readOnly: true }]),
    ],
  };
}

/** Volumes besides the claim, which the StatefulSet adds under the same name. */
function volumes({ cluster }: ChildContext): readonly Fields[] {
  const { name } = cluster.metadata;
  const { tls, storage } = cluster.spec;
  const config = { name: "config", configMap: { name: configMapName(name), defaultMode: FILE_MODE } };
  const auth = { name: "auth", secret: { secretName: serverAuthSecretName(name), defaultMode: FILE_MODE } };
  const own = [config, auth, ...(tls === undefined ? [] : [{ name: TLS_VOLUME, ...tlsFiles(tls.secretName) }])];
  if (storage.type === "PersistentVolume") return own;
  return [...own, { name: DATA_VOLUME, emptyDir: { sizeLimit: String(storage.size) } }];
}

function handOverCommand({ spec }: KVCluster): readonly string[] {
  const tls = spec.tls === undefined ? [] : tlsOptions(TLS_DIRECTORY);
  return ["kv-handover", ...tls, String(CLIENT_PORT), `${AUTH_DIRECTORY}/${PASSWORD_KEY}`];
}

/** Kubelets do not look at certificates: one that has expired restarts nobody. */
function probe({ spec }: KVCluster, path: string, timing: Fields): Fields {
  const scheme = spec.tls === undefined ? "HTTP" : "HTTPS";
  return { httpGet: { path, port: ADMIN_PORT, scheme }, successThreshold: 1, ...timing };
}

function fieldVariable(name: string, fieldPath: string): Fields {
  return { name, valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } };
}
