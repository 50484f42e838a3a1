"""What hangs on the device's own pins: lights, a buzzer, a relay and a push button; gpiozero drives them.

The light shows who is in view. It is red while anybody is not masked, else green while anybody is masked,
else amber while somebody can't be judged (yet). It is dark when nobody is there. The buzzer sounds twice,
briefly, when a violation opens. The button mutes the buzzer (a second press ends that), or tests lights and
buzzer. A test never moves the relay.

The relay's contact opens or closes the circuit that lets people through. At rest its coil is released:

=====================================  =======================  =======================
..                                     ``fail-safe``            ``fail-secure``
=====================================  =======================  =======================
all is well (nobody, masked, unknown)  coil released, way open  coil energised, way open
light is red                           coil energised, way shut coil released, way shut
starting, until the first frame        coil released, way open  coil released, way shut
camera failed, pins failed, stopped    coil released, way open  coil released, way shut
no power                               coil released, way open  coil released, way shut
crash, kill -9                         as it was for a moment, then coil released: see below
board hangs, or the pipeline does      as it was, until a watchdog ends it
=====================================  =======================  =======================

So a way out must be ``fail-safe``, and its lock must be wired so that a released coil leaves it open.

Crash: Raspberry Pi's kernels keep an output's level when its process dies. ``ExecStopPost=`` in the unit
releases the coil at once after any end. ``dtparam=strict_gpiod`` in config.txt makes the kernel do the same.
Before the service starts, pins are inputs, pulled up on GPIO0 to GPIO8 and down on all others. So put a relay
that 0 V switches on (``active_low``) on GPIO2 to GPIO8, and any other on GPIO9 to GPIO27. After the service
nothing pulls the pins: take a relay board that holds its own input.
"""

from edge.indicators.lights import Light, energised, light_for
from edge.indicators.panel import Indicators
from edge.indicators.pins import OutputPins

__all__ = ["Indicators", "Light", "OutputPins", "energised", "light_for"]
