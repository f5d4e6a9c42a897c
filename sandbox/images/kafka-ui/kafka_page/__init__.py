"""A small web page that truly reads a Kafka cluster, where the real Kafka UI cannot be had."""
