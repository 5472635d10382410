import { startClipboard } from "./clipboard";
import { startDialogs } from "./dialogs";
import { startDrawer } from "./drawer";
import { startForms } from "./forms";
import { startHtmx } from "./htmx";
import { startPopovers } from "./popovers";
import { startTheme } from "./theme";
import { startTimes, showTimes } from "./times";
import { startToasts } from "./toasts";

async function showTrends(root: ParentNode): Promise<void> {
  const mounts = root.querySelectorAll<HTMLElement>("[data-trend]");
  if (mounts.length === 0) return;
  const { mountTrend } = await import("./trend");
  for (const mount of mounts) mountTrend(mount);
}

function show(root: ParentNode): void {
  showTimes(root);
  void showTrends(root);
}

startTheme();
startDrawer();
startPopovers();
startDialogs();
startClipboard();
startForms();
startToasts();
startTimes();
startHtmx(show);
show(document);
