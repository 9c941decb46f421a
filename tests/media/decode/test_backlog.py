"""A live stream that is decoded too slowly: old packets are skipped, up to a keyframe that is new."""

from rtmcli.media.decode.backlog import Backlog

RATE, GROUP = 25, 25


def decoded(cost: float, *, seconds: float = 30.0) -> list[float]:
    """How old each packet is that a decoder takes, which needs `cost` seconds for one, of a stream in real time."""
    backlog, now, ages = Backlog(), 0.0, []
    for number in range(int(seconds * RATE)):
        sent = number / RATE
        waited = max(0.0, sent - now)
        now += waited
        # Its timestamps began anywhere.
        if not backlog.skips(900 + sent, waited=waited, now=now, keyframe=number % GROUP == 0):
            ages.append(now - sent)
            now += cost
    assert backlog.skipped + len(ages) == int(seconds * RATE)
    return ages


def test_a_decoder_that_keeps_up_gets_every_packet() -> None:
    assert len(decoded(0.039)) == 30 * RATE


def test_a_decoder_that_is_too_slow_gets_new_packets_and_is_never_far_behind() -> None:
    ages = decoded(0.12)
    assert max(ages) < 2.5 and min(ages[100:]) < 0.6
    # As many as it can decode.
    assert len(ages) > 0.8 * 30 / 0.12


def test_a_pause_of_the_sender_and_timestamps_that_begin_anew_skip_nothing_for_long() -> None:
    backlog = Backlog()
    assert not backlog.skips(10.0, waited=0.04, now=0.0, keyframe=True)
    # The network stood still for five seconds; all that was sent meanwhile comes at once.
    assert not backlog.skips(10.04, waited=5.0, now=5.0, keyframe=False)
    assert not any(backlog.skips(10.08 + n / 25, waited=0.0, now=5.01, keyframe=False) for n in range(100))
    # Timestamps go back by ten seconds while nothing has to be waited for.
    assert backlog.skips(1.0, waited=0.0, now=5.05, keyframe=False)
    assert not backlog.skips(1.04, waited=0.04, now=5.09, keyframe=True)
    assert not backlog.skips(None, waited=0.0, now=90.0, keyframe=False)
