import type { Theme } from "../harness/step.ts";
import { topicsTheme } from "./topics.ts";

/** The scenario. */
export const themes: readonly Theme[] = [topicsTheme];
