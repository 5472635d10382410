import uPlot from "uplot";
import { formats, type Formats, type TrendData } from "./trend-format";

const AXIS_FONT = 11;
const PAGE_KEYS = 7;

/** A token's colour as the canvas needs it: resolved, for the theme in force. */
function tokens(mount: HTMLElement): (name: string) => string {
  const probe = document.createElement("i");
  probe.hidden = true;
  mount.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  queueMicrotask(() => probe.remove());
  return read;
}

function token(color: number): string {
  return color === 0 ? "--chart-prev" : `--chart-${color}`;
}

function faint(color: string): string {
  return `color-mix(in oklab, ${color} 9%, transparent)`;
}

/** The canvas takes no color-mix everywhere: resolve it the same way. */
function lines(data: TrendData, color: (name: string) => string, mount: HTMLElement): uPlot.Series[] {
  return data.series.map((one): uPlot.Series => {
    const stroke = color(token(one.color));
    const previous = one.color === 0;
    const lone = data.series.filter((other) => other.color !== 0).length === 1;
    return {
      label: one.label,
      stroke,
      width: previous ? 1.5 : 2,
      points: { show: data.days.length === 1, size: 6, fill: stroke },
      ...(previous ? { dash: [4, 4] } : {}),
      ...(lone && !previous ? { fill: resolved(mount, faint(stroke)) } : {}),
    };
  });
}

function resolved(mount: HTMLElement, value: string): string {
  const probe = document.createElement("i");
  mount.append(probe);
  probe.style.color = value;
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

/** The axis is as wide as its longest label: compact currency differs much by language. */
function widest(values: string[] | null): number {
  const canvas = document.createElement("canvas").getContext("2d");
  if (!canvas || !values?.length) return 40;
  canvas.font = `${AXIS_FONT}px "Inter Variable", sans-serif`;
  return Math.ceil(Math.max(...values.map((text) => canvas.measureText(text).width))) + 16;
}

/** A compact label that says the same as the one below it is left out: a flat line at nothing. */
function labels(values: number[], format: Formats): string[] {
  const texts = values.map((value) => format.axis(value));
  return texts.map((text, index) => (index > 0 && text === texts[index - 1] ? "" : text));
}

function axes(format: Formats, color: (name: string) => string): uPlot.Axis[] {
  const font = `${AXIS_FONT}px "Inter Variable", sans-serif`;
  const stroke = color("--ui-muted");
  return [
    {
      font,
      stroke,
      grid: { show: false },
      ticks: { show: false },
      gap: 8,
      size: 32,
      space: 84,
      incrs: [1, 2, 3, 7, 14, 28, 61, 91, 182, 365].map((days) => days * 86_400),
      values: (_, days) => days.map((day) => format.day(day)),
    },
    {
      font,
      stroke,
      grid: { stroke: color("--chart-grid"), width: 1 },
      ticks: { show: false },
      gap: 8,
      size: (_, values) => widest(values),
      space: 52,
      values: (_, values) => labels(values, format),
    },
  ];
}

function options(mount: HTMLElement, data: TrendData, format: Formats): uPlot.Options {
  const color = tokens(mount);
  const plot = mount.querySelector<HTMLElement>(".trend-plot") ?? mount;
  return {
    width: plot.clientWidth,
    height: plot.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    padding: [12, 16, 0, 4],
    scales: { x: { time: true }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.06 : 1] } },
    series: [{}, ...lines(data, color, mount)],
    axes: axes(format, color),
  };
}

/** Which day is pointed at, shown beside the cursor and read aloud. */
class Tip {
  private readonly box = document.createElement("div");
  private readonly voice = document.createElement("div");

  constructor(
    mount: HTMLElement,
    private readonly data: TrendData,
    private readonly format: Formats,
  ) {
    this.box.className = "trend-tip";
    this.box.hidden = true;
    this.voice.className = "sr-only";
    this.voice.setAttribute("role", "status");
    mount.append(this.box, this.voice);
  }

  show(plot: uPlot, index: number | null | undefined): void {
    this.box.hidden = index == null || (plot.cursor.left ?? -1) < 0;
    if (index == null || this.box.hidden) return;
    const title = document.createElement("div");
    title.className = "trend-tip-title";
    title.textContent = this.format.longDay(this.data.days[index] ?? 0);
    this.box.replaceChildren(title, ...this.data.series.map((_, i) => this.row(i, index)));
    this.place(plot);
  }

  say(index: number): void {
    const parts = this.data.series.map((one) => `${one.label} ${this.format.value(one.values[index] ?? null)}`);
    this.voice.textContent = [this.format.longDay(this.data.days[index] ?? 0), ...parts].join(", ");
  }

  private row(series: number, index: number): HTMLElement {
    const one = this.data.series[series];
    const row = document.createElement("div");
    row.className = "trend-tip-row";
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = `var(${token(one?.color ?? 1)})`;
    const value = document.createElement("b");
    value.textContent = this.format.value(one?.values[index] ?? null);
    row.append(swatch, one?.label ?? "", value);
    return row;
  }

  private place(plot: uPlot): void {
    const left = plot.over.offsetLeft + (plot.cursor.left ?? 0);
    const flips = left + this.box.offsetWidth + 20 > plot.width;
    const x = flips ? Math.max(left - this.box.offsetWidth - 12, 0) : left + 12;
    this.box.style.transform = `translate(${Math.round(x)}px, 16px)`;
  }
}

function moveTo(plot: uPlot, index: number): void {
  const day = plot.data[0]?.[index];
  if (day === undefined) return;
  plot.setCursor({ left: plot.valToPos(day, "x"), top: plot.over.clientHeight / 2 });
}

function target(key: string, from: number, last: number): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    PageUp: from - PAGE_KEYS,
    PageDown: from + PAGE_KEYS,
    Home: 0,
    End: last,
  };
  const to = steps[key];
  return to === undefined ? null : Math.min(Math.max(to, 0), last);
}

function listen(mount: HTMLElement, current: () => uPlot, tip: Tip): void {
  mount.addEventListener("keydown", (event) => {
    const plot = current();
    const last = (plot.data[0]?.length ?? 0) - 1;
    const away = (plot.cursor.left ?? -1) < 0;
    if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
    const to = target(event.key, away ? last + 1 : (plot.cursor.idx ?? last), last);
    if (to === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moveTo(plot, to);
    tip.say(to);
  });
  mount.addEventListener("blur", () => current().setCursor({ left: -10, top: -10 }));
}

/** Draw, and draw again when the theme changes; leaves no listener behind once swapped away. */
export function mountTrend(mount: HTMLElement): void {
  const place = mount.querySelector<HTMLElement>(".trend-plot");
  const source = mount.dataset["trend"];
  if (!place || !source || place.hasChildNodes()) return;
  const data = JSON.parse(source) as TrendData;
  const format = formats(data);
  const tip = new Tip(mount, data, format);
  const table: uPlot.AlignedData = [data.days, ...data.series.map((one) => one.values)];
  const draw = () => {
    const plot = new uPlot(options(mount, data, format), table, place);
    plot.hooks.setCursor = [(self) => tip.show(self, self.cursor.idx)];
    return plot;
  };
  let plot = draw();
  const redraw = () => {
    if (!mount.isConnected) return stop();
    plot.destroy();
    plot = draw();
  };
  const resize = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: place.clientHeight }));
  const stop = () => {
    document.removeEventListener("themechange", redraw);
    resize.disconnect();
    plot.destroy();
  };
  document.addEventListener("themechange", redraw);
  resize.observe(place);
  listen(mount, () => plot, tip);
  void document.fonts.ready.then(() => plot.redraw(true, true));
}
