import { Consents } from "./consent";
import { campaign, firstTouch, pageContext } from "./context";
import { Delivery } from "./delivery";
import { Outbox } from "./outbox";
import { Pages } from "./pages";
import { Store } from "./store";
import type { CapturedEvent, Consent, Options, Properties } from "./types";
import { uuid7 } from "./uuid";
import { VERSION } from "./version";

/** Who the visitor is: `a` this browser, `u` the name given, `f` whether a first event was made. */
interface Identity {
  a: string;
  u?: string;
  f?: 1;
}

/** What events carry: `s` registered properties, `g` groups by type. */
interface Carried {
  s: Properties;
  g: Record<string, string>;
}

const MOST_HELD = 100;

/** One running library: makes events of what happens and gives them to delivery as consent allows. */
export class Recorder {
  readonly consents: Consents;
  readonly pages: Pages;
  private readonly store: Store;
  private readonly outbox: Outbox;
  private readonly delivery: Delivery;
  private held: CapturedEvent[] = [];

  constructor(
    key: string,
    readonly options: Options,
    log: (...words: unknown[]) => void,
    guard: (work: () => void) => void,
  ) {
    const prefix = `gs_${key.slice(-10).replace(/\W/g, "")}_`;
    this.store = new Store(prefix, options);
    this.consents = new Consents(this.store, options);
    const { maxQueue = 1_000, maxQueueDays = 7 } = options;
    this.outbox = new Outbox(this.store.area, `${prefix}q_`, maxQueue, maxQueueDays);
    const url = `${(options.host ?? "").replace(/\/+$/, "")}/api/events`;
    const lost = (reason: string, events: CapturedEvent[]) => {
      log(`lost ${events.length} events: ${reason}`);
      if (options.onError) guard(() => options.onError!(reason, events));
    };
    this.delivery = new Delivery(this.outbox, url, key, lost, log);
    this.pages = new Pages(options.pageviews ?? "history", (at) => this.viewed({}, at), guard);
    this.listen(guard, `${prefix}consent`);
  }

  start(): void {
    this.comply();
    this.pages.start();
  }

  identity(): Identity {
    const known = this.store.get<Identity>("id");
    if (known?.a) return known;
    const made = { a: uuid7() };
    this.store.set("id", made);
    return made;
  }

  distinctId(): string {
    const { a, u } = this.identity();
    return u ?? a;
  }

  become(identity: Identity): void {
    this.store.set("id", identity);
  }

  carried(): Carried {
    return this.store.get<Carried>("props") ?? { s: {}, g: {} };
  }

  carry(change: Partial<Carried>): void {
    this.store.set("props", { ...this.carried(), ...change });
  }

  viewed(properties: Properties, at = Date.now()): void {
    this.record("$pageview", { ...campaign(), ...properties }, at);
  }

  /** Queue an event; before the visitor has answered it waits in memory. */
  record(name: string, properties: Properties = {}, at = 0): void {
    const standing = this.consents.standing();
    if (standing === "no") return;
    if (!at) this.pages.settle();
    const made = this.event(name, properties, at || Date.now());
    const event = this.options.beforeSend ? this.options.beforeSend(made) : made;
    if (!event) return;
    if (standing === "yes") {
      this.outbox.put(event);
      this.delivery.schedule(this.options.flushInterval ?? 1_000);
    } else if (this.held.length < MOST_HELD) this.held.push(event);
  }

  /** Take the visitor's answers: start, go on, or stop and remove what was kept. */
  answer(given: Consent): void {
    const before = JSON.stringify(this.consents.answers());
    const wasRefused = this.consents.standing() === "no";
    this.consents.answer(given);
    this.comply();
    if (JSON.stringify(this.consents.answers()) === before) return;
    this.record("Consent Changed");
    // The page before the visitor now was passed over.
    if (wasRefused && this.options.pageviews !== false) this.viewed({});
  }

  flush(): Promise<void> {
    this.pages.settle();
    return this.delivery.flush();
  }

  private event(name: string, properties: Properties, at: number): CapturedEvent {
    const identity = this.identity();
    const { s, g } = this.carried();
    const answers = this.consents.answers();
    const all: Properties = {
      ...pageContext(this.pages.referrer),
      $device_id: identity.a,
      $lib: "groundswell-browser",
      $lib_version: VERSION,
      ...s,
      ...properties,
    };
    if (Object.keys(g).length) all.$groups = { ...g, ...(all.$groups as object) };
    if (Object.keys(answers).length) all.$consent = answers;
    if (!identity.f) {
      all.$set_once = { ...firstTouch(this.pages.referrer), ...(all.$set_once as object) };
      this.become({ ...identity, f: 1 });
    }
    const timestamp = new Date(at).toISOString();
    return { uuid: uuid7(), event: name, distinct_id: identity.u ?? identity.a, timestamp, properties: all };
  }

  private comply(): void {
    const standing = this.consents.standing();
    if (standing === "yes") {
      this.store.open();
      for (const event of this.held.splice(0)) this.outbox.put(event);
      this.delivery.start();
      return;
    }
    this.delivery.stop();
    if (standing === "ask") return;
    this.held = [];
    this.outbox.clear();
    this.store.close();
  }

  private listen(guard: (work: () => void) => void, consentKey: string): void {
    const on = (target: EventTarget, name: string, work: (event: Event) => void) =>
      target.addEventListener(name, (event) => guard(() => work(event)));
    const leave = () => {
      this.pages.settle();
      this.delivery.leave();
    };
    on(window, "pagehide", leave);
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && leave());
    on(window, "online", () => this.delivery.wake());
    on(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && this.delivery.wake());
    on(window, "storage", (event) => (event as StorageEvent).key === consentKey && this.comply());
  }
}
