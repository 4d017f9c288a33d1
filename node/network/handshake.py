"""The first two frames of a session: each side proves that its validator key stands behind the connection."""

import secrets
from collections.abc import Collection
from typing import Final

from clearing.v1 import peer_pb2

from node.network.errors import IdentityRejected
from node.network.identity import (
    NodeIdentity,
    Recover,
    Signer,
    binding_digest,
    read_certificate,
    require_signature,
    session_digest,
)

NONCE_BYTES: Final = 32


class Credentials:
    """What a node shows and checks in handshakes: identity, validator key, and deployment."""

    def __init__(self, identity: NodeIdentity, signer: Signer, recover: Recover, deployment: bytes) -> None:
        """Raises IdentityRejected if identity and signer are not the same validator's."""
        if not identity.address == signer.address == read_certificate(identity.certificate).validator:
            raise IdentityRejected("the identity is not of the validator whose key signs")
        self.identity = identity
        self.deployment = deployment
        self._signer = signer
        self._recover = recover
        self._fingerprint = identity.fingerprint
        self._binding = signer.sign_digest(binding_digest(deployment, self._fingerprint))

    @property
    def address(self) -> bytes:
        """The validator's address, 20 bytes."""
        return self.identity.address

    def hello(self) -> peer_pb2.Hello:
        """A Hello with a fresh nonce."""
        return peer_pb2.Hello(
            validator=self.address,
            deployment=self.deployment,
            binding=self._binding,
            nonce=secrets.token_bytes(NONCE_BYTES),
        )

    def check_hello(self, hello: peer_pb2.Hello, certificate: bytes, peers: Collection[bytes]) -> bytes:
        """The validator at the other end, given the certificate (PEM) TLS saw there.

        Raises IdentityRejected.
        """
        subject = read_certificate(certificate)
        if subject.validator != hello.validator:
            raise IdentityRejected("the Hello names another validator than the certificate")
        if hello.deployment != self.deployment:
            raise IdentityRejected("the Hello is of another deployment")
        if hello.validator not in peers:
            raise IdentityRejected("the validator is not a peer")
        if len(hello.nonce) != NONCE_BYTES:
            raise IdentityRejected("the nonce has the wrong length")
        digest = binding_digest(self.deployment, subject.fingerprint)
        require_signature(self._recover, digest, hello.binding, hello.validator, "the binding")
        return subject.validator

    def welcome(self, hello: peer_pb2.Hello, certificate: bytes) -> peer_pb2.Welcome:
        """The answer to a checked Hello, bound to the dialer's certificate (PEM)."""
        seen = read_certificate(certificate).fingerprint
        digest = session_digest(self.deployment, hello.nonce, seen, self.address)
        return peer_pb2.Welcome(validator=self.address, signature=self._signer.sign_digest(digest))

    def check_welcome(self, welcome: peer_pb2.Welcome, hello: peer_pb2.Hello, peer: bytes) -> None:
        """Raises IdentityRejected unless `peer` itself answered our Hello, on our TLS connection."""
        if welcome.validator != peer:
            raise IdentityRejected("the Welcome names another validator than the one dialed")
        digest = session_digest(self.deployment, hello.nonce, self._fingerprint, peer)
        require_signature(self._recover, digest, welcome.signature, peer, "the Welcome's signature")
