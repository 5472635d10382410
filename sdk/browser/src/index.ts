import { Client } from "./client";
import type { Groundswell } from "./types";

export type { Call, CapturedEvent, Consent, Groundswell, Options, Properties } from "./types";

/** Another instance, such as one per key. */
export function create(): Groundswell {
  return new Client();
}

/** The instance most pages need. */
export const groundswell: Groundswell = create();

export default groundswell;
