"""Validators' peer network: TLS identity, signed envelopes, a full mesh of streams.

See README.md in this folder.
"""

from node.network.errors import (
    EnvelopeRejected,
    FetchFailed,
    IdentityRejected,
    InvalidGossip,
    MessageTooLarge,
    NetworkError,
    PeerUnavailable,
    TopicTaken,
    UnknownPeer,
)
from node.network.identity import CertificateAuthority, NodeIdentity, Signer, create_authority, issue_identity
from node.network.limits import CRITICAL_TOPICS, PeerLimits
from node.network.mesh import PeerAddress, PeerMesh, PeerStatus
from node.network.reconcile import DurablePool
from node.network.service import BatchProvider
from node.network.session import Handler

__all__ = [
    "CRITICAL_TOPICS",
    "BatchProvider",
    "CertificateAuthority",
    "DurablePool",
    "EnvelopeRejected",
    "FetchFailed",
    "Handler",
    "IdentityRejected",
    "InvalidGossip",
    "MessageTooLarge",
    "NetworkError",
    "NodeIdentity",
    "PeerAddress",
    "PeerLimits",
    "PeerMesh",
    "PeerStatus",
    "PeerUnavailable",
    "Signer",
    "TopicTaken",
    "UnknownPeer",
    "create_authority",
    "issue_identity",
]
