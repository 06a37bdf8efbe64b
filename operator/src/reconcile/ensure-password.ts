/**
 * The password of the cluster: from the Secret that the spec names, else from the one generated when the cluster was first
 * seen. The generated one is created, never applied: two operators or a lagging cache must not replace it.
 *
 * Servers that know different ones could neither be asked nor follow each other, so a password that they run with is given up
 * in an orderly way only (rotate-password.ts). A source that is gone is told of; a generated one is made again.
 */

import { authSecret, PASSWORD_KEY } from "../resources/auth-secret.ts";
import { decodeData, isOwnedBy, type Manifest } from "../resources/manifest.ts";
import { authSecretName } from "../resources/names.ts";
import { oldPasswordOf } from "../resources/server-auth-secret.ts";
import { nameTaken } from "./ensure-children.ts";
import { cachedSecret, passwordIn, readSecret, serverSecret } from "./secrets.ts";
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
  return settle(pass, await readSecret(pass, secretName), { secretName, key });
}

async function useGenerated(pass: Pass): Promise<StepResult> {
  const { cluster, dependencies, name } = pass;
  const secretName = authSecretName(name.name);
  const secret = cachedSecret(pass, secretName) ?? (await readSecret(pass, secretName));
  if (secret !== undefined) {
    return isOwnedBy(secret, cluster) ? settle(pass, secret, { secretName, key: PASSWORD_KEY }) : nameTaken(secret);
  }
  pass.password = passwordInUse(pass);
  if (cluster.spec.paused) {
    const message = "The cluster was paused before it was made";
    return pass.password === undefined ? { kind: "stop", reason: "Paused", message } : PROCEED;
  }
  pass.password ??= dependencies.generatePassword();
  await dependencies.store.create(authSecret(cluster, pass.password));
  return PROCEED;
}

interface Source {
  readonly secretName: string;
  readonly key: string;
}

function settle(pass: Pass, secret: Manifest | undefined, { secretName, key }: Source): StepResult {
  const inUse = passwordInUse(pass);
  const wanted = passwordIn(secret, key);
  if (wanted === undefined) {
    const what = secret === undefined ? "does not exist" : `has no value for key "${key}"`;
    const message = `Secret "${secretName}" of spec.auth ${what}`;
    if (inUse === undefined) return { kind: "stop", reason: "PasswordMissing", message };
    pass.passwordProblem = `${message}: the servers keep the password they have`;
  } else if (inUse !== undefined && inUse !== wanted) {
    pass.nextPassword = wanted;
  }
  pass.password = inUse ?? wanted;
  pass.oldPassword = oldPasswordOf(serverSecret(pass));
  return PROCEED;
}

function passwordInUse(pass: Pass): string | undefined {
  return decodeData(serverSecret(pass)?.data, PASSWORD_KEY);
}
