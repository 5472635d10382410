const SHOWN_MS = 8000;

export interface Toast {
  tone: "success" | "error";
  title: string;
  text?: string;
}

/** Errors stay until closed; the rest goes, unless somebody is reading it. */
function expire(element: HTMLElement): void {
  if (element.dataset["toast"] === "error") return;
  setTimeout(() => {
    if (element.matches(":hover, :focus-within")) expire(element);
    else element.remove();
  }, SHOWN_MS);
}

export function toast({ tone, title, text = "" }: Toast): void {
  const template = document.querySelector<HTMLTemplateElement>("#toast-template");
  const region = document.getElementById("toasts");
  const element = template?.content.firstElementChild?.cloneNode(true);
  if (!region || !(element instanceof HTMLElement)) return;
  element.dataset["toast"] = tone;
  const icon = element.querySelector(".icon");
  icon?.classList.replace("text-success", tone === "error" ? "text-error" : "text-success");
  const use = icon?.querySelector("use");
  if (tone === "error") use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(/#.*/, "#circle-alert"));
  const heading = element.querySelector(".toast-title");
  if (heading) heading.textContent = title;
  const detail = element.querySelector("[data-toast-text]");
  if (detail) detail.textContent = text;
  region.append(element);
  expire(element);
}

export function startToasts(): void {
  for (const element of document.querySelectorAll<HTMLElement>("#toasts [data-toast]")) expire(element);
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-toast-close]")) target.closest("[data-toast]")?.remove();
  });
}
