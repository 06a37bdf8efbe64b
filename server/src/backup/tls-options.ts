/** The options by which programs that work on servers from outside are told to use TLS: redis-cli's. */

import type { TlsFiles } from "./outside-socket.ts";

export const TLS_FLAG = "--tls";
const [AUTHORITY, CERTIFICATE, KEY] = ["--cacert", "--cert", "--key"] as const;
export const TLS_VALUES = [AUTHORITY, CERTIFICATE, KEY] as const;

/** Undefined without TLS; a sentence where that makes no sense. */
export function tlsFiles(isOn: boolean, one: (option: string) => string | undefined): TlsFiles | undefined | string {
  const [authority, certificate, key] = TLS_VALUES.map(one);
  const first = TLS_VALUES.find((option) => one(option) !== undefined);
  if (!isOn) return first === undefined ? undefined : `Option ${first} goes with ${TLS_FLAG}`;
  if ((certificate === undefined) !== (key === undefined)) return `Options ${CERTIFICATE} and ${KEY} go together`;
  return { authority, certificate, key };
}
