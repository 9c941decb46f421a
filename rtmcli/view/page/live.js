// Shows the newest record that the server sends, on its image where there is one.
"use strict";

const $ = (id) => document.getElementById(id);
const settings = JSON.parse($("settings").textContent);
const look = { ...settings, colors: "skeleton", hidden: new Map() };
const canvas = $("canvas");
const context = canvas.getContext("2d");
let skeletons = {};
let latest = null; // the record that is shown, and its image or null
let isBusy = false;
let waiting = null;
const arrivals = [];

async function skeletonOf(record, points) {
  const key = `${record.skeleton ?? ""}/${points}`;
  if (!(key in skeletons)) skeletons = await (await fetch("skeletons")).json();
  return skeletons[key] ?? { names: [], links: [], colors: [], linkColors: [], parts: {} };
}

async function imageOf(event) {
  if (!event.image) return null;
  const answer = await fetch("image?" + event.number);
  return answer.ok ? createImageBitmap(await answer.blob()) : null;
}

// What draw.js draws: people with keypoints as x, y, score one after the other.
async function peopleOf(record) {
  const people = [];
  for (const one of record.instances) {
    const points = (one.keypoints ?? []).flatMap((point) => point ?? [NaN, NaN, NaN]);
    const color = settings.idColors[(one.id ?? people.length + 1) % settings.idColors.length];
    const skeleton = await skeletonOf(record, points.length / 3);
    const track = { id: one.id ?? null, label: one.label, color, skeleton, skeletonKey: record.skeleton };
    people.push({ track, points, box: one.box ?? null, score: one.score ?? NaN });
  }
  return people;
}

// One event at a time; of those that come meanwhile only the newest is shown.
async function take(event) {
  if (isBusy) {
    waiting = event;
    return;
  }
  isBusy = true;
  const [people, image] = await Promise.all([peopleOf(event.record), imageOf(event)]);
  latest = { record: event.record, people, image };
  draw();
  report();
  isBusy = false;
  const next = waiting;
  waiting = null;
  if (next) take(next);
}

function draw() {
  if (!latest) return;
  const { record, people, image } = latest;
  const width = record.width ?? image?.width ?? 640;
  const height = record.height ?? image?.height ?? 480;
  $("stage").style.aspectRatio = `${width} / ${height}`;
  $("stage").style.maxWidth = `calc(80vh * ${width / height})`;
  [canvas.width, canvas.height] = [width, height];
  if (image) context.drawImage(image, 0, 0, width, height);
  drawPeople(context, people, width, height, look);
}

function report() {
  const { record, people } = latest;
  const now = performance.now();
  arrivals.push(now);
  while (arrivals[0] < now - 2000) arrivals.shift();
  const time = record.time === undefined ? "" : `, ${record.time.toFixed(2)} s`;
  const count = people.length === 1 ? "1 person" : `${people.length} people`;
  const rate = document.body.dataset.ended ? "ended" : `${arrivals.length / 2} a second`;
  $("place").textContent = `${record.source}, frame ${record.frame}${time}, ${count}, ${rate}`;
  $("people").replaceChildren(
    ...people.map(({ track, score }) => {
      const line = document.createElement("li");
      const name = track.id === null ? track.label ?? "person" : `id ${track.id}`;
      line.textContent = Number.isNaN(score) ? name : `${name}, score ${score.toFixed(2)}`;
      return line;
    }),
  );
  document.body.dataset.record = record.frame;
}

$("threshold").value = look.minScore;
$("threshold-value").textContent = look.minScore.toFixed(2);
$("threshold").addEventListener("input", (event) => {
  look.minScore = Number(event.target.value);
  $("threshold-value").textContent = look.minScore.toFixed(2);
  draw();
});
for (const key of ["boxes", "ids"]) {
  $(key).checked = look[key];
  $(key).addEventListener("change", (event) => {
    look[key] = event.target.checked;
    draw();
  });
}

// The status is read aloud once, not with every record.
$("place").setAttribute("aria-live", "off");
const events = new EventSource("events");
events.onmessage = (message) => take(JSON.parse(message.data));
events.addEventListener("end", () => {
  events.close();
  document.body.dataset.ended = "yes";
  if (latest) report();
});
events.onerror = () => {
  $("place").textContent = "the program that sent the records has ended";
};
