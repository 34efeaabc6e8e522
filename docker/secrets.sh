#!/bin/sh
# Makes what compose.yaml needs and no image holds: passwords, keys, and the user the containers run as.
#
#   docker/secrets.sh        writes docker/secrets/ (mode 0700) and docker/.env; what is there already is kept
#
# Every secret is a file that one container mounts; none is an environment variable or an argument.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets

random() { # 64 hexadecimal digits
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

new() { # NAME: writes standard input to a file of that name, whole or not at all, unless it is there
    if [ -e "secrets/$1" ]; then
        cat >/dev/null
    else
        cat >"secrets/.$1.half"
        mv "secrets/.$1.half" "secrets/$1"
    fi
}

random | new django
random | new dispatch.key
random | new postgres
random | new postgres_app
random | new redis
printf 'postgresql://assay:%s@postgres/assay\n' "$(cat secrets/postgres)" | new owner_url
printf 'postgresql://assay_app:%s@postgres/assay\n' "$(cat secrets/postgres_app)" | new database_url
printf 'redis://:%s@redis/0\n' "$(cat secrets/redis)" | new broker_url
printf 'requirepass %s\nsave ""\nappendonly no\nmaxmemory-policy noeviction\n' \
    "$(cat secrets/redis)" | new redis.conf

# the images are built for, and run as, whoever owns these files: a secret stays readable by its owner alone
uid=$(id -u) gid=$(id -g)
if [ "$uid" = 0 ]; then
    uid=10001 gid=10001
    chown -R "$uid:$gid" secrets
fi
if [ ! -e .env ]; then
    printf 'COMPOSE_PROFILES=cpu\nASSAY_UID=%s\nASSAY_GID=%s\n' "$uid" "$gid" >.env.half
    mv .env.half .env
fi
