"""Run one command and write what it used, as JSON, to standard output.

A process of its own and a small one: Linux counts, in a child's peak memory,
what its parent held at the moment of the exec. run.py holds whole reports; this
holds some 10 MB, which is so the least that can be measured.

    python3 -S measure.py SECONDS OUT ERR COMMAND...
"""

import os
import signal
import sys
import time


def main():
    limit, out, err, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o644),
    ]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
    # A run that hangs is a result too: it is ended, its own children with it, and counts as crashed.
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(int(limit))
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    signal.alarm(0)
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    print(f'{{"cpu": {cpu}, "wall": {wall}, "peak_mb": {usage.ru_maxrss / 1024}, "code": {code}}}')


main()
