import { Recorder } from "./recorder";
import type { Call, Consent, Groundswell, Options, Properties } from "./types";
import { VERSION } from "./version";

const MOST_WAITING = 1_000;
/** What broken pages pass for an id: it would join strangers. */
const NOBODY = /^\s*(null|undefined|none|nil|anonymous|guest|nan|0|false|true|\[object object\]|)\s*$/i;

/** The public methods; each is guarded below, so that none throws into the page. */
export class Client implements Groundswell {
  readonly version = VERSION;
  recorder: Recorder | undefined;
  waiting: Array<[method: string, args: unknown[]]> = [];
  private callbacks: Array<(groundswell: Groundswell) => void> = [];
  private isLoud = false;

  constructor(private readonly origin = "") {}

  init(key: string, options: Options = {}): void {
    if (options.debug) this.isLoud = true;
    if (this.recorder) return this.log("init was called twice: the first call counts");
    if (typeof key !== "string" || !/^gpk_/.test(key)) {
      // Loud in any case: nothing will be recorded, and a secret key must not stay in a page.
      return console.error("[groundswell] init needs a publishable key, gpk_…");
    }
    const all = { ...options, host: options.host ?? this.origin };
    this.recorder = new Recorder(key, all, this.log, this.guard);
    this.recorder.start();
    for (const [method, args] of this.waiting.splice(0)) this.call(method, args);
    if (options.ready) this.callbacks.unshift(options.ready);
    for (const callback of this.callbacks.splice(0)) this.guard(() => callback(this));
  }

  track(event: string, properties?: Properties): void {
    if (typeof event !== "string" || !event.trim()) return this.log("track needs a name");
    this.recorder!.record(event, properties);
  }

  page(properties?: Properties): void {
    this.recorder!.viewed({ ...properties });
  }

  identify(id: string | number, traits?: Properties, traitsOnce?: Properties): void {
    const name = idOf(id);
    if (!name) return this.log("identify needs an id, not", id);
    const recorder = this.recorder!;
    let identity = recorder.identity();
    const change = changeOf(traits, traitsOnce);
    if (identity.u === name) {
      if (Object.keys(change).length) recorder.record("$set", change);
      return;
    }
    // Another person at the same browser: nothing of the one before may become theirs.
    if (identity.u) {
      this.reset();
      identity = recorder.identity();
    }
    recorder.pages.settle();
    recorder.become({ ...identity, u: name });
    recorder.record("$identify", { $anon_distinct_id: identity.a, ...change });
  }

  alias(id: string | number): void {
    const alias = idOf(id);
    if (!alias) return this.log("alias needs an id, not", id);
    this.recorder!.record("$create_alias", { alias, distinct_id: this.recorder!.distinctId() });
  }

  group(type: string, key: string | number, traits?: Properties): void {
    const name = idOf(key);
    if (!type || !name) return this.log("group needs a type and a key");
    const recorder = this.recorder!;
    const { g } = recorder.carried();
    if (g[type] === name && !traits) return;
    recorder.carry({ g: { ...g, [type]: name } });
    recorder.record("$groupidentify", { $group_type: type, $group_key: name, $group_set: traits ?? {} });
  }

  reset(): void {
    this.recorder!.pages.settle();
    this.recorder!.carry({ s: {}, g: {} });
    this.recorder!.become({ a: "" });
  }

  setPersonProperties(properties: Properties): void {
    this.recorder!.record("$set", changeOf(properties));
  }

  setPersonPropertiesOnce(properties: Properties): void {
    this.recorder!.record("$set", changeOf(undefined, properties));
  }

  unsetPersonProperties(names: string[]): void {
    this.recorder!.record("$set", { $unset: names.map(String) });
  }

  register(properties: Properties): void {
    this.recorder!.carry({ s: { ...this.recorder!.carried().s, ...properties } });
  }

  registerOnce(properties: Properties): void {
    this.recorder!.carry({ s: { ...properties, ...this.recorder!.carried().s } });
  }

  unregister(name: string): void {
    const { [name]: _, ...s } = this.recorder!.carried().s;
    this.recorder!.carry({ s });
  }

  optIn(purposes = ["analytics"]): void {
    this.setConsent(same(purposes, true));
  }

  optOut(purposes = ["analytics"]): void {
    this.setConsent(same(purposes, false));
  }

  setConsent(answers: Consent): void {
    this.recorder!.answer(answers);
  }

  getConsent(): Consent {
    return { ...this.recorder?.consents.answers() };
  }

  hasConsent(purpose = "analytics"): boolean {
    return !!this.recorder?.consents.allows(purpose);
  }

  getDistinctId(): string {
    return this.recorder?.distinctId() ?? "";
  }

  getAnonymousId(): string {
    return this.recorder?.identity().a ?? "";
  }

  flush(): Promise<void> {
    return this.recorder!.flush();
  }

  ready(callback: (groundswell: Groundswell) => void): void {
    if (this.recorder) callback(this);
    else this.callbacks.push(callback);
  }

  debug(on = true): void {
    this.isLoud = on;
  }

  push(...calls: Call[]): void {
    for (const call of calls) {
      if (typeof call === "function") this.guard(() => call(this));
      else this.call(call[0], Array.prototype.slice.call(call, 1));
    }
  }

  readonly guard = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      this.log(error);
    }
  };

  private readonly log = (...words: unknown[]): void => {
    if (this.isLoud) console.log("[groundswell]", ...words);
  };

  private call(method: string, args: unknown[]): void {
    const found = PUBLIC.includes(method) && this[method as keyof this];
    if (typeof found === "function") found.apply(this, args);
    else this.log("there is no method", method);
  }
}

const NEEDS_START = (
  "track page identify alias group reset setPersonProperties setPersonPropertiesOnce " +
  "unsetPersonProperties register registerOnce unregister optIn optOut setConsent"
).split(" ");
const PUBLIC = [...NEEDS_START, "init", "flush", "ready", "debug", "push"];

for (const name of [...PUBLIC, "getConsent", "hasConsent", "getDistinctId", "getAnonymousId"]) {
  const methods = Client.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const method = methods[name]!;
  methods[name] = function (this: Client, ...args: unknown[]): unknown {
    let answer: unknown;
    if (!this.recorder && NEEDS_START.includes(name)) {
      if (this.waiting.length < MOST_WAITING) this.waiting.push([name, args]);
    } else this.guard(() => (answer = method.apply(this, args)));
    return name === "flush" ? Promise.resolve(answer) : answer;
  };
}

function idOf(id: unknown): string {
  const text = typeof id === "string" || typeof id === "number" ? String(id) : "";
  return NOBODY.test(text) ? "" : text;
}

function changeOf(set?: Properties, setOnce?: Properties): Properties {
  return { ...(set && { $set: set }), ...(setOnce && { $set_once: setOnce }) };
}

function same(purposes: string[], answer: boolean): Consent {
  const given: Consent = {};
  for (const purpose of purposes) given[purpose] = answer;
  return given;
}
