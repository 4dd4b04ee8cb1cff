/** Two's complement in the fewest bytes (BigInteger.toByteArray). */
export function bigEndian(value: bigint): Uint8Array {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes++;
  const found = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) found[bytes - 1 - i] = Number((value >> BigInt(i * 8)) & 255n);
  return found;
}
