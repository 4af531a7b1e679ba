from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates import Certificates
from portside.errors import HandshakeFailed, ProtocolError, TruncatedStream
from portside.wire.tls_records import TLSRecords
from wire.tls_ends import VERSIONS, Ends, agreed, contexts, refusals

by_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
by_closer = pytest.mark.parametrize("closer", ["client", "server"])


def closer_first(ends: Ends, closer: str) -> tuple[TLSRecords, TLSRecords]:
    both = ends.client, ends.server
    return both if closer == "client" else both[::-1]


# However the bytes are cut


@by_version
@pytest.mark.parametrize("piece", [1, 2, 5, 6, 100, 1 << 14])
def test_the_plaintext_does_not_depend_on_how_the_bytes_were_cut(
    certificates: Certificates, version: ssl.TLSVersion, piece: int
) -> None:
    ends = agreed(certificates, version, piece)
    request, reply = b"request" * 10, bytes(range(256)) * (100 if piece > 2 else 4)

    assert ends.say(ends.client, request) == request
    assert ends.say(ends.server, reply) == reply
    assert not ends.client.ended
    assert not ends.server.ended


@by_version
def test_data_that_arrives_with_the_end_of_the_handshake_is_not_lost(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = Ends(*contexts(certificates, version))
    while ends.client.handshake() is None:
        for sender in (ends.client, ends.server):
            for receiver in ends.carry(sender):
                receiver.handshake()

    ends.client.encrypt(b"early")
    ends.server.feed(ends.client.outgoing())

    assert ends.server.handshake() is not None
    assert ends.server.decrypt() == b"early"


@by_version
@settings(max_examples=25, deadline=None)
@given(
    messages=st.lists(st.binary(max_size=300), max_size=5),
    piece=st.integers(1, 400),
)
def test_messages_go_both_ways(
    certificates: Certificates, version: ssl.TLSVersion, messages: list[bytes], piece: int
) -> None:
    ends = agreed(certificates, version, piece)

    for message in messages:
        assert ends.say(ends.client, message) == message
        assert ends.say(ends.server, message) == message


@by_version
def test_a_large_write_becomes_many_records(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)
    data = memoryview(bytearray(b"0123456789" * 10_000))

    ends.client.encrypt(data)
    ciphertext = ends.client.outgoing()

    assert len(ciphertext) > len(data)
    assert ends.client.outgoing() == b""
    ends.server.feed(ciphertext)
    assert ends.server.decrypt() == data


def test_nothing_encrypted_is_nothing_sent(certificates: Certificates) -> None:
    ends = agreed(certificates, VERSIONS[1])

    ends.client.encrypt(b"")

    assert ends.client.outgoing() == b""


@by_version
def test_tls_runs_inside_tls(certificates: Certificates, version: ssl.TLSVersion) -> None:
    outer, inner = agreed(certificates, version), Ends(*contexts(certificates, version))

    def carry_sealed(*, to_server: bool) -> None:
        sender, receiver = (inner.client, inner.server)[:: 1 if to_server else -1]
        sealed = outer.say(outer.client if to_server else outer.server, sender.outgoing())
        if sealed:
            receiver.feed(sealed)

    while not (inner.client.handshake() and inner.server.handshake()):
        carry_sealed(to_server=True)
        inner.server.handshake()
        carry_sealed(to_server=False)
    inner.client.encrypt(b"twice sealed")
    carry_sealed(to_server=True)

    assert inner.server.decrypt() == b"twice sealed"


# Ending well


@by_version
@by_closer
def test_who_has_finished_sending_goes_on_reading(
    certificates: Certificates, version: ssl.TLSVersion, closer: str
) -> None:
    ends = agreed(certificates, version)
    first, second = closer_first(ends, closer)
    first.encrypt(b"last words")
    first.close_notify()

    assert ends.pass_on(first) == b"last words"
    assert (second.ended, second.failure) == (True, None)
    assert ends.say(second, b"reply" * 20_000) == b"reply" * 20_000
    assert ends.say(second, b"more") == b"more"
    assert not first.ended
    second.close_notify()
    assert ends.pass_on(second) == b""
    assert (first.ended, first.failure) == (True, None)


@by_version
@by_closer
def test_who_has_finished_sending_reads_what_had_arrived_before(
    certificates: Certificates, version: ssl.TLSVersion, closer: str
) -> None:
    ends = agreed(certificates, version)
    first, second = closer_first(ends, closer)
    second.encrypt(b"arrived")
    first.feed(second.outgoing())  # it is not decrypted yet

    first.close_notify()

    assert first.decrypt() == b"arrived"
    assert not first.ended
    assert ends.pass_on(first) == b""
    assert (second.ended, second.failure) == (True, None)
    assert ends.say(second, b"and more") == b"and more"


@by_version
@by_closer
@pytest.mark.parametrize("arrived", [1, 5, 6, 20])
def test_who_has_finished_sending_reads_the_rest_of_a_record(
    certificates: Certificates, version: ssl.TLSVersion, closer: str, arrived: int
) -> None:
    ends = agreed(certificates, version)
    first, second = closer_first(ends, closer)
    second.encrypt(b"cut in two")
    record = second.outgoing()
    first.feed(record[:arrived])

    first.close_notify()
    first.feed(record[arrived:])

    assert first.decrypt() == b"cut in two"
    assert not first.ended


@by_version
@by_closer
def test_the_end_is_told_once_to_the_peer(
    certificates: Certificates, version: ssl.TLSVersion, closer: str
) -> None:
    ends = agreed(certificates, version)
    first, second = closer_first(ends, closer)

    first.close_notify()
    assert first.outgoing()
    first.close_notify()
    assert first.outgoing() == b""
    second.close_notify()
    ends.pass_on(second)
    first.close_notify()

    assert first.outgoing() == b""
    assert (first.ended, first.failure) == (True, None)


@by_version
def test_data_the_close_notify_and_the_end_may_come_together(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)
    ends.client.encrypt(b"all")
    ends.client.close_notify()
    ends.server.feed(ends.client.outgoing())
    ends.server.feed(b"")

    assert ends.server.decrypt() == b"all"
    assert (ends.server.ended, ends.server.failure) == (True, None)


def test_there_is_nothing_to_close_before_the_handshake(certificates: Certificates) -> None:
    ends = Ends(*contexts(certificates, VERSIONS[1]))

    ends.client.close_notify()
    ends.server.close_notify()

    assert ends.client.outgoing() == b""
    assert ends.server.outgoing() == b""


# Ending badly


@by_version
@by_closer
@pytest.mark.parametrize("arrived", [0, 1, 5, 20])
def test_an_end_without_close_notify_is_told_behind_what_came_before(
    certificates: Certificates, version: ssl.TLSVersion, closer: str, arrived: int
) -> None:
    ends = agreed(certificates, version)
    first, second = closer_first(ends, closer)
    first.encrypt(b"whole")
    second.feed(first.outgoing())
    first.encrypt(b"part")
    second.feed(first.outgoing()[:arrived] or b"")
    second.feed(b"")

    assert second.decrypt() == b"whole"
    assert second.ended
    assert isinstance(second.failure, TruncatedStream)
    assert isinstance(second.failure.__cause__, ssl.SSLEOFError)
    assert second.decrypt() == b""


@by_version
def test_nothing_that_was_tampered_with_comes_out(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    length = len(ciphertext_of(agreed(certificates, version)))

    for position in range(length):
        ends = agreed(certificates, version)
        record = bytearray(ciphertext_of(ends))
        record[position] ^= 1 << position % 8
        ends.server.feed(bytes(record))

        assert ends.server.decrypt() == b"", position
        if not ends.server.ended:  # the length of the record was made longer
            ends.server.feed(b"")
            assert ends.server.decrypt() == b""
        assert ends.server.ended
        assert isinstance(ends.server.failure, ProtocolError), position


def ciphertext_of(ends: Ends) -> bytes:
    ends.client.encrypt(b"pay 10 to Bob")
    return ends.client.outgoing()


@by_version
def test_what_follows_tampered_bytes_is_not_read(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)
    good, bad, late = (ciphertext_of(ends) for _ in range(3))
    ends.server.feed(good + bad[:-1] + bytes([bad[-1] ^ 1]) + late)

    assert ends.server.decrypt() == b"pay 10 to Bob"
    assert ends.server.ended
    with pytest.raises(ProtocolError, match=r"the peer broke TLS: .*(mac|bad record)"):
        raise ends.server.failure or AssertionError
    ends.server.feed(late)
    assert ends.server.decrypt() == b""
    assert ends.server.outgoing(), "an alert tells the peer"


@by_version
def test_a_record_that_is_sent_twice_is_refused(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = agreed(certificates, version)
    record = ciphertext_of(ends)
    ends.server.feed(record + record)

    assert ends.server.decrypt() == b"pay 10 to Bob"
    assert isinstance(ends.server.failure, ProtocolError)


# No agreement


def test_a_handshake_waits_for_the_peer(certificates: Certificates) -> None:
    ends = Ends(*contexts(certificates, VERSIONS[1]))

    assert ends.server.handshake() is None
    assert ends.server.outgoing() == b""
    assert ends.client.handshake() is None
    assert ends.client.outgoing()


@by_version
@pytest.mark.parametrize(
    ("name", "cert", "reason"),
    [
        ("example.org", "server", r"certificate verify failed: .*example\.org"),
        ("localhost", "stranger", r"certificate verify failed: unable to get local issuer"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused_and_the_server_is_told(
    certificates: Certificates, version: ssl.TLSVersion, name: str, cert: str, reason: str
) -> None:
    client_context, server_context = contexts(certificates, version)
    server_context.load_cert_chain(getattr(certificates, cert))

    client, server = refusals(Ends(client_context, server_context, name))

    assert client is not None
    assert isinstance(client.__cause__, ssl.SSLCertVerificationError)
    with pytest.raises(HandshakeFailed, match=reason):
        raise client
    assert server is not None
    assert "alert" in server.reason


def test_two_that_speak_no_version_in_common_do_not_agree(certificates: Certificates) -> None:
    client_context, _ = contexts(certificates, VERSIONS[0])
    _, server_context = contexts(certificates, VERSIONS[1])

    client, server = refusals(Ends(client_context, server_context))

    assert server is not None
    assert server.reason == "unsupported protocol"
    assert client is not None
    assert client.reason == "tlsv1 alert protocol version"


@by_version
def test_a_peer_that_hangs_up_in_the_handshake_is_told_as_that(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    ends = Ends(*contexts(certificates, version))
    ends.client.handshake()
    ends.server.feed(ends.client.outgoing()[:50])
    assert ends.server.handshake() is None
    ends.server.feed(b"")

    with pytest.raises(HandshakeFailed, match=r"the TLS handshake failed: the peer hung up"):
        ends.server.handshake()


def test_a_client_that_speaks_plain_http_is_told_as_that(certificates: Certificates) -> None:
    ends = Ends(*contexts(certificates, VERSIONS[1]))
    ends.server.feed(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    with pytest.raises(HandshakeFailed, match=r"the TLS handshake failed: http request"):
        ends.server.handshake()


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(min_size=1, max_size=60), server_side=st.booleans(), ends_then=st.booleans())
def test_noise_is_refused_or_waited_for_and_nothing_else(
    certificates: Certificates, noise: bytes, *, server_side: bool, ends_then: bool
) -> None:
    ends = Ends(*contexts(certificates, VERSIONS[1]))
    end = ends.server if server_side else ends.client
    end.handshake()

    end.feed(noise)
    if ends_then:
        end.feed(b"")

    refusal = None
    try:
        assert end.handshake() is None
    except HandshakeFailed as error:
        refusal = error
    if ends_then:
        assert refusal is not None
    if refusal is not None:
        assert refusal.reason == refusal.reason.lower()
        assert isinstance(refusal.__cause__, ssl.SSLError)


@pytest.mark.parametrize("name", [None, ""])
def test_a_name_to_check_has_to_be_given(certificates: Certificates, name: str | None) -> None:
    with pytest.raises(ValueError, match=r"server_hostname"):
        TLSRecords(certificates.client_context(), server_side=False, server_hostname=name)
