import { describe, expect, test } from "vitest";
import { login } from "./sasl.ts";

describe("login", () => {
  test("PLAIN sends user and password once (RFC 4616)", async () => {
    const sent: string[] = [];
    await login({ mechanism: "plain", username: "tim", password: "tanstaaftanstaaf" }, async (words) => {
      sent.push(Buffer.from(words).toString());
      return Buffer.alloc(0);
    });
    expect(sent).toEqual(["\0tim\0tanstaaftanstaaf"]);
  });

  const vector = [
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  ];
  const credentials = { mechanism: "scram-sha-256", username: "user", password: "pencil" } as const;

  test("SCRAM-SHA-256 has the words of RFC 7677, section 3", async () => {
    const sent: string[] = [];
    await login(
      credentials,
      async (words) => {
        sent.push(Buffer.from(words).toString());
        return Buffer.from(vector[sent.length - 1] ?? "");
      },
      "rOprNGfwEbeRWgbNEkqO",
    );
    expect(sent).toEqual([
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ]);
  });

  test.each([
    ["a server that does not know the password", [vector[0], "v=AAAA"], /does not know the password/],
    ["a server that changes the nonce", ["r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"], /nonce/],
    ["a server that asks for too few rounds", ["r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"], /rounds/],
  ])("%s is refused", async (_, answers, message) => {
    let step = 0;
    const exchange = async (): Promise<Uint8Array> => Buffer.from(answers[step++] ?? "");
    await expect(login(credentials, exchange, "rOprNGfwEbeRWgbNEkqO")).rejects.toThrow(message);
  });
});
