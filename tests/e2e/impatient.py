"""`python -m tests.e2e.impatient serve …`: Trunkline, with the waits that a test cannot wait for cut down to a fraction of a second."""

from __future__ import annotations

import sys

from trunkline.cli import main
from trunkline.server import lane, protocol, state

HEAD = 0.3
BODY = 0.3
COMMENT = 0.2

if __name__ == "__main__":
    state.TICK = 0.05
    protocol.HEAD_SECONDS = HEAD
    protocol.BODY_SECONDS = BODY
    lane.COMMENT_SECONDS = COMMENT
    sys.exit(main())
