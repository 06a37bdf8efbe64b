/**
 * What a run over TLS needs: an authority, and certificates that it has signed for a server and for the suite. They lie where
 * redis-py's tests look for them (beside its source, below `dockers`), and are made anew for each run of a suite.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun } from "./cache.ts";

export interface Secrets {
  readonly authority: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
}

interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const DIRECTORY = path.join(CACHE, "dockers/standalone/tls");
const NEW_KEY = ["-newkey", "rsa:2048", "-nodes"];
const AUTHORITY: KeyPair = pair("ca");

export async function makeSecrets(): Promise<Secrets> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY, { recursive: true });
  await openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    ...["-days", "1", "-subj", "/CN=kvcompat authority"],
    ...filesOf(AUTHORITY),
  );
  return { authority: AUTHORITY.cert, server: await issue("redis"), client: await issue("client") };
}

/** Clients are asked for a certificate, and let in without one: redis-py has tests of both. */
export function tlsDirectives({ authority, server }: Secrets): readonly string[] {
  return [
    ...["--tls-cert-file", server.cert, "--tls-key-file", server.key, "--tls-ca-cert-file", authority],
    ...["--tls-auth-clients", "optional", "--tls-replication", "yes"],
  ];
}

async function issue(name: string): Promise<KeyPair> {
  const issued = pair(name);
  const [request, extensions] = [path.join(DIRECTORY, `${name}.csr`), path.join(DIRECTORY, `${name}.ext`)];
  writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  await openssl("req", ...NEW_KEY, "-subj", `/CN=${name}`, "-keyout", issued.key, "-out", request);
  const signing = ["-CA", AUTHORITY.cert, "-CAkey", AUTHORITY.key, "-CAcreateserial", "-extfile", extensions];
  await openssl("x509", "-req", "-days", "1", "-in", request, ...signing, "-out", issued.cert);
  return issued;
}

function pair(name: string): KeyPair {
  return { cert: path.join(DIRECTORY, `${name}.crt`), key: path.join(DIRECTORY, `${name}.key`) };
}

function filesOf({ cert, key }: KeyPair): readonly string[] {
  return ["-keyout", key, "-out", cert];
}

async function openssl(...args: readonly string[]): Promise<void> {
  await mustRun("openssl", args, { directory: DIRECTORY, logFile: path.join(DIRECTORY, "openssl.log") });
}
