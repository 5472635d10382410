import { type Backend, cookieBackend, localArea, localBackend, nowhere } from "./backends";
import type { Options } from "./types";

/**
 * What is remembered of a visitor between pages: read again at each use, so that tabs agree.
 *
 * Nothing is read or written, but the consent itself, before `open`: until then, and where the
 * browser keeps nothing, values live in memory.
 */
export class Store {
  readonly area: Storage | null;
  private readonly identity: Backend;
  private readonly local: Backend;
  private readonly drafts = new Map<string, string>();
  private readonly parsed = new Map<string, [raw: string, value: unknown]>();
  private isOpen = false;

  constructor(readonly prefix: string, options: Options) {
    this.area = options.persistence === "memory" ? null : localArea();
    this.local = this.area ? localBackend(this.area) : nowhere;
    const inCookie = options.crossSubdomain || options.persistence === "cookie";
    const cookies = options.persistence !== "memory" && (inCookie || !this.area);
    this.identity = cookies ? cookieBackend(!!options.crossSubdomain) : this.local;
  }

  /** From now on values are kept by the browser; another tab's are taken over. */
  open(): void {
    this.isOpen = true;
    for (const [name, draft] of this.drafts) {
      const key = this.prefix + name;
      if (this.at(name).read(key) !== null || this.at(name).write(key, draft)) this.drafts.delete(name);
    }
  }

  /** Forget everything, and keep nothing until `open`. */
  close(): void {
    for (const name of ["id", "props"]) {
      if (this.isOpen || this.at(name).read(this.prefix + name) !== null) {
        this.at(name).write(this.prefix + name, null);
      }
    }
    this.drafts.clear();
    this.isOpen = false;
  }

  get<T>(name: string): T | null {
    const isKept = this.isOpen || name === "consent";
    const raw = this.drafts.get(name) ?? (isKept ? this.at(name).read(this.prefix + name) : null);
    if (!raw) return null;
    const known = this.parsed.get(name);
    if (known && known[0] === raw) return known[1] as T;
    try {
      const value = JSON.parse(raw) as T;
      this.parsed.set(name, [raw, value]);
      return value;
    } catch {
      return null;
    }
  }

  set(name: string, value: unknown): void {
    const raw = JSON.stringify(value);
    const isKept = this.isOpen || name === "consent";
    if (isKept && this.at(name).write(this.prefix + name, raw)) this.drafts.delete(name);
    else this.drafts.set(name, raw);
  }

  private at(name: string): Backend {
    return name === "props" ? this.local : this.identity;
  }
}
