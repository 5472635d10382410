import type { Options } from "./types";

/** Tells of page views: of loads, and of moves within a single-page application. */
export class Pages {
  /** Where the visitor was before this page: the site that linked here, then pages of the app. */
  referrer = document.referrer;
  private address = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private movedAt = 0;

  constructor(
    private readonly kind: Options["pageviews"],
    private readonly viewed: (at: number) => void,
    private readonly guard: (work: () => void) => void,
  ) {}

  start(): void {
    if (this.kind === false) return;
    const begin = () => this.guard(() => this.view(Date.now()));
    if ("prerendering" in document && document.prerendering) {
      document.addEventListener("prerenderingchange", begin, { once: true });
    } else begin();
    addEventListener("pageshow", (event) => event.persisted && this.guard(() => this.view(Date.now())));
    if (this.kind === "load") return;
    this.watch("pushState");
    this.watch("replaceState");
    addEventListener("popstate", () => this.moved());
    if (this.kind === "hash") addEventListener("hashchange", () => this.moved());
  }

  /** Report a move that is not reported yet: what happens next happens on the new page. */
  settle(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.present() !== this.address) this.view(this.movedAt);
  }

  // Routers redirect by moving twice, and set the title after moving: so look a moment later.
  private moved(): void {
    this.guard(() => {
      if (!this.address || this.timer || this.present() === this.address) return;
      this.movedAt = Date.now();
      this.timer = setTimeout(() => this.guard(() => this.settle()), 10);
    });
  }

  private view(at: number): void {
    if (this.address && this.address !== this.present()) this.referrer = location.origin + this.address;
    this.address = this.present();
    this.viewed(at);
  }

  private present(): string {
    const hash = this.kind === "hash" ? location.hash : "";
    return location.pathname + location.search + hash;
  }

  private watch(name: "pushState" | "replaceState"): void {
    const original = history[name];
    const pages = this;
    history[name] = function (this: History, ...args: Parameters<History["pushState"]>) {
      original.apply(this, args);
      pages.moved();
    };
  }
}
