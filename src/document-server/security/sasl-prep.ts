/** What is mapped to nothing (RFC 3454, table B.1), and spaces that become a plain one (C.1.2). */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200c-\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\ufeff\ufff9-\ufffd]/u;

/** A password in the form in which SCRAM-SHA-256 compares it (SASLprep, RFC 4013). Throws RangeError for characters that no password may have. */
export function saslPrep(password: string): string {
  const mapped = password.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  if (PROHIBITED.test(mapped)) throw new RangeError("the password has a character that SASLprep prohibits");
  return mapped;
}
