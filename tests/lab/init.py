#!/usr/bin/env python3
"""Process 1 of a host (and of the lab itself): reap children, wait, end on SIGTERM.

All processes of the pid namespace die with it. With `--lifeline` it also ends when standard
input is closed, so that a lab dies with the process that holds the other end, however that ends.
"""

import os
import select
import signal
import sys

lifeline = [0] if "--lifeline" in sys.argv else []
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGINT, signal.SIG_IGN)
# A wake-up byte per SIGCHLD: without it a child that ends between waitpid and select would stay a zombie.
awake, wake = os.pipe()
os.set_blocking(awake, False)
os.set_blocking(wake, False)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
while True:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    ready, _, _ = select.select([awake, *lifeline], [], [])
    if awake in ready:
        os.read(awake, 4096)
    if 0 in ready and not os.read(0, 4096):
        sys.exit(0)
