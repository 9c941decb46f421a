"""Models to the files of other runtimes, and the check that they compute the same."""

from rtmcli import telemetry

telemetry.switch_off()
