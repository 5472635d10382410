import type { Outbox } from "./outbox";
import type { CapturedEvent } from "./types";

const BATCH_EVENTS = 100;
const BATCH_CHARS = 200_000;
/** Browsers let 64 KiB leave a page that goes; characters outside ASCII take up to three bytes. */
const KEEPALIVE_LIMIT = 65_000;
const KEEPALIVE_BYTES = 60_000;
const TIMEOUT = 20_000;
const LONGEST_PAUSE = 60_000;

interface Answer {
  status: number;
  rejected: Array<{ index: number; field: string; reason: string }>;
  retryAfter: number;
}

type Batch = Array<[uuid: string, raw: string]>;

/** Carries events from the outbox to the server: each until it is confirmed or refused for good. */
export class Delivery {
  private readonly inFlight = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private due = Infinity;
  private attempt = 0;
  private retryAt = 0;
  private leaving = 0;
  private most = BATCH_EVENTS;
  private sending: Promise<void> | undefined;
  private isStopped = true;

  constructor(
    private readonly outbox: Outbox,
    private readonly url: string,
    private readonly key: string,
    private readonly lost: (reason: string, events: CapturedEvent[]) => void,
    private readonly log: (...words: unknown[]) => void,
  ) {}

  start(): void {
    this.isStopped = false;
    this.schedule(0);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.due = Infinity;
  }

  /** Try to send within so many milliseconds, never before the server asked to. */
  schedule(within: number): void {
    const due = Math.max(Date.now() + within, this.retryAt);
    if (this.isStopped || due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => void this.flush(), due - Date.now());
  }

  /** The network is back: no need to wait out a pause. */
  wake(): void {
    this.inFlight.clear();
    this.attempt = this.retryAt = 0;
    this.due = Infinity;
    this.schedule(0);
  }

  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.due = Infinity;
    this.sending ??= this.locked().then(
      () => void (this.sending = undefined),
      (error) => {
        this.sending = undefined;
        this.log("not sent", error);
      },
    );
    return this.sending;
  }

  /** The page may go: send what it has made without waiting for anything. */
  leave(): void {
    if (this.isStopped || Date.now() < this.retryAt) return;
    for (;;) {
      const batch = this.next(KEEPALIVE_BYTES, true);
      if (!batch.length) return;
      this.mark(batch);
      // Nobody can tell whether a beacon arrived: the next page sends its events once more.
      if (!("keepalive" in Request.prototype)) navigator.sendBeacon(this.url, this.bodyOf(batch));
      else void this.send(batch).catch(() => undefined);
    }
  }

  // One tab sends for all; where tabs can't agree, the uuid keeps a repeated event from counting.
  private locked(): Promise<void> {
    if (this.isStopped || navigator.onLine === false) return Promise.resolve();
    const locks = navigator.locks as LockManager | undefined;
    if (!locks) return this.drain();
    return locks.request(`gs ${this.key}`, { ifAvailable: true }, async (lock) => {
      if (lock) await this.drain();
      else this.schedule(2_000);
    }) as Promise<void>;
  }

  private async drain(): Promise<void> {
    while (!this.isStopped && Date.now() >= this.retryAt) {
      const batch = this.next(BATCH_CHARS, false);
      if (!batch.length) return;
      this.mark(batch);
      await this.send(batch);
    }
    this.schedule(0);
  }

  private next(room: number, ownOnly: boolean): Batch {
    const batch: Batch = [];
    for (const item of this.outbox.list(ownOnly)) {
      if (this.inFlight.has(item[0])) continue;
      room -= ownOnly ? bytesOf(item[1]) : item[1].length;
      if (batch.length && (room < 0 || batch.length >= this.most)) break;
      batch.push(item);
    }
    return batch;
  }

  private mark(batch: Batch): void {
    for (const [uuid] of batch) this.inFlight.add(uuid);
  }

  private async send(batch: Batch): Promise<void> {
    try {
      this.settle(batch, await this.post(batch));
    } finally {
      for (const [uuid] of batch) this.inFlight.delete(uuid);
    }
  }

  private settle(batch: Batch, answer: Answer): void {
    const { status } = answer;
    this.log(`sent ${batch.length} events: ${status || "no answer"}`);
    if (!status || status === 408 || status === 425 || status === 429 || status >= 500) {
      this.pause(answer.retryAfter);
      return;
    }
    this.attempt = 0;
    if (status === 413 && batch.length > 1) {
      this.most = batch.length >> 1;
      return;
    }
    if (status >= 300) this.lost(`the server answered ${status}`, batch.map(parse));
    const again = status < 300 ? this.settleRejected(batch, answer) : new Set<string>();
    this.outbox.drop(batch.map(([uuid]) => uuid).filter((uuid) => !again.has(uuid)));
  }

  /** Report what was refused; returns the events that deserve another attempt. */
  private settleRejected(batch: Batch, answer: Answer): Set<string> {
    const again = new Set<string>();
    for (const { index, field, reason } of answer.rejected) {
      const item = batch[index];
      if (!item) continue;
      const event = parse(item);
      if (field === "timestamp" && event.timestamp) {
        // A clock that is days off: the time of arrival is the better guess.
        delete event.timestamp;
        this.outbox.put(event);
        again.add(event.uuid);
      } else this.lost(`${field} ${reason}`, [event]);
    }
    return again;
  }

  private pause(retryAfter: number): void {
    const backOff = Math.min(LONGEST_PAUSE, 1_000 * 2 ** this.attempt++);
    this.retryAt = Date.now() + (retryAfter || backOff * (0.5 + Math.random() / 2));
    this.due = Infinity;
    this.schedule(0);
  }

  private bodyOf(batch: Batch): string {
    const outside = { api_key: this.key, sent_at: new Date().toISOString() };
    const events = batch.map(([, raw]) => raw).join(",");
    return `${JSON.stringify(outside).slice(0, -1)},"events":[${events}]}`;
  }

  private async post(batch: Batch): Promise<Answer> {
    const body = this.bodyOf(batch);
    const size = bytesOf(body);
    const keepalive = this.leaving + size <= KEEPALIVE_LIMIT;
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), TIMEOUT);
    if (keepalive) this.leaving += size;
    try {
      // Text, and the key in the body: a simple request, which browsers send without asking first.
      const headers = { "Content-Type": "text/plain" };
      const { signal } = control;
      const options: RequestInit = { method: "POST", headers, body, keepalive, signal };
      return await readAnswer(await fetch(this.url, { ...options, credentials: "omit" }));
    } catch {
      return { status: 0, rejected: [], retryAfter: 0 };
    } finally {
      clearTimeout(timer);
      if (keepalive) this.leaving -= size;
    }
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  const retryAfter = 1_000 * Math.min(3_600, Number(response.headers.get("Retry-After")) || 0);
  let rejected: Answer["rejected"] = [];
  try {
    const said = (await response.json()) as { rejected?: unknown };
    if (Array.isArray(said.rejected)) rejected = said.rejected;
  } catch {
    // What counts is the status.
  }
  return { status: response.status, rejected, retryAfter };
}

function parse([, raw]: [string, string]): CapturedEvent {
  return JSON.parse(raw) as CapturedEvent;
}

function bytesOf(text: string): number {
  return typeof TextEncoder === "function" ? new TextEncoder().encode(text).length : text.length * 3;
}
