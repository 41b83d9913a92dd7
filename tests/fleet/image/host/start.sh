#!/bin/bash
# PID 1 of a host's stand-in: sshd and the Docker engine. The host goes down when it is told to, not when the engine dies.
# FAKE_GPUS: "NAME,MEMORY_MIB[,USED_MIB]; ..." makes NVIDIA's programs appear; FAKE_TOOLKIT=0 leaves the driver's alone.
set -eu
mkdir -p /run/sshd /etc/docker

if [ -n "${FAKE_GPUS:-}" ]; then
  [ -f /etc/fake-gpus ] || tr ';' '\n' <<<"$FAKE_GPUS" | sed 's/^ *//' >/etc/fake-gpus
  install -m 0755 /opt/fake-nvidia/nvidia-smi /usr/bin/
  if [ "${FAKE_TOOLKIT:-1}" = 1 ]; then
    install -m 0755 /opt/fake-nvidia/nvidia-c* /usr/bin/
    [ -f /etc/docker/daemon.json ] ||
      echo '{"runtimes": {"nvidia": {"path": "/usr/bin/nvidia-container-runtime", "args": []}}}' >/etc/docker/daemon.json
  fi
fi

# cgroup v2 gives controllers to children of groups without processes only (as moby's hack/dind)
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || true
  sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || true
fi

down() { engine stop || true; exit 0; }
trap down TERM INT
/usr/sbin/sshd
engine start
while :; do sleep 3600 & wait $! || true; done
