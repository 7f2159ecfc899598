#!/bin/sh
# Acts on the pod of a finding, in two steps. The first looks and writes down
# what would be sent to the cluster; the second sends exactly that, if somebody
# who has read it says so.
#
#   respond.sh plan label|isolate|evict FINDING.json > PLAN.json
#   respond.sh code PLAN.json                        # the code of this plan
#   respond.sh apply PLAN.json CODE                  # CODE is the approval
#
# FINDING.json is a finding, or an event whose detail is one.
# RESPOND_CLUSTER must be the name that findings have for the cluster that kubectl talks to.
# Needs kubectl and jq. Exit status: 0 done, 1 refused or failed, 2 wrong use.
set -eu

die() { echo "respond.sh: $*" >&2; exit 1; }
usage() { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# The names in a finding are whatever an attacker called his pod. They are
# taken only in the form that Kubernetes gives names, and never as text of a command.
target='
  (if type == "array" and length == 1 then .[0] else . end)
  | (if type == "object" then . else error("it is not one finding") end)
  | (if (.detail | type) == "object" then .detail else . end)
  | {finding: .id, type: .type, title: .title, cluster: .resource.eksClusterDetails.name,
     kind: .resource.kubernetesDetails.kubernetesWorkloadDetails.type,
     namespace: .resource.kubernetesDetails.kubernetesWorkloadDetails.namespace,
     pod: .resource.kubernetesDetails.kubernetesWorkloadDetails.name,
     uid: (.resource.kubernetesDetails.kubernetesWorkloadDetails.uid // "")}
  | if (.finding | type) != "string" or (.finding | test("\\A[0-9a-f]{32}\\z") | not) then error("it is no finding: it has no id") else . end
  | if (.title // "" | startswith("[SAMPLE]")) then error("it is a sample, which nothing happened for") else . end
  | if .kind != "pods" then error("it is not about a pod but about \(.kind // "nothing in a cluster"); choose a pod yourself") else . end
  | if (.namespace // "" | test("\\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\z") | not) then error("its namespace is not a name") else . end
  | if (.pod // "" | test("\\A[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\\z") | not) then error("its pod is not a name") else . end
  | if (.uid | test("\\A([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?\\z") | not) then error("the UID of its pod is not one") else . end
  | if .cluster != $cluster then error("it is about the cluster \(.cluster // "(none)"), and this responder acts in \($cluster)") else . end
'

# Every request names the UID: of a pod that was replaced under the same name
# the API server refuses it.
requests='
  {label: {"vedette-finding": .finding}, isolate: {"vedette-finding": .finding, "vedette-isolate": .finding}} as $labels
  | {kind: "patch", body: {metadata: {uid: .uid, labels: $labels[$action]}}} as $mark
  | {kind: "policy", body: {apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy",
      metadata: {name: ("vedette-isolate-" + .finding[:12]), namespace: .namespace, labels: {"vedette-finding": .finding}},
      spec: {podSelector: {matchLabels: {"vedette-isolate": .finding}}, policyTypes: ["Ingress", "Egress"]}}} as $policy
  | {kind: "evict", body: {apiVersion: "policy/v1", kind: "Eviction", metadata: {name: .pod, namespace: .namespace},
      deleteOptions: {preconditions: {uid: .uid}}}} as $evict
  | {action: $action, finding, type, cluster, namespace, pod, uid, requests: {label: [$mark], isolate: [$policy, $mark], evict: [$evict]}[$action]}
'

plan() {
  [ -n "${RESPOND_CLUSTER:-}" ] || die "set RESPOND_CLUSTER to the cluster's name in findings"
  found=$(jq -c --arg cluster "$RESPOND_CLUSTER" "$target" -- "$2") || die "this finding is not acted on"
  namespace=$(printf %s "$found" | jq -r .namespace)
  pod=$(printf %s "$found" | jq -r .pod)
  uid=$(kubectl get pod --namespace "$namespace" "$pod" --output 'jsonpath={.metadata.uid}') || die "the pod cannot be read"
  printf %s "$found" | jq --sort-keys --arg action "$1" --arg now "$uid" \
    'if .uid == "" or .uid == $now then .uid = $now else error("the pod of the finding is gone; another has its name") end | '"$requests" ||
    die "there is nothing to do"
}

# A file is read once, so that what was approved is what is sent.
code() { printf '%s\n' "$1" | sha256sum | cut -c1-16; }

apply() {
  [ "$(code "$1")" = "$2" ] || die "nothing was done: this is not the code of this plan"
  printf %s "$1" | jq -e '.requests | length > 0' >/dev/null || die "nothing was done: this is no plan"
  namespace=$(printf %s "$1" | jq -r .namespace)
  pod=$(printf %s "$1" | jq -r .pod)
  printf %s "$1" | jq -c '.requests[]' | while read -r request; do
    body=$(printf %s "$request" | jq -c .body)
    case $(printf %s "$request" | jq -r .kind) in
    patch) kubectl patch pod --namespace "$namespace" "$pod" --type merge --patch "$body" ;;
    policy) printf %s "$body" | kubectl apply --server-side --field-manager vedette-respond --filename - ;;
    evict) printf %s "$body" | kubectl create --raw "/api/v1/namespaces/$namespace/pods/$pod/eviction" --filename - >/dev/null && echo "pod/$pod evicted" ;;
    *) die "the plan has a request of a kind that is not known" ;;
    esac || exit 1
  done || die "the cluster refused it"
}

case "${1:-} $#" in
"plan 3") case $2 in label | isolate | evict) plan "$2" "$3" ;; *) usage ;; esac ;;
"code 2") code "$(cat -- "$2")" ;;
"apply 3") apply "$(cat -- "$2")" "$3" ;;
*) usage ;;
esac
