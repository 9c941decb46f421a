"""What comes in on a pipe, in every state it can be in, and how it ends.

`rtm nms` passes a lone person on unchanged, so that what comes out can be compared byte by byte.
"""

import pytest

from tests.helpers.shell import Shell


def line(frame: int = 0, extra: str = "") -> bytes:
    return (
        f'{{"source":"a.mp4","frame":{frame},"frames":9,"time":{frame / 30!r},"width":64,"height":48,'
        f'"instances":[{{"id":1,"label":"person","box":[1.5,2.25,30.125,40.0],"score":0.9}}]{extra}}}\n'
    ).encode()


def test_unknown_keys_and_the_order_of_keys_survive_a_pipe_of_verbs(sh: Shell) -> None:
    given = (
        b'{"z":{"deep":[1,2.5,"\xc3\xa9"]},"instances":[{"note":null,"score":0.25,"keypoints":[[0.1,2.0,0.3],null],'
        b'"big":123456789012345678901234567890}],"frame":3,"source":"a","camera":7}\n'
    )
    assert sh("rtm nms | rtm nms", given).stdout == given


def test_a_new_key_takes_its_place_among_the_known_ones(sh: Shell) -> None:
    given = (
        b'{"source":"a","frame":0,"instances":[{"label":"person","box":[0.0,0.0,9.0,9.0],"mine":1}],"x":2}\n'
    )
    expected = given.replace(b'{"label"', b'{"id":1,"label"')
    assert sh("rtm track", given).stdout == expected


def test_an_empty_stream_is_an_empty_stream(sh: Shell) -> None:
    for verb in ("track", "smooth", "angles", "nms"):
        run = sh(f"rtm {verb}")
        assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_a_byte_order_mark_crlf_and_blank_lines_are_passed_over(sh: Shell) -> None:
    given = b"\xef\xbb\xbf" + line(0).replace(b"\n", b"\r\n") + b"\n  \r\n" + line(1)
    assert sh("rtm nms", given).stdout == line(0) + line(1)


def test_two_files_with_marks_may_be_concatenated(sh: Shell) -> None:
    given = b"\xef\xbb\xbf" + line(0)
    assert sh("cat > a; cat a a | rtm nms", given).stdout == line(0) * 2


def test_a_last_line_without_a_newline_is_a_line(sh: Shell) -> None:
    assert sh("rtm nms", line(0).rstrip()).stdout == line(0)


def test_a_truncated_last_line_ends_with_3_after_the_lines_before_it(sh: Shell) -> None:
    run = sh("rtm nms", line(0) + line(1)[:60])
    assert (run.returncode, run.stdout) == (3, line(0))
    assert b"rtm nms: standard input, line 2, byte " in run.stderr and b"truncated" in run.stderr
    assert run.stderr.count(b"\n") == 1


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_not_json_is_refused_with_line_and_byte(sh: Shell, word: bytes) -> None:
    bad = line(1).replace(b"2.25", word)
    run = sh("rtm smooth", line(0) + bad + line(2))
    at = len(line(0)) + bad.index(word)
    assert run.returncode == 3 and run.stdout.count(b"\n") == 1
    shown = word.lstrip(b"-")
    # The parser has taken the minus before it stops.
    assert f"line 2, byte {at + len(word) - len(shown)}: ".encode() in run.stderr and shown in run.stderr


def test_bad_utf8_is_refused_with_line_and_byte(sh: Shell) -> None:
    run = sh("rtm track", line(0) + line(1).replace(b"person", b"per\xffson"))
    at = len(line(0)) + line(1).index(b"person") + 3
    assert run.returncode == 3 and f"line 2, byte {at}: not UTF-8".encode() in run.stderr


def test_utf16_says_what_to_do(sh: Shell) -> None:
    run = sh("rtm track", line(0).decode().encode("utf-16"))
    assert run.returncode == 3 and b"iconv" in run.stderr


def test_a_line_of_ten_megabytes_passes(sh: Shell) -> None:
    given = line(0, extra=',"blob":"' + "x" * 10_000_000 + '"')
    assert sh("rtm nms", given).stdout == given


def test_a_line_without_end_is_refused_not_kept_in_memory(sh: Shell) -> None:
    run = sh("head -c 80000000 /dev/zero | tr '\\0' 'x' | rtm nms")
    assert run.returncode == 3 and b"longer than 64 MB" in run.stderr


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"[1, 2]\n", b"expected a JSON object, got an array"),
        (b'{"source":"a","frame":0}\n', b"'instances' must be an array, got nothing"),
        (b'{"source":7,"frame":0,"instances":[]}\n', b"'source' must be a string, got a number"),
        (
            b'{"source":"a","frame":-1,"instances":[]}\n',
            b"'frame' must be an integer from 0 to 2**53, got -1",
        ),
        (
            b'{"source":"a","frame":0,"instances":[{"box":[1,2,3]}]}\n',
            b"instances[0]: 'box' must be four numbers",
        ),
        (
            b'{"source":"a","frame":0,"instances":[{},{"keypoints":[[1,2,0.5],[1,2]]}]}\n',
            b"instances[1]: keypoints[1] must be null or 3 numbers, got 2 values",
        ),
        (
            b'{"source":"a","frame":0,"instances":[{"keypoints":[[1,2,"0.5"]]}]}\n',
            b"keypoints[0][2] must be a number, got a string",
        ),
        (b'{"source":"a","frame":0,"instances":[{"keypoints":[[1e39,2,0]]}]}\n', b"beyond float32"),
    ],
)
def test_json_that_is_no_record_says_what_was_expected(sh: Shell, bad: bytes, message: bytes) -> None:
    run = sh("rtm track", line(0) + bad)
    assert run.returncode == 3 and run.stdout.count(b"\n") == 1
    assert b"standard input, line 2: " in run.stderr and message in run.stderr


def test_a_file_that_is_not_there_is_named(sh: Shell) -> None:
    run = sh("rtm track nowhere.jsonl")
    assert run.returncode == 3
    assert run.stderr == b"rtm track: cannot read nowhere.jsonl: No such file or directory\n"


def test_several_files_are_read_one_after_the_other(sh: Shell) -> None:
    run = sh("cat > a; sed s/a.mp4/b.mp4/ a > b; rtm track a b", line(0))
    assert run.stdout == line(0) + line(0).replace(b"a.mp4", b"b.mp4")
