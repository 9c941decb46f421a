"""Where the values of options come from: the command line, the environment, config.toml."""

import json

import pytest

from rtmcli.settings import Settings, current
from tests.helpers.shell import Shell


def kept(sh: Shell, options: str = "", config: str = "", **variables: str) -> int:
    """How many of two poses, OKS 0.96 apart, `rtm nms` keeps under these settings (its default keeps one)."""
    pose = ",".join(f"[{10 + 3 * k},{20 + 5 * k},0.9]" for k in range(17))
    moved = ",".join(f"[{12 + 3 * k},{20 + 5 * k},0.9]" for k in range(17))
    box = '"box":[0,0,60,110],"score":0.9'
    record = (
        '{"source":"a","frame":0,"skeleton":"coco17","instances":'
        f'[{{{box},"keypoints":[{pose}]}},{{{box},"keypoints":[{moved}]}}]}}'
    )
    run = sh(
        f"mkdir -p home; cat > in; printf '%s' '{config}' > home/config.toml; RTM_HOME=home rtm nms {options} in",
        record.encode(),
        **variables,
    )
    assert run.returncode == 0, run.stderr
    return len(json.loads(run.stdout)["instances"])


def test_an_option_comes_from_its_flag_then_the_environment_then_the_config_file(sh: Shell) -> None:
    assert kept(sh) == 1
    assert kept(sh, "--oks 0.99") == 2
    assert kept(sh, RTM_OKS="0.99") == 2
    assert kept(sh, RTM_NMS_OKS="0.99", RTM_OKS="0.5") == 2
    assert kept(sh, config="[nms]\noks = 0.99\n") == 2
    assert kept(sh, config="oks = 0.99\n[track]\noks = 0.5\n") == 2
    assert kept(sh, "--oks 0.5", RTM_OKS="0.99", config="oks = 0.99\n") == 1
    assert kept(sh, RTM_OKS="0.5", config="oks = 0.99\n") == 1
    assert (
        kept(sh, RTM_RECORDS="nowhere", RTM_QUIET="1") == 1
    )  # an argument has no default; a common flag has


def test_a_bad_value_from_the_environment_names_the_variable(sh: Shell) -> None:
    run = sh("rtm nms", RTM_OKS="high")
    assert run.returncode == 2 and b"(from RTM_OKS)" in run.stderr


def test_a_config_file_that_is_not_toml_is_named(sh: Shell) -> None:
    run = sh("echo 'a b' > config.toml; RTM_HOME=. rtm nms")
    assert run.returncode == 2 and b"config.toml is not TOML" in run.stderr


def test_the_common_flags_of_a_run_do_not_outlive_it(capsys: pytest.CaptureFixture[str]) -> None:
    from rtmcli.cli.app import main

    assert main(["schema", "-q", "-v", "--json-errors", "--no-progress"]) == 0
    assert current() == Settings()


def test_variables_and_keys_have_the_names_of_the_options(sh: Shell) -> None:
    record = b'{"source":"a.mp4","frame":0,"instances":[]}\n'
    assert sh("rtm convert", record, RTM_CONVERT_TO="csv").stdout.startswith(b"source,frame,")
    run = sh("printf '[convert]\\nto = \"csv\"\\n' > config.toml; RTM_HOME=. rtm convert", record)
    assert run.stdout.startswith(b"source,frame,")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[nms]\nosk = 0.5", b"[nms] has an unknown key 'osk'; did you mean oks? correct or remove it"),
        ("[nms]\nthreshold = 0.5", b"[nms] has an unknown key 'threshold'; correct or remove it"),
    ],
)
def test_an_unknown_key_of_a_verbs_table_is_named(sh: Shell, table: str, words: bytes) -> None:
    run = sh(f"printf '%s' '{table}' > config.toml; RTM_HOME=. rtm nms")
    assert run.returncode == 2 and words in run.stderr


def test_keys_of_commands_within_a_verb_and_of_other_verbs_are_known(sh: Shell) -> None:
    config = (
        'oks = 0.5\n[models]\nmirror = "https://host"\n[pose]\ndet-every = 5\n[nms]\nno_progress = true\n'
    )
    assert (
        sh(f"printf '%s' '{config}' > config.toml; RTM_HOME=. rtm nms && RTM_HOME=. rtm models").returncode
        == 0
    )
