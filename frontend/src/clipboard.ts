const SHOWN_MS = 1800;

function textOf(element: HTMLElement): string {
  return element instanceof HTMLInputElement ? element.value : (element.textContent ?? "");
}

/** Without a secure context there is no clipboard: the text is selected for Ctrl-C instead. */
async function copy(source: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(textOf(source));
    return true;
  } catch {
    if (source instanceof HTMLInputElement) source.select();
    else getSelection()?.selectAllChildren(source);
    return document.execCommand("copy");
  }
}

async function run(button: HTMLElement): Promise<void> {
  const source = document.getElementById(button.dataset["copy"] ?? "");
  const label = button.querySelector("span");
  const done = button.dataset["copied"];
  if (!source || !label || !done || label.textContent === done) return;
  if (!(await copy(source))) return;
  const before = label.textContent;
  label.setAttribute("role", "status");
  label.textContent = done;
  setTimeout(() => {
    label.removeAttribute("role");
    label.textContent = before;
  }, SHOWN_MS);
}

export function startClipboard(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const button = target.closest<HTMLElement>("[data-copy]");
    if (button) void run(button);
    if (target instanceof HTMLInputElement && "selectAll" in target.dataset) target.select();
  });
}
