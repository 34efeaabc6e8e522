"""Django's PostgreSQL backend with a pool of connections (`ENGINE = "marketplace.db"`)."""
