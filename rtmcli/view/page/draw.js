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

// `look`: minScore, boxes, ids, colors ("skeleton" or "person"), hidden (indices of keypoints by skeleton), and `only`, a
// colour for all people of a second run or of labels.
function drawPeople(context, people, width, height, look) {
  for (const person of people) {
    if (look.boxes && person.box) drawBox(context, person, limbWidth(person, width, height), look);
    drawPose(context, person, limbWidth(person, width, height), look);
  }
  if (look.ids) for (const person of people) drawLabel(context, person, height, look);
}

function drawBox(context, { box, track }, line, look) {
  const [x1, y1, x2, y2] = box;
  context.lineWidth = Math.max(1, line * 0.4);
  context.strokeStyle = look.only ?? track.color;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
}

// Limbs over their dark outlines, then keypoints. What has the same colour and width is one path: a person may have 133
// keypoints, and each path costs more than its lines.
function drawPose(context, { track, points }, line, look) {
  const { skeleton } = track;
  const hidden = look.hidden.get(track.skeletonKey) ?? new Set();
  const isShown = (k) => points[3 * k + 2] >= look.minScore && !Number.isNaN(points[3 * k]) && !hidden.has(k);
  const colorOf = (own) => look.only ?? (look.colors === "person" ? track.color : own);
  const outline = new Path2D();
  const limbs = new Map();
  const hasLimb = new Set();
  skeleton.links.forEach(([a, b], number) => {
    if (!isShown(a) || !isShown(b)) return;
    const [x1, y1, x2, y2] = [points[3 * a], points[3 * a + 1], points[3 * b], points[3 * b + 1]];
    // Short limbs, as those of a hand, get thin lines, or they would merge.
    const own = Math.min(line, Math.max(0.2 * Math.hypot(x1 - x2, y1 - y2), 0.35 * line, 1));
    const thick = Math.ceil(own * 2) / 2;
    const path = pathOf(limbs, colorOf(skeleton.linkColors[number]), thick);
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
    if (thick > 0.7 * line) {
      outline.moveTo(x1, y1);
      outline.lineTo(x2, y2);
    }
    hasLimb.add(a).add(b);
  });
  context.lineCap = "round";
  context.lineWidth = line + Math.max(1, line * 0.35);
  context.strokeStyle = "#000";
  context.stroke(outline);
  for (const { path, color, size } of limbs.values()) {
    context.lineWidth = size;
    context.strokeStyle = color;
    context.stroke(path);
  }
  const discs = new Map();
  for (let k = 0; k < skeleton.names.length; k++) {
    if (!isShown(k)) continue;
    const radius = Math.max(0.8, line * (hasLimb.has(k) ? 0.6 : limbs.size ? 0.25 : 0.5));
    const path = pathOf(discs, colorOf(skeleton.colors[k]), radius);
    const [x, y] = [points[3 * k], points[3 * k + 1]];
    // A disc of two pixels looks like a square.
    if (radius < 1.5) path.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    else {
      path.moveTo(x + radius, y);
      path.arc(x, y, radius, 0, 2 * Math.PI);
    }
  }
  for (const { path, color } of discs.values()) {
    context.fillStyle = color;
    context.fill(path);
  }
}

// The path of this colour and size.
function pathOf(paths, color, size) {
  const key = color + size;
  if (!paths.has(key)) paths.set(key, { path: new Path2D(), color, size });
  return paths.get(key).path;
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
