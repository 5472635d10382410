const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const language = document.documentElement.lang || "en";
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", numberingSystem: "latn" });
const relative = new Intl.RelativeTimeFormat(`${language}-u-nu-latn`);

function ago(when: Date): string {
  const seconds = (when.getTime() - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / length), unit);
}

/** The text stays in the tenant's zone, the tool tip is exact and in the reader's own. */
export function showTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    element.title = exact.format(when);
    if ("relative" in element.dataset) element.textContent = ago(when);
  }
}

export function startTimes(): void {
  setInterval(() => document.hidden || showTimes(document), 60_000);
}
