import type { Store } from "./store";
import type { Consent, Options } from "./types";

/** `ask`: the visitor has not answered, and nothing may be kept or sent before. */
export type Standing = "yes" | "no" | "ask";

/** What the visitor allows, by purpose. */
export class Consents {
  constructor(private readonly store: Store, private readonly options: Options) {}

  answers(): Consent {
    return this.store.get<Consent>("consent") ?? {};
  }

  answer(given: Consent): void {
    this.store.set("consent", { ...this.answers(), ...given });
  }

  /** Whether events may be recorded. */
  standing(): Standing {
    const { analytics } = this.answers();
    if (analytics !== undefined) return analytics ? "yes" : "no";
    if (this.options.respectDoNotTrack && asksNotToBeTracked()) return "no";
    return this.options.consent === "required" ? "ask" : "yes";
  }

  allows(purpose: string): boolean {
    if (purpose === "analytics") return this.standing() === "yes";
    return this.answers()[purpose] ?? (this.options.consent !== "required" && this.standing() === "yes");
  }
}

function asksNotToBeTracked(): boolean {
  const browser = navigator as { doNotTrack?: string | null; globalPrivacyControl?: boolean };
  return browser.doNotTrack === "1" || browser.globalPrivacyControl === true;
}
