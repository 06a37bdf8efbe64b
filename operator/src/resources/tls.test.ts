import { describe, expect, it } from "vitest";
import { children } from "./children.ts";
import { exampleCluster, exampleContext } from "./example-cluster.ts";
import { liveValues } from "./live-directives.ts";
import { decodeData, type Manifest } from "./manifest.ts";
import { changedInputs, modeOfPod, restartInputs } from "./restart-inputs.ts";
import { directivesOf, serverConfig } from "./server-config.ts";

const TLS = { tls: { secretName: "shop-tls" } };

function portsOf(manifest: Manifest | undefined): readonly (readonly [string, number])[] {
  const ports = (manifest?.spec?.ports ?? []) as readonly { readonly name: string; readonly port: number }[];
  return ports.map(({ name, port }) => [name, port]);
}

function made(spec: Readonly<Record<string, unknown>>) {
  const all = children(exampleContext(spec));
  const named = (kind: string, name: string) =>
    all.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  const set = named("StatefulSet", "shop-0")?.spec?.template as {
    readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
    readonly spec: Readonly<Record<string, unknown>> & { readonly containers: readonly Record<string, unknown>[] };
  };
  return { named, template: set, container: set.spec.containers[0] ?? {} };
}

describe("a cluster with TLS", () => {
  it("speaks it at the port for clients, among servers and at the admin port, and closes the other one", () => {
    const lines = serverConfig(exampleCluster(TLS)).split("\n");
    const about = lines.filter((line) => /tls|^port/.test(line));
    expect(about).toEqual([
      "admin-tls yes",
      "port 0",
      "tls-auth-clients no",
      "tls-ca-cert-file /etc/kvcluster-tls/ca.crt",
      "tls-cert-file /etc/kvcluster-tls/tls.crt",
      "tls-cluster yes",
      "tls-key-file /etc/kvcluster-tls/tls.key",
      "tls-port 6379",
      "tls-replication yes",
    ]);
    expect(serverConfig(exampleCluster({ ...TLS, mode: "Replication", shards: 1 }))).not.toContain("tls-cluster");
  });

  it("lets no directive of the user's undo that, and takes those that say how TLS is spoken", () => {
    const config = { "tls-port": "0", "tls-replication": "no", "tls-protocols": "TLSv1.3" };
    const directives = directivesOf(exampleCluster({ ...TLS, config }));
    expect(directives).toMatchObject({ "tls-port": "6379", "tls-replication": "yes", "tls-protocols": "TLSv1.3" });
  });

  it("asks clients for certificates as the spec says, without a restart", () => {
    const asked = (authClients: string) => {
      const cluster = exampleCluster({ tls: { secretName: "shop-tls", authClients } });
      return [liveValues(directivesOf(cluster)).get("tls-auth-clients"), restartInputs(cluster)];
    };
    const inputs = restartInputs(exampleCluster(TLS));
    expect(asked("Optional")).toEqual(["optional", inputs]);
    expect(asked("Required")).toEqual(["yes", inputs]);
    expect(liveValues(directivesOf(exampleCluster())).has("tls-auth-clients")).toBe(false);
  });

  it("restarts servers for another Secret or port, and no server without TLS for anything here", () => {
    const before = restartInputs(exampleCluster(TLS));
    const changed = (spec: Readonly<Record<string, unknown>>) => changedInputs(before, exampleCluster(spec));
    expect(changed(TLS)).toEqual([]);
    expect(changed({ tls: { secretName: "other" } })).toEqual(["TLS"]);
    expect(changed({ tls: { secretName: "shop-tls", plaintext: true } })).toEqual(["TLS"]);
    expect(modeOfPod(before)).toEqual(["Cluster"]);
    const alone = { mode: "Standalone", shards: 1, replicasPerShard: 0 };
    expect(modeOfPod(restartInputs(exampleCluster({ ...TLS, ...alone })))).toEqual(["Standalone"]);
    const inputs = restartInputs(exampleCluster());
    expect(inputs.split(".")).toHaveLength(5);
    expect(changedInputs(inputs, exampleCluster())).toEqual([]);
  });

  it("mounts the certificate, hands over and is probed by TLS, and tells scrapers", () => {
    const { container, template } = made(TLS);
    expect(template.spec.volumes).toContainEqual({
      name: "tls",
      secret: {
        secretName: "shop-tls",
        items: ["tls.crt", "tls.key", "ca.crt"].map((key) => ({ key, path: key })),
        defaultMode: 0o440,
      },
    });
    expect(container.volumeMounts).toContainEqual({ name: "tls", mountPath: "/etc/kvcluster-tls", readOnly: true });
    const files = ["--cacert", "/etc/kvcluster-tls/ca.crt", "--cert", "/etc/kvcluster-tls/tls.crt"];
    const command = ["kv-handover", "--tls", ...files, "--key", "/etc/kvcluster-tls/tls.key", "6379"];
    expect(container.lifecycle).toEqual({
      preStop: { exec: { command: [...command, "/etc/kvcluster-auth/password"] } },
    });
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
      expect(container[probe], probe).toMatchObject({ httpGet: { port: 9121, scheme: "HTTPS" } });
    expect(template.metadata.annotations["prometheus.io/scheme"]).toBe("https");
    const plain = made({});
    expect(plain.template.metadata.annotations).not.toHaveProperty(["prometheus.io/scheme"]);
    expect(plain.template.spec.volumes).not.toContainEqual(expect.objectContaining({ name: "tls" }));
  });

  it("keeps its ports, and has another one without TLS only where it is asked for", () => {
    const networking = { networkPolicy: { mode: "Restricted" } };
    const plain = made({ networking, tls: { secretName: "shop-tls", plaintext: true } });
    const client = [
      ["client", 6379],
      ["plain", 6381],
    ];
    for (const name of ["shop", "shop-write", "shop-read"])
      expect(portsOf(plain.named("Service", name)), name).toEqual(client);
    expect(portsOf(plain.named("Service", "shop-nodes"))).toEqual([...client, ["bus", 16379], ["admin", 9121]]);
    const rules = plain.named("NetworkPolicy", "shop-servers")?.spec?.ingress as readonly {
      ports: [{ port: number }];
    }[];
    expect(rules.map(({ ports }) => ports[0].port)).toEqual([6379, 6381, 16379, 9121]);
    expect(serverConfig(exampleCluster({ tls: { secretName: "s", plaintext: true } }))).toContain("\nport 6381\n");
    expect(portsOf(made(TLS).named("Service", "shop"))).toEqual([["client", 6379]]);
  });

  it("tells applications to use TLS, and whom to trust", () => {
    const { data } = made(TLS).named("Secret", "shop-connection") ?? {};
    expect(decodeData(data, "uri")).toMatch(/^rediss:\/\/default:/);
    expect(decodeData(data, "ca.crt")).toBe("-----authority-----");
    expect(made({}).named("Secret", "shop-connection")?.data).not.toHaveProperty(["ca.crt"]);
  });
});
