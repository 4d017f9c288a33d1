"""Who a node is on the wire: an X.509 certificate of the deployment's authority, bound to the validator key.

The certificate (P-256, RFC 5280) names the validator in a URI SAN, `zkclear://validator/0x<address>`, and
in a DNS SAN that the TLS client checks. The authority alone is not trusted to say who is who: the validator
key signs

    binding = sign(keccak("zkclear/v1/tls" ‖ deployment ‖ sha256(SubjectPublicKeyInfo)))

and the listener, whose certificate a gRPC client cannot read back, signs the dialer's fresh nonce and
fingerprint:

    welcome = sign(keccak("zkclear/v1/session" ‖ deployment ‖ nonce ‖ dialer's fingerprint ‖ listener's
    address))

Somebody between the two, even with the authority's key, has another TLS key than the dialer, and so another
fingerprint.
"""

import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from eth_hash.auto import keccak

from node.network.errors import IdentityRejected

BINDING_DOMAIN: Final = b"zkclear/v1/tls"
SESSION_DOMAIN: Final = b"zkclear/v1/session"
URI_PREFIX: Final = "zkclear://validator/0x"
CLOCK_SKEW: Final = datetime.timedelta(hours=1)
"""A certificate is valid from this long before its making, for machines whose clocks differ."""

Recover = Callable[[bytes, bytes], bytes | None]
"""(digest of 32 bytes, EIP-2098 signature of 64) → address of 20 bytes; None or any exception: a bad signature."""


class Signer(Protocol):
    """The validator key, as far as the network needs it."""

    @property
    def address(self) -> bytes:
        """20 bytes."""

    def sign_digest(self, digest: bytes) -> bytes:
        """64 bytes, EIP-2098 compact, low s."""


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """Issues the certificates of one deployment; both fields are PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """One validator's TLS identity: its address, certificate and key, and the authority it trusts.

    All but `address` PEM.
    """

    address: bytes
    certificate: bytes
    authority: bytes
    private_key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> bytes:
        """sha256 of the certificate's public key (SubjectPublicKeyInfo, DER)."""
        return read_certificate(self.certificate).fingerprint

    def save(self, folder: Path) -> None:
        """Writes `certificate.pem`, `authority.pem` and, readable by its owner alone, `tls-key.pem`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "certificate.pem").write_bytes(self.certificate)
        (folder / "authority.pem").write_bytes(self.authority)
        key = folder / "tls-key.pem"
        key.unlink(missing_ok=True)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self.private_key)

    @classmethod
    def load(cls, folder: Path) -> "NodeIdentity":
        """What `save` wrote; the address is the certificate's. Raises OSError, IdentityRejected."""
        certificate = (folder / "certificate.pem").read_bytes()
        return cls(
            address=read_certificate(certificate).validator,
            certificate=certificate,
            authority=(folder / "authority.pem").read_bytes(),
            private_key=(folder / "tls-key.pem").read_bytes(),
        )


@dataclass(frozen=True, slots=True)
class CertificateSubject:
    """What a certificate says: the validator of its URI SAN and the fingerprint of its public key."""

    validator: bytes
    fingerprint: bytes


def server_name(validator: bytes) -> str:
    """The DNS SAN a dialer asks for, whatever host and port it dials."""
    return f"{validator.hex()}.validator.zkclear"


def create_authority(lifetime: datetime.timedelta = datetime.timedelta(days=3650)) -> CertificateAuthority:
    """A fresh self-signed authority, for the genesis of one deployment."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("zkclear validators")
    certificate = (
        _builder(name, name, key.public_key(), lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return CertificateAuthority(certificate.public_bytes(serialization.Encoding.PEM), _private_pem(key))


def issue_identity(
    authority: CertificateAuthority,
    validator: bytes,
    lifetime: datetime.timedelta = datetime.timedelta(days=825),
) -> NodeIdentity:
    """A fresh TLS key and certificate for the validator of this address (20 bytes)."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.private_key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise IdentityRejected("the authority's key is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.UniformResourceIdentifier(URI_PREFIX + validator.hex()),
        x509.DNSName(server_name(validator)),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_name(f"0x{validator.hex()}"), issuer.subject, key.public_key(), lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return NodeIdentity(validator, pem, authority.certificate, _private_pem(key))


def read_certificate(pem: bytes) -> CertificateSubject:
    """Reads what a certificate claims; whether the authority signed it is for TLS to check.

    Raises IdentityRejected.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise IdentityRejected("not a certificate with a subject alternative name") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or not uris[0].startswith(URI_PREFIX):
        raise IdentityRejected("the certificate does not name exactly one validator")
    digits = uris[0].removeprefix(URI_PREFIX)
    try:
        validator = bytes.fromhex(digits)
    except ValueError as error:
        raise IdentityRejected("the certificate's validator is not hexadecimal") from error
    if validator.hex() != digits or len(validator) != 20:
        raise IdentityRejected("the certificate's validator is not 20 bytes of lower-case hexadecimal")
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return CertificateSubject(validator, sha256(key).digest())


def binding_digest(deployment: bytes, fingerprint: bytes) -> bytes:
    """What a validator key signs to stand behind a TLS key."""
    return bytes(keccak(BINDING_DOMAIN + deployment + fingerprint))


def session_digest(deployment: bytes, nonce: bytes, dialer_fingerprint: bytes, listener: bytes) -> bytes:
    """What a listener signs to stand behind this very connection."""
    return bytes(keccak(SESSION_DOMAIN + deployment + nonce + dialer_fingerprint + listener))


def require_signature(recover: Recover, digest: bytes, signature: bytes, validator: bytes, what: str) -> None:
    """Raises IdentityRejected unless `validator` signed the digest; `what` names the signature."""
    try:
        signed_by = recover(digest, signature)
    except Exception as error:
        raise IdentityRejected(f"{what} is malformed") from error
    if signed_by != validator:
        raise IdentityRejected(f"{what} is not of the validator it names")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    """Either an authority's key, which signs certificates, or a node's, which signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
