"""`python -m rtmcli` is `rtm`."""

import sys

from rtmcli.cli.app import main

sys.exit(main())
