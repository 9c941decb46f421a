// What plays: a video element, images, or a clock where there is neither. Calls `show(record)` for each record.
"use strict";

// A seek goes past the frame's time, since browsers round: by this part of the frame's duration, and at most so many
// seconds.
const SEEK_PART = 0.4;
const SEEK_MOST = 0.02;
const SEEK_TRIES = 2;

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
    const { kind, links, embedded } = clip.backdrop;
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

  useFile(file) {
    this.useVideo(this.addressOf(file));
  }

  useVideo(address) {
    this.usesVideo = true;
    this.video.hidden = false;
    this.video.src = address;
    this.video.playbackRate = this.speed;
    // Seconds of the records' clock at the 0 of the video's, once that is known: browsers that count from the first
    // frame and those that count from the container's 0 tell different times of that frame.
    this.origin = null;
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((now, frame) => this.calibrate(frame.mediaTime));
    } else {
      this.video.addEventListener("loadeddata", () => this.calibrate(0), { once: true });
    }
    this.seek(this.record);
  }

  calibrate(timeOfFirst) {
    const { kind, start } = this.clip.backdrop;
    // Of a file that the user chose for a clip without a video, only the records can tell.
    const first = kind === "video" ? start : this.clip.frames[0] === 0 ? this.clip.times[0] : 0;
    this.origin = first - timeOfFirst;
    this.seek(this.record);
    if (this.isPlaying) this.awaitFrame();
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
    if (this.usesVideo && this.origin !== null) {
      if (!this.isPlaying) this.video.pause(); // an earlier seek may have had to play
      this.video.currentTime = Math.max(0, time - this.origin) + this.pastTime(this.record);
      this.checkSeek(this.record, SEEK_TRIES);
    }
    this.startClock = { wall: performance.now(), time };
    this.present();
  }

  // Seconds that the frame of a record is shown, as far as the records tell.
  durationOf(record) {
    const { times, frames, count } = this.clip;
    if (count < 2) return 0.01;
    const at = Math.min(record, count - 2);
    return (times[at + 1] - times[at]) / Math.max(1, frames[at + 1] - frames[at]);
  }

  pastTime(record) {
    return Math.min(Math.max(SEEK_PART * this.durationOf(record), 0.001), SEEK_MOST);
  }

  // Where frames last unevenly, a browser may take the frame before for the one wanted, since it goes by durations that
  // the file states. Playing goes by the frames' times, so the last remedy is to play slowly until the frame comes.
  checkSeek(record, tries) {
    if (!this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((now, frame) => {
      if (this.isPlaying || record !== this.record) return;
      const time = this.clip.times[record] - this.origin;
      if (frame.mediaTime > time - 0.002) {
        this.video.pause();
        return;
      }
      if (tries > 1) this.video.currentTime += 0.2 * this.durationOf(record);
      if (tries === 1) this.video.currentTime = Math.max(0, time - 0.01);
      if (tries < 1) {
        this.video.playbackRate = 0.25;
        this.video.play().catch(() => {});
      }
      this.checkSeek(record, tries - 1);
    });
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
    this.video.playbackRate = this.speed;
    this.onState();
    if (!this.usesVideo) {
      this.startClock = { wall: performance.now(), time: this.clip.times[this.record] };
      requestAnimationFrame(() => this.tick());
      return;
    }
    if (this.origin !== null) this.awaitFrame();
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
    const { times, interval, count } = this.clip;
    if (time > times[count - 1] + interval) {
      // The video goes on where the records do not.
      this.pause();
      this.seek(count - 1);
      return;
    }
    // Times are rounded on both sides.
    const record = Math.max(0, lastAtOrBelow(times, time + 0.001));
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
