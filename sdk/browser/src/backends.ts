/** A place for named texts; `write` says whether it was kept, null removes. */
export interface Backend {
  read(name: string): string | null;
  write(name: string, value: string | null): boolean;
}

const COOKIE_SECONDS = 34_560_000; // 400 days, the longest browsers keep one

/** The page's localStorage, or null where it is blocked: reading the property may throw. */
export function localArea(): Storage | null {
  try {
    const area = window.localStorage;
    area.getItem("");
    return area;
  } catch {
    return null;
  }
}

export function localBackend(area: Storage): Backend {
  return {
    read: (name) => area.getItem(name),
    write(name, value) {
      try {
        if (value === null) area.removeItem(name);
        else area.setItem(name, value);
        return true;
      } catch {
        return false;
      }
    },
  };
}

export function cookieBackend(wholeSite: boolean): Backend {
  let suffix: string | undefined;
  return {
    read: readCookie,
    write(name, value) {
      suffix ??= attributes(wholeSite ? siteDomain() : "");
      document.cookie = cookie(name, value, suffix);
      return readCookie(name) === value;
    },
  };
}

export const nowhere: Backend = { read: () => null, write: () => false };

function attributes(domain: string): string {
  const secure = location.protocol === "https:" ? ";secure" : "";
  return `;path=/;samesite=lax${secure}${domain && `;domain=${domain}`}`;
}

function cookie(name: string, value: string | null, suffix: string): string {
  const age = value === null ? 0 : COOKIE_SECONDS;
  return `${name}=${encodeURIComponent(value || "")};max-age=${age}${suffix}`;
}

function readCookie(name: string): string | null {
  const found = `; ${document.cookie}`.split(`; ${name}=`)[1];
  try {
    return found === undefined ? null : decodeURIComponent(found.split(";")[0]!);
  } catch {
    return null;
  }
}

/** The widest domain a cookie may have here: browsers refuse one for a public suffix. */
function siteDomain(): string {
  const parts = location.hostname.split(".");
  if (/^[\d.]+$|:/.test(location.hostname)) return "";
  for (let from = parts.length - 2; from >= 0; from--) {
    const domain = parts.slice(from).join(".");
    document.cookie = cookie("gs_site", "1", attributes(domain));
    const kept = readCookie("gs_site") === "1";
    document.cookie = cookie("gs_site", null, attributes(domain));
    if (kept) return domain;
  }
  return "";
}
