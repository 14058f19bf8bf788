# shellcheck shell=bash disable=SC2034 # its arrays are read through `each`, by name
# Owns which addresses a cluster has: of version 4, 6 or both, as FAMILY says (ipv4, ipv6 or dual). Sourced by `cluster`,
# `machine` and `families`.
#
# Of two families version 4 is the first, the one of the API server, its Service and a Service that asks for one address:
# so are nearly all clusters of both, and those where version 6 comes first differ little from those that have no other.

declare -A node=([4]=10.99.0.1 [6]=fd00:10:99::1)
declare -A host=([4]=10.99.0.2 [6]=fd00:10:99::2)
declare -A link_bits=([4]=30 [6]=126)
declare -A pods=([4]=10.244.0.0/16 [6]=fd00:10:244::/56)
declare -A pods_here=([4]=10.244.0.0/24 [6]=fd00:10:244::/64) # what the controller manager gives the first node
declare -A services=([4]=10.96.0.0/16 [6]=fd00:10:96::/112)
declare -A first_service=([4]=10.96.0.1 [6]=fd00:10:96::1) # the API server's own
declare -A everywhere=([4]=0.0.0.0/0 [6]=::/0)
declare -A iptables=([4]=iptables [6]=ip6tables)

# family_choose NAME: what `each` and `first` are about from then on.
family_choose() {
  case $1 in
    ipv4) versions=(4) ;;
    ipv6) versions=(6) ;;
    dual) versions=(4 6) ;;
    *) echo "cluster: FAMILY=$1 is none of ipv4, ipv6 and dual" >&2; return 1 ;;
  esac
  family=$1
}

# each NAME [SEPARATOR]: that array's values, the first family's first; one a line without a separator.
each() {
  local -n of_version=$1
  local version separator=
  for version in "${versions[@]}"; do
    printf '%s%s' "$separator" "${of_version[$version]}"
    separator=${2:-$'\n'}
  done
}

first() {
  local -n of_version=$1
  echo "${of_version[${versions[0]}]}"
}

# in_url ADDRESS: as a URL has it.
in_url() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }
