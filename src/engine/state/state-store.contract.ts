import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import { keyText } from "./key-text.ts";
import { StateFiles } from "./state-files.ts";
import type { StateStore } from "./state-store.ts";

/** What every state store must do. Keys are `[string | null, number | null]`, values `[number, text | null]`. */
export function stateStoreContract(name: string, open: (files: StateFiles) => StateStore): void {
  describe(`${name} as a state store`, () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-state-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));
    const store = (): StateStore => open(new StateFiles(folder));
    const content = (from: StateStore): string[] => [...from.scan()].map(([key, value]) => `${keyText(key)} ${keyText(value)}`).sort();

    test("gives back what was put, and forgets what was removed", () => {
      const state = store();
      state.put(["a", 1], [1, "x"]);
      state.put(["a", 2], [2, null]);
      expect(state.get(["a", 1])).toEqual([1, "x"]);
      expect(state.get(["b", 1])).toBeUndefined();
      expect(state.remove(["a", 1])).toBe(true);
      expect(state.remove(["a", 1])).toBe(false);
      expect(state.size).toBe(1);
      expect(content(state)).toEqual([`${keyText(["a", 2])} ${keyText([2, null])}`]);
    });

    test("keys are equal as GROUP BY has it: null to null, -0.0 to 0.0", () => {
      const state = store();
      state.put([null, null], [1, null]);
      state.put([null, null], [2, null]);
      state.put(["a", 0], [3, null]);
      state.put(["a", -0], [4, null]);
      expect(state.size).toBe(2);
      expect(state.get([null, null])).toEqual([2, null]);
      expect(state.get(["a", 0])).toEqual([4, null]);
    });

    test("every committed version can be loaded again, exactly", async () => {
      const state = store();
      const versions: string[][] = [content(state)];
      for (let version = 1; version <= 12; version++) {
        state.put(["k", version % 5], [version, `v${version}`]);
        if (version % 3 === 0) state.remove(["k", (version + 1) % 5]);
        await state.commit(version);
        versions.push(content(state));
      }
      for (const [version, expected] of versions.entries()) {
        const again = store();
        await again.load(version);
        expect(content(again)).toEqual(expected);
        expect(again.version).toBe(version);
      }
    });

    test("abort goes back to the last commit", async () => {
      const state = store();
      state.put(["a", 1], [1, "kept"]);
      await state.commit(1);
      const before = content(state);
      state.put(["a", 1], [2, "lost"]);
      state.put(["b", 1], [3, "lost"]);
      state.remove(["a", 1]);
      await state.abort();
      expect(content(state)).toEqual(before);
      state.put(["c", 1], [1, null]);
      await state.commit(2);
      const again = store();
      await again.load(2);
      expect(content(again)).toEqual(content(state));
    });

    test("a version may be written again, as a repeated batch does", async () => {
      const state = store();
      state.put(["a", 1], [1, null]);
      await state.commit(1);
      state.put(["a", 1], [2, "first try"]);
      await state.commit(2);
      const repeated = store();
      await repeated.load(1);
      repeated.put(["a", 1], [2, "second try"]);
      await repeated.commit(2);
      const again = store();
      await again.load(2);
      expect(again.get(["a", 1])).toEqual([2, "second try"]);
    });

    test("the cost of a commit follows the changed keys, not the size of the state", async () => {
      const state = store();
      for (let i = 0; i < 2000; i++) state.put([`key ${i}`, i], [i, "some text"]);
      const all = await state.commit(1);
      state.put(["key 7", 7], [8, "some text"]);
      expect(await state.commit(2)).toBeLessThan(all / 100);
    });

    test("any sequence of changes and restarts equals a plain map", async () => {
      const key = fc.tuple(fc.option(fc.constantFrom("a", "b", "ü")), fc.option(fc.integer({ min: -2, max: 2 })));
      const step = fc.oneof(
        fc.record({ op: fc.constant("put" as const), key, value: fc.tuple(fc.double({ noNaN: true }), fc.option(fc.string())) }),
        fc.record({ op: fc.constant("remove" as const), key }),
        fc.record({ op: fc.constantFrom("commit" as const, "abort" as const, "restart" as const) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          await rm(folder, { recursive: true, force: true });
          let state = store();
          let model = new Map<string, string>();
          let saved = new Map<string, string>();
          let version = 0;
          for (const one of steps) {
            if (one.op === "put") {
              state.put([...one.key], [...one.value]);
              model.set(keyText(one.key), keyText(one.value));
            } else if (one.op === "remove") {
              expect(state.remove([...one.key])).toBe(model.delete(keyText(one.key)));
            } else if (one.op === "commit") {
              await state.commit(++version);
              saved = new Map(model);
            } else {
              if (one.op === "abort") await state.abort();
              else {
                state = store();
                await state.load(version);
              }
              model = new Map(saved);
            }
            expect(content(state)).toEqual([...model].map(([k, v]) => `${k} ${v}`).sort());
          }
        }),
        { numRuns: 40 },
      );
    });

    test("a flipped byte, a truncated and a missing file stop the load and are named", async () => {
      const state = store();
      for (let version = 1; version <= 3; version++) {
        state.put(["a", version], [version, "text"]);
        await state.commit(version);
      }
      const names = (await readdir(folder)).filter((name) => !name.startsWith("."));
      expect(names.length).toBe(3);
      for (const name of names) {
        const file = path.join(folder, name);
        const good = await readFile(file);
        for (let at = 0; at < good.length; at += 3) {
          const bad = Buffer.from(good);
          bad[at] = (bad[at] ?? 0) ^ 0x10;
          await writeFile(file, bad);
          await expect(store().load(3), `${name}, byte ${at}`).rejects.toThrow(CheckpointError);
        }
        await writeFile(file, good);
        await truncate(file, good.length - 1);
        await expect(store().load(3)).rejects.toThrow(file);
        await rm(file);
        await expect(store().load(3)).rejects.toThrow(`${name} is missing`);
        await writeFile(file, good);
      }
      await expect(store().load(3)).resolves.toBeUndefined();
    });

    test("a key that is put into the place of one that was removed in the same batch is written once", async () => {
      const state = store();
      state.put(["a", 1], [1, "gone"]);
      expect(state.remove(["a", 1])).toBe(true);
      state.put(["b", 2], [2, "stays"]);
      await state.commit(1);
      const again = store();
      await again.load(1);
      expect(content(again)).toEqual(content(state));
      expect([...again.scan()]).toHaveLength(1);
    });

    test("purge removes what later versions do not need; a load sweeps leftovers of interrupted writes", async () => {
      const state = store();
      for (let version = 1; version <= 4; version++) {
        for (let i = 0; i < 3000; i++) state.put([`${version} ${i}`, i], [version, "x".repeat(60)]);
        await state.commit(version);
      }
      await writeFile(path.join(folder, ".9.delta.1.tmp"), "torn");
      const before = content(state);
      state.purge(4);
      const left = await readdir(folder);
      expect(left.some((name) => name.endsWith(".snapshot"))).toBe(true);
      expect(left).not.toContain("1.delta");
      const again = store();
      await again.load(4);
      expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      expect(content(again)).toEqual(before);
    });
  });
}
