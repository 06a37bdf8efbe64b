/** Reads the text format of Prometheus, for tests. A family is what one `# TYPE` line stands above. */

export interface Family {
  readonly kind: string;
  readonly labels: ReadonlySet<string>;
  /** By the rest of the name (`_sum`) and the labels in their order. */
  readonly samples: ReadonlyMap<string, number>;
}

export type Exposition = ReadonlyMap<string, Family>;

interface GrowingFamily extends Family {
  readonly labels: Set<string>;
  readonly samples: Map<string, number>;
}

const TYPE = /^# TYPE (\S+) (\S+)$/;
const SAMPLE = /^([\w:]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function readExposition(text: string): Exposition {
  const families = new Map<string, GrowingFamily>();
  let name = "";
  for (const line of text.split("\n")) {
    const type = TYPE.exec(line);
    if (type !== null) {
      name = type[1] as string;
      families.set(name, { kind: type[2] as string, labels: new Set(), samples: new Map() });
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) continue;
    const [, full = "", labelText = "", value = ""] = sample;
    const family = families.get(name);
    if (family === undefined || !full.startsWith(name)) throw new Error(`A sample without its type: ${line}`);
    const labels = [...labelText.matchAll(LABEL)].map(([, label = "", said = ""]) => ({ label, said }));
    for (const { label } of labels) family.labels.add(label);
    family.samples.set(`${full.slice(name.length)}${keyOf(labels)}`, Number(value.replace("Inf", "Infinity")));
  }
  return families;
}

function keyOf(labels: readonly { readonly label: string; readonly said: string }[]): string {
  const sorted = labels.map(({ label, said }) => `${label}="${said}"`).sort();
  return sorted.length === 0 ? "" : `{${sorted.join(",")}}`;
}
