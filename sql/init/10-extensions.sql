-- What the first start prepares, before anybody connects. The application brings its own tables.
CREATE EXTENSION IF NOT EXISTS pgcrypto;
