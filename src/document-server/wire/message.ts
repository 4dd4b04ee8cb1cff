import { serialize, type Document } from "bson";
import { documentSize, validateDocument } from "../bson/raw.ts";
import { decodeDocument } from "../bson/values.ts";
import { crc32c } from "../../base/crc32c.ts";
import { BrokenFrame } from "./frames.ts";

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
/** Of the lower 16 flag bits only these two are defined; an unknown one there must be refused (OP_MSG specification). */
const KNOWN_REQUIRED_BITS = CHECKSUM_PRESENT | MORE_TO_COME;

/**
 * One command as it came. `body` is the command document; `sequences` holds the documents of kind-1 sections ("documents", "updates",
 * "deletes") as offsets into `bytes`, which were checked to be whole BSON.
 */
export type Request = {
  readonly requestId: number;
  readonly bytes: Buffer;
  readonly bodyAt: number;
  readonly body: Document;
  readonly database: string;
  readonly sequences: ReadonlyMap<string, readonly number[]>;
  /** moreToCome: the client waits for no answer. */
  readonly silent: boolean;
  readonly legacy: boolean;
};

/** Reads one message. Throws BrokenFrame for what is not MongoDB's protocol, a CommandFailure for BSON that is broken inside. */
export function readRequest(bytes: Buffer): Request {
  const requestId = bytes.readInt32LE(4);
  const opcode = bytes.readInt32LE(12);
  if (opcode === OP_MSG) return readMessage(bytes, requestId);
  if (opcode === OP_QUERY) return readLegacyQuery(bytes, requestId);
  throw new BrokenFrame(`opcode ${opcode}`);
}

/*
 * OP_MSG { MsgHeader header; uint32 flagBits; Sections[] sections; optional uint32 checksum; }
 * section kind 0: byte 0, document. kind 1: byte 1, int32 size (with itself), cstring identifier, documents.
 */
function readMessage(bytes: Buffer, requestId: number): Request {
  if (bytes.length < 26) throw new BrokenFrame("an OP_MSG cut short");
  const flags = bytes.readUInt32LE(16);
  if ((flags & 0xffff & ~KNOWN_REQUIRED_BITS) !== 0) throw new BrokenFrame(`unknown required flags ${flags & 0xffff}`);
  let end = bytes.length;
  if (flags & CHECKSUM_PRESENT) {
    end -= 4;
    if (crc32c(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw new BrokenFrame("a wrong checksum");
  }
  const content = bytes.subarray(0, end) as Buffer;
  const sequences = new Map<string, readonly number[]>();
  let bodyAt = -1;
  for (let at = 20; at < end;) {
    const kind = content[at] as number;
    at++;
    if (kind === 0) {
      if (bodyAt >= 0) throw new BrokenFrame("two bodies");
      bodyAt = at;
      at += sizeOrBroken(content, at);
    } else if (kind === 1) {
      if (at + 4 > end) throw new BrokenFrame("a section cut short");
      const sectionEnd = at + content.readInt32LE(at);
      const nameEnd = content.indexOf(0, at + 4);
      if (sectionEnd > end || nameEnd < 0 || nameEnd >= sectionEnd) throw new BrokenFrame("a section beyond its message");
      const section = content.subarray(0, sectionEnd) as Buffer;
      const documents: number[] = [];
      let next = nameEnd + 1;
      while (next < sectionEnd) {
        documents.push(next);
        next += sizeOrBroken(section, next);
      }
      sequences.set(content.toString("utf8", at + 4, nameEnd), documents);
      at = sectionEnd;
    } else throw new BrokenFrame(`section kind ${kind}`);
  }
  if (bodyAt < 0) throw new BrokenFrame("no body");
  validateDocument(content, bodyAt);
  const body = decodeDocument(content.subarray(bodyAt, bodyAt + documentSize(content, bodyAt)));
  for (const documents of sequences.values()) for (const at of documents) validateDocument(content, at);
  const database = typeof body.$db === "string" ? body.$db : "";
  return { requestId, bytes: content, bodyAt, body, database, sequences, silent: (flags & MORE_TO_COME) !== 0, legacy: false };
}

function sizeOrBroken(bytes: Buffer, at: number): number {
  try {
    return documentSize(bytes, at);
  } catch {
    throw new BrokenFrame("a document beyond its section");
  }
}

/** OP_QUERY { MsgHeader; int32 flags; cstring "db.$cmd"; int32 skip; int32 return; document query; }: hello and isMaster of older handshakes. */
function readLegacyQuery(bytes: Buffer, requestId: number): Request {
  const nameEnd = bytes.indexOf(0, 20);
  if (nameEnd < 0 || nameEnd + 9 >= bytes.length) throw new BrokenFrame("an OP_QUERY cut short");
  const namespace = bytes.toString("utf8", 20, nameEnd);
  const bodyAt = nameEnd + 9;
  sizeOrBroken(bytes, bodyAt);
  validateDocument(bytes, bodyAt);
  const outer = decodeDocument(bytes.subarray(bodyAt, bodyAt + documentSize(bytes, bodyAt)));
  const body = (outer.$query ?? outer) as Document;
  return { requestId, bytes, bodyAt, body, database: namespace.split(".")[0] ?? "", sequences: new Map(), silent: false, legacy: true };
}

/** An answer: a document, or its bytes where they are at hand. */
export type Reply = Document | Buffer;

let lastResponseId = 0;

export function writeReply(request: Request, reply: Reply): Buffer {
  const document = Buffer.isBuffer(reply) ? reply : serialize(reply, { ignoreUndefined: true });
  const headSize = request.legacy ? 36 : 21;
  const message = Buffer.allocUnsafe(headSize + document.length);
  lastResponseId = (lastResponseId + 1) | 0;
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(lastResponseId, 4);
  message.writeInt32LE(request.requestId, 8);
  if (request.legacy) {
    message.writeInt32LE(OP_REPLY, 12);
    message.writeInt32LE(8, 16);
    message.writeBigInt64LE(0n, 20);
    message.writeInt32LE(0, 28);
    message.writeInt32LE(1, 32);
  } else {
    message.writeInt32LE(OP_MSG, 12);
    message.writeUInt32LE(0, 16);
    message[20] = 0;
  }
  message.set(document, headSize);
  return message;
}
