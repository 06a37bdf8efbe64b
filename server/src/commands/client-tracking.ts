/** CLIENT TRACKING and its kin: what a client that caches what it reads wants to be told of. */

import type { TrackingOptions, TrackingState } from "../tracking/tracking-state.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import type { CommandRow } from "./command.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";

const OWN = ["noscript", "loading", "stale"] as const;

export const clientTrackingRows: readonly CommandRow[] = [
  {
    name: "getredir",
    arity: 2,
    flags: OWN,
    group: "connection",
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Tells to which connection invalidations go, -1 without tracking.",
    syntax: "",
    run: ({ reply, client }) => reply.integer(client.tracking?.redirect ?? -1),
  },
  {
    name: "trackinginfo",
    arity: 2,
    flags: OWN,
    group: "connection",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Describes the tracking of the connection.",
    syntax: "",
    run: trackingInfo,
  },
  {
    name: "tracking",
    arity: -3,
    flags: OWN,
    group: "connection",
    since: "6.0.0",
    complexity: "O(1), and O(N) in the number of prefixes",
    summary: "Turns server-assisted caching on or off.",
    syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    run: tracking,
  },
  {
    name: "caching",
    arity: 3,
    flags: OWN,
    group: "connection",
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Includes the next command's keys in tracking, or leaves them out.",
    syntax: "YES | NO",
    run: caching,
  },
];

function trackingInfo({ reply, client }: Call): void {
  const { tracking: state } = client;
  reply.map(3);
  reply.bulkString("flags");
  const flags = flagsOf(state);
  reply.set(flags.length);
  for (const flag of flags) reply.bulkString(flag);
  reply.bulkString("redirect");
  reply.integer(state?.redirect ?? -1);
  reply.bulkString("prefixes");
  const prefixes = state?.prefixes ?? [];
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulkBuffer(Buffer.from(prefix, "latin1"));
}

function flagsOf(state: TrackingState | undefined): string[] {
  if (state === undefined) return ["off"];
  const { isBroadcast, isOptIn, isOptOut, isCachingAsked, isNoLoop, isRedirectBroken } = state;
  const flags: readonly (readonly [boolean, string])[] = [
    [true, "on"],
    [isBroadcast, "bcast"],
    [isOptIn, "optin"],
    [isOptIn && isCachingAsked, "caching-yes"],
    [isOptOut, "optout"],
    [isOptOut && isCachingAsked, "caching-no"],
    [isNoLoop, "noloop"],
    [isRedirectBroken, "broken_redirect"],
  ];
  return flags.filter(([holds]) => holds).map(([, name]) => name);
}

function tracking(call: Call): void {
  const { client, server } = call;
  const options = readOptions(call);
  const isOn = call.is(2, "on");
  if (!isOn && !call.is(2, "off")) throw new CommandError(ERRORS.syntax);
  if (isOn) {
    checkOptions(options, client.tracking);
    const prefixes = options.isBroadcast && options.prefixes.length === 0 ? [""] : options.prefixes;
    client.set(ClientFlag.tracking, true);
    server.tracking.begin(client, { ...options, prefixes: prefixes.filter((one) => !has(client.tracking, one)) });
  } else endTracking(call);
  call.reply.ok();
}

/** CLIENT TRACKING OFF, and RESET. */
export function endTracking({ client, server }: Call): void {
  client.set(ClientFlag.tracking, false);
  server.tracking.end(client);
}

function has(state: TrackingState | undefined, prefix: string): boolean {
  return state?.prefixes.includes(prefix) ?? false;
}

function readOptions(call: Call): TrackingOptions {
  const options = { redirect: 0, isBroadcast: false, isOptIn: false, isOptOut: false, isNoLoop: false };
  const prefixes: string[] = [];
  for (let i = 3; i < call.argc; i++) {
    const hasMore = i + 1 < call.argc;
    if (call.is(i, "redirect") && hasMore) options.redirect = redirectOf(call, ++i, options.redirect);
    else if (call.is(i, "bcast")) options.isBroadcast = true;
    else if (call.is(i, "optin")) options.isOptIn = true;
    else if (call.is(i, "optout")) options.isOptOut = true;
    else if (call.is(i, "noloop")) options.isNoLoop = true;
    else if (call.is(i, "prefix") && hasMore) prefixes.push(call.text(++i));
    else throw new CommandError(ERRORS.syntax);
  }
  return { ...options, prefixes };
}

function redirectOf(call: Call, index: number, before: number): number {
  if (before !== 0) throw new CommandError("ERR A client can only redirect to a single other client");
  const id = integerArgument(call, index);
  if (call.server.clients.get(id) === undefined) {
    throw new CommandError("ERR The client ID you want redirect to does not exist");
  }
  return id;
}

function checkOptions(options: TrackingOptions, before: TrackingState | undefined): void {
  const { isBroadcast, isOptIn, isOptOut, prefixes } = options;
  const switching = (what: string): string =>
    `ERR You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`;
  const problems: readonly (readonly [boolean, string])[] = [
    [prefixes.length > 0 && !isBroadcast, "ERR PREFIX option requires BCAST mode to be enabled"],
    [before !== undefined && before.isBroadcast !== isBroadcast, switching("BCAST mode on/off")],
    [isBroadcast && (isOptIn || isOptOut), "ERR OPTIN and OPTOUT are not compatible with BCAST"],
    [isOptIn && isOptOut, "ERR You can't specify both OPTIN mode and OPTOUT mode"],
    [
      before !== undefined && ((isOptIn && before.isOptOut) || (isOptOut && before.isOptIn)),
      switching("OPTIN/OPTOUT mode"),
    ],
  ];
  const found = problems.find(([holds]) => holds);
  if (found !== undefined) throw new CommandError(found[1]);
  checkPrefixes(prefixes, before?.prefixes ?? []);
}

function checkPrefixes(prefixes: readonly string[], existing: readonly string[]): void {
  const overlap = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one);
  const refuse = (one: string, which: string, other: string): never => {
    throw new CommandError(
      `ERR Prefix '${cString(one)}' overlaps with ${which} prefix '${cString(other)}'. Prefixes for a single client must not overlap.`,
    );
  };
  prefixes.forEach((prefix, index) => {
    const old = existing.find((other) => overlap(prefix, other));
    if (old !== undefined) refuse(prefix, "an existing", old);
    const twin = prefixes.slice(index + 1).find((other) => overlap(prefix, other));
    if (twin !== undefined) refuse(prefix, "another provided", twin);
  });
}

function caching(call: Call): void {
  const state = call.client.tracking;
  if (state === undefined) {
    throw new CommandError(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    );
  }
  const isYes = call.is(2, "yes");
  if (!isYes && !call.is(2, "no")) throw new CommandError(ERRORS.syntax);
  if (isYes && !state.isOptIn) {
    throw new CommandError("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!isYes && !state.isOptOut) {
    throw new CommandError("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  state.isCachingAsked = true;
  call.reply.ok();
}
