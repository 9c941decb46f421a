#!/usr/bin/env bash
# Installs rtm on an emulated 64-bit ARM machine and compares its records with this machine's.
#
#   benchmarks/arm64_emulated.sh [FOLDER]
#
# Shows that rtm works on ARM; says nothing about its speed there. Needs Debian on x86-64, root, and `rtm` on the PATH.
# FOLDER (default /tmp/rtm-arm64) keeps the emulated system: 10 minutes the first time, a few after that.
#   FRAMES=N        frames of the demo clip (default 4)
#   PICTURES=DIR    a folder of images to compare as well
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
system=${1:-/tmp/rtm-arm64}
frames=${FRAMES:-4}

install_emulator() {
  if ! { command -v qemu-aarch64-static && command -v mmdebstrap; } > /dev/null; then
    apt-get update -q
    apt-get install -yq --no-install-recommends qemu-user-static binfmt-support mmdebstrap arch-test
  fi
  # Containers often lack the kernel's table of interpreters, or the entry for ARM.
  mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
  test -e /proc/sys/fs/binfmt_misc/qemu-aarch64 || update-binfmts --enable qemu-aarch64
}

make_system() {
  test -x "$system/usr/bin/python3" && return
  # opencv-python loads libgl1, libglib2.0-0 and libxcb1 from the system.
  mmdebstrap --mode=root --architectures=arm64 --variant=apt \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --include=ca-certificates,python3,python3-venv,libgl1,libglib2.0-0,libxcb1 \
    bookworm "$system" "$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)"
}

# qemu passes on this machine's /proc/cpuinfo. ONNX Runtime expects ARM's keys there and ends without them.
write_cpuinfo() {
  for core in $(seq 0 $(($(nproc --all) - 1))); do
    cat << EOF
processor       : $core
BogoMIPS        : 50.00
Features        : fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer : 0x41
CPU architecture: 8
CPU variant     : 0x3
CPU part        : 0xd0c
CPU revision    : 1

EOF
  done > "$system/cpuinfo"
}

# Files and folders that pip and name resolution need inside, as they are outside.
shared_paths() {
  printf '%s\n' /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt
  printf '%s\n' /etc/pip.conf /etc/xdg/pip "$HOME/.config/pip"
  # local package folders that pip's settings name; an index is the folder `simple` in one
  pip config list 2> /dev/null | grep -oE "(file://)?/[^ '\"]+" | sed -e 's,^file://[^/]*,,' -e 's,/simple/*$,,'
}

# run_inside COMMAND: a shell command in the emulated system. Its mounts end with it.
run_inside() {
  export system command=$1
  shared=$(shared_paths) unshare --mount bash -euo pipefail << 'EOF'
mount --make-rprivate /
for folder in /proc /dev /sys; do mount --rbind "$folder" "$system$folder"; done
mount --bind "$system/cpuinfo" "$system/proc/cpuinfo"
while read -r path; do
  test -e "$path" || continue
  mkdir -p "$(dirname "$system$path")"
  if test -d "$path"; then mkdir -p "$system$path"; else touch -a "$system$path"; fi
  mount --bind "$path" "$system$path"
done <<< "$shared"
mapfile -t pip_settings < <(env | grep ^PIP_ || true)
exec env -i HOME="$HOME" LANG=C.UTF-8 PATH=/venv/bin:/usr/bin:/bin QEMU_CPU=neoverse-n1 "${pip_settings[@]}" \
  "$(command -v chroot)" "$system" bash -euo pipefail -c "cd /rtm; $command"
EOF
}

install_rtm() {
  rm -rf "${system:?}/rtm"
  mkdir -p "$system/rtm/source"
  git -C "$here" archive HEAD | tar x -C "$system/rtm/source"
  test -x "$system/venv/bin/pip" || run_inside 'python3 -m venv /venv'
  run_inside 'pip install -q --no-cache-dir ./source; rtm --version'
}

install_emulator
make_system
write_cpuinfo
install_rtm

# Decoders of the two machines round differently, so the images are decoded here once and stored without loss.
compare=$here/benchmarks/arm64_compare.py
rm -rf "$system/rtm/images"
python3 "$compare" extract "$system/rtm/images" --frames "$frames" ${PICTURES:+--pictures "$PICTURES"}

main_job="rtm pose demo --max-frames $frames | rtm smooth > clip.jsonl"
run_inside "$main_job; rtm schema --check clip.jsonl; rtm draw clip.jsonl -o clip.mp4
  rtm pose images/*.png --engine onnxruntime > images.jsonl
  rtm bench --models rtmdet-nano,rtmpose-t --warmup 1 --runs 3 | cat"
mkdir -p "$system/here"
cd "$system/here"
eval "$main_job"
ln -sfn ../rtm/images images
rtm pose images/*.png --engine onnxruntime > images.jsonl
python3 "$compare" compare clip.jsonl ../rtm/clip.jsonl
python3 "$compare" compare images.jsonl ../rtm/images.jsonl
