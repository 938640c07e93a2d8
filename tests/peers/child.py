"""A server as a child of a test: it says when it serves, and never outlives the test, however that ends."""
import ctypes
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded here: nothing is allocated between fork and exec


def start(command, **popen):
    """The process. It dies with the thread that called, so call from one that lives as long as it is wanted."""
    return subprocess.Popen(
        list(map(str, command)), preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), text=True, **popen)


def stop(process, by=signal.SIGKILL):
    """Waits for it too. One that has ended already is fine."""
    if process.poll() is None:
        process.send_signal(by)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    process.wait()
