package simulate

// listedCallers are calls of each tactic from the addresses of the built-in
// test list. The credentials are good ones: they were stolen.
func listedCallers() map[string][]call {
	calls := map[string]call{
		"CredentialAccess": {verb: "list", uri: "/api/v1/namespaces/shop/secrets?limit=500", code: 200, level: "Metadata",
			ref: ref("", "v1", "secrets", "shop", "", "")},
		"DefenseEvasion": {verb: "deletecollection", uri: "/api/v1/namespaces/shop/events", code: 200, level: "Metadata",
			ref: ref("", "v1", "events", "shop", "", "")},
		"Discovery": {verb: "get", uri: "/api?timeout=32s", code: 200, level: "Metadata"},
		"Impact": {verb: "create", uri: "/api/v1/namespaces/shop/serviceaccounts?fieldManager=kubectl-create", code: 201, level: "Metadata",
			ref: ref("", "v1", "serviceaccounts", "shop", "helper", "")},
		"Persistence": {verb: "create", uri: "/apis/batch/v1/namespaces/shop/cronjobs?fieldManager=kubectl-create", code: 201, level: "Metadata",
			ref: ref("batch", "v1", "cronjobs", "shop", "sync", "")},
	}
	out := map[string][]call{}
	for mechanism, from := range map[string]string{
		"MaliciousIPCaller": listedBad, "MaliciousIPCaller.Custom": listedCustom, "TorIPCaller": listedTor,
	} {
		for tactic, c := range calls {
			c.who, c.from = admin(), from
			out[tactic+":Kubernetes/"+mechanism] = []call{c}
		}
	}
	return out
}
