/** Anything JSON can say. */
export type Properties = Record<string, unknown>;

/** Answers of a visitor by purpose; `analytics` decides whether anything is recorded. */
export type Consent = Record<string, boolean>;

/** An event as it is sent. */
export interface CapturedEvent {
  /** Version 7; the same on every attempt, so the server counts the event once. */
  uuid: string;
  event: string;
  distinct_id: string;
  /** ISO 8601 by the browser's clock. */
  timestamp?: string;
  properties: Properties;
}

export interface Options {
  /** Where Groundswell answers, such as `https://growth.example.com`. The script's own origin by default. */
  host?: string;
  /** `implied` records until the visitor opts out, `required` only after an opt-in. Default `implied`. */
  consent?: "implied" | "required";
  /** Take Do Not Track and Global Privacy Control as an opt-out that only an explicit opt-in lifts. */
  respectDoNotTrack?: boolean;
  /** Where the visitor's id is kept. Default `localStorage`. */
  persistence?: "localStorage" | "cookie" | "memory";
  /** Keep the id in a cookie of the whole site, so that a.example.com and b.example.com share it. */
  crossSubdomain?: boolean;
  /** `history` follows single-page apps, `hash` also counts a change of the hash, `load` only loads. */
  pageviews?: "history" | "hash" | "load" | false;
  /** Milliseconds an event waits for others. Default 1000. */
  flushInterval?: number;
  /** Events kept while the server can't be reached; the oldest go first. Default 1000. */
  maxQueue?: number;
  /** Days an unsent event is kept. Default 7; beyond 30 the server may count an event twice. */
  maxQueueDays?: number;
  /** Change an event before it is queued, or drop it by returning null. */
  beforeSend?: (event: CapturedEvent) => CapturedEvent | null;
  /** Called with what was lost and why; the page itself never sees an exception. */
  onError?: (reason: string, events: CapturedEvent[]) => void;
  /** Called once the library is at work. */
  ready?: (groundswell: Groundswell) => void;
  /** Tell the console what happens. */
  debug?: boolean;
}

/** The methods of the library. None of them throws; before `init` calls are kept. */
export interface Groundswell {
  /** Version of the library. */
  readonly version: string;
  /** Start with a publishable key (`gpk_…`). Only the first call counts. */
  init(key: string, options?: Options): void;
  /** Record that the visitor did something. */
  track(event: string, properties?: Properties): void;
  /** Record a page view by hand; the address is the present one. */
  page(properties?: Properties): void;
  /** Say who the visitor is; what was done anonymously before becomes theirs. */
  identify(id: string | number, traits?: Properties, traitsOnce?: Properties): void;
  /** Give the present person another id. */
  alias(id: string | number): void;
  /** Attach the visitor to a company, team or the like, and describe it. */
  group(type: string, key: string | number, traits?: Properties): void;
  /** Forget who the visitor is: call it at sign-out. */
  reset(): void;
  /** Set properties of the person. */
  setPersonProperties(properties: Properties): void;
  /** Set properties that the person does not have yet. */
  setPersonPropertiesOnce(properties: Properties): void;
  /** Remove properties of the person. */
  unsetPersonProperties(names: string[]): void;
  /** Properties that every later event carries, kept between page loads. */
  register(properties: Properties): void;
  /** As `register`, but what is there stays. */
  registerOnce(properties: Properties): void;
  unregister(name: string): void;
  /** Allow purposes; `["analytics"]` by default. */
  optIn(purposes?: string[]): void;
  /** Refuse purposes; `["analytics"]` by default: then all that is stored here is removed. */
  optOut(purposes?: string[]): void;
  /** Answer several purposes at once. */
  setConsent(answers: Consent): void;
  /** The answers given so far. */
  getConsent(): Consent;
  /** Whether a purpose is allowed now. */
  hasConsent(purpose?: string): boolean;
  /** The id events carry now; empty before `init`. */
  getDistinctId(): string;
  /** The id of this browser, known or not. */
  getAnonymousId(): string;
  /** Send what waits now; resolves when the attempt has ended. */
  flush(): Promise<void>;
  /** Call back once the library is at work; at once if it is. */
  ready(callback: (groundswell: Groundswell) => void): void;
  /** Turn messages on the console on or off. */
  debug(on?: boolean): void;
  /** Run a call given as `[method, …arguments]`, or a function: how the snippet's queue is replayed. */
  push(...calls: Call[]): void;
}

export type Call = [method: string, ...args: unknown[]] | ((groundswell: Groundswell) => void);
