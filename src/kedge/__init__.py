"""kedge keeps an organisation's self-hosted services recoverable."""
