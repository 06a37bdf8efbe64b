/**
 * The password of the cluster: from the Secret that the spec names, else from the one generated when the cluster was first
 * seen. The generated one is created, never applied: two operators or a lagging cache must not replace it.
 */

import { authSecret, PASSWORD_KEY } from "../resources/auth-secret.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { authSecretName } from "../resources/names.ts";
import { type Pass, PROCEED, type Step, type StepResult } from "./step.ts";

export const ensurePassword: Step = {
  name: "ensure password",
  changes: false,
  run: async (pass) => {
    const { passwordSecretRef } = pass.cluster.spec.auth;
    return passwordSecretRef === undefined
      ? await useGenerated(pass)
      : await useReferenced(pass, passwordSecretRef.name, passwordSecretRef.key);
  },
};

async function useReferenced(pass: Pass, secretName: string, key: string): Promise<StepResult> {
  const secret = await readSecret(pass, secretName);
  pass.password = decodeData(secret?.data, key);
  if (pass.password !== undefined && pass.password !== "") return PROCEED;
  const what = secret === undefined ? "does not exist" : `has no value for key "${key}"`;
  return { kind: "stop", reason: "PasswordMissing", message: `Secret "${secretName}" of spec.auth ${what}` };
}

async function useGenerated(pass: Pass): Promise<StepResult> {
  const { cluster, dependencies, name } = pass;
  const secretName = authSecretName(name.name);
  const cached = dependencies.store
    .children(name)
    .find(({ kind, metadata }) => kind === "Secret" && metadata.name === secretName);
  const secret = cached ?? (await readSecret(pass, secretName));
  if (secret !== undefined) {
    pass.password = decodeData(secret.data, PASSWORD_KEY);
    if (pass.password !== undefined && pass.password !== "") return PROCEED;
    const message = `Secret "${secretName}" has no value for key "${PASSWORD_KEY}"`;
    return { kind: "stop", reason: "PasswordMissing", message };
  }
  if (cluster.spec.paused)
    return { kind: "stop", reason: "Paused", message: "The cluster was paused before it was made" };
  pass.password = dependencies.generatePassword();
  await dependencies.store.create(authSecret(cluster, pass.password));
  return PROCEED;
}

function readSecret({ dependencies, name }: Pass, secretName: string): Promise<Manifest | undefined> {
  const metadata = { name: secretName, namespace: name.namespace };
  return dependencies.store.read({ apiVersion: "v1", kind: "Secret", metadata });
}
