const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 16;
const ENCODER = new TextEncoder();

/** 128 random bits in letters and digits. */
export function createSecret(): string {
  let number = crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let text = "";
  do {
    text = (DIGITS[Number(number % 62n)] as string) + text;
    number /= 62n;
  } while (number > 0n);
  return text;
}

/** Whether both are the same, in a time that tells nothing of where they differ, nor how long the right one is. */
export async function isSameSecret(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([digestOf(a), digestOf(b)]);
  let difference = 0;
  for (const [index, byte] of first.entries()) difference |= byte ^ (second[index] as number);
  return difference === 0;
}

/** SHA-256, hexadecimal. */
export async function fingerprintOf(text: string): Promise<string> {
  return [...await digestOf(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", ENCODER.encode(text)));
}
