"""`rtm detect` and `rtm pose` with `-o FOLDER`."""

import hashlib
import socket
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from rtmcli.cli import effects
from rtmcli.cli.command import Given
from rtmcli.cli.folder_job import fill_folder, job_settings, open_folder, plan_job
from rtmcli.cli.job_options import RAY_NAMES, MediaJobOptions
from rtmcli.cli.options import DetectOptions, PoseOptions
from rtmcli.cli.pipelines import Pipeline, detect_networks, pose_networks, with_media
from rtmcli.cli.source_options import SourceOptions
from rtmcli.cli.write_records import finished_items, track_with_camera
from rtmcli.cpus import available_cpus
from rtmcli.errors import DataError, RtmError, UsageError
from rtmcli.jobs.folder import Folder
from rtmcli.jobs.plan import Reading, plan_media
from rtmcli.jobs.run import Execute, in_this_process
from rtmcli.jobs.shards import parse_shard
from rtmcli.jobs.sources import image_files, media_sources
from rtmcli.jobs.unit import Counts, Outcome, Unit, Work
from rtmcli.jobs.workers import in_processes
from rtmcli.media import ListedSource, Media
from rtmcli.media.file_sources import open_files
from rtmcli.media.frame_lookup import find_pictures
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.names import know_addresses, secret_addresses
from rtmcli.media.video_source import open_video
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.terminal.run_report import run_report
from rtmcli.terminal.run_stats import RunStats
from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE, find_model

Options = DetectOptions | PoseOptions


def run_media_job(sources: Sequence[str], options: Options, given: Given) -> None:
    """Write a file of records for each source to the folder of `-o`."""
    poses = isinstance(options, PoseOptions)
    verb = "pose" if poses else "detect"
    if not sources:
        raise UsageError("-o FOLDER needs a SOURCE; write records from stdin to a file: -o out.jsonl")
    given.reject(("boxes", "media"), "with -o FOLDER", "write to a file: -o out.jsonl")
    given.reject(("draw", "show"), "with -o FOLDER", "draw the records afterwards with 'rtm draw'")
    given.reject(("browser",), "with -o FOLDER", "look at the records afterwards with 'rtm view'")
    given.reject(
        ("live", "reconnect"),
        "with -o FOLDER, whose sources are files",
        "write a live source to a file: -o out.jsonl",
    )
    effects.check_engine(options.engine, given)
    assert options.output.output is not None
    job = options.job
    shard = None if job.shard is None else parse_shard(job.shard)
    if options.engine.engine == "auto" and (shard is not None or job.ray is not None):
        flag = "--shard" if shard is not None else "--ray"
        raise UsageError(
            f"--engine auto may choose another engine on another machine; name the engine for {flag}"
        )
    if job.ray is None:
        given.reject(RAY_NAMES, "without --ray")
    found = media_sources(sources, clip=options.source.fps is not None)
    folder = open_folder(options.output.output)
    settings = job_settings(verb, given, _digests(options))
    planned = plan_job(
        found,
        folder,
        settings,
        job.common,
        partial(plan_media, reading=_reading(options)),
        suffix=".jsonl",
        continues=shard is not None,
    )
    if job.plan:
        return
    tracked = isinstance(options, PoseOptions) and options.track
    stats = RunStats()
    with run_report(stats, options.output.report, label=verb):
        fill_folder(
            planned,
            folder,
            _executor(options, given, settings.models, folder, stats),
            job.common,
            label=verb,
            finish=partial(_tracked, options=options.source) if tracked else None,
            shard=shard,
            done=lambda outcome: _count_unit(stats, outcome) if _elsewhere(job) else None,
        )


def _elsewhere(job: MediaJobOptions) -> bool:
    """Whether other processes do the units, of which this one learns when they are done."""
    return job.ray is not None or job.workers > 1


def _count_unit(stats: RunStats, outcome: Outcome) -> None:
    stats.count(outcome.unit.source, frames=outcome.counts.frames, people=outcome.counts.people)


def _executor(
    options: Options, given: Given, models: Mapping[str, str], folder: Folder, stats: RunStats
) -> Execute:
    """What does the units: this process, which counts frames, several processes, or a Ray cluster."""
    job = options.job
    if job.ray is not None:
        from rtmcli.jobs.on_ray import Cluster, on_ray

        opens = partial(
            open_work, _with_cpus(options, int(job.cpus_per_worker)), given, models, secret_addresses()
        )
        cluster = Cluster(
            address=job.ray, cpus=job.cpus_per_worker, gpus=job.gpus_per_worker, actors=job.workers
        )
        return on_ray(folder, opens, cluster)
    if not _elsewhere(job):
        return in_this_process(folder, partial(open_work, options, given, models, stats=stats))
    share = _with_cpus(options, available_cpus() // job.workers)
    return in_processes(folder, partial(open_work, share, given, models, secret_addresses()), job.workers)


def _with_cpus(options: Options, cpus: int) -> Options:
    """The options of one of several processes, which has so many CPUs for itself."""
    engine = options.engine
    if engine.jobs is not None or not engine.device.startswith("cpu"):
        return options
    threads = engine.threads or 1
    return replace(options, engine=replace(engine, threads=threads, jobs=max(1, cpus // threads)))


def open_work(
    options: Options,
    given: Given,
    models: Mapping[str, str],
    addresses: Mapping[str, str] | None = None,
    *,
    stats: RunStats | None = None,
) -> Work:
    """Open the networks; what is returned does one unit after the other with them.

    Args:
        models: SHA-256 of the files with which the job began; those of another machine may be others.
        addresses: with credentials, by their names in the job (`secret_addresses`), where it runs in another process.
        stats: counts frames, where the units are done in this process.

    Raises:
        RtmError: a model's file is another one here.
    """
    know_addresses(addresses or {})
    for role, digest in _digests(options).items():
        if digest != models[role]:
            raise RtmError(
                f"the {role}'s file on {socket.gethostname()} is another one than that with which the job began "
                "(its SHA-256 differs); install the same models everywhere"
            )
    threads, jobs = options.engine.threads_and_jobs(None)
    if isinstance(options, PoseOptions):
        networks = pose_networks(options, threads, jobs, given)
    else:
        networks = detect_networks(options, threads, jobs)
    return partial(_do, networks, options, stats or RunStats())


def open_unit(unit: Unit, options: SourceOptions) -> Media:
    """The frames of a unit. Raises DataError for a live stream, which cannot be told from a file by its address."""
    if unit.images and options.fps is None:
        files, wanted = list(image_files(unit.source)), FrameRange(options.start, options.end)
        if unit.span is not None:
            first, count = unit.span.first, unit.span.frames
            files = files[:: options.every][first : first + count]
        else:
            wanted = replace(wanted, every=options.every, max_frames=options.max_frames)
        return open_files(unit.source, files, wanted, options.on_error)
    if unit.span is not None:
        span = unit.span
        wanted = FrameRange(span.start, span.end, options.every, span.max_frames, span.keyframes)
        return open_video(unit.source, wanted, options.on_error, stream=options.stream, pipe=None)
    media = options.open([ListedSource(unit.source)])[0]
    if media.live:
        media.close()
        raise DataError(
            f"{unit.source}: a live stream; -o FOLDER is for sources that end, write it to a file: -o out.jsonl"
        )
    return media


def _do(networks: Pipeline, options: Options, stats: RunStats, unit: Unit, path: Path) -> Counts:
    """Write the records of a unit. Ids go through a whole source, so the units of a long one get theirs at the end."""
    people = 0

    def counted() -> Generator[Frame, None, None]:
        nonlocal people
        with open_unit(unit, options.source) as media:
            track = networks.track and unit.span is None
            pipeline = with_media(replace(networks, track=track), [media], options.output)
            with closing(finished_items(pipeline)) as items:
                for item in items:
                    found = len(item.frame.instances)
                    people += found
                    stats.count(unit.source, people=found, at=item.frame.time)
                    yield item.frame

    with path.open("wb") as out, closing(counted()) as frames:
        return Counts(write_frames(frames, out), people)


def _reading(options: Options) -> Reading:
    """How sources are read and split: not where damage is skipped, which only decoding finds."""
    source = options.source
    splits = options.job.unit > 0 and source.on_error == "stop"
    return Reading(
        wanted=FrameRange(source.start, source.end, source.every, source.max_frames),
        stream=source.stream,
        det_every=options.det_every if isinstance(options, PoseOptions) else 1,
        seconds=options.job.unit if splits else None,
        clip=source.fps is not None,
    )


def _tracked(frames: Iterable[Frame], *, options: SourceOptions) -> Iterator[Frame]:
    """The frames with ids. The video is decoded once more: the camera's motion is measured from frame to frame."""
    track = track_with_camera()
    with closing(find_pictures(frames, stream=options.stream, insecure=options.insecure)) as pairs:
        for frame, picture in pairs:
            yield track(frame, picture.image)


def _digests(options: Options) -> dict[str, str]:
    """SHA-256 of the files of the models: another model under the same name is noticed."""
    models = {"detector": options.detector.detector or DEFAULT_DETECTOR}
    if isinstance(options, PoseOptions):
        models["model"] = options.model or DEFAULT_POSE
    torch = options.engine.engine == "torch"
    return {role: _digest(find_model(name, checkpoint=torch)) for role, name in models.items()}


def _digest(path: Path) -> str:
    """SHA-256 of a model file, and of the file with its weights where they are apart (ncnn, OpenVINO)."""
    digest = hashlib.sha256()
    for file in (path, path.with_suffix(".bin")):
        if file.is_file():
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
