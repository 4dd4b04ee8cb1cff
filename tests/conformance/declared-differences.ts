import type { DeclaredDifference } from "./harness/differences.ts";

/** Where the embedded broker answers differently on purpose. The list is short, and each entry must occur. */
export const declaredDifferences: readonly DeclaredDifference[] = [];
