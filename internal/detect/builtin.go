package detect

// builtin lists the detectors under the resources whose successful calls they
// look at. Anonymous calls are looked at besides, whatever their resource.
func builtin(o Options) map[string][]detector {
	m := map[string][]detector{
		"pods":                {execInKubeSystem},
		"nodes":               {execThroughKubelet},
		"rolebindings":        {bindings},
		"clusterrolebindings": {bindings},
		"roles":               {roles},
		"clusterroles":        {roles},
		"services":            {exposedDashboard},
	}
	if o.LegacyKubernetes {
		for _, r := range workloadResources {
			m[r] = append(m[r], riskyWorkload)
		}
	}
	return m
}
