"""Any other service that Apprise knows: Slack, Teams, Telegram, short messages …; texts that the smallest takes.

source  Apprise, "Supported Notifications"; the limit is our own choice: its services take 1,000 characters and more
"""

from alerts.notifiers.channels import Channel

CHANNEL = Channel(schemes=("",), limit_bytes=1_000)
