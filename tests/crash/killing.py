"""kill -9 of a command at chosen moments, and what must hold whenever it died.

A moment is a place in the command's own progress lines plus a share of the time that the stretch took undisturbed. So
the same shares hit every phase on a fast machine and on a slow one; where exactly a kill lands is never the same twice,
and must not matter.
"""
import os
import signal
import threading
import time

from harness import DONE

# Kills in each stretch of a command; more on a machine that has the time.
SLICES = int(os.environ.get("REHOME_CRASH_SLICES", "3"))
ATTEMPTS_MAX = 10
PATIENCE_S = 240


class Undisturbed:
    """One whole call of a command: `marks`, the progress lines that begin a stretch, and how long each took."""

    def __init__(self, app, *arguments, **start):
        process = app.start(*arguments, **start)
        drained = threading.Thread(target=process.stdout.read)
        drained.start()
        begun, said = [(None, time.monotonic())], []
        for line in process.stderr:
            said.append(line)
            if line.endswith(": started\n"):
                begun.append((line, time.monotonic()))
        drained.join()
        assert process.wait(PATIENCE_S) == DONE, "".join(said)
        for stream in (process.stdout, process.stderr):
            stream.close()
        ends = [moment for _, moment in begun[1:]] + [time.monotonic()]
        self.seconds = ends[-1] - begun[0][1]
        self.stretches = [(line, end - start) for (line, start), end in zip(begun, ends)]

    def moments(self, slices=SLICES):
        """(mark, seconds after it) of every kill, in order."""
        return [(line, seconds * (n + 0.5) / slices) for line, seconds in self.stretches for n in range(slices)]


def kill_at(app, mark, seconds, *arguments, **start):
    """Starts the command and kills it `seconds` after it said `mark` (None: after its start). Its exit code if it was
    faster, else None."""
    process = app.start(*arguments, **start)
    readers = [threading.Thread(target=process.stdout.read)]
    if mark is not None:
        for line in process.stderr:
            if line == mark:
                break
    readers.append(threading.Thread(target=process.stderr.read))
    for reader in readers:
        reader.start()
    time.sleep(seconds)  # the moment itself, not a wait for something
    process.send_signal(signal.SIGKILL)
    code = process.wait(PATIENCE_S)
    for reader in readers:
        reader.join()
    for stream in (process.stdout, process.stderr):
        stream.close()
    return None if code == -signal.SIGKILL else code


def finish(app, *arguments, **start):
    """Calls the command until it is done, as an operator would. The exit codes on the way."""
    codes = []
    for _ in range(ATTEMPTS_MAX):
        answer = app.run(*arguments, expect=None, **start)
        codes.append(answer.exit)
        if answer.exit == DONE:
            return codes
    raise AssertionError(f"never done: {codes}\n{answer}")
