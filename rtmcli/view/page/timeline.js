// A row for each person: when the person is there (brighter is surer), gaps as thin lines, and where an id may continue
// another one.
"use strict";

const ROW = 16;
const NAMES = 84; // pixels for the names on the left
const MOST_ROWS = 400;

class Timeline {
  constructor(element, seek) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.cursor = element.querySelector(".cursor");
    let dragging = false;
    const go = (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      const share = (event.clientX - left - NAMES) / (width - NAMES);
      const { times } = this.clip;
      const wanted = times[0] + Math.min(Math.max(share, 0), 1) * (times[times.length - 1] - times[0]);
      seek(Math.max(0, lastAtOrBelow(times, wanted)));
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      dragging = true;
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => dragging && go(event));
    this.canvas.addEventListener("pointerup", () => (dragging = false));
    new ResizeObserver(() => this.clip && this.draw()).observe(element);
  }

  load(clip) {
    this.clip = clip;
    this.tracks = clip.tracks.slice(0, MOST_ROWS);
    const more = clip.tracks.length - this.tracks.length;
    this.canvas.setAttribute(
      "aria-label",
      `Timeline of ${clip.tracks.length} people${more > 0 ? `, the first ${MOST_ROWS} are shown` : ""}; ` +
        "the table of people says the same in words",
    );
    this.draw();
  }

  xOf(time) {
    const { times } = this.clip;
    const length = times[times.length - 1] - times[0] || 1;
    return NAMES + ((time - times[0]) / length) * (this.width - NAMES);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.width = Math.max(this.element.clientWidth, NAMES + 50);
    const height = Math.max(this.tracks.length, 1) * ROW;
    this.canvas.width = this.width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.height = height + "px";
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    context.font = "11px sans-serif";
    this.tracks.forEach((track, number) => this.drawRow(context, track, number * ROW, style));
    if (!this.tracks.length) {
      context.fillStyle = style.color;
      context.fillText("nobody in these records", NAMES, ROW - 4);
    }
    this.moveTo(this.record ?? 0);
  }

  drawRow(context, track, top, style) {
    context.fillStyle = style.color;
    context.fillText(track.name, 2, top + ROW - 4, NAMES - 6);
    const { times, interval } = this.clip;
    const at = track.at;
    const begin = this.xOf(track.start);
    context.fillStyle = style.getPropertyValue("--faint");
    context.fillRect(begin, top + ROW / 2, this.xOf(track.end) - begin, 1);
    // A column of pixels is as bright as the mean score of its records.
    const columns = Math.ceil(this.width);
    const sums = new Float32Array(columns);
    const counts = new Float32Array(columns);
    for (let row = 0; row < at.length; row++) {
      const time = times[at[row]];
      const next = at[row] + 1 < times.length ? times[at[row] + 1] : time + interval;
      const score = scoreOf(track.scores[row]);
      const last = Math.min(this.xOf(next), columns - 1);
      for (let x = Math.floor(this.xOf(time)); x <= last; x++) {
        sums[x] += Number.isNaN(score) ? 1 : score;
        counts[x] += 1;
      }
    }
    context.fillStyle = track.color;
    for (let x = 0; x < columns; x++) {
      if (!counts[x]) continue;
      context.globalAlpha = 0.25 + 0.75 * Math.min(1, Math.max(0, sums[x] / counts[x]));
      context.fillRect(x, top + 2, 1, ROW - 4);
    }
    context.globalAlpha = 1;
    if (track.continues !== null) {
      context.fillStyle = style.getPropertyValue("--alert");
      context.beginPath();
      context.moveTo(begin - 5, top + 1);
      context.lineTo(begin + 5, top + 1);
      context.lineTo(begin, top + ROW - 3);
      context.fill();
    }
  }

  moveTo(record) {
    this.record = record;
    if (this.width) this.cursor.style.left = this.xOf(this.clip.times[record]) + "px";
  }
}
