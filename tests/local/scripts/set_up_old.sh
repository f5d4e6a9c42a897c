#!/usr/bin/env bash
# set_up_old DIRECTORY: a machine in the old manner. The compose file and the database's scripts are there already.
set -euo pipefail

cd "$1"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-compose iptables >/dev/null
mkdir -p etc secrets kafka
chown 1000:1000 kafka
printf old-postgres >secrets/postgres_password
printf old-redis >secrets/redis_password
cat >etc/zookeeper.properties <<'TEXT'
clientPort=2181
dataDir=/var/lib/zookeeper/data
admin.enableServer=false
TEXT
cat >etc/kafka.properties <<'TEXT'
broker.id=1
listeners=PLAINTEXT://0.0.0.0:9092
advertised.listeners=PLAINTEXT://kafka:9092
log.dirs=/var/lib/kafka/data
zookeeper.connect=zookeeper:2181
zookeeper.session.timeout.ms=6000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
TEXT
cat >etc/nginx.conf <<'TEXT'
events {}
http {
    server {
        listen 80;
        location /api/ { proxy_pass http://api:8080; }
        location / { return 200 "old\n"; }
    }
}
TEXT
docker compose up --quiet-pull --detach postgres redis chromadb zookeeper kafka
for topic in biometric.events biometric.processed; do
    until docker compose exec -T kafka kafka-topics --bootstrap-server kafka:9092 --create --if-not-exists --topic "$topic" --partitions 3 </dev/null; do
        sleep 2
    done
done
docker compose up --quiet-pull --detach --wait --wait-timeout 300
