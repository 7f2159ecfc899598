package finding

// auditCall is the call of the Kubernetes API that a sample shows.
type auditCall struct {
	verb, group, resource, subresource, namespace, name string
	status                                              int64
	workload                                            bool // the call is about something that runs
}

// auditCall chooses a call that would make the type fire.
func (s *sampler) auditCall() auditCall {
	const ns, name = "GeneratedFindingNamespace", "GeneratedFindingResourceName"
	rbac := "/apis/rbac.authorization.k8s.io/v1"
	switch {
	case s.named("ExecInKubeSystemPod"):
		return auditCall{"create", "/api/v1", "pods", "exec", "kube-system", name, 101, true}
	case s.named("ExecInPod"):
		return auditCall{"create", "/api/v1", "pods", "exec", ns, name, 101, true}
	case s.named("WorkloadDeployed", "PrivilegedContainer", "SensitiveMount"):
		return auditCall{"create", "/api/v1", "pods", "", ns, name, 201, true}
	case s.named("ExposedDashboard"):
		return auditCall{"patch", "/api/v1", "services", "", "kubernetes-dashboard", "kubernetes-dashboard", 200, false}
	case s.named("KubeflowDashboardExposed"):
		return auditCall{"patch", "/api/v1", "services", "", "istio-system", "istio-ingressgateway", 200, false}
	case s.named("AdminAccessToDefault"):
		return auditCall{"create", rbac, "rolebindings", "", "default", name, 201, false}
	case s.named("AnonymousAccessGranted", "RoleBindingCreated"):
		return auditCall{"create", rbac, "clusterrolebindings", "", "", name, 201, false}
	case s.named("RoleCreated"):
		return auditCall{"create", rbac, "clusterroles", "", "", name, 201, false}
	case s.named("PermissionChecked"):
		return auditCall{"create", "/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", "", "", "", 201, false}
	case s.named("CredentialAccess:"):
		return auditCall{"list", "/api/v1", "secrets", "", ns, "", 200, false}
	case s.named("DefenseEvasion:"):
		return auditCall{"delete", "/api/v1", "events", "", ns, name, 200, false}
	case s.named("Impact:"):
		return auditCall{"delete", "/apis/apps/v1", "deployments", "", ns, name, 200, true}
	case s.named("Persistence:"):
		return auditCall{"create", "/apis/batch/v1", "cronjobs", "", ns, name, 201, true}
	}
	return auditCall{"list", "/api/v1", "pods", "", ns, "", 200, false} // Discovery
}

func (c auditCall) uri() string {
	u := c.group
	if c.namespace != "" {
		u += "/namespaces/" + c.namespace
	}
	u += "/" + c.resource
	// A create names its object in the body, but for subresources.
	if c.name != "" && (c.verb != "create" || c.subresource != "") {
		u += "/" + c.name
	}
	if c.subresource != "" {
		u += "/" + c.subresource
	}
	return u
}

func (s *sampler) kubernetesAction() *Action {
	c := s.auditCall()
	a := &Action{ActionType: "KUBERNETES_API_CALL", KubernetesAPICallAction: &KubernetesAPICallAction{
		RequestURI: c.uri(), Verb: c.verb, Resource: c.resource, Subresource: c.subresource,
		Namespace: c.namespace, ResourceName: c.name, StatusCode: c.status,
		SourceIPs: []string{sampleRemoteIP}, UserAgent: "GeneratedFindingUserAgent", RemoteIPDetails: remoteIP(),
	}}
	switch {
	case s.named("AdminAccessToDefault", "AnonymousAccessGranted", "RoleBindingCreated"):
		b := &KubernetesRoleBindingDetails{
			Kind: "ClusterRoleBinding", Name: c.name, UID: "00000000-0000-0000-0000-000000000000",
			RoleRefName: "GeneratedFindingRoleName", RoleRefKind: "ClusterRole",
		}
		if c.namespace != "" {
			b.Kind, b.RoleRefName = "RoleBinding", "cluster-admin"
		}
		a.KubernetesRoleBindingDetails = b
	case s.named("RoleCreated"):
		a.KubernetesRoleDetails = &KubernetesRoleDetails{Kind: "ClusterRole", Name: c.name, UID: "00000000-0000-0000-0000-000000000000"}
	case s.named("PermissionChecked"):
		a.KubernetesPermissionCheckedDetails = &KubernetesPermissionCheckedDetails{
			Verb: "create", Resource: "pods", Namespace: "GeneratedFindingNamespace", Allowed: true,
		}
	}
	return a
}

// auditDetails is the caller and, when the call is about one, the workload.
func (s *sampler) auditDetails() *KubernetesDetails {
	d := &KubernetesDetails{KubernetesUserDetails: &KubernetesUserDetails{
		Username: "GeneratedFindingUserName", UID: "GeneratedFindingUID",
		Groups: []string{"GeneratedFindingUserGroup", "system:authenticated"}, SessionName: []string{"GeneratedFindingSessionName"},
	}}
	if s.named("SuccessfulAnonymousAccess") {
		d.KubernetesUserDetails = &KubernetesUserDetails{Username: "system:anonymous", Groups: []string{"system:unauthenticated"}}
	}
	if c := s.auditCall(); c.workload {
		d.KubernetesWorkloadDetails = s.workload(c.resource, c.namespace)
	}
	return d
}
