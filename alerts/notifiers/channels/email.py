"""E-mail by SMTP, through Apprise.

source  Apprise, "Email" (mailto:// plain, mailtos:// with TLS); the limit is our own choice, for readers
"""

from alerts.notifiers.channels import Channel

CHANNEL = Channel(schemes=("mailto://", "mailtos://"), limit_bytes=65_536)
