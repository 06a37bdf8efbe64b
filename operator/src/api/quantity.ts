// Kubernetes quantities ("512Mi", "1.5G", 2) as plain numbers, for amounts of bytes. Exact below 2^53.

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The amount, rounded up to a whole number as Kubernetes does; undefined when it is no quantity. */
export function parseQuantity(value: string | number): number | undefined {
  if (typeof value === "number") {
    return Number.isFinite(value) ? Math.ceil(value) : undefined;
  }
  const match = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[mkMGTPE]))?$/.exec(value);
  if (match === null) {
    return undefined;
  }
  const [, digits = "", exponent = "", suffix = ""] = match;
  return Math.ceil(Number(`${digits}${exponent}`) * (FACTORS[suffix] ?? Number.NaN));
}

/** A number of bytes for people: "12.3 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
