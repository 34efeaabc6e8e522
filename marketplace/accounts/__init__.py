"""Who is asking: people, the organisations they act for, and API keys."""
