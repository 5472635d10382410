function closeAll(except: Element | null): void {
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.popover[open]")) {
    if (open !== except) open.open = false;
  }
}

/** `<details>` menus close on a click outside, on Escape, and when focus leaves them. */
export function startPopovers(): void {
  document.addEventListener("click", (event) => closeAll((event.target as Element).closest("details.popover")));
  document.addEventListener("focusin", (event) => closeAll((event.target as Element).closest("details.popover")));
  document.addEventListener(
    "keydown",
    (event) => {
      const open = document.querySelector<HTMLDetailsElement>("details.popover[open]");
      if (event.key !== "Escape" || !open) return;
      event.preventDefault();
      open.open = false;
      open.querySelector("summary")?.focus();
    },
    { capture: true },
  );
}
