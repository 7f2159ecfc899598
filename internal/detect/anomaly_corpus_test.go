package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// The corpus is a cluster of 28 days, made up with a fixed seed: controllers,
// applications, operators, CI, people who travel and explore, and roles from
// outside; a part of them comes only later. Attacks with stolen credentials and
// by insiders are mixed into its second half. It tells designs apart; its
// absolute figures are of this corpus alone.

// actor is somebody of the corpus.
type actor struct {
	name, group, kind string
	systemic          bool
	from              int // day of the first event
	perDay            int
	workdays          bool
	habit             func(r *rand.Rand, day int) behaviour
}

const (
	corpusDays  = 28
	corpusStart = 20_500 // a day
	attackFrom  = 15
)

type moment struct {
	at     time.Time
	b      behaviour
	bundle int // 0 is benign
}

func calls(api, namespace, agent, network, country string) behaviour {
	v := make([]string, kubeViews)
	v[viewAPI], v[viewNamespace], v[viewUserAgent], v[viewASN], v[viewCountry], v[viewResult] = api, namespace, agent, network, country, "success"
	b := behaviour{plane: &kubePlane, values: v, act: api, risk: riskLooks}
	for trigger, typ := range map[string]string{
		"get secrets": typeSecretsAccessed, "list secrets": typeSecretsAccessed, "get pods/exec": typeExecInPod, "create deployments.apps": typeWorkloadDeployed,
		"create pods": typeWorkloadDeployed, "create clusterrolebindings." + rbacGroup: typeBindingCreated, "create rolebindings." + rbacGroup: typeBindingCreated,
		"create clusterroles." + rbacGroup: typeRoleCreated,
	} {
		if api == trigger {
			b.typ, b.risk = typ, riskChanges
		}
	}
	if api == "create selfsubjectaccessreviews.authorization.k8s.io" {
		b.typ = typePermissionChecked
	}
	return b
}

const (
	inCluster     = "private 10/8"
	officeNetwork = "AS64500 Office"
	secrets       = "list secrets"
	review1       = "create selfsubjectaccessreviews.authorization.k8s.io"
	bindAll       = "create clusterrolebindings." + rbacGroup
)

// zipf picks from a list, the first far more often.
func zipf(r *rand.Rand, list []string) string {
	i := 0
	for i < len(list)-1 && r.IntN(10) < 6 {
		i++
	}
	return list[(i+r.IntN(1+r.IntN(len(list))))%len(list)]
}

func residents(r *rand.Rand) (all []actor) {
	comes := func() int { // one in seven comes later
		if r.IntN(7) == 0 {
			return 9 + r.IntN(16)
		}
		return 0
	}
	common := []string{"list pods", "get pods", "get pods/log", "list deployments.apps", "get deployments.apps", "list services", "list events", "get configmaps",
		"list namespaces", "get nodes", "list ingresses.networking.k8s.io", "get pods/exec", "list jobs.batch", "patch deployments.apps", "get secrets", "list configmaps",
		review1, "delete pods", "list replicasets.apps", "get services", "create pods/portforward", "list nodes", "get events", "list cronjobs.batch",
		"list persistentvolumeclaims", "get statefulsets.apps", "patch statefulsets.apps", "delete jobs.batch", "get ingresses.networking.k8s.io", "list roles." + rbacGroup}
	for i := range 12 {
		apis := []string{fmt.Sprintf("list kind%d", i), fmt.Sprintf("update kind%d/status", i), "update leases.coordination.k8s.io", secrets, "create events"}
		all = append(all, actor{name: fmt.Sprintf("system:controller-%d", i), kind: "system", systemic: true, perDay: 300, habit: func(r *rand.Rand, _ int) behaviour {
			return calls(zipf(r, apis), "kube-system", "kube-controller-manager", inCluster, "")
		}})
	}
	for i := range 40 {
		ns := fmt.Sprintf("team%c", 'a'+i%20)
		apis := []string{"get configmaps", "update leases.coordination.k8s.io", "list endpoints", fmt.Sprintf("list custom%d.example.com", i)}
		if i%8 == 0 {
			apis = append(apis, "get secrets")
		}
		agent := fmt.Sprintf("app%d client-go Linux", i)
		all = append(all, actor{name: fmt.Sprintf("system:serviceaccount:%s:app%d", ns, i), group: ns, kind: "serviceAccount", from: comes(), perDay: 150,
			habit: func(r *rand.Rand, _ int) behaviour { return calls(zipf(r, apis), ns, agent, inCluster, "") }})
	}
	for i := range 8 {
		apis := []string{"list pods", "list secrets", "get secrets", "list deployments.apps", "patch deployments.apps", "create events", "list configmaps",
			fmt.Sprintf("list crd%d.example.com", i), fmt.Sprintf("update crd%d.example.com/status", i), "create deployments.apps", "create rolebindings." + rbacGroup}
		agent := fmt.Sprintf("operator%d client-go Linux", i)
		all = append(all, actor{name: fmt.Sprintf("system:serviceaccount:operators:op%d", i), group: "operators", kind: "serviceAccount", from: comes(), perDay: 400,
			habit: func(r *rand.Rand, day int) behaviour {
				ns := fmt.Sprintf("team%c", 'a'+r.IntN(20))
				if r.IntN(60) == 0 { // namespaces come and go
					ns = fmt.Sprintf("tenant-%d-%c", day, 'a'+r.IntN(26))
				}
				b := calls(zipf(r, apis), ns, agent, inCluster, "")
				if b.typ == typeWorkloadDeployed {
					b.values[viewImage], b.values[viewImageConfig] = fmt.Sprintf("quay.io/op%d/worker", i), fmt.Sprintf("quay.io/op%d", i)
				}
				if b.typ == typeBindingCreated {
					b.values[viewRole], b.values[viewSubject] = fmt.Sprintf("op%d-view", i), "ServiceAccount worker"
				}
				return b
			}})
	}
	for i := range 6 {
		apis := []string{"get deployments.apps", "create deployments.apps", "patch deployments.apps", "list pods", "get jobs.batch", "create pods", "get configmaps", "patch services", "get secrets"}
		all = append(all, actor{name: fmt.Sprintf("system:serviceaccount:ci:deployer%d", i), group: "ci", kind: "serviceAccount", from: comes(), perDay: 120, workdays: true,
			habit: func(r *rand.Rand, day int) behaviour {
				ns := fmt.Sprintf("team%c", 'a'+(i*3+r.IntN(4))%20)
				if r.IntN(4) == 0 {
					ns = "pr-*"
				}
				b := calls(zipf(r, apis), ns, "kubectl Linux", inCluster, "")
				if b.typ == typeWorkloadDeployed {
					image := fmt.Sprintf("registry.example.com/team/svc%d", i*8+r.IntN(8))
					if r.IntN(400) == 0 { // a new service
						image = fmt.Sprintf("registry.example.com/team/new%d-%d", i, day)
					}
					b.values[viewImage], b.values[viewImageConfig] = image, "registry.example.com/team"
				}
				return b
			}})
	}
	tools := []string{"kubectl Linux", "kubectl macOS", "k9s macOS", "helm Linux", "Lens macOS", "kubectl Windows"}
	for i := range 36 {
		team := i % 5
		mine := []string{fmt.Sprintf("team%c", 'a'+team*4), fmt.Sprintf("team%c", 'a'+team*4+1), fmt.Sprintf("team%c", 'a'+team*4+2)}
		own := slices.Clone(common)
		r.Shuffle(len(own)-4, func(a, b int) { own[a+4], own[b+4] = own[b+4], own[a+4] })
		own = own[:8+r.IntN(8)]
		tool, away, abroad := tools[r.IntN(2)], -1, ""
		home := fmt.Sprintf("AS%d Home", 64600+r.IntN(8))
		all = append(all, actor{name: fmt.Sprintf("engineer%d@example.com", i), group: fmt.Sprintf("team %d", team), kind: "user", from: comes(), perDay: 50, workdays: true,
			habit: func(r *rand.Rand, day int) behaviour {
				if day > away+3 && r.IntN(3000) == 0 { // travels for some days
					away, abroad = day, fmt.Sprintf("AS%d Hotel", 65000+r.IntN(40))
				}
				network, country := officeNetwork, "DE"
				switch {
				case day <= away+2 && away >= 0:
					network, country = abroad, []string{"FR", "US", "ES", "PL"}[away%4]
				case r.IntN(3) == 0:
					network = home
				}
				agent, api, ns := tool, zipf(r, own), mine[r.IntN(len(mine))]
				if r.IntN(150) == 0 {
					agent = tools[r.IntN(len(tools))]
				}
				if r.IntN(100) == 0 { // explores
					api = common[r.IntN(len(common))]
				}
				if r.IntN(120) == 0 {
					ns = fmt.Sprintf("team%c", 'a'+r.IntN(20))
				}
				return calls(api, ns, agent, network, country)
			}})
	}
	for i := range 10 {
		apis := []string{"list pods", "list nodes", "get deployments.apps", "list services"}
		agent := fmt.Sprintf("scanner%d Linux", i)
		all = append(all, actor{name: fmt.Sprintf("arn:aws:sts::111122223333:assumed-role/tool%d", i), group: "no team", kind: "role", from: comes(), perDay: 60,
			habit: func(r *rand.Rand, _ int) behaviour {
				return calls(zipf(r, apis), fmt.Sprintf("team%c", 'a'+r.IntN(20)), agent, "AS16509 AMAZON-02", "IE")
			}})
	}
	return all
}

// attack is a kind of bundle: what is done with whose credentials.
type attack struct {
	name string
	who  string // what the name of the actor contains
	acts func(r *rand.Rand, a *actor) []behaviour
}

func attacks() []attack {
	kit := []string{review1, secrets, "get pods/exec", "create pods", bindAll, "list pods", "list namespaces", "create clusterroles." + rbacGroup}
	chain := func(r *rand.Rand, n int, ns, agent, network, country string) (out []behaviour) {
		for range n {
			b := calls(kit[r.IntN(len(kit))], ns, agent, network, country)
			fillAttack(&b)
			out = append(out, b)
		}
		b := calls(kit[r.IntN(5)], ns, agent, network, country) // one is of a finding's kind
		fillAttack(&b)
		return append(out, b)
	}
	return []attack{
		{"a token of an application, used from outside", ":app", func(r *rand.Rand, a *actor) []behaviour {
			return chain(r, 3, "kube-system", []string{"curl", "kubectl Linux", "python-requests"}[r.IntN(3)], fmt.Sprintf("AS%d VPS", 200+r.IntN(90)), "RU")
		}},
		{"a token of an application, used in the cluster", ":app", func(r *rand.Rand, a *actor) []behaviour {
			return chain(r, 3, a.group, []string{"curl", "kubectl Linux", "python-requests"}[r.IntN(3)], inCluster, "")
		}},
		{"an application that was taken over", ":app", func(r *rand.Rand, a *actor) []behaviour {
			own := a.habit(r, attackFrom)
			return chain(r, 3, "kube-system", own.values[viewUserAgent], inCluster, "")
		}},
		{"a bad image by CI", ":deployer", func(r *rand.Rand, a *actor) []behaviour {
			b := a.habit(r, attackFrom)
			c := calls("create deployments.apps", b.values[viewNamespace], b.values[viewUserAgent], inCluster, "")
			c.values[viewImage], c.values[viewImageConfig] = "docker.io/xmr/miner", "docker.io/xmr privileged"
			return []behaviour{c}
		}},
		{"credentials of an engineer, used from afar", "engineer", func(r *rand.Rand, a *actor) []behaviour {
			return chain(r, 3, fmt.Sprintf("team%c", 'a'+r.IntN(20)), "kubectl Linux", fmt.Sprintf("AS%d VPS", 200+r.IntN(90)), "RU")
		}},
		{"an engineer who reads secrets from the usual place", "engineer", func(r *rand.Rand, a *actor) []behaviour {
			b := a.habit(r, attackFrom)
			return []behaviour{calls(secrets, "kube-system", b.values[viewUserAgent], officeNetwork, "DE"), calls("get secrets", "kube-system", b.values[viewUserAgent], officeNetwork, "DE")}
		}},
		{"a service account that binds roles", ":op", func(r *rand.Rand, a *actor) []behaviour {
			b := a.habit(r, attackFrom)
			c := calls(bindAll, "", b.values[viewUserAgent], inCluster, "")
			fillAttack(&c)
			return []behaviour{calls(review1, "", b.values[viewUserAgent], inCluster, ""), c}
		}},
		{"a role from outside, used from elsewhere", "assumed-role", func(r *rand.Rand, a *actor) []behaviour {
			return chain(r, 2, "teama", "kubectl Linux", fmt.Sprintf("AS%d VPS", 200+r.IntN(90)), "RU")
		}},
		{"a controller's credentials, used with a tool", "system:controller", func(r *rand.Rand, a *actor) []behaviour {
			return chain(r, 2, "kube-system", "curl", inCluster, "")
		}},
	}
}

func fillAttack(b *behaviour) {
	switch b.typ {
	case typeWorkloadDeployed:
		b.values[viewImage], b.values[viewImageConfig] = "docker.io/library/ubuntu", "docker.io/library privileged hostPID"
	case typeBindingCreated:
		b.values[viewRole], b.values[viewSubject] = "cluster-admin", "User eve"
	case typeRoleCreated:
		b.values[viewRole] = "helper"
	}
	if b.act == review1 {
		b.values[viewPermission] = "create pods/exec"
	}
}

func anomalyCorpus(seed uint64) (all []moment, kinds []string) {
	r := rand.New(rand.NewPCG(seed, 7))
	people := residents(r)
	midnight := time.Unix(corpusStart*24*3600, 0).UTC()
	for day := range corpusDays {
		for i := range people {
			a := &people[i]
			weekend := (corpusStart+day+4)%7 == 0 || (corpusStart+day+4)%7 == 6
			if day < a.from || a.workdays && weekend && r.IntN(10) > 0 {
				continue
			}
			for range a.perDay/2 + r.IntN(a.perDay) {
				hour := r.IntN(24 * 3600)
				if a.workdays {
					hour = 8*3600 + r.IntN(10*3600)
				}
				all = append(all, moment{midnight.AddDate(0, 0, day).Add(time.Duration(hour) * time.Second), a.behave(a.habit(r, day)), 0})
			}
		}
	}
	kinds = []string{""}
	for _, at := range attacks() {
		for range 6 {
			var a *actor
			for a == nil || !strings.Contains(a.name, at.who) || a.from >= attackFrom-2 {
				a = &people[r.IntN(len(people))]
			}
			kinds = append(kinds, at.name)
			when := midnight.AddDate(0, 0, attackFrom+r.IntN(corpusDays-attackFrom)).Add(time.Duration(9*3600+r.IntN(8*3600)) * time.Second)
			for i, b := range at.acts(r, a) {
				all = append(all, moment{when.Add(time.Duration(i) * 40 * time.Second), a.behave(b), len(kinds) - 1})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	return all, kinds
}

func (a *actor) behave(b behaviour) behaviour {
	b.principal, b.group, b.kind, b.systemic = a.name, a.group, a.kind, a.systemic
	return b
}

// quality is what a run over the corpus came to.
type quality struct {
	benign         int // events in the second half
	falseFindings  int // of all days, one a principal and day
	found, bundles map[string]int
}

func (q *quality) recall() float64 {
	found, all := 0, 0
	for k, n := range q.bundles {
		found, all = found+q.found[k], all+n
	}
	return float64(found) / float64(all)
}

func judgeCorpus(seed uint64, budget AnomalyBudget) (q quality) {
	q.found, q.bundles = map[string]int{}, map[string]int{}
	moments, kinds := anomalyCorpus(seed)
	a := newAnomalies(&Options{AnomalyBudget: budget})
	seen, hit := map[string]bool{}, make([]bool, len(kinds))
	for i := range moments {
		m := &moments[i]
		v := a.judge(m.at, false, &m.b)
		day := int(dayNumber(m.at)) - corpusStart
		if m.bundle > 0 {
			hit[m.bundle] = hit[m.bundle] || v != nil
			continue
		}
		if day >= attackFrom {
			q.benign++
		}
		if key := fmt.Sprint(m.b.principal, day); v != nil && !seen[key] {
			seen[key] = true
			q.falseFindings++
		}
	}
	for i, k := range kinds[1:] {
		q.bundles[k]++
		if hit[i+1] {
			q.found[k]++
		}
	}
	return q
}

// TestCorpus measures what the models find of the attacks, and what of the
// rest, over three seeds at the budget of one false finding in 100,000 events.
// The bounds are what was measured when they were set, see
// docs/detection-quality.md: a change that does worse has to say why. With -v it
// measures looser budgets, too.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes three clusters of 28 days")
	}
	all := judgeSeeds(AnomalyBudget{})
	for _, at := range attacks() {
		t.Logf("%s: %d of %d", at.name, all.found[at.name], all.bundles[at.name])
	}
	rate := float64(all.falseFindings) / float64(all.benign)
	t.Logf("recall %.3f, %d false findings in %d events, %.2g", all.recall(), all.falseFindings, all.benign, rate)
	if all.recall() < 0.8 {
		t.Errorf("recall %.3f", all.recall())
	}
	if rate > 6e-6 {
		t.Errorf("%d false findings in %d benign events", all.falseFindings, all.benign)
	}
	if !testing.Verbose() {
		return
	}
	for _, events := range []int64{1000, 10_000} {
		q := judgeSeeds(AnomalyBudget{Events: events, Daily: 1000})
		t.Logf("one in %d: recall %.3f, %d false findings, %.2g", events, q.recall(), q.falseFindings, float64(q.falseFindings)/float64(q.benign))
	}
}

func judgeSeeds(budget AnomalyBudget) quality {
	all := quality{found: map[string]int{}, bundles: map[string]int{}}
	for seed := range uint64(3) {
		q := judgeCorpus(seed+1, budget)
		all.benign += q.benign
		all.falseFindings += q.falseFindings
		for k := range q.bundles {
			all.found[k] += q.found[k]
			all.bundles[k] += q.bundles[k]
		}
	}
	return all
}
