let last = 0;
let count = 0;

/** A version 7 uuid: sorts by time, and by order of making within one millisecond. */
export function uuid7(now = Date.now()): string {
  const bytes = random(16);
  if (now > last) {
    last = now;
    count = ((bytes[6]! & 0x03) << 8) | bytes[7]!;
  } else if (++count > 0xfff) {
    last += 1;
    count = 0;
  }
  let ms = last;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes[6] = 0x70 | (count >> 8);
  bytes[7] = count & 0xff;
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Milliseconds since 1970 in a version 7 uuid. */
export function timeOf(uuid: string): number {
  return parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

function random(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  if (typeof crypto === "object") return crypto.getRandomValues(bytes);
  return bytes.map(() => Math.random() * 256);
}
