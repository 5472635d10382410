import { Client } from "./client";
import type { Call, Options } from "./types";

const script = document.currentScript as HTMLScriptElement | null;

/** Options that a script tag can give: a page with a strict policy needs no script of its own. */
function optionsOf(data: DOMStringMap): Options {
  const options: Record<string, unknown> = {};
  for (const name of ["host", "consent", "persistence", "pageviews"]) {
    if (data[name]) options[name] = data[name] === "false" ? false : data[name];
  }
  for (const name of ["respectDoNotTrack", "crossSubdomain", "debug"]) {
    if (name in data) options[name] = data[name] !== "false";
  }
  return options;
}

function originOf(address: string | undefined): string {
  try {
    return new URL(address ?? "").origin;
  } catch {
    return "";
  }
}

const page = window as unknown as { groundswell?: Call[] | Client };
if (!(page.groundswell instanceof Client)) {
  const early = page.groundswell;
  const client = (page.groundswell = new Client(originOf(script?.src)));
  if (script?.dataset.key) client.init(script.dataset.key, optionsOf(script.dataset));
  if (Array.isArray(early)) client.push(...early);
}
