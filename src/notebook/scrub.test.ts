import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { projectRoot } from "../base/project.ts";
import { createScrubber } from "./scrub.ts";

const scrub = createScrubber({ KAFKA_PASSWORD: "canary-4711", API_KEY: "k-123456", SHORT_TOKEN: "x", LAB_NAME: "visible-name" });

test("folders of this machine are shortened, as paths and as addresses", () => {
  expect(scrub(path.join(projectRoot, "src", "a.ts"))).toBe(path.join(".", "src", "a.ts").replace(/^/, `.${path.sep}`));
  expect(scrub(`at ${pathToFileURL(path.join(projectRoot, "src")).href}/a.ts:1`)).toBe("at ./src/a.ts:1");
  expect(scrub(path.join(tmpdir(), "x"))).toBe(path.join("<tmp>", "x"));
  if (!projectRoot.startsWith(homedir())) expect(scrub(path.join(homedir(), "x"))).toBe(path.join("~", "x"));
});

test("S7: values of secrets are gone, whatever they stand in; other values stay", () => {
  expect(scrub({ a: ["mongodb://u:canary-4711@h", { "canary-4711": 1 }], b: "k-123456 visible-name x" })).toEqual({
    a: ["mongodb://u:[secret]@h", { "[secret]": 1 }],
    b: "[secret] visible-name x",
  });
});

test("colour codes are gone, numbers and null stay", () => {
  expect(scrub(["\u001b[31mred\u001b[0m", 1, null, true])).toEqual(["red", 1, null, true]);
});
