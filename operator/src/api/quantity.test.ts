import { describe, expect, it } from "vitest";
import { formatBytes, parseQuantity } from "./quantity.ts";

describe("parseQuantity", () => {
  it.each([
    ["1Gi", 2 ** 30],
    ["512Mi", 512 * 2 ** 20],
    ["1.5G", 1.5e9],
    ["100m", 1],
    ["1e3", 1000],
    ["2E", 2e18],
    [".5Ki", 512],
    [7, 7],
  ])("reads %s", (text, amount) => {
    expect(parseQuantity(text)).toBe(amount);
  });

  it.each(["", "Gi", "1 Gi", "1gi", "0x10", "1KiB"])("refuses %j", (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [12_900_000, "12.3 MiB"],
    [3 * 2 ** 40, "3.0 TiB"],
  ])("writes %d for people", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
