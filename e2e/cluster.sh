# The Kubernetes that `make up` and `make e2e` use: kind where a Docker engine answers, else our local one. To be sourced.
# Both offer the same verbs: cluster_exists, cluster_up, cluster_down, load_images, and the path $CLUSTER_KUBECONFIG.
# load_images also gives the server's image a second name, for tests of upgrades.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOCAL=$ROOT/e2e/local-kubernetes
. "$LOCAL/settings.sh"

NODE=$ROOT/node_modules/node/bin/node
IMAGES=$ROOT/.cache/images # what `make images` leaves where there is no engine
OPERATOR_NAMESPACE=kvcluster-system
KIND_VERSION=v0.33.0
KIND_CLUSTER=kvcluster

if docker info >/dev/null 2>&1; then
  CLUSTER_KUBECONFIG=$ROOT/.cache/kind.kubeconfig
  cluster_exists() { kind get clusters 2>/dev/null | grep -qx "$KIND_CLUSTER"; }
  cluster_up() {
    tools kubectl helm
    command -v kind >/dev/null || GOBIN=$BIN CGO_ENABLED=0 go install "sigs.k8s.io/kind@$KIND_VERSION"
    mkdir -p "$ROOT/.cache"
    cluster_exists || {
      echo 'kind: Cluster'
      echo 'apiVersion: kind.x-k8s.io/v1alpha4'
      echo 'nodes:'
      echo '  - role: control-plane'
      for _ in $(seq 2 "$NODES"); do echo '  - role: worker'; done
    } | kind create cluster --name "$KIND_CLUSTER" --kubeconfig "$CLUSTER_KUBECONFIG" --wait 120s --config -
  }
  cluster_down() {
    ! cluster_exists || kind delete cluster --name "$KIND_CLUSTER" --kubeconfig "$CLUSTER_KUBECONFIG"
    rm -f "$CLUSTER_KUBECONFIG"
  }
  load_images() {
    docker tag kvcluster/server:{dev,next}
    kind load docker-image --name "$KIND_CLUSTER" kvcluster/{server:{dev,next},{operator,client}:dev}
  }
else
  CLUSTER_KUBECONFIG=$STATE/host.kubeconfig
  cluster_exists() { [ -e "$CLUSTER_KUBECONFIG" ] && kubectl --kubeconfig "$CLUSTER_KUBECONFIG" get --raw /readyz >/dev/null 2>&1; }
  cluster_up() {
    "$LOCAL/packages"
    "$LOCAL/build"
    "$LOCAL/base-images" "$NODE"
    "$LOCAL/up"
  }
  cluster_down() { "$LOCAL/down"; }
  load_images() {
    "$LOCAL/load" "$IMAGES"/*.tar
    "$LOCAL/tag" docker.io/kvcluster/server:{dev,next}
  }
fi

# tools PROGRAM...: from the PATH, or else built
tools() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || "$LOCAL/build" "$program"; done
}

# install_operator: the chart from this tree, with the images of `make images`. $OPERATOR_IMAGE, $SERVER_IMAGE name others,
# for clusters that pull from a registry. The annotation restarts the operator when its image was built anew.
install_operator() {
  local operator=${OPERATOR_IMAGE:-kvcluster/operator:dev} server=${SERVER_IMAGE:-kvcluster/server:dev} built
  built=$(sha256sum "$IMAGES/operator.tar" 2>/dev/null || docker image inspect -f '{{.Id}}' "$operator" 2>/dev/null || true)
  kubectl apply --server-side --force-conflicts -f "$ROOT/crds/" >/dev/null
  helm upgrade --install kvcluster "$ROOT/charts/kvcluster" --namespace "$OPERATOR_NAMESPACE" --create-namespace --skip-crds \
    --set image.repository="${operator%:*}",image.tag="${operator##*:}" \
    --set serverImage.repository="${server%:*}",serverImage.tag="${server##*:}" \
    --set-string "podAnnotations.kvcluster\.dev/image=$(cut -c1-19 <<<"$built")" \
    --wait --timeout 120s >/dev/null
  say "the operator is running in namespace $OPERATOR_NAMESPACE"
}
