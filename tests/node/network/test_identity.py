"""Certificates, bindings and the files they are kept in."""

import stat
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from eth_hash.auto import keccak

from node.network import IdentityRejected, NodeIdentity, issue_identity
from node.network.handshake import Credentials
from node.network.identity import (
    binding_digest,
    read_certificate,
    require_signature,
    server_name,
    session_digest,
)
from tests.node.network.validators import DEPLOYMENT, ValidatorKey, recover

ADDRESS = bytes.fromhex("00112233445566778899aabbccddeeff00112233")


def reissued(authority, *names: x509.GeneralName) -> bytes:
    """PEM of a certificate by the authority that carries these alternative names."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    key = serialization.load_pem_private_key(authority.private_key, password=None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuer.subject)
        .issuer_name(issuer.subject)
        .public_key(issuer.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_names_its_validator_in_a_uri_and_a_server_name(authority):
    identity = issue_identity(authority, ADDRESS)
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "zkclear://validator/0x00112233445566778899aabbccddeeff00112233"
    ]
    assert names.get_values_for_type(x509.DNSName) == [server_name(ADDRESS)]
    assert read_certificate(identity.certificate).validator == ADDRESS
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))


def test_a_node_certificate_cannot_issue_others(authority):
    certificate = x509.load_pem_x509_certificate(issue_identity(authority, ADDRESS).certificate)

    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["https://example.org/0x00112233445566778899aabbccddeeff00112233"],
        ["zkclear://validator/0x0011"],
        ["zkclear://validator/0x" + "zz" * 20],
        ["zkclear://validator/0x" + "AA" * 20],
        ["zkclear://validator/0x" + "11" * 20, "zkclear://validator/0x" + "22" * 20],
    ],
)
def test_a_certificate_that_does_not_name_exactly_one_validator_is_refused(authority, uris):
    names = [x509.UniformResourceIdentifier(uri) for uri in uris] or [x509.DNSName("somewhere")]

    with pytest.raises(IdentityRejected):
        read_certificate(reissued(authority, *names))


def test_bytes_that_are_no_certificate_are_refused():
    with pytest.raises(IdentityRejected):
        read_certificate(b"-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")


def test_an_identity_survives_its_files_and_its_key_is_readable_by_the_owner_alone(authority, tmp_path):
    identity = issue_identity(authority, ADDRESS)
    for _ in range(2):
        identity.save(tmp_path / "tls")

    assert NodeIdentity.load(tmp_path / "tls") == identity
    assert stat.S_IMODE((tmp_path / "tls" / "tls-key.pem").stat().st_mode) == 0o600


def test_no_private_key_shows_in_a_repr(authority):
    identity = issue_identity(authority, ADDRESS)

    assert "PRIVATE" not in repr(identity) + repr(authority)


def test_the_binding_names_deployment_and_key():
    fingerprint = bytes(range(32))

    assert binding_digest(DEPLOYMENT, fingerprint) == keccak(b"zkclear/v1/tls" + DEPLOYMENT + fingerprint)
    assert binding_digest(bytes(32), fingerprint) != binding_digest(DEPLOYMENT, fingerprint)
    assert session_digest(DEPLOYMENT, bytes(32), fingerprint, ADDRESS) == keccak(
        b"zkclear/v1/session" + DEPLOYMENT + bytes(32) + fingerprint + ADDRESS
    )


def test_a_malformed_signature_is_refused_as_one():
    with pytest.raises(IdentityRejected, match="the binding is malformed"):
        require_signature(recover, bytes(32), b"too short", ADDRESS, "the binding")


def test_credentials_need_one_validator_throughout(authority):
    key = ValidatorKey()

    with pytest.raises(IdentityRejected):
        Credentials(issue_identity(authority, ADDRESS), key, recover, DEPLOYMENT)
    renamed = replace(issue_identity(authority, ADDRESS), address=key.address)
    with pytest.raises(IdentityRejected):
        Credentials(renamed, key, recover, DEPLOYMENT)


def test_each_hello_has_its_own_nonce(authority):
    key = ValidatorKey()
    credentials = Credentials(issue_identity(authority, key.address), key, recover, DEPLOYMENT)

    assert credentials.hello().nonce != credentials.hello().nonce
    assert credentials.hello().binding == credentials.hello().binding


def test_a_hello_of_another_deployment_is_refused(authority):
    key = ValidatorKey()
    identity = issue_identity(authority, key.address)
    here, elsewhere = (Credentials(identity, key, recover, name) for name in (DEPLOYMENT, bytes(32)))

    here.check_hello(here.hello(), identity.certificate, {key.address})
    with pytest.raises(IdentityRejected, match="another deployment"):
        here.check_hello(elsewhere.hello(), identity.certificate, {key.address})
