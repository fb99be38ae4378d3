/** Line charts as SVG text: panels on a grid, logarithmic axes, one legend for all. */

export interface ChartLine {
  /** Which entry of the legend it belongs to. */
  readonly style: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ChartPanel {
  readonly title: string;
  readonly xTitle: string;
  readonly lines: readonly ChartLine[];
  /** How numbers of the axes are written; default with k and M. */
  readonly formatX?: (value: number) => string;
}

export interface ChartStyle {
  readonly label: string;
  readonly color: string;
  readonly isDashed: boolean;
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly columns: number;
  readonly styles: Readonly<Record<string, ChartStyle>>;
  readonly panels: readonly ChartPanel[];
}

const PANEL = { width: 380, height: 250, gapX: 30, gapY: 34 };
/** Inside a panel, around the plot. */
const INSET = { left: 52, right: 12, top: 30, bottom: 40 };
const MARGIN = 24;
const HEAD = 64;
const LEGEND_ROW = 24;
const LEGEND_COLUMN = 290;
const SPAN_X_MIN = 2;
const SPAN_Y_MIN = 10;
const TEXT = "#222";
const GRID = "#e3e3e3";
const FRAME = "#999";

/** 1200 as "1.2k". */
export function formatShort(value: number): string {
  const short = (scaled: number, unit: string): string => `${Number(scaled.toPrecision(3))}${unit}`;
  if (value >= 1e6) return short(value / 1e6, "M");
  return value >= 1e3 ? short(value / 1e3, "k") : short(value, "");
}

/** Bytes as "64Ki". */
export function formatBytes(value: number): string {
  if (value >= 1 << 20) return `${value / (1 << 20)}Mi`;
  return value >= 1 << 10 ? `${value / (1 << 10)}Ki` : `${value}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

interface TextOptions {
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly isBold?: boolean;
}

function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { size = 11, anchor = "start", isBold = false } = options;
  const weight = isBold ? ' font-weight="bold"' : "";
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}"` +
    `${weight} fill="${TEXT}">${escape(content)}</text>`;
}

function round(value: number): string {
  return value.toFixed(1);
}

/** A logarithmic axis from one step of 1, 2, 5, 10 … to another. */
interface Axis {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** `spanMin`: small differences are not to look large. */
function logAxis(values: readonly number[], spanMin: number): Axis {
  const lowest = Math.min(...values);
  const highest = Math.max(...values, lowest * spanMin);
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.log10(highest) + 1; power++) {
    for (const digit of [1, 2, 5]) steps.push(digit * 10 ** power);
  }
  // Steps below one are not exact.
  const min = steps.findLast((step) => step <= lowest * 1.0001) ?? lowest;
  const max = steps.find((step) => step >= highest * 0.9999) ?? highest;
  const inside = steps.filter((step) => step >= min * 0.9999 && step <= max * 1.0001);
  const decades = inside.filter((_, index) => steps.indexOf(inside[index] as number) % 3 === 0);
  return { min, max, ticks: decades.length >= 3 ? decades : inside };
}

function position(axis: Axis, value: number): number {
  return Math.log(value / axis.min) / Math.log(axis.max / axis.min);
}

function drawPanel(
  panel: ChartPanel,
  styles: Readonly<Record<string, ChartStyle>>,
  left: number,
  top: number,
): string {
  const plot = {
    left: left + INSET.left,
    top: top + INSET.top,
    width: PANEL.width - INSET.left - INSET.right,
    height: PANEL.height - INSET.top - INSET.bottom,
  };
  const parts = [text(left, top + 14, panel.title, { size: 13, isBold: true })];
  const points = panel.lines.flatMap((line) => line.points);
  if (points.length === 0) {
    parts.push(text(plot.left + 10, plot.top + 30, "not measured"));
    return parts.join("\n");
  }
  const xAxis = logAxis(points.map(([x]) => x), SPAN_X_MIN);
  const yAxis = logAxis(points.map(([, y]) => y), SPAN_Y_MIN);
  const toX = (x: number): number => plot.left + plot.width * position(xAxis, x);
  const toY = (y: number): number => plot.top + plot.height * (1 - position(yAxis, y));
  const right = plot.left + plot.width;
  const bottom = plot.top + plot.height;
  const xTicks = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  for (const x of xTicks.length <= 9 ? xTicks : xAxis.ticks) {
    parts.push(
      `<path d="M${round(toX(x))} ${round(plot.top)}V${round(bottom)}" stroke="${GRID}"/>`,
      text(toX(x), bottom + 15, (panel.formatX ?? formatShort)(x), { size: 10, anchor: "middle" }),
    );
  }
  for (const y of yAxis.ticks) {
    parts.push(
      `<path d="M${round(plot.left)} ${round(toY(y))}H${round(right)}" stroke="${GRID}"/>`,
      text(plot.left - 6, toY(y) + 3.5, formatShort(y), { size: 10, anchor: "end" }),
    );
  }
  parts.push(
    `<rect x="${round(plot.left)}" y="${round(plot.top)}" width="${round(plot.width)}" ` +
      `height="${round(plot.height)}" fill="none" stroke="${FRAME}"/>`,
    text(plot.left + plot.width / 2, bottom + 31, panel.xTitle, { anchor: "middle" }),
  );
  for (const line of panel.lines) {
    const style = styles[line.style];
    if (style === undefined) throw new Error(`Cannot draw "${line.style}": it has no style`);
    parts.push(drawLine(line.points.map(([x, y]) => [toX(x), toY(y)] as const), style));
  }
  return parts.join("\n");
}

function drawLine(points: readonly (readonly [number, number])[], style: ChartStyle): string {
  const path = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${round(x)} ${round(y)}`);
  const dash = style.isDashed ? ' stroke-dasharray="5 4"' : "";
  const dots = points.map(([x, y]) =>
    `<circle cx="${round(x)}" cy="${round(y)}" r="2.6" fill="${style.color}"/>`
  );
  return `<path d="${
    path.join("")
  }" fill="none" stroke="${style.color}" stroke-width="1.8"${dash}/>` +
    dots.join("");
}

/** The whole picture. */
export function drawChart(chart: Chart): string {
  const rows = Math.ceil(chart.panels.length / chart.columns);
  const width = 2 * MARGIN + chart.columns * PANEL.width + (chart.columns - 1) * PANEL.gapX;
  const perRow = Math.max(1, Math.floor((width - 2 * MARGIN) / LEGEND_COLUMN));
  const styles = Object.values(chart.styles);
  const legendHeight = Math.ceil(styles.length / perRow) * LEGEND_ROW;
  const panelsTop = HEAD + legendHeight + 12;
  const height = panelsTop + rows * (PANEL.height + PANEL.gapY);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(MARGIN, 30, chart.title, { size: 18, isBold: true }),
    text(MARGIN, 50, chart.subtitle, { size: 12 }),
  ];
  styles.forEach((style, index) => {
    const x = MARGIN + (index % perRow) * LEGEND_COLUMN;
    const y = HEAD + Math.floor(index / perRow) * LEGEND_ROW + 12;
    parts.push(drawLine([[x, y], [x + 17, y], [x + 34, y]], style));
    parts.push(text(x + 42, y + 4, style.label, { size: 12 }));
  });
  chart.panels.forEach((panel, index) => {
    const left = MARGIN + (index % chart.columns) * (PANEL.width + PANEL.gapX);
    const top = panelsTop + Math.floor(index / chart.columns) * (PANEL.height + PANEL.gapY);
    parts.push(drawPanel(panel, chart.styles, left, top));
  });
  return `${parts.join("\n")}\n</svg>\n`;
}
