"""The server's certificate: self-signed, new at every start, as SQL Server makes when it has none."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALIDITY = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)
ALPN_TDS_8 = "tds/8.0"


@dataclass(frozen=True)
class Certificate:
    """Contexts for both ways to encrypt, and the certificate that clients may trust."""

    pem: bytes
    inside_prelogin: ssl.SSLContext
    strict: ssl.SSLContext


def make_certificate() -> Certificate:
    """A new key (P-256: quicker than RSA at each connect) and a certificate for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(
            # The address also as a name: Microsoft's driver looks for what the client typed among the names.
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("localhost"),
                    x509.DNSName("127.0.0.1"),
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(pem, _context(pem + private, strict=False), _context(pem + private, strict=True))


def _context(pem: bytes, *, strict: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if strict:
        context.set_alpn_protocols([ALPN_TDS_8])
    else:
        # With TLS 1.3 the drivers wait for a handshake message that does not come inside PRELOGIN.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    # ssl reads keys from files only; this one is readable by us alone and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def write_certificate(certificate: Certificate, path: Path) -> None:
    """Write the certificate (not its key) as PEM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(certificate.pem)
