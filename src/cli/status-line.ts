/**
 * Shows how something goes on: in a terminal one line that is written over, kept when the process writes anything else after it; elsewhere a line
 * each time. Writes to stderr, so that the results on stdout can be piped.
 */
export function createStatusLine(stream: NodeJS.WriteStream = process.stderr): (text: string) => void {
  if (!stream.isTTY) return (text) => void stream.write(`${text}\n`);
  let first = true;
  return (text) => {
    const cut = text.slice(0, Math.max(20, (stream.columns ?? 80) - 1));
    stream.write(first ? `${cut}\n` : `\u001b[1A\u001b[2K${cut}\n`);
    first = false;
  };
}
