"""What all stack tests share: how testcontainers behaves here."""

import os

# Read by testcontainers when it is imported, after this file: no container that reaps others, ports on the loopback.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
