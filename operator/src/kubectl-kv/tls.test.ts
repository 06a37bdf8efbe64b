import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clusterWith, exampleWorld } from "./example-world.ts";
import { type PluginScene, seedSecret, seedWorld, startPluginScene } from "./plugin-scene.ts";

let scene: PluginScene;

beforeEach(async () => {
  scene = await startPluginScene();
});

afterEach(() => scene.stop());

function seed(tls?: Readonly<Record<string, unknown>>): void {
  seedWorld(scene, exampleWorld({ cluster: clusterWith({}, tls === undefined ? {} : { tls }) }));
}

describe("kubectl kv with a cluster of spec.tls", () => {
  it("trusts the authority of the connection Secret, and looks at no other", async () => {
    seed({ secretName: "shop-tls" });
    scene.answer = (_pod, [command]) => (command === "PING" ? "PONG" : "OK");
    expect(await scene.run("connect", "shop", "--", "PING")).toMatchObject({ code: 0, out: "PONG\n" });
    expect(scene.secrets).toEqual([{ authority: "authority", own: undefined }]);
  });

  it("shows the cluster's certificate where clients must have one", async () => {
    seed({ secretName: "shop-tls", authClients: "Required" });
    expect(await scene.run("connect", "shop", "--", "PING")).toMatchObject({
      code: 1,
      error: 'Secret "shop-tls" holds no certificate\n',
    });
    seedSecret(scene.api, "shop-tls", { "tls.crt": "certificate", "tls.key": "key", "ca.crt": "authority" });
    expect(await scene.run("connect", "shop", "--", "PING")).toMatchObject({ code: 0 });
    expect(scene.secrets).toEqual([{ authority: "authority", own: { certificate: "certificate", key: "key" } }]);
  });

  it("asks admin ports by HTTPS", async () => {
    seed({ secretName: "shop-tls" });
    scene.statuses.set("https:shop-0-0", { role: "primary", keys: 7 });
    expect((await scene.run("status", "shop")).out).toMatch(/^0 +primary +shop-0-0 .* 7 /m);
  });

  it("speaks plainly with others", async () => {
    seed();
    await scene.run("connect", "shop", "--", "PING");
    expect(scene.secrets).toEqual([undefined]);
  });
});
