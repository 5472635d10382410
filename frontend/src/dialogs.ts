/** Buttons with `commandfor`, for browsers that don't know it; a click outside closes. */
export function startDialogs(): void {
  const native = "commandForElement" in HTMLButtonElement.prototype;
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target instanceof HTMLDialogElement && target.classList.contains("dialog")) target.close();
    const button = target.closest<HTMLButtonElement>("button[commandfor]");
    if (native || !button) return;
    const dialog = document.getElementById(button.getAttribute("commandfor") ?? "");
    if (!(dialog instanceof HTMLDialogElement)) return;
    if (button.getAttribute("command") === "close") dialog.close();
    else dialog.showModal();
  });
}
