"""The device's half of an announcement, as a process that can be killed: outbox, delivery, local path.

``python -m edge.bench.announcement_gate CONFIG`` reads one violation's id a line, and answers each with the
moment at which it started to store it, as JSON.
"""

import json
import sys
from pathlib import Path

from edge.clock import SystemClock
from edge.config import Config, load_config
from edge.events import Place, Status, ViolationOpened, cloud_event, new_event
from edge.mqtt import MqttLink, OutgoingMessage
from edge.outbox import Outbox
from edge.outbox.delivery import Delivery
from edge.speaker.local import LocalSender


def main(config: Config) -> None:
    """Open violations as the service does, until the input ends."""
    clock, site = SystemClock(), config.site
    place = Place(site.id, site.device, config.mqtt.prefix)
    outbox = Outbox(config.outbox, clock)
    status = OutgoingMessage(
        place.topic("status"), Status.payload("online", "running", clock.utc()), 1, retain=True
    )
    link = MqttLink(config.mqtt, f"bench-{site.device}", birth=lambda: [status])
    delivery = Delivery(outbox, link, place, clock)
    sender = None if config.speaker.socket is None else LocalSender(config.speaker.socket, clock)
    delivery.start()
    link.start()
    for line in sys.stdin:
        decided_s = clock.monotonic()
        data = ViolationOpened(
            violation=line.strip(),
            zone=site.zone,
            track=1,
            score=0.1,
            face_width_px=80,
            seen_for_s=0.6,
            model="m",
        )
        event = new_event(data, clock.utc())
        sequence = outbox.append(event, place)
        if sender is not None:
            wire = cloud_event(event, place, sequence=sequence, recorded=event.time)
            sender.send(json.dumps(wire, separators=(",", ":")).encode())
        delivery.wake()
        sys.stdout.write(json.dumps({"violation": data.violation, "decided_s": decided_s}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(load_config(Path(sys.argv[1])))
