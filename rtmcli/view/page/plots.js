// Fills Bokeh's figures with the people and the keypoint chosen, with no more points than there are pixels.
"use strict";

const MOST_LINES = 12;
const COLUMNS = 1200; // of which each has a lowest and a highest value

class Plots {
  constructor(holder, seek) {
    this.holder = holder;
    this.seek = seek;
    this.figures = [];
    // Over the figures: Bokeh would draw its own line with the whole figure anew.
    this.cursor = holder.parentElement.querySelector(".cursor");
  }

  async start() {
    Bokeh.set_log_level("warn");
    const before = Bokeh.documents.length;
    await Bokeh.embed.embed_item(page.plots, this.holder);
    const document = Bokeh.documents[before];
    this.range = document.get_model_by_name("times");
    for (const name of ["x", "y", "speed", "angle", "error"]) {
      const figure = document.get_model_by_name(name);
      if (!figure) continue;
      const lines = document.get_model_by_name(`${name}-lines`);
      figure.on_event("tap", (event) => this.seek(event.x));
      this.figures.push({ name, figure, lines });
    }
    this.range.change.connect(() => this.fillSoon());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.color());
    this.color();
  }

  // Text and grid in the page's colours.
  color() {
    const style = getComputedStyle(this.holder);
    const grid = style.getPropertyValue("--faint");
    for (const { figure } of this.figures) {
      figure.outline_line_color = grid;
      for (const axis of [...figure.left, ...figure.below]) {
        axis.setv({ axis_label_text_color: style.color, major_label_text_color: style.color });
        axis.setv({ axis_line_color: grid, major_tick_line_color: grid, minor_tick_line_color: null });
      }
      for (const line of figure.center) if ("grid_line_color" in line) line.grid_line_color = grid;
    }
  }

  load(clip, look) {
    this.clip = clip;
    this.record = 0;
    this.look = look;
    const { times } = clip;
    const [start, end] = [times[0], Math.max(times[times.length - 1], times[0] + clip.interval)];
    this.range.setv({ start, end, reset_start: start, reset_end: end, bounds: [start, end] });
    this.fill();
  }

  // Once, when a slider or the time axis no longer moves: an hour takes a third of a second.
  fillSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(), 80);
  }

  // Draw the lines again; returns how many of the people chosen are left out.
  fill() {
    if (!this.clip) return 0;
    this.moveTo(this.record ?? 0);
    const shown = this.clip.tracks.filter((track) => !this.look.people.has(track.index));
    const most = [...shown].sort((a, b) => b.frames - a.frames).slice(0, MOST_LINES);
    for (const { name, figure, lines } of this.figures) {
      const series = most.flatMap((track) => this.seriesOf(track, name));
      lines.data = {
        xs: series.map((one) => one.xs),
        ys: series.map((one) => one.ys),
        color: series.map((one) => one.color),
        dash: series.map((one) => one.dash),
        label: series.map((one) => one.label),
      };
      figure.y_range.setv(limitsOf(series));
    }
    return shown.length - most.length;
  }

  // The lines of one person in one figure.
  seriesOf(track, name) {
    const times = this.clip.times;
    if (name === "error") {
      return this.clip.references.flatMap((reference, number) => {
        const distances = reference.distances[track.index];
        if (!distances) return [];
        const value = (row) => (distances[row] === MISSING ? NaN : distances[row] * ANGLE_STEP);
        const label = `${track.name} to ${reference.title}`;
        return [this.line(track, times, value, label, number ? "dashed" : "solid")];
      });
    }
    if (name === "angle") {
      const degrees = track.angles[this.look.angle];
      if (!degrees) return [];
      const value = (row) => (degrees[row] === MISSING ? NaN : degrees[row] * ANGLE_STEP);
      return [this.line(track, times, value, track.name, "solid")];
    }
    const keypoint = track.skeleton.names.indexOf(this.look.keypoint);
    if (keypoint < 0) return [];
    return [this.line(track, times, valueOf(track, times, keypoint, name, this.look.minScore), track.name, "solid")];
  }

  line(track, times, value, label, dash) {
    const first = lastAtOrBelow(track.at, lastAtOrBelow(times, this.range.start) - 1);
    const last = lastAtOrBelow(track.at, lastAtOrBelow(times, this.range.end) + 1);
    const [xs, ys] = thinned(track, times, value, Math.max(first, 0), last);
    return { xs, ys, color: track.color, dash, label };
  }

  // The line at the video's time. While it plays the figures' place is not asked for: that costs a layout each time.
  moveTo(record, isPlaying = false) {
    this.record = record;
    if (!isPlaying || !this.frame) this.frame = this.measure();
    const { start, end } = this.range;
    const time = this.clip.times[record];
    this.cursor.hidden = !this.frame || time < start || time > end;
    if (this.cursor.hidden) return;
    this.cursor.style.left = `${this.frame.left + ((time - start) / (end - start)) * this.frame.width}px`;
  }

  // Left edge and width in pixels of the time axis; all figures have the same.
  measure() {
    const view = Bokeh.index.find_one(this.figures[0].figure);
    if (!view) return null;
    const { left, width } = view.frame.bbox;
    const inside = view.el.getBoundingClientRect().left - this.cursor.parentElement.getBoundingClientRect().left;
    return { left: inside + left, width };
  }
}

// The range of all values with a margin.
function limitsOf(series) {
  let [low, high] = [Infinity, -Infinity];
  for (const { ys } of series) {
    for (const y of ys) {
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  if (low > high) return { start: 0, end: 1, reset_start: 0, reset_end: 1 };
  const margin = (high - low) * 0.05 || 1;
  const [start, end] = [low - margin, high + margin];
  return { start, end, reset_start: start, reset_end: end };
}

function valueOf(track, times, keypoint, name, minScore) {
  const isSure = (row) => keypointScore(track, keypoint, row) >= minScore;
  const axis = name === "y" ? 1 : 0;
  if (name !== "speed") return (row) => (isSure(row) ? coordinate(track, keypoint, axis, row) : NaN);
  // Between the neighbours on both sides, where they are in the records next to this one.
  return (row) => {
    const [before, after] = [row - 1, row + 1];
    if (before < 0 || after >= track.at.length || track.at[after] - track.at[before] !== 2) return NaN;
    if (!isSure(before) || !isSure(row) || !isSure(after)) return NaN;
    const dx = coordinate(track, keypoint, 0, after) - coordinate(track, keypoint, 0, before);
    const dy = coordinate(track, keypoint, 1, after) - coordinate(track, keypoint, 1, before);
    return Math.sqrt(dx * dx + dy * dy) / (times[track.at[after]] - times[track.at[before]]);
  };
}

// Times and values of rows first..last; of many, the lowest and the highest of each column. NaN breaks the line.
function thinned(track, times, value, first, last) {
  const [xs, ys] = [[], []];
  const size = Math.max(1, Math.ceil((last - first + 1) / COLUMNS));
  let before = null;
  for (let begin = first; begin <= last; begin += size) {
    const end = Math.min(begin + size - 1, last);
    if (before !== null && track.at[begin] - before > 1) {
      xs.push(times[track.at[begin]]);
      ys.push(NaN);
    }
    let [low, high] = [begin, begin];
    let [lowest, highest] = [NaN, NaN];
    for (let row = begin; row <= end; row++) {
      const now = value(row);
      if (Number.isNaN(now)) continue;
      if (!(now >= lowest)) [low, lowest] = [row, now];
      if (!(now <= highest)) [high, highest] = [row, now];
    }
    const rows = low === high ? [low] : low < high ? [low, high] : [high, low];
    for (const row of rows) {
      xs.push(times[track.at[row]]);
      ys.push(row === low ? lowest : highest);
    }
    before = track.at[end];
  }
  return [xs, ys];
}
