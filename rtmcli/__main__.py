"""`python -m rtmcli` is `rtm`."""

import sys

from rtmcli.cli import main

sys.exit(main())
