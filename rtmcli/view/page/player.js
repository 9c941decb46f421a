// What plays: a video element, images, or a clock where there is neither. Calls `show(record)` for each record.
"use strict";

// Of seconds: a seek goes a little past the frame's time, since browsers round it.
const SEEK_PAST = 0.002;

class Player {
  constructor(stage, show) {
    this.video = stage.querySelector("video");
    this.image = stage.querySelector("img");
    this.show = show;
    this.record = 0;
    this.isPlaying = false;
    this.speed = 1;
    this.usesVideo = false;
    this.addresses = [];
    this.made = []; // addresses of blobs, to be given back
    this.video.addEventListener("ended", () => this.pause());
    this.video.addEventListener("error", () => this.videoFailed());
    this.video.addEventListener("seeked", () => !this.isPlaying && this.show(this.record));
    this.onState = () => {};
    this.onFailure = () => {};
  }

  // Show a clip from its first record.
  load(clip, number) {
    this.pause();
    this.made.forEach(URL.revokeObjectURL);
    this.made = [];
    this.clip = clip;
    this.record = 0;
    const { kind, links, embedded, origin } = clip.backdrop;
    this.origin = origin;
    this.addresses = [...links];
    for (let at = 0; at < embedded; at++) {
      const type = kind === "video" ? "video/mp4" : "image/jpeg";
      this.addresses.push(this.addressOf(new Blob([bytesOf(`media-${number}-${at}`)], { type })));
    }
    this.usesVideo = false;
    this.image.hidden = kind !== "images";
    this.video.hidden = true;
    this.video.removeAttribute("src");
    if (kind === "video") this.useVideo(this.addresses[0]);
    else this.seek(0);
  }

  addressOf(blob) {
    const address = URL.createObjectURL(blob);
    this.made.push(address);
    return address;
  }

  // A file that the user chose: its clock is taken to begin where the records' does.
  useFile(file) {
    this.useVideo(this.addressOf(file));
  }

  useVideo(address) {
    this.usesVideo = true;
    this.video.hidden = false;
    this.video.src = address;
    this.video.playbackRate = this.speed;
    this.seek(this.record);
  }

  videoFailed() {
    if (!this.usesVideo || !this.video.getAttribute("src")) return;
    this.usesVideo = false;
    this.video.hidden = true;
    this.onFailure();
  }

  seek(record) {
    this.record = Math.min(Math.max(record, 0), this.clip.count - 1);
    const time = this.clip.times[this.record];
    if (this.usesVideo) this.video.currentTime = Math.max(0, time - this.origin) + SEEK_PAST;
    this.startClock = { wall: performance.now(), time };
    this.present();
  }

  step(count) {
    this.pause();
    this.seek(this.record + count);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.video.playbackRate = speed;
    if (this.clip) this.startClock = { wall: performance.now(), time: this.clip.times[this.record] };
  }

  async play() {
    if (this.isPlaying) return;
    if (this.record >= this.clip.count - 1) this.seek(0);
    this.isPlaying = true;
    this.onState();
    if (!this.usesVideo) {
      this.startClock = { wall: performance.now(), time: this.clip.times[this.record] };
      requestAnimationFrame(() => this.tick());
      return;
    }
    this.awaitFrame();
    try {
      await this.video.play();
    } catch {
      this.pause();
    }
  }

  pause() {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.video.pause();
    this.onState();
  }

  // Follow the video: the browser tells the time of each frame that it presents.
  awaitFrame() {
    const present = (time) => {
      if (!this.isPlaying || !this.usesVideo) return;
      this.moveTo(time + this.origin);
      this.awaitFrame();
    };
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((now, frame) => present(frame.mediaTime));
    } else {
      requestAnimationFrame(() => present(this.video.currentTime));
    }
  }

  // Without a video: follow the wall clock.
  tick() {
    if (!this.isPlaying || this.usesVideo) return;
    const { wall, time } = this.startClock;
    this.moveTo(time + ((performance.now() - wall) / 1000) * this.speed);
    if (this.record >= this.clip.count - 1) this.pause();
    else requestAnimationFrame(() => this.tick());
  }

  moveTo(time) {
    // Times are rounded on both sides.
    const record = Math.max(0, lastAtOrBelow(this.clip.times, time + 0.001));
    if (record === this.record) return;
    this.record = record;
    this.present();
  }

  present() {
    if (this.clip.backdrop.kind === "images") {
      const address = this.addresses[this.record];
      if (this.image.getAttribute("src") !== address) this.image.src = address;
    }
    this.show(this.record);
  }
}
