import type { Theme } from "../harness/step.ts";
import { codecsTheme } from "./codecs.ts";
import { commitsTheme } from "./commits.ts";
import { compactionTheme } from "./compaction.ts";
import { configsTheme } from "./configs.ts";
import { fetchTheme } from "./fetch.ts";
import { groupsTheme } from "./groups.ts";
import { metadataTheme } from "./metadata.ts";
import { offsetsTheme } from "./offsets-by-time.ts";
import { produceTheme } from "./produce.ts";
import { producersTheme } from "./producers.ts";
import { securityTheme } from "./security.ts";
import { topicsTheme } from "./topics.ts";
import { transactionsTheme } from "./transactions.ts";
import { versionsTheme } from "./versions.ts";

/** The scenario, in the order of the page. */
export const themes: readonly Theme[] = [
  versionsTheme,
  metadataTheme,
  topicsTheme,
  configsTheme,
  produceTheme,
  codecsTheme,
  producersTheme,
  fetchTheme,
  offsetsTheme,
  commitsTheme,
  groupsTheme,
  transactionsTheme,
  compactionTheme,
  securityTheme,
];
