"""How addresses and cameras are opened, and what is done when a live one is lost."""

from dataclasses import dataclass
from math import isinf

from rtmcli.errors import UsageError

# Seconds in which a server has to answer and send what a decoder needs to begin.
OPEN_SECONDS = 15.0
# Playlists (HLS, DASH): their segments come in bursts, up to ten seconds apart.
PLAYLIST_SUFFIXES = (".m3u8", ".mpd")
_PLAYLIST_PATIENCE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Limits for sources that come over a network or from a camera.

    Attributes:
        live: read every source as live, also one that declares a length, or standard input.
        reconnect: seconds in which a live source that was lost has to be back; 0: it is not opened again.
        stall: seconds without data after which a source is lost.
        insecure: accept any certificate of a server.

    Raises:
        UsageError: a limit that cannot be kept, naming its option.
    """

    live: bool = False
    reconnect: float = 30.0
    stall: float = 10.0
    insecure: bool = False

    def __post_init__(self) -> None:
        if not self.reconnect >= 0:
            raise UsageError(f"--reconnect {self.reconnect:g}: must be 0 or more seconds")
        if not self.stall > 0:
            raise UsageError(f"--stall {self.stall:g}: must be more than 0 seconds")

    @property
    def patience(self) -> str:
        """How long a lost source is waited for, in a message."""
        return "without end" if isinf(self.reconnect) else f"up to {self.reconnect:g} s"

    def stall_of(self, address: str) -> float:
        """`stall`, or three times as long for a playlist."""
        path = address.partition("?")[0].lower()
        return self.stall * (_PLAYLIST_PATIENCE if path.endswith(PLAYLIST_SUFFIXES) else 1)


DEFAULT_CONNECTION = Connection()
