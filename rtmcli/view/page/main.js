// Connects the parts: what is shown follows the player, and what is chosen is drawn again.
"use strict";

const $ = (id) => document.getElementById(id);

const look = {
  minScore: page.minScore,
  boxes: page.boxes,
  ids: page.ids,
  colors: "skeleton",
  hidden: new Map(), // skeleton -> indices of keypoints that are not shown
  people: new Set(), // indices of tracks that are not shown
  references: new Set(), // numbers of references that are shown
  keypoint: "",
  angle: "",
};
// Of a second run and of labels, over any image.
const REFERENCE_COLORS = { run: "#ff5cf4", truth: "#ffffff" };

let clip = null;
const canvas = $("canvas");
const player = new Player($("stage"), show);
const timeline = new Timeline($("timeline"), (record) => player.seek(record));
const plots = page.plots ? new Plots($("figures"), seekTime) : null;

function seekTime(time) {
  player.seek(Math.max(0, lastAtOrBelow(clip.times, time)));
}

// Draw a record on the canvas, which lies over the video.
function show(record) {
  const [width, height] = imageSize(record);
  fitCanvas(width, height);
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  const people = drawRecord(context, record, width, height);
  timeline.moveTo(record);
  if (plots) plots.moveTo(record, player.isPlaying);
  $("scrub").value = record;
  const time = clip.isTimed ? `${clip.times[record].toFixed(3)} s, ` : "";
  const place = clip.files ? `${record + 1} of ${clip.count}, ${clip.files[record]}` : `frame ${clip.frames[record]}`;
  const text = `${place}, ${time}${people.length} ${people.length === 1 ? "person" : "people"}`;
  $("place").textContent = text;
  $("scrub").setAttribute("aria-valuetext", text);
  document.body.dataset.record = record;
}

function drawRecord(context, record, width, height) {
  const people = peopleAt(clip, record).filter((person) => !look.people.has(person.track.index));
  for (const number of look.references) {
    const reference = clip.references[number];
    const row = reference.rows[record];
    const only = reference.isTruth ? REFERENCE_COLORS.truth : REFERENCE_COLORS.run;
    const minScore = reference.isTruth ? 0 : look.minScore;
    if (row >= 0) drawPeople(context, peopleAt(reference.clip, row), width, height, { ...look, only, minScore });
  }
  drawPeople(context, people, width, height, look);
  return people;
}

function imageSize(record) {
  const { sizes, count } = clip;
  const own = sizes && sizes[record] ? [sizes[record], sizes[count + record]] : clip.size;
  return own;
}

// The stage has the image's shape, the canvas as many pixels as the screen shows.
function fitCanvas(width, height) {
  const shape = `${width} / ${height}`;
  if ($("stage").style.aspectRatio !== shape) {
    $("stage").style.aspectRatio = shape;
    $("stage").style.maxWidth = `calc(70vh * ${width / height})`;
  }
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio].map((v) => Math.max(1, Math.round(v)));
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
}

// An image file of the record as it is shown, in the image's own size.
function savePicture() {
  const [width, height] = imageSize(player.record);
  const whole = Object.assign(document.createElement("canvas"), { width, height });
  const context = whole.getContext("2d");
  context.fillRect(0, 0, width, height);
  const source = player.usesVideo ? player.video : clip.backdrop.kind === "images" ? player.image : null;
  if (source) context.drawImage(source, 0, 0, width, height);
  drawRecord(context, player.record, width, height);
  try {
    whole.toBlob((blob) => {
      const link = element("a", { href: URL.createObjectURL(blob), download: `frame_${clip.frames[player.record]}.png` });
      link.click();
      say(`saved ${link.download}`);
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  } catch {
    say("The browser does not let the page read a linked video: choose the file with 'Open video', or write the page with --embed.");
  }
}

function say(text) {
  $("status").textContent = text;
}

function chosen() {
  show(player.record);
  if (!plots) return;
  const left = plots.fill();
  const notes = [];
  if (left > 0) notes.push(`${MOST_LINES} people are plotted; choose them in the table.`);
  if (clip.tracks.length > 1 && clip.tracks.every((track) => track.id === null)) {
    notes.push("People without ids are numbered anew in each frame; 'rtm track' gives them ids.");
  }
  $("plotted").textContent = notes.join(" ");
}

async function openClip(number) {
  say("reading the records ...");
  player.pause();
  clip = await loadClip(page.clips[number]);
  look.people = new Set();
  look.references = new Set(clip.references.map((_, at) => at));
  $("scrub").max = clip.count - 1;
  $("empty").hidden = clip.tracks.length > 0;
  fillPeople($("people"), clip, look, chosen, (record) => player.seek(record));
  fillKeypoints($("keypoints"), clip, look, chosen);
  fillErrors($("errors"), clip);
  fillReferences();
  const tallest = clip.tracks.reduce((best, track) => (track.frames > (best?.frames ?? -1) ? track : best), null);
  fillSelect($("keypoint"), tallest ? tallest.skeleton.names : [], "keypoint");
  fillSelect($("angle"), [...new Set(clip.tracks.flatMap((track) => Object.keys(track.angles)))], "angle");
  // Single images have no course in time.
  $("plots").hidden = !plots || !clip.tracks.length || (clip.files !== null && !clip.isTimed);
  timeline.record = 0;
  timeline.load(clip);
  if (plots) plots.load(clip, look);
  say("");
  player.load(clip, number);
  if (plots) chosen();
  document.body.dataset.clip = number;
}

function fillSelect(select, names, key) {
  select.replaceChildren(...names.map((name) => element("option", { value: name }, name.replaceAll("_", " "))));
  if (!names.includes(look[key])) look[key] = names[0] ?? "";
  select.value = look[key];
  select.closest("label").hidden = !names.length;
}

function fillReferences() {
  $("references").replaceChildren(
    ...clip.references.map((reference, number) =>
      checkbox("show " + reference.title, true, (isOn) => {
        if (isOn) look.references.add(number);
        else look.references.delete(number);
        show(player.record);
      }),
    ),
  );
}

function connect(id, event, action) {
  $(id).addEventListener(event, action);
}

const togglePlay = () => (player.isPlaying ? player.pause() : player.play());
connect("play", "click", togglePlay);
connect("back", "click", () => player.step(-1));
connect("next", "click", () => player.step(1));
connect("save", "click", savePicture);
connect("scrub", "input", (event) => player.seek(Number(event.target.value)));
connect("speed", "change", (event) => player.setSpeed(Number(event.target.value)));
connect("clip", "change", (event) => openClip(Number(event.target.value)));
connect("file", "change", (event) => event.target.files[0] && player.useFile(event.target.files[0]));
connect("threshold", "input", (event) => {
  look.minScore = Number(event.target.value);
  $("threshold-value").textContent = look.minScore.toFixed(2);
  show(player.record);
  if (plots) plots.fillSoon();
});
for (const key of ["boxes", "ids"]) {
  $(key).checked = look[key];
  connect(key, "change", (event) => {
    look[key] = event.target.checked;
    show(player.record);
  });
}
connect("colors", "change", (event) => {
  look.colors = event.target.value;
  show(player.record);
});
for (const key of ["keypoint", "angle"]) {
  connect(key, "change", (event) => {
    look[key] = event.target.value;
    chosen();
  });
}

player.onState = () => {
  $("play").textContent = player.isPlaying ? "Pause" : "Play";
  // A screen reader would read every frame.
  $("place").setAttribute("aria-live", player.isPlaying ? "off" : "polite");
};
player.onFailure = () => {
  say("The video cannot be played here: choose its file with 'Open video', or write the page with --embed.");
  $("choose").hidden = false;
};

const speeds = [...$("speed").options].map((option) => Number(option.value));
function changeSpeed(by) {
  const at = Math.min(Math.max(speeds.indexOf(player.speed) + by, 0), speeds.length - 1);
  player.setSpeed(speeds[at]);
  $("speed").value = speeds[at];
}
function jump(seconds) {
  player.pause();
  seekTime(clip.times[player.record] + seconds);
}
const KEYS = {
  " ": togglePlay,
  k: togglePlay,
  ArrowLeft: (event) => (event.shiftKey ? jump(-1) : player.step(-1)),
  ArrowRight: (event) => (event.shiftKey ? jump(1) : player.step(1)),
  Home: () => player.seek(0),
  End: () => player.seek(clip.count - 1),
  "[": () => changeSpeed(-1),
  "]": () => changeSpeed(1),
  s: savePicture,
};
document.addEventListener("keydown", (event) => {
  const key = KEYS[event.key];
  // A button takes the space bar, a list or slider the arrows.
  const taken = event.target.closest?.("input, select, textarea, button, summary");
  if (!key || !clip || event.ctrlKey || event.metaKey || event.altKey || (taken && event.key !== "s")) return;
  event.preventDefault();
  key(event);
});
new ResizeObserver(() => clip && show(player.record)).observe($("stage"));

async function start() {
  $("clip").replaceChildren(
    ...page.clips.map((one, number) => element("option", { value: number }, one.name)),
  );
  $("clip").closest("label").hidden = page.clips.length < 2;
  $("threshold").value = look.minScore;
  $("threshold-value").textContent = look.minScore.toFixed(2);
  $("choose").hidden = page.clips.every((one) => one.backdrop.kind !== "none");
  if (plots) await plots.start();
  await openClip(0);
  document.body.dataset.ready = "yes";
}
start().catch((error) => {
  say("The page could not be shown: " + error.message);
  throw error;
});
