"""Counters and gauges of the peer network, in the registry they are given."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

UNKNOWN_TOPIC: Final = "unknown"
"""Label of every topic without a handler: a peer cannot add labels by inventing topics."""


class NetworkMetrics:
    """One per mesh; two meshes in one process need two registries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"zkclear_network_{name}", help_text, labels, registry=registry)

        self.sessions = Gauge("zkclear_network_sessions", "Peers with a live session", registry=registry)
        self.sessions_opened = counter("sessions_opened", "Handshakes that succeeded")
        self.sessions_refused = counter(
            "sessions_refused", "Streams this node refused or ended for cause, by ErrorInfo reason", "reason"
        )
        self.sent = counter("envelopes_sent", "Envelopes written to peers", "topic")
        self.received = counter("envelopes_received", "Envelopes given to a handler", "topic")
        self.dropped = counter("envelopes_dropped", "Envelopes not delivered, by reason", "reason")
        self.offences = counter("offences", "Penalties given to peers, by kind", "kind")
        self.handler_failures = counter("handler_failures", "Handlers that raised what they should not", "topic")
        self.healed = counter("pool_items_healed", "Durable items sent to a peer that lacked them", "topic")
        self.batches_served = counter("batches_served", "Batch bodies sent to peers that fetched them")
