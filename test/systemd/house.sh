#!/bin/sh
# A house for systemd in namespaces of its own. Its root is a layer over the host's, so that nothing it writes, clears or mounts
# reaches the host; of the host it has the network and, to be read, the project in `$1`.
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/upper /run/work /run/root
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay /run/root
cd /run/root
for directory in run tmp var/tmp dev; do mount -t tmpfs tmpfs "$directory"; done
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir -p dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount --bind "$1" srv
mount -o remount,bind,ro srv
# Nothing of what a host does when it starts is wanted.
rm -rf var/log/journal etc/systemd/system/*.wants etc/systemd/system/*.requires usr/lib/systemd/system/*.wants etc/fstab
mkdir -p run/systemd/system run/before
cat > run/systemd/system/house.target <<'UNIT'
[Unit]
Requires=systemd-journald.service
After=systemd-journald.service
AllowIsolate=yes
UNIT
pivot_root . run/before
umount -l /run/before
exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=house.target --log-target=journal --show-status=0
