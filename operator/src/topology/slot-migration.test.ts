import { describe, expect, it } from "vitest";
import { parseSlotMigrations } from "./slot-migration.ts";

const entry = (state: string, operation = "EXPORT") =>
  [
    ...["name", "a".repeat(40), "operation", operation, "slot_ranges", "0-9 20-29", "target_node", "b".repeat(40)],
    ...["source_node", "c".repeat(40), "create_time", 1, "last_update_time", 2, "state", state, "message", "why"],
  ].map((part) => (typeof part === "string" ? Buffer.from(part) : part));

describe("parseSlotMigrations", () => {
  it("reads what is moved where, and whether it still is", () => {
    const [migration] = parseSlotMigrations([entry("snapshotting")]);
    expect(migration).toEqual({
      name: "a".repeat(40),
      operation: "export",
      ranges: [
        { start: 0, end: 9 },
        { start: 20, end: 29 },
      ],
      targetId: "b".repeat(40),
      state: "snapshotting",
      message: "why",
      isUnderWay: true,
    });
    expect(parseSlotMigrations([entry("streaming", "IMPORT")])[0]).toMatchObject({ operation: "import" });
  });

  it.each(["success", "failed", "cancelled"])("takes %s for the end", (state) => {
    expect(parseSlotMigrations([entry(state)])[0]?.isUnderWay).toBe(false);
  });

  it("refuses what is no list", () => {
    expect(() => parseSlotMigrations("OK")).toThrow("Failed to read CLUSTER GETSLOTMIGRATIONS");
    expect(() => parseSlotMigrations(["x"])).toThrow("an entry is no list");
  });
});
