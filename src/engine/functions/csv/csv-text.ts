/** How lines are cut into fields; characters by their codes, `NONE` where there is none. */
export type CsvShape = {
  readonly separator: string;
  readonly quote: number;
  readonly escape: number;
  /** What escapes the escape itself within quotes. */
  readonly escapeOfEscape: number;
  readonly comment: number;
  readonly trimStart: boolean;
  readonly trimEnd: boolean;
  /** What a quoted field without text is. */
  readonly emptyValue: string;
  /** A quote that is not escaped: the field goes on until the separator, its quotes kept; otherwise until the next closing quote. */
  readonly untilSeparator: boolean;
  /** What ends a record; undefined where the text is one record, whatever stands in it. */
  readonly lineEnd: string | undefined;
};

/** No character. */
export const NONE = 0;

const LINE_END = -1;
const END = new Error("the end of the text");

/**
 * A cursor over CSV text by the rules of Spark's parser: quotes may span separators and lines, a quote that is not escaped makes the field text as it
 * stands, blanks after a closing quote are dropped. Fields without text and without quotes are null.
 */
export class CsvText {
  readonly #shape: CsvShape;
  readonly #quoteText: string;
  #text = "";
  #at = 0;
  #ch = NONE;
  #prev = NONE;
  #matched = 0;
  #unescaped = false;
  #trim = false;
  #made = "";
  #raw = false;
  #values: (string | null)[] = [];

  constructor(shape: CsvShape) {
    this.#shape = shape;
    this.#quoteText = String.fromCharCode(shape.quote);
  }

  open(text: string): void {
    this.#text = text;
    this.#at = 0;
  }

  /** Where the next record begins. */
  get position(): number {
    return this.#at;
  }

  /** The fields of the next record, null at the end; a comment is no record, and null too where the text is one record. */
  record(): (string | null)[] | null {
    const { comment, separator, quote, trimStart, trimEnd, lineEnd } = this.#shape;
    if (this.#at >= this.#text.length) return null;
    if (lineEnd === undefined && separator.length === 1 && !trimStart && !trimEnd && this.#text.charCodeAt(0) !== comment) {
      if (quote === NONE || !this.#text.includes(this.#quoteText)) return this.#plainRecord();
    }
    for (;;) {
      const start = this.#at;
      this.#values = [];
      this.#made = "";
      this.#ch = NONE;
      this.#prev = NONE;
      this.#matched = 0;
      this.#unescaped = false;
      this.#raw = false;
      try {
        this.#next();
        if (this.#ch === LINE_END) continue;
        if (comment !== NONE && this.#ch === comment) {
          if (lineEnd === undefined) return null;
          this.#until("", "comment");
          continue;
        }
        this.#fields();
        return this.#values;
      } catch (thrown) {
        if (thrown !== END) throw thrown;
        return this.#atEnd(start);
      }
    }
  }

  #plainRecord(): (string | null)[] {
    const values: (string | null)[] = this.#text.split(this.#shape.separator);
    for (let i = 0; i < values.length; i++) if (values[i] === "") values[i] = null;
    this.#at = this.#text.length;
    return values;
  }

  #next(): void {
    const { lineEnd } = this.#shape;
    if (this.#at >= this.#text.length) throw END;
    if (lineEnd !== undefined && !this.#raw && this.#text.startsWith(lineEnd, this.#at)) {
      this.#at += lineEnd.length;
      this.#ch = LINE_END;
    } else {
      this.#ch = this.#text.charCodeAt(this.#at++);
      if (this.#raw && this.#ch === 10 && lineEnd !== undefined && this.#prev === this.#shape.quote) this.#ch = LINE_END;
    }
  }

  #fields(): void {
    const { quote, trimStart, trimEnd } = this.#shape;
    while (this.#ch !== LINE_END) {
      if (trimStart) while (isBlank(this.#ch) && this.#ch !== quote && !this.#startsSeparator()) this.#next();
      if (this.#ch === LINE_END || this.#separatorHere()) this.#values.push(null);
      else {
        this.#unescaped = false;
        this.#prev = NONE;
        if (this.#ch === quote && quote !== NONE && this.#made === "") {
          this.#trim = false;
          this.#raw = true;
          this.#quoted();
          this.#raw = false;
          this.#take(this.#shape.emptyValue);
        } else {
          this.#trim = trimEnd;
          this.#untilSeparator();
          this.#take(null);
        }
      }
      if (this.#ch !== LINE_END) {
        this.#next();
        if (this.#ch === LINE_END) this.#values.push(null);
      }
    }
  }

  #take(empty: string | null): void {
    const value = this.#content();
    this.#values.push(value === "" ? empty : value);
    this.#made = "";
  }

  #content(): string {
    return this.#trim ? withoutBlanks(this.#made) : this.#made;
  }

  #startsSeparator(): boolean {
    return this.#ch === this.#shape.separator.charCodeAt(0);
  }

  /** Whether a separator begins here; of one of several characters it is consumed but for its last one, and what only resembled it belongs to the field. */
  #separatorHere(): boolean {
    const { separator } = this.#shape;
    if (separator.length === 1) return this.#startsSeparator();
    while (this.#ch === separator.charCodeAt(this.#matched)) {
      if (++this.#matched === separator.length) {
        this.#matched = 0;
        return true;
      }
      this.#next();
    }
    this.#made += separator.slice(0, this.#matched);
    this.#matched = 0;
    return false;
  }

  /** Takes text up to the separator or the end of the record, whatever it is. */
  #untilSeparator(): void {
    const { separator } = this.#shape;
    if (separator.length === 1) {
      this.#until(separator, "field");
      return;
    }
    while (this.#ch !== LINE_END && !this.#separatorHere()) {
      if (this.#ch === LINE_END) return;
      this.#made += String.fromCharCode(this.#ch);
      this.#next();
    }
  }

  /** Takes text from the current character to one of `stops` or, out of quotes, to the end of the record; comments are not kept. */
  #until(stops: string, within: "field" | "quoted" | "comment"): void {
    const { lineEnd } = this.#shape;
    if (this.#ch === LINE_END && within !== "quoted") return;
    const from = this.#at - 1;
    let end = Infinity;
    for (let i = 0; i < stops.length; i++) {
      const found = this.#text.indexOf(stops.charAt(i), from);
      if (found >= 0 && found < end) end = found;
    }
    let line = false;
    if (lineEnd !== undefined && within !== "quoted") {
      const found = this.#text.indexOf(lineEnd, from);
      if (found >= 0 && found < end) {
        end = found;
        line = true;
      }
    }
    if (within !== "comment") {
      const part = this.#text.slice(from, end === Infinity ? undefined : end);
      this.#made += within === "quoted" && lineEnd !== undefined && lineEnd !== "\n" ? part.replaceAll(lineEnd, "\n") : part;
    }
    if (end === Infinity) {
      this.#at = this.#text.length;
      throw END;
    }
    this.#at = end + (line ? (lineEnd?.length ?? 1) : 1);
    this.#ch = line ? LINE_END : this.#text.charCodeAt(end);
  }

  /** A field from its opening quote, or from a quote within it that was not escaped. */
  #quoted(): void {
    const { separator, quote, escape, escapeOfEscape, untilSeparator, trimEnd } = this.#shape;
    const single = separator.length === 1;
    if (this.#prev !== NONE && untilSeparator) {
      this.#made = this.#quoteText + this.#made;
      this.#raw = false;
      this.#next();
      this.#trim = trimEnd;
      this.#untilSeparator();
      return;
    }
    this.#next();
    for (;;) {
      if (this.#prev === quote && (isBlank(this.#ch) || this.#ch === LINE_END || (single && this.#startsSeparator()))) break;
      if (!single && this.#separatorHere()) return;
      if (this.#ch !== quote && this.#ch !== escape) {
        if (this.#prev === quote) {
          this.#unescaped = true;
          this.#made += this.#quoteText + String.fromCharCode(this.#ch);
          this.#prev = this.#ch;
          this.#quoted();
          return;
        }
        if (this.#prev === escape && escape !== NONE) this.#made += String.fromCharCode(escape);
        this.#until(stopsOf(quote, escape, escapeOfEscape), "quoted");
        this.#prev = this.#ch;
        this.#next();
      } else {
        this.#quoteOrEscape();
        this.#prev = this.#ch;
        this.#next();
        if (this.#unescaped && (this.#ch === LINE_END || this.#separatorHere())) return;
      }
    }
    this.#afterQuote();
  }

  #afterQuote(): void {
    const { separator, quote, escape, untilSeparator } = this.#shape;
    if (this.#ch === LINE_END || !isBlank(this.#ch) || (separator.length === 1 && this.#startsSeparator())) return;
    let blanks = "";
    do {
      blanks += String.fromCharCode(this.#ch);
      this.#next();
      if (this.#ch === LINE_END) return;
    } while (isBlank(this.#ch));
    if (this.#separatorHere()) return;
    this.#made += this.#quoteText + blanks;
    if (untilSeparator || (this.#ch !== quote && this.#ch !== escape)) this.#made += String.fromCharCode(this.#ch);
    this.#prev = this.#ch;
    this.#quoted();
  }

  #quoteOrEscape(): void {
    const { quote, escape, escapeOfEscape } = this.#shape;
    if (this.#ch === escape && this.#prev === escapeOfEscape && escapeOfEscape !== NONE) {
      this.#made += String.fromCharCode(escape);
      this.#ch = NONE;
    } else if (this.#prev === escape) {
      if (this.#ch === quote) {
        this.#made += this.#quoteText;
        this.#ch = NONE;
      } else this.#made += String.fromCharCode(this.#prev);
    } else if (this.#ch === quote && this.#prev === quote) this.#made += this.#quoteText;
    else if (this.#prev === quote) this.#quoteInValue();
  }

  /** An escape right after a quote: the rest of the field is read for escapes only. */
  #quoteInValue(): void {
    const { quote, escape } = this.#shape;
    this.#made += this.#quoteText;
    this.#prev = this.#ch;
    while (this.#ch !== LINE_END && !this.#separatorHere()) {
      if (this.#ch !== quote && this.#ch !== escape) {
        if (this.#prev === quote) return this.#quoteInValue();
        this.#made += String.fromCharCode(this.#ch);
      } else this.#quoteOrEscape();
      this.#prev = this.#ch;
      this.#next();
    }
  }

  /** The text ended within a field: what stands there counts, and an open quote at the very end is text. */
  #atEnd(start: number): (string | null)[] | null {
    const { quote, separator } = this.#shape;
    const plain = this.#prev === NONE && this.#ch !== quote;
    let taken = false;
    if (this.#ch === quote && quote !== NONE && this.#prev === quote) taken = true;
    else {
      if (this.#ch === quote && quote !== NONE && !this.#unescaped) this.#made += this.#quoteText;
      taken = this.#prev !== NONE && this.#ch !== LINE_END && !(separator.length === 1 && this.#startsSeparator());
      if (this.#matched > 0) {
        this.#made += separator.slice(0, this.#matched);
        taken = true;
      }
    }
    if (this.#content() !== "" || taken) this.#take(plain ? null : this.#shape.emptyValue);
    else if (this.#values.length > 0 || this.#text.length > start) this.#values.push(null);
    return this.#values.length === 0 ? null : this.#values;
  }
}

function stopsOf(...codes: readonly number[]): string {
  return String.fromCharCode(...new Set(codes.filter((code) => code !== NONE)));
}

function isBlank(code: number): boolean {
  return code >= 0 && code <= 32;
}

function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
