#!/bin/sh
# Install the RabbitMQ of another Debian in a folder of its own (root, debootstrap), and say how to test with it.
#     sh tests/bus/another_rabbitmq.sh trixie      # stable: 4.0; sid: the newest
# Nothing of this machine is changed: its programs see that folder as the root, in a mount namespace that ends with them.
set -eu
suite=${1:?which Debian: trixie, sid}
place=/var/tmp/halles-$(id -u)   # where private servers have their folders
root=$place/debian-$suite

if [ ! -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ]; then
    mkdir -p "$place"
    [ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$suite" "$root"
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"   # installed, not started
    chmod 755 "$root/usr/sbin/policy-rc.d"
    cp /etc/hosts /etc/resolv.conf "$root/etc/"
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qq -y --no-install-recommends rabbitmq-server
fi

mkdir -p "$root/scripts"
for name in rabbitmq-server rabbitmqctl; do
    cat > "$root/scripts/$name" <<EOF
#!/bin/sh
exec unshare --mount sh -c 'mount --rbind /dev $root/dev && mount -t proc proc $root/proc &&
    mkdir -p $root$place && mount --bind $place $root$place &&
    exec chroot $root /usr/lib/rabbitmq/bin/$name "\$@"' $name "\$@"
EOF
    chmod 755 "$root/scripts/$name"
done
chroot "$root" dpkg-query --show rabbitmq-server erlang-base
echo "HALLES_RABBITMQ_SCRIPTS=$root/scripts make test TESTS=tests/bus"
