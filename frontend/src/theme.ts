const YEAR = 31_536_000;

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function choose(theme: "light" | "dark"): void {
  document.documentElement.dataset["theme"] = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  announceChange();
}

function announceChange(): void {
  document.dispatchEvent(new Event("themechange"));
}

export function startTheme(): void {
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-theme-toggle]")) choose(isDark() ? "light" : "dark");
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceChange);
}
