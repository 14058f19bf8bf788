# shellcheck shell=bash disable=SC2154 # cache, cluster, namespace and system are those of the script that sources this
# Owns how the demo treats a cluster that is not its own (CONTEXT=name): it asks before it changes anything, marks what
# it makes, remembers where that was, and removes nothing else. Sourced by demo.

# On the two namespaces that the demo makes, so that it never takes or removes somebody's.
mark=understudy.dev/demo
# Where a demo is in a cluster of somebody's: its context and kubeconfig, until `demo down`.
remembered=$cache/demo-cluster
# An API server or registry that answers at all does so within a second or two, over a VPN too.
answer_timeout=10

# What can be said at once, before anything is built.
check_arguments() {
  if [ -z "${CONTEXT:-}" ]; then
    [ -z "${IMAGES:-}" ] || refuse "IMAGES=$IMAGES is for a cluster of yours: give CONTEXT=name too. The local cluster needs no registry"
    "$cluster" may-start || exit 1
    return 0
  fi
  [ -z "${FAMILY:-}" ] || refuse "FAMILY=$FAMILY is for the local cluster: that of context $CONTEXT has the addresses that it has"
  [ -n "${IMAGES:-}" ] || refuse "CONTEXT=$CONTEXT needs IMAGES=registry/prefix too: this machine pushes the images there and the cluster pulls them, for example IMAGES=registry.example.org/understudy"
  grep -qxE '[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*' <<<"$IMAGES" ||
    refuse "IMAGES=$IMAGES is not registry/prefix: lower-case, without https:// and without a slash at its end"
  if [ -e "$remembered" ] && [ "$(recall 1)" != "$CONTEXT" ]; then
    refuse "a demo is in the cluster of context $(recall 1) already; make down ends it"
  fi
}

# What only the cluster and the registry know.
check_answers() {
  kubectl config get-contexts -o name | grep -Fxq "$CONTEXT" ||
    refuse "kubectl knows no context $CONTEXT; in ${KUBECONFIG:-~/.kube/config} there are: $(kubectl config get-contexts -o name | paste -sd ' ')"
  kubectl get --raw /readyz --request-timeout "${answer_timeout}s" >/dev/null ||
    refuse "the cluster of context $CONTEXT does not answer, or not to you (see above)"
  check_nobodys
  check_registry
}

# The demo replaces no Understudy that serves somebody.
check_nobodys() {
  local name objects=()
  is_marked "$namespace" || objects+=("namespace/$namespace")
  is_marked "$system" || objects+=("namespace/$system" crd/virtualparticipants.understudy.dev)
  for name in "${objects[@]}"; do
    [ -z "$(kubectl get "$name" --ignore-not-found -o name)" ] ||
      refuse "the cluster of context $CONTEXT has $name already, and not from a demo: remove it, or choose another cluster"
  done
}

# Any answer will do: the push tells about rights. Docker Hub, which a name without a host means, is not asked.
check_registry() {
  local registry=${IMAGES%%/*} url
  case $registry in *.* | *:* | localhost) url=https://$registry/v2/ ;; *) return 0 ;; esac
  if answers "$url"; then return; fi
  if [ -n "${IMAGES_INSECURE:-}" ] && answers "http://$registry/v2/"; then return; fi
  if [ -z "${IMAGES_INSECURE:-}" ] && answers "http://$registry/v2/" 2>/dev/null; then
    refuse "the registry $registry speaks plain HTTP: IMAGES_INSECURE=1 allows that for the push; the cluster's nodes need the same permission in their container runtime"
  fi
  refuse "no registry answers at $registry (see above), which IMAGES=$IMAGES names"
}
answers() { curl -sS --insecure --max-time "$answer_timeout" -o /dev/null "$1"; }

refuse() {
  echo "demo: $*" >&2
  exit 1
}

is_marked() { [ -n "$(kubectl get namespace "$1" --ignore-not-found -o "jsonpath={.metadata.labels['${mark//./\\.}']}")" ]; }

remember() { (umask 077 && printf '%s\n' "$CONTEXT" "${KUBECONFIG:-$HOME/.kube/config}" >"$remembered"); }
recall() { sed -n "$1p" "$remembered"; }

# Everything that the demo made there. What the charts brought for all namespaces goes with it, and therefore every
# participant; there was none before the demo.
leave_cluster() {
  local name
  kubectl get --raw /readyz --request-timeout "${answer_timeout}s" >/dev/null || {
    echo "demo: the cluster of context $CONTEXT does not answer; if it is gone for good, remove $remembered" >&2
    return 1
  }
  if is_marked "$namespace"; then kubectl delete namespace "$namespace" --timeout 120s || return; fi
  if is_marked "$system"; then
    # One after the other: the operator's release has objects of the definitions'.
    helm uninstall understudy --namespace "$system" --ignore-not-found --wait --timeout 120s || return
    helm uninstall understudy-crds --namespace "$system" --ignore-not-found --wait --timeout 120s || return
    kubectl delete namespace "$system" --timeout 120s || return
  fi
  rm -f "$remembered"
}

# The addresses are those of pods: true in the cluster's network, and elsewhere only where that is routed.
tell_reach() {
  local view=$1 token=$2 pod
  echo
  if curl -sf --noproxy '*' --max-time "$answer_timeout" -o /dev/null "$view"; then
    echo "Media comes from the same address, port 10003, as UDP or over TCP: something between this machine and the pods may block one of them."
    return
  fi
  pod=$(kubectl get virtualparticipant ada --namespace "$namespace" -o 'jsonpath={.status.pod.name}')
  cat <<REACH
This machine does not reach the cluster's pods, so these addresses work only where they are reached: on a node, in a
pod, over a VPN. The page alone comes through kubectl, at http://127.0.0.1:10001/view?token=$token:
  kubectl --context $CONTEXT --namespace $namespace port-forward pod/$pod 10001
but its picture does not, since WebRTC sends media to and from the pod's own address.
REACH
}
