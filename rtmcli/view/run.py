"""Records -> the file of the page."""

from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import chain
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.files import check_writable, write_atomically
from rtmcli.formats.labels import read_labels
from rtmcli.media.frame_lookup import find_pictures
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames
from rtmcli.skeletons import load_skeleton
from rtmcli.terminal.messages import say
from rtmcli.view.images import find_backdrop, has_file
from rtmcli.view.live import LivePage
from rtmcli.view.page import Look, make_page
from rtmcli.view.plots import are_plots_available, make_plots
from rtmcli.view.references import Reference, compare_runs, compare_with_labels
from rtmcli.view.tracks import Clip, collect_clips


def write_page(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    media: str | None = None,
    insecure: bool = False,
    embed: bool = False,
    compare: str | None = None,
    labels: str | None = None,
    skeleton: str | None = None,
    look: Look | None = None,
) -> None:
    """Read all records and write an HTML page that shows them on their video, with a timeline and plots.

    Args:
        media: where the video or the images are, as for `find_pictures`.
        insecure: accept any certificate of servers.
        embed: put the video or images into the page also where browsers could read their files.
        compare: record file of another run on the same sources.
        labels: label file in COCO's form.
        skeleton: of all keypoints, instead of the records' own.

    Raises:
        UsageError: there is no such skeleton.
        DataError: there is no record; images, another run or labels do not belong to the records.
        RtmError: the page cannot be written.

    Example:
        from rtmcli import read_frames, write_page

        write_page(read_frames("walk.jsonl"), "page.html")
    """
    path = Path(path)
    check_writable(path)
    if skeleton is not None:
        load_skeleton(skeleton)
    clips = collect_clips(frames, skeleton)
    if not clips:
        raise DataError("no records: expected one JSON object per line, as 'rtm pose' writes them")
    references = _references(clips, compare, labels, skeleton)
    backdrops = [find_backdrop(clip, path, media=media, insecure=insecure, embed=embed) for clip in clips]
    plots = None
    if are_plots_available():
        has_angles = any(track.angles for clip in clips for track in clip.tracks)
        names = ["x", "y", "speed", *(["angle"] if has_angles else [])]
        plots = make_plots([*names, *(["error"] if any(references) else [])])
    else:
        say("the page has no plots: they need Bokeh: pip install 'rtmcli[view]'", program="rtm view")
    text = make_page(clips, backdrops, plots, look or Look(), references)
    write_atomically(path, text.encode())


def serve_live(
    frames: Iterable[Frame], page: LivePage, *, media: str | None = None, insecure: bool = False
) -> None:
    """Show each record on a live page when it comes, on its image where the source is a file.

    Args:
        media, insecure: where the images are, as for `find_pictures`.

    Raises DataError where `media` is given and has no such image.
    """
    records = iter(frames)
    first = next(records, None)
    if first is None:
        return
    every = chain([first], records)
    if media is None and not has_file(first):
        for frame in every:
            page.show(frame)
        return
    with closing(find_pictures(every, media, insecure=insecure)) as pairs:
        for frame, picture in pairs:
            page.show(frame, picture.image)


def _references(
    clips: list[Clip], compare: str | None, labels: str | None, skeleton: str | None
) -> list[list[Reference]]:
    """What each clip is compared with."""
    found: list[list[Reference]] = [[] for _ in clips]
    if compare is not None:
        others = collect_clips(read_frames(compare), skeleton)
        name = Path(compare).name
        _add_where_known(found, clips, lambda clip: compare_runs(clip, others, name))
    if labels is not None:
        truth = read_labels(labels)
        title = Path(labels).name
        _add_where_known(found, clips, lambda clip: compare_with_labels(clip, truth, title))
    return found


def _add_where_known(
    found: list[list[Reference]], clips: list[Clip], compared: Callable[[Clip], Reference]
) -> None:
    """Add the reference of each clip that has one. Raises the DataError of the first clip where none has."""
    errors: list[DataError] = []
    for clip, references in zip(clips, found, strict=True):
        try:
            references.append(compared(clip))
        except DataError as error:
            errors.append(error)
    if len(errors) == len(clips):
        raise errors[0]
    for missing in errors:
        say(str(missing), program="rtm view")
