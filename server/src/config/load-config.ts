/**
 * From the words of the command line to a checked Config, over the real file system. Also holds the rules that span
 * several directives.
 */

import { accessSync, constants, globSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { CommandLine } from "./command-line.ts";
import { Config } from "./config.ts";
import type { ConfigExtras, ConfigFiles } from "./config-file.ts";
import { bytesOfText, ConfigFileError, createConfigExtras, loadConfigText, readConfigFile } from "./config-file.ts";
import { DirectiveError } from "./directive.ts";

export interface LoadedConfig {
  readonly config: Config;
  readonly extras: ConfigExtras;
  /** Absolute path of the file, for INFO and CONFIG REWRITE. */
  readonly configFile: string | undefined;
}

export const configFiles: ConfigFiles = {
  read: (path) => readFileSync(path, "latin1"),
  expand: (pattern, base) =>
    /[*?[]/.test(pattern) ? globSync(resolve(base, pattern)).sort() : [resolve(base, pattern)],
};

export function resolveDirectory(path: string, base: string): string {
  const absolute = isAbsolute(path) ? path : resolve(base, path);
  try {
    if (!statSync(absolute).isDirectory()) throw new DirectiveError("Not a directory");
    accessSync(absolute, constants.X_OK);
  } catch (error) {
    if (error instanceof DirectiveError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new DirectiveError(isMissing ? "No such file or directory" : "Permission denied");
  }
  return absolute;
}

export function loadConfig(
  commandLine: Extract<CommandLine, { kind: "run" }>,
  workingDirectory: string,
  readStdin: () => string,
): LoadedConfig {
  const config = new Config({ resolveDirectory, workingDirectory });
  const extras = createConfigExtras();
  const configFile =
    commandLine.configFile === undefined ? undefined : resolve(workingDirectory, commandLine.configFile);
  const fileText = configFile === undefined ? "" : readConfigFile(configFile, configFiles);
  const stdinText = commandLine.readsStdin ? `\n${readStdin()}` : "";
  const given = bytesOfText(`${stdinText}\n${commandLine.optionLines}`);
  loadConfigText(`${fileText}${given}`, config, extras, configFiles);
  checkTogether(config);
  return { config, extras, configFile };
}

function checkTogether(config: Config): void {
  if (config.get("cluster-enabled") && config.get("replicaof") !== undefined) {
    throw new ConfigFileError("replicaof directive not allowed in cluster mode");
  }
  if (config.get("cluster-enabled") && config.get("group-lease") > 0) {
    throw new ConfigFileError("group-lease directive not allowed in cluster mode");
  }
  if (config.get("cluster-enabled") && config.get("tls-cluster") && config.get("tls-port") === 0) {
    throw new ConfigFileError("'tls-cluster yes' needs a 'tls-port': it is the one that the nodes tell each other");
  }
  if (config.get("daemonize")) {
    throw new ConfigFileError("'daemonize yes' is not supported: run kv-server under a service manager or with '&'");
  }
}
