/** The sidebar itself moves into a modal dialog: focus trap and Escape come from the browser. */
export function startDrawer(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#drawer");
  const sidebar = document.querySelector<HTMLElement>("#sidebar");
  const home = sidebar?.parentElement;
  if (!dialog || !sidebar || !home) return;
  document.addEventListener("click", (event) => {
    if (!(event.target as Element).closest("[data-drawer]")) return;
    dialog.append(sidebar);
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => home.append(sidebar));
  matchMedia("(width >= 1024px)").addEventListener("change", () => dialog.close());
}
