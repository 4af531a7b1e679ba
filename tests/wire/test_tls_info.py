from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from certificates import Certificates
from portside.wire.tls_info import TLSInfo
from portside.wire.tls_records import TLSRecords
from wire.tls_ends import VERSIONS, Ends, agreed, contexts

by_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


def der_of(file: Path) -> bytes:
    """Return the first certificate in a file of PEM."""
    _, begin, rest = file.read_text().partition("-----BEGIN CERTIFICATE-----")
    certificate, end, _ = rest.partition("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(begin + certificate + end)


@by_version
def test_both_ends_know_what_they_agreed_on(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    client_context, server_context = contexts(certificates, version)
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    server_context.set_alpn_protocols(["http/1.1"])
    ends = Ends(client_context, server_context)

    ends.shake_hands()

    client, server = ends.infos[ends.client], ends.infos[ends.server]
    assert client.version == server.version == version.name.replace("_", ".")
    assert client.cipher == server.cipher
    assert client.cipher.startswith("TLS_AES" if "1_3" in version.name else "ECDHE")
    assert client.alpn == server.alpn == "http/1.1"
    assert client.server_name == "localhost"


@by_version
def test_without_protocols_to_choose_from_none_is_agreed_on(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)

    assert {info.alpn for info in ends.infos.values()} == {None}


@by_version
def test_the_certificates_are_those_that_were_verified(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    client_context, server_context = contexts(certificates, version)
    client_context.load_cert_chain(certificates.client)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificates.ca)
    ends = Ends(client_context, server_context)

    ends.shake_hands()

    authority = der_of(certificates.ca)
    assert ends.infos[ends.client].peer_certificates == (der_of(certificates.server), authority)
    assert ends.infos[ends.server].peer_certificates == (der_of(certificates.client), authority)


@by_version
def test_a_client_that_showed_no_certificate_has_none(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)

    assert ends.infos[ends.client].peer_certificates
    assert ends.infos[ends.server].peer_certificates == ()


@by_version
def test_a_client_that_may_show_a_certificate_and_does_not_has_none(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    client_context, server_context = contexts(certificates, version)
    server_context.verify_mode = ssl.CERT_OPTIONAL
    server_context.load_verify_locations(certificates.ca)
    ends = Ends(client_context, server_context)

    ends.shake_hands()

    assert ends.infos[ends.server].peer_certificates == ()


@by_version
def test_a_certificate_that_nobody_checked_is_not_shown(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    client_context, server_context = contexts(certificates, version)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    ends = Ends(client_context, server_context, name=None)

    ends.shake_hands()

    info = ends.infos[ends.client]
    assert info.peer_certificates == ()
    assert info.server_name is None


@by_version
def test_the_outcome_stays_readable_when_the_connection_is_gone(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)
    info = ends.infos[ends.client]
    before = replace(info)
    for end in (ends.client, ends.server):
        end.close_notify()
        ends.pass_on(end)
    for end in (ends.client, ends.server):
        end.feed(b"")
        end.decrypt()
        assert end.ended

    del ends, end

    assert info == before
    assert info.version == version.name.replace("_", ".")
    assert info.peer_certificates[0]


def test_two_outcomes_are_equal_if_what_was_agreed_on_is(certificates: Certificates) -> None:
    first, second = (agreed(certificates, VERSIONS[1]) for _ in range(2))
    ours, theirs = first.infos[first.client], second.infos[second.client]

    assert ours == theirs
    assert ours.ssl_object is not theirs.ssl_object
    assert ours != replace(ours, alpn="h2")
    assert hash(ours) == hash(theirs)
    assert "ssl_object" not in repr(ours)
    assert isinstance(ours, TLSInfo)


def test_a_fact_cannot_be_changed(certificates: Certificates) -> None:
    ends = agreed(certificates, VERSIONS[1])

    with pytest.raises(AttributeError):
        ends.infos[ends.client].version = "TLSv1.0"  # type: ignore[misc]


def test_the_standard_librarys_object_is_at_hand(certificates: Certificates) -> None:
    ends = agreed(certificates, VERSIONS[1])

    assert ends.infos[ends.client].ssl_object.server_hostname == "localhost"
    assert not isinstance(ends.infos[ends.client].ssl_object, TLSRecords)
