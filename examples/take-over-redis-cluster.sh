#!/bin/bash
# Replaces the nodes of a live Redis cluster by others, one after another, while clients go on:
#
#   take-over-redis-cluster.sh OLD_HOST:PORT=NEW_HOST:PORT ...
#
# One pair for each node that is to go, replicas as well as primaries. Each new node must be up, with cluster-enabled yes and
# without data. For each pair, replicas first: the new node joins as a replica of the old one's shard and copies its data;
# where the old one is the primary, the new one takes its place by CLUSTER FAILOVER, which loses no write; then the old node
# leaves. A step that does not come about ends the script with the cluster in order; run it again and it goes on there.
#
# From the environment:
#   REDISCLI_AUTH   password of all nodes; with it the new nodes need requirepass and masterauth
#   REDIS_CLI       the client with other options, such as "redis-cli --user admin" or "redis-cli --tls --cacert ca.crt"
#   SYNC_SECONDS    how long a new node may take to copy the data of its shard (3600)
set -euo pipefail

REDIS_CLI=${REDIS_CLI:-redis-cli}
SYNC_SECONDS=${SYNC_SECONDS:-3600}
STEP_SECONDS=60
POLL_SECONDS=0.2
FAILOVER_ATTEMPTS=5
# A node gives an attempt up after five; the old primary then goes on.
FAILOVER_SECONDS=7

say() { echo "$(date +%T) $*"; }

fail() {
  say "Stopped: $*" >&2
  exit 1
}

# ask HOST:PORT COMMAND...: what one node answers. The port is behind the last colon, as in ::1:6379.
ask() {
  # shellcheck disable=SC2086 # options of REDIS_CLI are words of their own
  timeout 30 $REDIS_CLI -h "${1%:*}" -p "${1##*:}" "${@:2}" | tr -d '\r'
}

# manage COMMAND...: redis-cli --cluster, silent unless it fails.
manage() {
  local report
  # shellcheck disable=SC2086
  report=$($REDIS_CLI --cluster "$@" </dev/null 2>&1) || fail "redis-cli --cluster $*"$'\n'"$report"
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds.
within() {
  local end=$((SECONDS + $1)) what=$2
  until "${@:3}"; do
    [ $SECONDS -lt $end ] || fail "waited $1 s in vain until $what"
    sleep $POLL_SECONDS
  done
}

id_of() { ask "$1" CLUSTER MYID; }
field() { ask "$1" INFO replication | sed -n "s/^$2://p"; }
is_primary() { [ "$(field "$1" role)" = master ]; }

# members HOST:PORT: the addresses of all nodes that it knows.
members() { ask "$1" CLUSTER NODES | awk '$3 !~ /noaddr|handshake/ { sub(/@.*/, "", $2); print $2 }'; }
count_members() { members "$1" | wc -l; }

# shard_of HOST:PORT: the id of the primary of its shard.
shard_of() { ask "$1" CLUSTER NODES | awk '$3 ~ /myself/ { print $4 == "-" ? $1 : $4 }'; }

# address_of HOST:PORT ID: where a node is, as HOST:PORT knows it.
address_of() { ask "$1" CLUSTER NODES | awk -v id="$2" '$1 == id { sub(/@.*/, "", $2); print $2 }'; }

# knows HOST:PORT ID [ROLE [PRIMARY_ID]]: whether that node knows another as alive, as master or as slave of a primary.
knows() {
  ask "$1" CLUSTER NODES | awk -v id="$2" -v role="${3:-}" -v primary="${4:-}" '
    $1 == id && $3 !~ /fail|noaddr|handshake/ && $3 ~ role && (primary == "" || $4 == primary) { found = 1 }
    END { exit !found }'
}

# all_know HOST:PORT ID ...: the same of all members that HOST:PORT knows, which must all say that the cluster is up.
all_know() {
  local list member
  list=$(members "$1")
  [ -n "$list" ] || return 1
  for member in $list; do
    ask "$member" CLUSTER INFO | grep -q '^cluster_state:ok' || return 1
    knows "$member" "${@:2}" || return 1
  done
}

# is_forgotten ID HOST:PORT: by all members that HOST:PORT knows.
is_forgotten() {
  local list member
  list=$(members "$2")
  [ -n "$list" ] || return 1
  for member in $list; do
    [ -z "$(address_of "$member" "$1")" ] || return 1
  done
}

# has_caught_up REPLICA PRIMARY: whether the replica gets, within seconds, all that the primary has now.
has_caught_up() {
  local target end=$((SECONDS + 10)) offset
  [ "$(field "$1" master_link_status)" = up ] || return 1
  target=$(field "$2" master_repl_offset)
  while [ $SECONDS -lt $end ]; do
    offset=$(field "$1" slave_repl_offset)
    [ "${offset:-0}" -lt "$target" ] || return 0
    sleep $POLL_SECONDS
  done
  return 1
}

# shellcheck disable=SC2086
is_in_order() { $REDIS_CLI --cluster check "$1" >/dev/null 2>&1; }

# check_pair OLD NEW: both are what they should be; nothing has been changed yet.
check_pair() {
  local node answer
  for node in "$@"; do
    answer=$(ask "$node" PING) || true
    [ "$answer" = PONG ] || fail "$node answers PING with \"$answer\""
    answer=$(ask "$node" CLUSTER INFO)
    [[ $answer == *cluster_known_nodes:* ]] || fail "$node is no node of a cluster: $answer"
  done
  [ "$(count_members "$2")" -gt 1 ] || [ "$(ask "$2" DBSIZE)" = 0 ] || fail "$2 holds keys, but must be empty"
  [ "$(count_members "$2")" -gt 1 ] || [ "$(count_members "$1")" -gt 1 ] || fail "$1 is in no cluster with others"
}

# join OLD NEW: the new node becomes a replica in the old one's shard and gets all its data.
join() {
  local old=$1 new=$2 id shard primary
  id=$(id_of "$new")
  shard=$(shard_of "$old")
  primary=$(address_of "$old" "$shard")
  if [ -z "$(address_of "$old" "$id")" ]; then
    say "$new joins as a replica of $primary"
    manage add-node "$new" "$old" --cluster-slave --cluster-master-id "$shard"
  elif [ "$(shard_of "$new")" != "$shard" ]; then
    # An earlier run got no further than letting it in.
    [ "$(ask "$new" CLUSTER REPLICATE "$shard")" = OK ] || fail "$new cannot become a replica of $primary"
  fi
  within $STEP_SECONDS "all nodes know $new as a replica" all_know "$old" "$id" slave "$shard"
  within "$SYNC_SECONDS" "$new has the data of $primary (has it got masterauth?)" has_caught_up "$new" "$primary"
  say "$new has the data of $primary"
}

# take_over OLD NEW: the new node becomes the primary and the old one its replica.
take_over() {
  local old=$1 new=$2 id attempt end
  id=$(id_of "$new")
  for ((attempt = 1; attempt <= FAILOVER_ATTEMPTS; attempt++)); do
    say "$new takes the place of $old"
    [ "$(ask "$new" CLUSTER FAILOVER)" = OK ] || fail "$new cannot start a failover"
    end=$((SECONDS + FAILOVER_SECONDS))
    until is_primary "$new" || [ $SECONDS -ge $end ]; do sleep $POLL_SECONDS; done
    ! is_primary "$new" || break
  done
  is_primary "$new" || fail "$new was not elected; $old goes on as the primary"
  within $STEP_SECONDS "all nodes know $new as a primary" all_know "$new" "$id" master
  within $STEP_SECONDS "all nodes know $old as its replica" all_know "$new" "$(id_of "$old")" slave "$id"
  within $STEP_SECONDS "$old follows $new (has it got masterauth?)" has_caught_up "$old" "$new"
}

# leave OLD NEW: all others forget the old node; then it forgets them, its data and its id, so that it could come back at once.
leave() {
  local old=$1 new=$2 id own member
  say "$old leaves"
  id=$(id_of "$old")
  for member in $(members "$new"); do
    own=$(id_of "$member")
    [ "$own" = "$id" ] || ask "$member" CLUSTER FORGET "$id" >/dev/null
  done
  within $STEP_SECONDS "all have forgotten $old" is_forgotten "$id" "$new"
  [ "$(ask "$old" CLUSTER RESET HARD)" = OK ] || fail "$old cannot be reset"
}

replace() {
  local old=$1 new=$2
  if [ "$(count_members "$old")" = 1 ]; then
    say "$old has left already"
    return
  fi
  within $STEP_SECONDS "redis-cli --cluster check $old finds no fault" is_in_order "$old"
  # Where an earlier run was ended before the old node left, it follows the new one.
  [ "$(shard_of "$old")" = "$(id_of "$new")" ] || join "$old" "$new"
  ! is_primary "$old" || take_over "$old" "$new"
  leave "$old" "$new"
  within $STEP_SECONDS "redis-cli --cluster check $new finds no fault" is_in_order "$new"
}

main() {
  [ $# -gt 0 ] || fail "which nodes? OLD_HOST:PORT=NEW_HOST:PORT ..."
  local pair replicas=() primaries=()
  # redis-cli knows no brackets around IPv6 addresses.
  set -- "${@//[\[\]]/}"
  for pair in "$@"; do
    [[ $pair == *:*=*:* ]] || fail "\"$pair\" is not OLD_HOST:PORT=NEW_HOST:PORT"
    check_pair "${pair%%=*}" "${pair#*=}"
    if is_primary "${pair%%=*}"; then primaries+=("$pair"); else replicas+=("$pair"); fi
  done
  for pair in "${replicas[@]}" "${primaries[@]}"; do
    replace "${pair%%=*}" "${pair#*=}"
  done
  say "Done:"
  # shellcheck disable=SC2086
  $REDIS_CLI --cluster check "${1#*=}"
}

main "$@"
