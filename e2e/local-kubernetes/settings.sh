# Settings of the local cluster: where things lie and which addresses it uses. To be sourced.
# Each may be overridden from the environment, so that two clusters can stand on one machine
# (give the second its own STATE and CGROUP).
KVCLUSTER_CACHE=${KVCLUSTER_CACHE:-$HOME/.cache/kvcluster} # survives `down`: what is slow to make
BIN=$KVCLUSTER_CACHE/bin                                   # programs made by `build`
BASE_IMAGES=$KVCLUSTER_CACHE/images                        # OCI archives made by `base-images`
STATE=${STATE:-${TMPDIR:-/tmp}/kvcluster-local}            # all run-time state; removed by `down`
API_PORT=${API_PORT:-26443}                                # API server, on the host's loopback only; a later port if it is taken
CGROUP=${CGROUP:-kvcluster}                                # top-level cgroup of everything started here
NODES=${NODES:-1}                                          # worker nodes n1 .. nN
PKI=$STATE/pki

# These networks exist only inside the namespaces that `up` makes. They have no default route:
# nothing that runs in the cluster can leave this machine.
NODE_NET=10.244.255         # control plane .1, node i at .(10+i)
POD_NET=10.244.0.0/17       # node i has 10.244.i.0/24; must not contain the services (kube-proxy would masquerade wrongly)
SERVICE_NET=10.244.128.0/20
CONTROL_PLANE=$NODE_NET.1
API=https://$CONTROL_PLANE:6443

export PATH=$BIN:/usr/sbin:/sbin:$PATH

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}
node_ip() { echo "$NODE_NET.$((10 + $1))"; }
