from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from certificates import Certificates
from portside.system.tls import client_context, server_context

as_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read every file"
)


def agree(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Do the handshake of two contexts in memory, and return both ends."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    calling = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):  # more turns than any handshake takes
        for end in (calling, answering):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    with suppress(ssl.SSLWantReadError):
        calling.read()  # in TLS 1.3 the server judges the client after its handshake
    return calling, answering


def test_the_two_ends_agree(certificates: Certificates) -> None:
    client = client_context(trust=certificates.ca)

    calling, answering = agree(client, server_context(certificates.server))

    assert calling.version() == answering.version() == "TLSv1.3"


def test_nothing_older_than_tls_1_2_is_spoken(certificates: Certificates) -> None:
    for context in (
        client_context(),
        client_context(verify=False),
        server_context(certificates.server),
    ):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_client_checks_certificate_and_name_unless_told_otherwise() -> None:
    careful, careless = client_context(), client_context(verify=False)

    assert (careful.verify_mode, careful.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (careless.verify_mode, careless.check_hostname) == (ssl.CERT_NONE, False)


def test_a_stranger_is_refused(certificates: Certificates) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        agree(client_context(trust=certificates.ca), server_context(certificates.stranger))


def test_a_server_under_another_name_is_refused(certificates: Certificates) -> None:
    client = client_context(trust=certificates.ca)

    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'www\.example\.org'"):
        agree(client, server_context(certificates.server), "www.example.org")


def test_a_client_that_believes_anybody_believes_a_stranger(certificates: Certificates) -> None:
    calling, _ = agree(client_context(verify=False), server_context(certificates.stranger), "x.y")

    assert calling.version() is not None


def test_without_a_file_the_system_says_whom_to_trust(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # OpenSSL reads this variable where it was built to read any.
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(certificates.ca))

    agree(client_context(), server_context(certificates.server))


def test_with_a_file_the_system_is_not_asked(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(certificates.ca))

    with pytest.raises(ssl.SSLCertVerificationError):
        agree(client_context(trust=other), server_context(certificates.server))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="only openssl(1) tells the hash")
def test_whom_to_trust_may_be_a_folder(certificates: Certificates, tmp_path: Path) -> None:
    ask = ["openssl", "x509", "-hash", "-noout", "-in", str(certificates.ca)]
    answer = subprocess.run(ask, check=True, capture_output=True, text=True)
    shutil.copy(certificates.ca, tmp_path / f"{answer.stdout.strip()}.0")

    agree(client_context(trust=tmp_path), server_context(certificates.server))


def test_clients_show_a_certificate_where_it_is_asked_for(certificates: Certificates) -> None:
    server = server_context(certificates.server, client_ca=certificates.ca)
    known = client_context(trust=certificates.ca, cert=certificates.client)
    unknown = client_context(trust=certificates.ca)
    strange = client_context(trust=certificates.ca, cert=certificates.stranger)

    _, answering = agree(known, server)

    assert answering.getpeercert()
    for refused in (unknown, strange):
        with pytest.raises(ssl.SSLError):
            agree(refused, server)


def test_a_server_asks_nobody_for_a_certificate_unless_told_to(certificates: Certificates) -> None:
    assert server_context(certificates.server).verify_mode == ssl.CERT_NONE


def test_certificate_and_key_may_be_two_files(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    ca, cert, key = (tmp_path / name for name in ("ca", "cert", "key"))
    authority.cert_pem.write_to_path(str(ca))
    issued.cert_chain_pems[0].write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))

    agree(client_context(trust=ca, cert=str(cert), key=str(key)), server_context(cert, key))


def test_both_agree_on_a_protocol(certificates: Certificates) -> None:
    client = client_context(trust=certificates.ca, alpn=["h2", "http/1.1"])
    server = server_context(certificates.server, alpn=("http/1.1",))

    calling, answering = agree(client, server)

    assert calling.selected_alpn_protocol() == "http/1.1"
    assert answering.selected_alpn_protocol() == "http/1.1"


def test_the_server_prefers_its_first_protocol(certificates: Certificates) -> None:
    client = client_context(trust=certificates.ca, alpn=["h2", "http/1.1"])
    server = server_context(certificates.server, alpn=["http/1.1", "h2"])

    calling, _ = agree(client, server)

    assert calling.selected_alpn_protocol() == "http/1.1"


def test_one_protocol_is_a_list_too(certificates: Certificates) -> None:
    with pytest.raises(TypeError, match=r"alpn is a list of protocols, such as \['h2'\]"):
        client_context(alpn="h2")
    with pytest.raises(TypeError, match=r"alpn is a list of protocols, such as \['h2'\]"):
        server_context(certificates.server, alpn="h2")


# Files that are not what they should be: each use of a file, given its path.

Use = Callable[[Path, Certificates], ssl.SSLContext]

USES = [
    pytest.param(lambda path, _: client_context(trust=path), id="trust"),
    pytest.param(lambda path, _: client_context(cert=path), id="client cert"),
    pytest.param(lambda path, known: client_context(cert=known.client, key=path), id="client key"),
    pytest.param(lambda path, _: server_context(path), id="server cert"),
    pytest.param(lambda path, known: server_context(known.server, path), id="server key"),
    pytest.param(
        lambda path, known: server_context(known.server, client_ca=path), id="client authority"
    ),
]


@pytest.mark.parametrize("use", USES)
def test_a_missing_file_is_named(use: Use, certificates: Certificates, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"

    with pytest.raises(FileNotFoundError) as caught:
        use(missing, certificates)

    assert str(missing) in str(caught.value)


@as_root
@pytest.mark.parametrize("use", USES)
def test_a_file_that_may_not_be_read_is_named(
    use: Use, certificates: Certificates, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.pem"
    secret.touch(mode=0)

    with pytest.raises(PermissionError) as caught:
        use(secret, certificates)

    assert str(secret) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"ahoy\n", bytes(range(256))])
@pytest.mark.parametrize("use", USES)
def test_a_file_that_is_not_pem_is_named(
    use: Use, content: bytes, certificates: Certificates, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(content)

    with pytest.raises(ValueError, match=r".") as caught:
        use(wrong, certificates)

    assert str(wrong) in str(caught.value)


def test_a_key_of_another_certificate_is_refused(
    certificates: Certificates, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(key))

    with pytest.raises(ValueError, match="key values mismatch") as caught:
        server_context(certificates.server, key)

    assert str(key) in str(caught.value)
    assert str(certificates.server) in str(caught.value)


def test_a_certificate_without_a_key_is_refused(certificates: Certificates) -> None:
    with pytest.raises(ValueError, match="cannot be used as certificate and key"):
        server_context(certificates.ca)


def test_a_key_that_is_encrypted_is_named_and_no_password_asked_for(
    certificates: Certificates, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization

    issued = trustme.CA().issue_cert("localhost")
    key: Any = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    secret = tmp_path / "secret.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )

    with pytest.raises(ValueError, match=r"the key in .*secret\.pem is encrypted") as caught:
        server_context(certificates.server, secret)

    assert str(secret) in str(caught.value)


def test_a_key_without_a_certificate_is_not_just_ignored(certificates: Certificates) -> None:
    with pytest.raises(ValueError, match="cert"):
        client_context(key=certificates.client)
