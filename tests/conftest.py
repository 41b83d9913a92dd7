"""For all tests: Ctrl-C means what it means at a terminal.

A shell's background job begins with SIGINT ignored, and hands that on to its children: tests of interruptions would wait
for an end that never comes.
"""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
