export interface TrendData {
  days: number[];
  series: { label: string; values: (number | null)[]; color: number }[];
  unit: "number" | "money" | "percent";
  currency: string;
  scale: number;
  locale: string;
}

export interface Formats {
  axis(value: number): string;
  value(value: number | null): string;
  day(seconds: number): string;
  longDay(seconds: number): string;
}

function style(data: TrendData): Intl.NumberFormatOptions {
  if (data.unit === "money") return { style: "currency", currency: data.currency };
  return data.unit === "percent" ? { style: "percent", maximumFractionDigits: 1 } : {};
}

function minus(text: string): string {
  return text.replace("-", "\u2212");
}

/** The tables' digits and the chart's must be the same, so the numbering system is fixed. */
export function formats(data: TrendData): Formats {
  const latin = { numberingSystem: "latn" } as const;
  const utc = { ...latin, timeZone: "UTC" } as const;
  const full = new Intl.NumberFormat(data.locale, { ...latin, ...style(data) });
  const short = new Intl.NumberFormat(data.locale, {
    ...latin,
    ...style(data),
    notation: "compact",
    minimumFractionDigits: 0,
    maximumFractionDigits: 1,
  });
  const day = new Intl.DateTimeFormat(data.locale, { ...utc, month: "short", day: "numeric" });
  const long = new Intl.DateTimeFormat(data.locale, { ...utc, weekday: "short", month: "short", day: "numeric" });
  return {
    axis: (value) => minus(short.format(value / data.scale)),
    value: (value) => (value === null ? "–" : minus(full.format(value / data.scale))),
    day: (seconds) => day.format(seconds * 1000),
    longDay: (seconds) => long.format(seconds * 1000),
  };
}
