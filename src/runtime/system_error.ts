/** What the commonest errors mean; the runtimes word them differently, one of them not at all. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the address is already in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "not permitted, as for a port that is kept for the system",
};

/** What a system error says, in words; its code is always there. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || error.message.includes(code)) return error.message;
  return `${REASONS[code] ?? error.message} (${code})`;
}
