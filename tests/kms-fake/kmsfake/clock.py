"""The fake's time: the machine's, moved forward on demand."""

from __future__ import annotations

import time

DAY = 86_400


class Clock:
    """Runs as the machine's clock does, `offset` seconds ahead of it."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        # Going back would undo deletions, which nothing in AWS does.
        if seconds < 0:
            raise ValueError("the clock goes forward only")
        self.offset += seconds


def iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
