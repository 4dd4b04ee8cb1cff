export { parseDurationUs } from "./base/duration.ts";
