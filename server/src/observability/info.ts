/**
 * The text of INFO: which sections a request asks for, in Redis' order, each a header and `name:value` lines. The lines
 * of each section come from info-sections.ts.
 */

import type { FactSources } from "./facts.ts";
import * as sections from "./info-sections.ts";

export type InfoFields = readonly (readonly [name: string, value: string | number])[];

interface Section {
  readonly name: string;
  readonly title: string;
  readonly isDefault: boolean;
  readonly fields: (sources: FactSources) => InfoFields;
}

const SECTIONS: readonly Section[] = [
  { name: "server", title: "Server", isDefault: true, fields: (sources) => sections.serverFields(sources.server()) },
  { name: "clients", title: "Clients", isDefault: true, fields: (sources) => sections.clientFields(sources.clients()) },
  { name: "memory", title: "Memory", isDefault: true, fields: (sources) => sections.memoryFields(sources.memory()) },
  {
    name: "persistence",
    title: "Persistence",
    isDefault: true,
    fields: (sources) => sections.persistenceFields(sources.persistence(), sources.server().nowUs / 1000),
  },
  {
    name: "stats",
    title: "Stats",
    isDefault: true,
    fields: (sources) =>
      sections.statisticsFields(sources.statistics(), {
        compaction: sources.compaction(),
        tracking: sources.clients().tracking,
      }),
  },
  {
    name: "replication",
    title: "Replication",
    isDefault: true,
    fields: (sources) => sections.replicationFields(sources.replication()),
  },
  { name: "cpu", title: "CPU", isDefault: true, fields: (sources) => sections.processorFields(sources.processor()) },
  { name: "modules", title: "Modules", isDefault: true, fields: () => [] },
  {
    name: "commandstats",
    title: "Commandstats",
    isDefault: false,
    fields: (sources) => sections.commandFields(sources.commands()),
  },
  {
    name: "errorstats",
    title: "Errorstats",
    isDefault: true,
    fields: (sources) => sections.errorFields(sources.errors()),
  },
  {
    name: "latencystats",
    title: "Latencystats",
    isDefault: false,
    fields: (sources) => sections.latencyFields(sources.latencies()),
  },
  {
    name: "cluster",
    title: "Cluster",
    isDefault: true,
    fields: (sources) => [["cluster_enabled", sources.cluster() === undefined ? 0 : 1]],
  },
  {
    name: "keyspace",
    title: "Keyspace",
    isDefault: true,
    fields: (sources) => sections.keyspaceFields(sources.keyspace()),
  },
];

/** The reply to INFO with the given words; none mean the default sections, unknown ones nothing. */
export function renderInfo(sources: FactSources, words: readonly string[]): string {
  const asked = words.length === 0 ? ["default"] : words.map((word) => word.toLowerCase());
  const isWanted = (section: Section): boolean =>
    asked.includes(section.name) ||
    asked.includes("everything") ||
    (asked.includes("all") && section.name !== "modules") ||
    (asked.includes("default") && section.isDefault);
  return SECTIONS.filter(isWanted)
    .map((section) => {
      const lines = section.fields(sources).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${section.title}\r\n${lines.join("")}`;
    })
    .join("\r\n");
}

/** What the default sections say, by name. Lines of the same name in several sections are none. */
export function infoFields(sources: FactSources): ReadonlyMap<string, string | number> {
  return new Map(SECTIONS.filter(({ isDefault }) => isDefault).flatMap(({ fields }) => fields(sources)));
}
