import type { ApiTable, RequestDraft, ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import type { Place } from "./place.ts";
import type { ClientKind } from "./request-tap.ts";

/** One step of the scenario: what it gives is its transcript, plain data that is compared after normalising. Throwing is a mistake of the step. */
export interface Step {
  readonly client: ClientKind;
  /** Unique within its theme and client. */
  readonly title: string;
  readonly run: (place: Place) => Promise<unknown>;
  /** The API and version that a step of frames is about. */
  readonly frame?: { readonly key: number; readonly version: number };
}

/** Steps that run one after another, on topics and groups of their own. */
export interface Theme {
  readonly name: string;
  readonly title: string;
  /** What the steps find there. */
  readonly before?: (place: Place) => Promise<void>;
  readonly steps: readonly Step[];
  /** Listeners that the theme needs; left out where the embedded broker has none. */
  readonly needs?: "secure";
}

/** One request in every version of its API. */
export interface FrameCase<A extends ApiTable> {
  readonly title: string;
  /** Only from or up to a version. */
  readonly from?: number;
  readonly to?: number;
  readonly body: (version: number, place: Place) => RequestDraft<A> | Promise<RequestDraft<A>>;
  /** What is shown of the answer; all of it if not given. */
  readonly shown?: (answer: ResponseOf<A> | "closed", version: number, place: Place) => unknown;
  /** Ran before it, for what it changes or finds. */
  readonly before?: (version: number, place: Place) => Promise<unknown>;
}

/** Steps of frames: each case in each version that the table has. */
export function frames<A extends ApiTable>(api: A, ...cases: readonly FrameCase<A>[]): Step[] {
  const [least, most] = api.versions;
  return Array.from({ length: most - least + 1 }, (_, i) => least + i).flatMap((version) =>
    cases
      .filter(({ from = least, to = most }) => version >= from && version <= to)
      .map((one) => ({
        client: "raw" as const,
        title: `${api.name} v${version}: ${one.title}`,
        frame: { key: api.key, version },
        run: async (place: Place) => {
          await one.before?.(version, place);
          const answer = await place.ask(api, version, await one.body(version, place));
          return one.shown ? one.shown(answer, version, place) : answer;
        },
      })),
  );
}

const by =
  (client: ClientKind) =>
  (title: string, run: (place: Place) => Promise<unknown>): Step => ({ client, title, run });

/** A step of frames that is not one request in all versions. */
export const raw: (title: string, run: Step["run"]) => Step = by("raw");
export const kafkajs: (title: string, run: Step["run"]) => Step = by("kafkajs");
export const kcat: (title: string, run: Step["run"]) => Step = by("kcat");
export const java: (title: string, run: Step["run"]) => Step = by("java");

/** What kafkajs says of a refusal: the error's type and message. */
export async function refusal(operation: Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await operation };
  } catch (thrown) {
    const { name, type, message, code } = thrown as { name?: string; type?: string; message?: string; code?: unknown };
    return { refused: { name, type, message, code } };
  }
}
