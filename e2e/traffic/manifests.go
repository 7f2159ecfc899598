package traffic

// platformManifest is what the platform team runs: the roles of people, and
// the system workloads, several of which are privileged by nature.
const platformManifest = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: sre-admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: sre}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}, {apiGroup: rbac.authorization.k8s.io, kind: Group, name: devs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: node-reader}
rules: [{apiGroups: [""], resources: [nodes, namespaces], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: node-readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: node-reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}, {apiGroup: rbac.authorization.k8s.io, kind: Group, name: devs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: operator}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch, create, update, patch, delete]}
- {nonResourceURLs: ["/metrics"], verbs: [get]}
---
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: v1
kind: Namespace
metadata: {name: logging}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: aws-node, namespace: kube-system, labels: {k8s-app: aws-node}}
spec:
  selector: {matchLabels: {k8s-app: aws-node}}
  template:
    metadata: {labels: {k8s-app: aws-node}}
    spec:
      hostNetwork: true
      priorityClassName: system-node-critical
      tolerations: [{operator: Exists}]
      initContainers:
      - {name: aws-vpc-cni-init, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/amazon-k8s-cni-init:v1.20.1", command: ["true"], securityContext: {privileged: true}}
      containers:
      - {name: aws-node, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/amazon-k8s-cni:v1.20.1", securityContext: {capabilities: {add: [NET_ADMIN, NET_RAW]}}, volumeMounts: [{name: cni-bin, mountPath: /host/opt/cni/bin}, {name: run, mountPath: /var/run/aws-node}]}
      - {name: aws-eks-nodeagent, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/amazon/aws-network-policy-agent:v1.2.4", securityContext: {privileged: true}}
      volumes: [{name: cni-bin, hostPath: {path: /opt/cni/bin, type: DirectoryOrCreate}}, {name: run, hostPath: {path: /var/run/aws-node, type: DirectoryOrCreate}}]
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
      priorityClassName: system-node-critical
      tolerations: [{operator: Exists}]
      containers:
      - {name: kube-proxy, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/kube-proxy:v1.34.4", securityContext: {privileged: true}, volumeMounts: [{name: varlog, mountPath: /var/log}, {name: xtables-lock, mountPath: /run/xtables.lock}]}
      volumes: [{name: varlog, hostPath: {path: /var/log}}, {name: xtables-lock, hostPath: {path: /run/xtables.lock, type: FileOrCreate}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ebs-csi-node, namespace: kube-system, labels: {app: ebs-csi-node}}
spec:
  selector: {matchLabels: {app: ebs-csi-node}}
  template:
    metadata: {labels: {app: ebs-csi-node}}
    spec:
      tolerations: [{operator: Exists}]
      containers:
      - {name: ebs-plugin, image: "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.48.0", securityContext: {privileged: true}, volumeMounts: [{name: kubelet-dir, mountPath: /var/lib/kubelet}, {name: device-dir, mountPath: /dev}]}
      - {name: node-driver-registrar, image: "public.ecr.aws/csi-components/csi-node-driver-registrar:v2.14.0"}
      volumes: [{name: kubelet-dir, hostPath: {path: /var/lib/kubelet, type: Directory}}, {name: device-dir, hostPath: {path: /dev, type: Directory}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-exporter, namespace: monitoring, labels: {app: node-exporter}}
spec:
  selector: {matchLabels: {app: node-exporter}}
  template:
    metadata: {labels: {app: node-exporter}}
    spec:
      hostNetwork: true
      hostPID: true
      tolerations: [{operator: Exists}]
      containers:
      - {name: node-exporter, image: "quay.io/prometheus/node-exporter:v1.9.1", volumeMounts: [{name: proc, mountPath: /host/proc, readOnly: true}, {name: sys, mountPath: /host/sys, readOnly: true}, {name: root, mountPath: /host/root, readOnly: true}]}
      volumes: [{name: proc, hostPath: {path: /proc}}, {name: sys, hostPath: {path: /sys}}, {name: root, hostPath: {path: /}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fluent-bit, namespace: logging, labels: {app: fluent-bit}}
spec:
  selector: {matchLabels: {app: fluent-bit}}
  template:
    metadata: {labels: {app: fluent-bit}}
    spec:
      tolerations: [{operator: Exists}]
      containers:
      - {name: fluent-bit, image: "public.ecr.aws/aws-observability/aws-for-fluent-bit:2.34.0", volumeMounts: [{name: varlog, mountPath: /var/log, readOnly: true}]}
      volumes: [{name: varlog, hostPath: {path: /var/log}}]
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
      tolerations: [{operator: Exists}]
      nodeSelector: {e2e/real: "true"}
      containers: [{name: coredns, image: "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/coredns:v1.11.4"}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: applications.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {plural: applications, singular: application, kind: Application, listKind: ApplicationList}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
`

// operatorManifest is the account of one operator. The role is broad, as such
// roles are.
const operatorManifest = `apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[2]s, namespace: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: operator}
subjects: [{kind: ServiceAccount, name: %[2]s, namespace: %[1]s}]
---
`

// teamManifest is the namespace of one product team. The deployment "web"
// runs on the real node, so that it has logs and can be entered.
const teamManifest = `apiVersion: v1
kind: Namespace
metadata: {name: TEAM, labels: {team: TEAM}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: devs-edit, namespace: TEAM}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: devs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployers-admin, namespace: TEAM}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: deployers}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: TEAM, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {e2e/real: "true"}
      tolerations: [{key: e2e/real, operator: Exists}]
      containers: [{name: web, image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/TEAM/web:1.0.0", securityContext: {allowPrivilegeEscalation: false, runAsUser: 0}}]
---
apiVersion: v1
kind: Secret
metadata: {name: database, namespace: TEAM}
stringData: {password: not-a-secret}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: sync, namespace: TEAM}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: sync, image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/TEAM/sync:1.0.0", command: ["true"]}]
---
`

const applicationManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NS, labels: {app: NAME, app.kubernetes.io/managed-by: argocd}}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME, version: "VERSION"}}
    spec:
      containers:
      - name: NAME
        image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/NS/NAME:VERSION"
        env: [{name: LOG_LEVEL, value: info}, {name: VERSION, value: "VERSION"}]
        ports: [{containerPort: 8080, name: http}]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: config, mountPath: /config}, {name: tmp, mountPath: /tmp}]
      volumes: [{name: config, configMap: {name: NAME, optional: true}}, {name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: NS, labels: {app: NAME}}
spec: {selector: {app: NAME}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, namespace: NS}
data: {config.yaml: "version: VERSION"}
---
`
