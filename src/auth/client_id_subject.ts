/** What vouches for a client identifier vouches for; no user name looks like it, as none has U+0000 in it. */
export function subjectOf(clientId: string): string {
  return `client identifier\u0000${clientId}`;
}
