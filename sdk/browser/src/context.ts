import type { Properties } from "./types";

/** Parameters of an address that tell which campaign or advertisement brought a visitor. */
export const CAMPAIGN = (
  "utm_source utm_medium utm_campaign utm_content utm_term utm_id gclid gbraid wbraid dclid fbclid " +
  "msclkid ttclid twclid li_fat_id igshid epik rdt_cid ScCid mc_cid"
).split(" ");

/** Longest text taken from the page; an address of a data url would fill the queue. */
const LONGEST = 2_000;

/** What the browser says about the page and itself, on every event. */
export function pageContext(referrer: string): Properties {
  return withoutEmpty({
    $current_url: cut(location.href),
    $host: location.host,
    $pathname: cut(location.pathname),
    $title: cut(document.title, 300),
    ...referrerOf(referrer),
    $screen_width: screen.width,
    $screen_height: screen.height,
    $viewport_width: innerWidth,
    $viewport_height: innerHeight,
    $browser_language: navigator.language,
    $timezone: timezone(),
  });
}

/** Where a visitor came from, with names of the first visit for `$set_once`. */
export function firstTouch(referrer: string): Properties {
  const seen = {
    ...referrerOf(referrer),
    $current_url: cut(location.href),
    $pathname: cut(location.pathname),
    ...campaign(),
  };
  const first: Properties = {};
  for (const [name, value] of Object.entries(seen)) first[`$initial_${name.replace("$", "")}`] = value;
  return first;
}

/** Campaign parameters of the present address. */
export function campaign(): Properties {
  const found: Properties = {};
  const asked = new URLSearchParams(location.search);
  for (const name of CAMPAIGN) {
    const value = asked.get(name);
    if (value) found[name] = cut(value, 300);
  }
  return found;
}

function referrerOf(referrer: string): Properties {
  if (!referrer) return { $referrer: "$direct", $referring_domain: "$direct" };
  let domain = "";
  try {
    domain = new URL(referrer).host;
  } catch {
    // A referrer that is no address is passed on as it is.
  }
  return { $referrer: cut(referrer), $referring_domain: domain };
}

function cut(text: string, longest = LONGEST): string {
  return text.slice(0, longest);
}

// Asking costs more than all the rest of an event, and the answer does not change on a page.
let zone: string | undefined;

function timezone(): string | undefined {
  try {
    return (zone ??= Intl.DateTimeFormat().resolvedOptions().timeZone);
  } catch {
    return undefined;
  }
}

function withoutEmpty(properties: Properties): Properties {
  for (const name of Object.keys(properties)) {
    if (properties[name] === undefined || properties[name] === "") delete properties[name];
  }
  return properties;
}
