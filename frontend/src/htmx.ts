import htmx from "htmx.org";
import { toast } from "./toasts";

/** No inline code, no inline styles, only our own origin: what the security policy allows. */
function configure(): void {
  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    historyCacheSize: 0,
    includeIndicatorStyles: false,
    refreshOnHistoryMiss: true,
    selfRequestsOnly: true,
    timeout: 30_000,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "422", swap: true },
      { code: "...", swap: false, error: true },
    ],
  });
}

function announce(): void {
  const announcer = document.getElementById("announcer");
  const sentence = document.querySelector(".page-sentence")?.textContent;
  if (announcer && sentence) announcer.textContent = sentence.trim();
}

interface Loading {
  parameters: Record<string, string>;
  headers: Record<string, string>;
}

/** What failed is said in a toast; the page keeps what it showed. */
function complain(title: string): void {
  const shown = [...document.querySelectorAll("#toasts .toast-title")];
  if (shown.some((each) => each.textContent === title)) return; // a part that polls fails often
  toast({ tone: "error", title });
}

export function startHtmx(show: (root: ParentNode) => void): void {
  configure();
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
    if (token) (event as CustomEvent<Loading>).detail.headers["X-CSRF-Token"] = token;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    show(event.target as HTMLElement);
    announce();
  });
  const words = document.documentElement.dataset;
  document.addEventListener("htmx:responseError", () => complain(words["failed"] ?? ""));
  document.addEventListener("htmx:sendError", () => complain(words["offline"] ?? ""));
  document.addEventListener("htmx:timeout", () => complain(words["offline"] ?? ""));
}
