// Reads what rtmcli/view/pack.py wrote: arrays of whole numbers, as differences, in one deflated block per clip.
"use strict";

const MISSING = -32768;
const SCORE_STEPS = 200;
const NO_SCORE = 255;
const TIME_STEP = 1e-4;
const ANGLE_STEP = 0.1;

const page = JSON.parse(document.getElementById("page-data").textContent);

function bytesOf(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// One array of a block: its numbers' bytes lie by place, the lowest first, and are differences.
function unpack(block, [offset, length, width]) {
  const out = width === 1 ? new Uint8Array(length) : width === 2 ? new Int16Array(length) : new Int32Array(length);
  let value = 0;
  for (let i = 0; i < length; i++) {
    let difference = 0;
    for (let b = 0; b < width; b++) difference |= block[offset + b * length + i] << (8 * b);
    value = (value + difference) | 0;
    out[i] = value; // typed arrays keep the lowest bits
  }
  return out;
}

// A clip with its arrays. `entry` is its description in the page's data.
async function loadClip(entry) {
  const block = await inflate(bytesOf("block-" + entry.block));
  const times = Float64Array.from(unpack(block, entry.times), (step) => entry.begin + step * TIME_STEP);
  const clip = {
    ...entry,
    times,
    frames: unpack(block, entry.frames),
    sizes: entry.sizes ? unpack(block, entry.sizes) : null,
    // Seconds from record to record, as a rule.
    interval: typicalInterval(times),
  };
  clip.tracks = entry.tracks.map((track, number) => ({
    ...track,
    index: number,
    name: nameOf(track),
    color: page.idColors[(track.id ?? track.number) % page.idColors.length],
    skeletonKey: track.skeleton,
    skeleton: page.skeletons[track.skeleton],
    step: entry.step,
    at: unpack(block, track.at),
    box: unpack(block, track.box),
    scores: unpack(block, track.scores),
    xy: unpack(block, track.xy),
    keypointScores: unpack(block, track.keypointScores),
    angles: Object.fromEntries(Object.entries(track.angles).map(([name, ref]) => [name, unpack(block, ref)])),
  }));
  clip.references = [];
  for (const reference of entry.references ?? []) {
    const own = await inflate(bytesOf("block-" + reference.block));
    const other = await loadClip(reference.clip);
    clip.references.push({
      ...reference,
      clip: other,
      rows: unpack(own, reference.rows),
      distances: reference.distances.map((ref) => (ref ? unpack(own, ref) : null)),
    });
  }
  return clip;
}

function nameOf(track) {
  const label = track.label && track.label !== "person" ? track.label + " " : "";
  return label + (track.id !== null ? "id " + track.id : "no id " + track.number);
}

function typicalInterval(times) {
  const few = [];
  for (let i = 1; i < times.length && few.length < 99; i++) few.push(times[i] - times[i - 1]);
  few.sort((a, b) => a - b);
  return few.length ? few[few.length >> 1] : 1;
}

// Index of the last value that is not above `wanted`; -1 where all are.
function lastAtOrBelow(sorted, wanted) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// The track's row for a record, or -1 where the person is not in it.
function rowAt(track, record) {
  const row = lastAtOrBelow(track.at, record);
  return row >= 0 && track.at[row] === record ? row : -1;
}

const scoreOf = (value) => (value === NO_SCORE ? NaN : value / SCORE_STEPS);

// One column of keypoint coordinates; axis 0 is x, 1 is y.
function coordinate(track, keypoint, axis, row) {
  const value = track.xy[(keypoint * 2 + axis) * track.at.length + row];
  return value === MISSING ? NaN : value * track.step;
}

function keypointScore(track, keypoint, row) {
  return scoreOf(track.keypointScores[keypoint * track.at.length + row]);
}

function boxOf(track, row) {
  const n = track.at.length;
  const box = [0, 1, 2, 3].map((side) => track.box[side * n + row]);
  return box.includes(MISSING) ? null : box.map((value) => value * track.step);
}

// What is drawn of a record: its people with their keypoints in pixels.
function peopleAt(clip, record) {
  const people = [];
  for (const track of clip.tracks) {
    const row = rowAt(track, record);
    if (row < 0) continue;
    const count = track.skeleton.names.length;
    const points = new Float32Array(count * 3);
    for (let k = 0; k < count; k++) {
      points[3 * k] = coordinate(track, k, 0, row);
      points[3 * k + 1] = coordinate(track, k, 1, row);
      points[3 * k + 2] = keypointScore(track, k, row);
    }
    people.push({ track, row, points, box: boxOf(track, row), score: scoreOf(track.scores[row]) });
  }
  return people;
}
