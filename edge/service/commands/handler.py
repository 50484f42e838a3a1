"""Takes commands from the messenger, and gives back their answers and events."""

import logging

from edge.clock import Clock, trusted
from edge.events import new_event
from edge.service.commands.dispatcher import CommandDispatcher
from edge.service.inbox import ReceivedCommand
from edge.service.messenger import Messenger

_log = logging.getLogger(__name__)
_ANSWERS_MAX = 100
"""Messages that are only answered, at most, between two frames."""


class CommandHandler:
    """The way of a command: messenger, dispatcher, and back. It belongs to the pipeline's thread.

    Args:
        dispatcher: admits a command, has it done, and says what to answer.
        messenger: brings commands, takes answers and events.
        clock: dates the events.
    """

    def __init__(self, dispatcher: CommandDispatcher, messenger: Messenger, clock: Clock) -> None:
        self._dispatcher, self._messenger, self._clock = dispatcher, messenger, clock

    def attend(self) -> None:
        """Carry out at most one command, so that the next frame need not wait for a second one.

        What is only answered, because it was answered before or there are too many, takes no time.
        """
        for _ in range(_ANSWERS_MAX):
            message = self._messenger.next_command()
            if message is None or self._handled(message):
                return

    def turn_away_the_rest(self) -> None:
        """At the end of the run: carry out nothing more, and leave nobody without an answer."""
        while (message := self._messenger.next_command()) is not None:
            response = self._dispatcher.turn_away(message.payload)
            if response is not None and not message.retained:
                self._messenger.answer(response)

    def _handled(self, message: ReceivedCommand) -> bool:
        """Answer a message; returns whether there was more to do than that."""
        handled = self._dispatcher.handle(message.payload, retained=message.retained)
        if (event := handled.event) is not None:
            _log.info("command %s: %s: %s", event.command or "?", event.error or event.status, event.message)
            self._messenger.record([new_event(event, self._clock.utc(), clock_trusted=trusted(self._clock))])
        if handled.response is not None:
            self._messenger.answer(handled.response)
        return handled.event is not None
