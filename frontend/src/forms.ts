function isTyping(element: Element | null): boolean {
  return element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

/** A second click on a button that is already sending must not send twice. */
function sendOnce(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (form.method !== "post") return;
  if ("sending" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset["sending"] = "";
  addEventListener("pageshow", () => delete form.dataset["sending"], { once: true });
}

/** The browser knows the zone that a new workspace most likely counts its days in. */
function chooseZone(): void {
  const zones = document.querySelector<HTMLSelectElement>("select[data-own-zone]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zones?.querySelector(`option[value="${CSS.escape(own)}"]`)) zones.value = own;
}

export function startForms(): void {
  document.querySelector<HTMLElement>("main [aria-invalid=true]:not(fieldset)")?.focus();
  chooseZone();
  document.addEventListener("keydown", (event) => {
    const search = document.querySelector<HTMLInputElement>("[data-search]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !search) return;
    if (isTyping(document.activeElement) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLSelectElement;
    if ("submits" in field.dataset) field.form?.requestSubmit();
  });
  document.addEventListener("submit", sendOnce);
}
