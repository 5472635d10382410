import type { CapturedEvent } from "./types";
import { timeOf } from "./uuid";

const DAY = 86_400_000;

/**
 * Events until the server has them. In localStorage each has an entry of its own, so tabs add and
 * remove without overwriting one another; what the browser won't store waits in memory.
 */
export class Outbox {
  private readonly memory = new Map<string, string>();
  /** Events of this page that are not confirmed: what it must send before it goes. */
  private readonly own = new Set<string>();
  private room = 0;

  constructor(
    private readonly area: Storage | null,
    private readonly prefix: string,
    private readonly most: number,
    private readonly days: number,
  ) {}

  put(event: CapturedEvent): void {
    const raw = clean(JSON.stringify(event));
    this.own.add(event.uuid);
    try {
      if (!this.area) throw 0;
      this.area.setItem(this.prefix + event.uuid, raw);
    } catch {
      this.memory.set(event.uuid, raw);
    }
    // Counting means a walk over the storage: only when the last count may be used up.
    if (--this.room < 0) this.trim();
  }

  /** Waiting events, oldest first: those of all tabs, or of this page alone. */
  list(ownOnly = false): Array<[uuid: string, raw: string]> {
    const found: Array<[string, string]> = [];
    for (const uuid of ownOnly ? this.own : this.uuids()) {
      const raw = this.memory.get(uuid) ?? this.area?.getItem(this.prefix + uuid);
      if (raw) found.push([uuid, raw]);
      else this.own.delete(uuid);
    }
    return found.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  drop(uuids: Iterable<string>): void {
    for (const uuid of uuids) {
      this.own.delete(uuid);
      this.memory.delete(uuid);
      this.area?.removeItem(this.prefix + uuid);
    }
  }

  clear(): void {
    this.drop(this.uuids());
  }

  private trim(): void {
    const uuids = this.uuids().sort();
    const oldest = Date.now() - this.days * DAY;
    const surplus = uuids.length - this.most;
    this.drop(uuids.filter((uuid, index) => index < surplus || timeOf(uuid) < oldest));
    this.room = Math.max(0, Math.min(-surplus, 50));
  }

  private uuids(): string[] {
    const found = [...this.memory.keys()];
    for (let i = 0; i < (this.area?.length ?? 0); i++) {
      const key = this.area!.key(i);
      if (key?.startsWith(this.prefix)) found.push(key.slice(this.prefix.length));
    }
    return found;
  }
}

/** Without NUL and halves of characters, which no database keeps: the server would refuse the event. */
function clean(json: string): string {
  const odd = /\\\\|\\u(?:0000|d[89a-f][\da-f]{2})/g;
  return json.replace(odd, (found) => (found === "\\\\" ? found : "\\ufffd"));
}
