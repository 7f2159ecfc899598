package scenario

// baseManifest is the cluster as it was before anyone attacked it. The system
// workloads in it are not privileged here, because their creation is part of
// the log too.
const baseManifest = `
apiVersion: v1
kind: Namespace
metadata: {name: app}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: devs-edit, namespace: app}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: devs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edit-exec, labels: {rbac.authorization.k8s.io/aggregate-to-edit: "true"}}
rules: [{apiGroups: [""], resources: [pods/exec, pods/ephemeralcontainers], verbs: [get, create, patch]}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: kube-system, labels: {k8s-app: kube-proxy}}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec:
      hostNetwork: true
      tolerations: [{operator: Exists}]
      containers: [{name: kube-proxy, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/kube-proxy:v1.34.4"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      containers: [{name: coredns, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/coredns:v1.11.4"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: app, labels: {app: api}}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: api, image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/api:1.0.0"}]
`

// dashboardManifest is the part of the Kubernetes dashboard's release manifest
// that matters here: its namespace, account, roles, service and deployment.
const dashboardManifest = `
apiVersion: v1
kind: Namespace
metadata: {name: kubernetes-dashboard}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: kubernetes-dashboard, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes-dashboard, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
spec:
  ports: [{port: 443, targetPort: 8443}]
  selector: {k8s-app: kubernetes-dashboard}
---
apiVersion: v1
kind: Secret
metadata: {name: kubernetes-dashboard-certs, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
type: Opaque
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: kubernetes-dashboard, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
rules:
- {apiGroups: [""], resources: [secrets], resourceNames: [kubernetes-dashboard-key-holder, kubernetes-dashboard-certs], verbs: [get, update, delete]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [kubernetes-dashboard-settings], verbs: [get, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: kubernetes-dashboard, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: kubernetes-dashboard}
subjects: [{kind: ServiceAccount, name: kubernetes-dashboard, namespace: kubernetes-dashboard}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kubernetes-dashboard, namespace: kubernetes-dashboard, labels: {k8s-app: kubernetes-dashboard}}
spec:
  replicas: 1
  revisionHistoryLimit: 10
  selector: {matchLabels: {k8s-app: kubernetes-dashboard}}
  template:
    metadata: {labels: {k8s-app: kubernetes-dashboard}}
    spec:
      serviceAccountName: kubernetes-dashboard
      containers:
      - name: kubernetes-dashboard
        image: kubernetesui/dashboard:v2.7.0
        args: ["sh", "-c", "while :; do sleep 3600; done"]
        ports: [{containerPort: 8443, protocol: TCP}]
        volumeMounts: [{name: kubernetes-dashboard-certs, mountPath: /certs}, {name: tmp-volume, mountPath: /tmp}]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsUser: 1001, runAsGroup: 2001}
      volumes: [{name: kubernetes-dashboard-certs, secret: {secretName: kubernetes-dashboard-certs}}, {name: tmp-volume, emptyDir: {}}]
`

// labPod is the workshop's privileged pod.
const labPod = `
apiVersion: v1
kind: Pod
metadata: {name: ubuntu-privileged}
spec:
  containers:
  - name: ubuntu-privileged
    image: ubuntu
    ports: [{containerPort: 22}]
    securityContext: {privileged: true}
    volumeMounts: [{mountPath: /host-etc, name: host-etc}]
  volumes: [{name: host-etc, hostPath: {path: /etc}}]
  restartPolicy: Never
`
