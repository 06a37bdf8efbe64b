# A "machine" (cp, n1, n2, n3) is one process, the holder, with mount, network, PID, UTS and IPC namespaces of its own.
# To be sourced after settings.sh.
#
# The holder is PID 1 of its PID namespace: when it is killed, the kernel kills everything inside (daemons, shims,
# containers) and drops the mounts and network devices. That is how `down` leaves nothing behind, and what a power cut is.

# holder MACHINE: the holder's PID. A recycled PID in a stale file is not ours: the command line must say so.
holder() {
  local pid
  pid=$(cat "$STATE/$1/holder.pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "^kvcluster-holder " && echo "$pid"
}

alive() { holder "$1" >/dev/null; }

# enter MACHINE CMD...: run CMD inside the machine. (Not `ip netns exec`: it remounts /sys and so hides the cgroups.)
enter() {
  local pid
  pid=$(holder "$1") || die "$1 is not up"
  shift
  nsenter -t "$pid" -m -n -p -u -i -- "$@"
}

# in_network MACHINE CMD...: the host's files and processes, but the machine's network.
in_network() {
  local pid
  pid=$(holder "$1") || die "$1 is not up"
  shift
  nsenter -t "$pid" -n -- "$@"
}

# One directory a cgroup hierarchy: with cgroup v1 one for each controller.
cgroup_hierarchies() {
  local dir
  for dir in /sys/fs/cgroup/*/; do [ -e "$dir/cgroup.procs" ] && echo "${dir%/}"; done
}

# cgroup_make NAME: $CGROUP/NAME in every hierarchy. A new cpuset cgroup is unusable until it is given cpus and mems.
cgroup_make() {
  local hierarchy dir part
  for hierarchy in $(cgroup_hierarchies); do
    dir=$hierarchy
    for part in "$CGROUP" "$1"; do
      mkdir -p "$dir/$part"
      if [ -e "$dir/cpuset.cpus" ] && [ -z "$(cat "$dir/$part/cpuset.cpus")" ]; then
        cat "$dir/cpuset.cpus" >"$dir/$part/cpuset.cpus"
        cat "$dir/cpuset.mems" >"$dir/$part/cpuset.mems"
      fi
      dir=$dir/$part
    done
  done
}

cgroup_enter() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do echo "$BASHPID" >"$hierarchy/$CGROUP/$1/cgroup.procs" 2>/dev/null; done
  return 0
}

# cgroup_remove [NAME]: $CGROUP/NAME, or $CGROUP itself. The kernel needs a moment to empty a killed group: try again.
cgroup_remove() {
  local hierarchy path attempt
  for attempt in $(seq 50); do
    local left=0
    for hierarchy in $(cgroup_hierarchies); do
      path=$hierarchy/$CGROUP${1:+/$1}
      [ -d "$path" ] || continue
      find "$path" -depth -type d -exec rmdir {} \; 2>/dev/null
      [ -d "$path" ] && left=1
    done
    [ $left = 0 ] && return 0
    sleep 0.1
  done
  return 0
}

# machine_start NAME: start its holder and wait until the namespaces stand.
machine_start() {
  local name=$1 dir=$STATE/$1 outer pid
  mkdir -p "$dir/log"
  rm -f "$dir/ready"
  cgroup_make "$name-daemons"
  (
    cgroup_enter "$name-daemons"
    # shellcheck disable=SC2016 # expanded by the inner shells
    exec setsid unshare --mount --net --pid --uts --ipc --fork --kill-child --propagation private --mount-proc bash -c '
      echo up >"$1"
      exec -a kvcluster-holder bash -c "trap \"exit 0\" TERM; while :; do sleep 86400 & wait \$!; done"' - "$dir/ready"
  ) </dev/null >"$dir/log/holder" 2>&1 &
  outer=$!
  wait_for 10 "$name" test -e "$dir/ready"
  # unshare forks: its only child is PID 1 of the new namespace
  pid=$(pgrep -P "$outer" | head -1)
  [ -n "$pid" ] || die "$name did not start: $(tail -1 "$dir/log/holder")"
  echo "$pid" >"$dir/holder.pid"
  wait_for 10 "$name" alive "$name"
  enter "$name" hostname "$name"
  enter "$name" ip link set lo up
}

# machine_kill NAME: pull the plug, and wait until it is gone.
machine_kill() {
  local pid
  pid=$(holder "$1") || return 0
  kill -9 "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$STATE/$1/holder.pid"
}

# daemon MACHINE NAME CMD...: start CMD in the background inside MACHINE; its output goes to log/NAME.
daemon() {
  local machine=$1 name=$2
  shift 2
  (
    cgroup_enter "$machine-daemons"
    enter "$machine" setsid "$@" </dev/null >"$STATE/$machine/log/$name" 2>&1 &
  )
}

# wait_for SECONDS WHAT CMD...: until CMD succeeds.
wait_for() {
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "$what: not there after $seconds s"
    sleep 0.2
  done
}

# The forward from the host's loopback to the API server runs outside of all machines.
api_forward_stop() {
  local pid
  pid=$(cat "$STATE/api-out.pid" 2>/dev/null || true)
  if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "$STATE/api.sock"; then kill "$pid"; fi
  rm -f "$STATE/api-out.pid" "$STATE/api.sock"
}
