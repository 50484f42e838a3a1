"""What happens to a process when one of its threads fails."""

import logging
import os
import threading

_log = logging.getLogger(__name__)


def end_with_any_thread() -> None:
    """Let an unexpected error in any thread end the process: half a device is worse than a restarted one."""

    def end(args: threading.ExceptHookArgs) -> None:
        name = args.thread and args.thread.name
        _log.critical("unexpected error in thread %s: ending", name, exc_info=args.exc_value)
        logging.shutdown()
        os._exit(1)

    threading.excepthook = end
