// Draws people on a canvas whose context is scaled to pixels of the image.
"use strict";

// Width of a limb: by the person's size, within limits that the image's size sets (as rtmcli/draw.py).
function limbWidth(person, width, height) {
  const size = sizeOf(person);
  return Math.min(Math.max(size / 75, 1), Math.max(1.5, Math.min(width, height) / 110));
}

function sizeOf(person) {
  if (person.box) return Math.max(person.box[2] - person.box[0], person.box[3] - person.box[1]);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < person.points.length; k += 3) {
    if (Number.isNaN(person.points[k])) continue;
    left = Math.min(left, person.points[k]);
    right = Math.max(right, person.points[k]);
    top = Math.min(top, person.points[k + 1]);
    bottom = Math.max(bottom, person.points[k + 1]);
  }
  return Math.max(right - left, bottom - top, 0);
}

// `look`: minScore, boxes, ids, colors ("skeleton" or "person"), hidden (names of keypoints), and `only`, a colour for
// all people of a second run or of labels.
function drawPeople(context, people, width, height, look) {
  for (const person of people) {
    const { skeleton } = person.track;
    const line = limbWidth(person, width, height);
    const color = look.only ?? person.track.color;
    const hidden = look.hidden.get(person.track.skeletonKey) ?? new Set();
    if (look.boxes && person.box) {
      const [x1, y1, x2, y2] = person.box;
      context.lineWidth = Math.max(1, line * 0.4);
      context.strokeStyle = color;
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    const { points } = person;
    const isShown = (k) => points[3 * k + 2] >= look.minScore && !Number.isNaN(points[3 * k]) && !hidden.has(k);
    const limbs = [];
    const hasLimb = new Set();
    skeleton.links.forEach(([a, b], number) => {
      if (!isShown(a) || !isShown(b)) return;
      const length = Math.hypot(points[3 * a] - points[3 * b], points[3 * a + 1] - points[3 * b + 1]);
      // Short limbs, as those of a hand, get thin lines, or they would merge.
      limbs.push([a, b, Math.min(line, Math.max(0.2 * length, 0.35 * line, 1)), number]);
      hasLimb.add(a).add(b);
    });
    context.lineCap = "round";
    for (const outline of [true, false]) {
      for (const [a, b, thick, number] of limbs) {
        context.lineWidth = outline ? thick + Math.max(1, line * 0.35) : thick;
        context.strokeStyle = outline
          ? "#000"
          : look.only ?? (look.colors === "person" ? color : skeleton.linkColors[number]);
        context.beginPath();
        context.moveTo(points[3 * a], points[3 * a + 1]);
        context.lineTo(points[3 * b], points[3 * b + 1]);
        context.stroke();
      }
    }
    for (let k = 0; k < skeleton.names.length; k++) {
      if (!isShown(k)) continue;
      const radius = Math.max(0.8, line * (hasLimb.has(k) ? 0.6 : limbs.length ? 0.25 : 0.5));
      context.fillStyle = look.only ?? (look.colors === "person" ? color : skeleton.colors[k]);
      context.beginPath();
      context.arc(points[3 * k], points[3 * k + 1], radius, 0, 7);
      context.fill();
    }
  }
  if (look.ids) for (const person of people) drawLabel(context, person, height, look);
}

function drawLabel(context, person, height, look) {
  const { track, box } = person;
  const words = [];
  if (track.label && track.label !== "person") words.push(track.label);
  if (track.id !== null) words.push(track.id);
  if (!words.length || !box) return;
  const letter = Math.min(Math.max(sizeOf(person) / 10, 8), Math.max(height / 30, 9));
  const text = words.join(" ");
  context.font = `bold ${letter}px sans-serif`;
  const wide = context.measureText(text).width + letter / 2;
  const top = Math.max(box[1] - letter * 1.3, 0);
  context.fillStyle = look.only ?? track.color;
  context.fillRect(box[0], top, wide, letter * 1.3);
  context.fillStyle = "#000";
  context.fillText(text, box[0] + letter / 4, top + letter);
}
