// The table of people and the choice of keypoints. `look` holds what is chosen; `changed` is called after a change.
"use strict";

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Without the sign of a negative number that rounds to zero.
const decimals = (value, digits) =>
  value === null || Number.isNaN(value) ? "" : value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1");

function checkbox(text, isOn, change) {
  const box = element("input", { type: "checkbox", checked: isOn });
  box.addEventListener("change", () => change(box.checked));
  return element("label", {}, box, " " + text);
}

function fillPeople(table, clip, look, changed, seek) {
  const body = table.querySelector("tbody");
  // Images without times are counted.
  const isTimed = clip.isTimed || !clip.files;
  const place = (time, record) => (isTimed ? decimals(time, 2) : String(record + 1));
  const [from, to] = table.querySelectorAll("thead .place");
  [from.textContent, to.textContent] = isTimed ? ["from (s)", "to (s)"] : ["from image", "to image"];
  body.replaceChildren(
    ...clip.tracks.map((track) => {
      const box = element("input", { type: "checkbox", checked: !look.people.has(track.index) });
      box.setAttribute("aria-label", "show " + track.name);
      box.addEventListener("change", () => {
        if (box.checked) look.people.delete(track.index);
        else look.people.add(track.index);
        changed();
      });
      const swatch = element("span", { className: "swatch" });
      swatch.style.background = track.color;
      const name = element("th", { scope: "row" }, swatch, " " + track.name);
      const begin = element("button", { type: "button", className: "link" }, place(track.start, track.at[0]));
      begin.setAttribute("aria-label", `go to ${begin.textContent}, where ${track.name} begins`);
      begin.addEventListener("click", () => seek(track.at[0]));
      const cells = [
        place(track.end, track.at[track.at.length - 1]),
        track.frames,
        track.gaps,
        isTimed ? decimals(track.longest_gap, 2) : "",
        decimals(track.score, 2),
        decimals(track.keypoint_score, 2),
        track.continues === null ? "" : "may continue id " + track.continues,
      ].map((text) => element("td", {}, String(text)));
      return element("tr", {}, element("td", {}, box), name, element("td", {}, begin), ...cells);
    }),
  );
  const all = table.querySelector("thead input");
  all.checked = !look.people.size;
  all.onchange = () => {
    look.people = new Set(all.checked ? [] : clip.tracks.map((track) => track.index));
    body.querySelectorAll("input").forEach((box) => (box.checked = all.checked));
    changed();
  };
}

// Checkboxes of keypoints by part of the body, for each skeleton of the clip.
function fillKeypoints(holder, clip, look, changed) {
  const keys = [...new Set(clip.tracks.map((track) => track.skeleton))];
  holder.replaceChildren();
  for (const skeleton of keys) {
    const key = clip.tracks.find((track) => track.skeleton === skeleton).skeletonKey;
    const hidden = look.hidden.get(key) ?? new Set();
    look.hidden.set(key, hidden);
    for (const [part, indices] of partsOf(skeleton)) {
      const set = (index, isOn) => (isOn ? hidden.delete(index) : hidden.add(index));
      const whole = element("input", { type: "checkbox", checked: indices.every((index) => !hidden.has(index)) });
      whole.setAttribute("aria-label", "all keypoints of " + part);
      const boxes = indices.map((index) =>
        checkbox(skeleton.names[index], !hidden.has(index), (isOn) => {
          set(index, isOn);
          whole.checked = indices.every((other) => !hidden.has(other));
          changed();
        }),
      );
      whole.addEventListener("change", () => {
        indices.forEach((index) => set(index, whole.checked));
        boxes.forEach((box) => (box.firstChild.checked = whole.checked));
        changed();
      });
      const summary = element("summary", {}, `${part} (${indices.length})`);
      holder.append(element("div", { className: "part" }, whole, element("details", {}, summary, ...boxes)));
    }
  }
}

// Parts as [name, indices], without those that lie in others, as the head in the body; last the keypoints of no part.
function partsOf(skeleton) {
  const left = new Set(skeleton.names.keys());
  const parts = [];
  for (const [name, indices] of Object.entries(skeleton.parts)) {
    const own = indices.filter((index) => left.delete(index));
    if (own.length) parts.push([name, own]);
  }
  return left.size ? [...parts, [parts.length ? "other keypoints" : "keypoints", [...left]]] : parts;
}

// How far each keypoint is from the labels or from the other run.
function fillErrors(holder, clip) {
  holder.replaceChildren();
  for (const reference of clip.references) {
    const rows = reference.keypoints.map((one) => {
      const worst = Math.max(...reference.keypoints.map((other) => other.median ?? 0)) || 1;
      const bar = element("span", { className: "bar" });
      bar.style.width = `${(100 * (one.median ?? 0)) / worst}%`;
      const numbers = [one.count, decimals(one.mean, 1), decimals(one.median, 1), decimals(one.p90, 1)];
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, one.name),
        ...numbers.map((text) => element("td", {}, String(text))),
        element("td", { className: "bars" }, bar),
      );
    });
    const head = ["keypoint", "people", "mean", "median", "90 %", ""].map((text) =>
      element("th", { scope: "col" }, text),
    );
    holder.append(
      element(
        "table",
        {},
        element("caption", {}, `Distance to ${reference.title} in pixels, ${reference.pairs} people found in both`),
        element("thead", {}, element("tr", {}, ...head)),
        element("tbody", {}, ...rows),
      ),
    );
  }
}
