#!/bin/sh
# Start RabbitMQ with the platform's definitions: each ${HALLES_RABBITMQ_<USER>_PASSWORD} in them is filled from the
# environment, so that no password is written in the repository. Then the image's own start.
set -eu
umask 077
definitions=${DEFINITIONS:-/tmp/definitions.json}
cp "${TEMPLATE:-/etc/halles/definitions.json}" "$definitions"
for name in $(sed -n 's/.*"\${\(HALLES_RABBITMQ_[A-Z]*_PASSWORD\)}".*/\1/p' "$definitions"); do
    eval "value=\${$name:-}"
    case $value in
        '' | *[!A-Za-z0-9._~-]*) echo "$name must be set to letters, digits, '.', '_', '~' or '-'" >&2; exit 1 ;;
    esac
    sed "s/\${$name}/$value/" "$definitions" > "$definitions.new"
    mv "$definitions.new" "$definitions"
done
exec "$@"
