package sequence

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// writer writes the parts of service.detection.sequence.
type writer struct {
	s         *Sequence
	of        func(identity string) *finding.Finding
	resources map[string]finding.ResourceV2
	actors    map[string]finding.SequenceActor
	endpoints map[string]finding.NetworkEndpoint
	tactics   map[string]bool
	technique map[string]bool
	other     map[string]map[string]bool // values of further indicators by key
}

func (w *writer) sequence(f *finding.Finding) *finding.Sequence {
	w.resources, w.actors, w.endpoints = map[string]finding.ResourceV2{}, map[string]finding.SequenceActor{}, map[string]finding.NetworkEndpoint{}
	w.tactics, w.technique, w.other = map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	seq := &finding.Sequence{UID: w.s.ID, Description: f.Description, AdditionalSequenceTypes: w.s.Also}
	at := map[string]int{}
	for _, n := range w.s.Notes { // a finding of several days is one signal
		if i, seen := at[n.Finding]; seen && n.Strong() {
			w.extend(&seq.Signals[i], n)
			continue
		}
		at[n.Finding] = len(seq.Signals)
		seq.Signals = append(seq.Signals, w.signal(n))
	}
	seq.Actors, seq.Resources, seq.Endpoints = inOrder(w.actors), inOrder(w.resources), inOrder(w.endpoints)
	seq.SequenceIndicators = w.indicators(w.tactics, w.technique)
	for _, key := range slices.Sorted(maps.Keys(w.other)) {
		seq.SequenceIndicators = append(seq.SequenceIndicators, finding.Indicator{
			Key: key, Title: titleOf(key), Values: slices.Sorted(maps.Keys(w.other[key])),
		})
	}
	return seq
}

func (w *writer) extend(s *finding.SequenceSignal, n *Note) {
	if n.end().After(s.LastSeenAt.Time) {
		s.LastSeenAt, s.UpdatedAt = &finding.Epoch{Time: n.end()}, &finding.Epoch{Time: n.end()}
	}
	s.ResourceUIDs, s.ActorIDs, s.EndpointIDs = w.parts(s.ResourceUIDs, s.ActorIDs, s.EndpointIDs, n)
}

func (w *writer) signal(n *Note) finding.SequenceSignal {
	first, last := &finding.Epoch{Time: n.First}, &finding.Epoch{Time: n.end()}
	sum := sha256.Sum256([]byte(n.Key()))
	s := finding.SequenceSignal{
		UID: hex.EncodeToString(sum[:16]), Type: n.Source, Name: n.Name, Count: int64(max(1, len(n.Names))),
		CreatedAt: first, UpdatedAt: last, FirstSeenAt: first, LastSeenAt: last,
	}
	stage, actors, endpoints := "", []string(nil), []string(nil)
	if n.Strong() {
		t, _ := finding.Lookup(n.Name)
		stage = t.Tactic
		s.Severity, s.Description = t.Severity, t.Trigger
		w.technique[t.Technique] = true
		s.SignalIndicators = w.indicators(map[string]bool{t.Tactic: true}, map[string]bool{t.Technique: true})
		if f := w.of(n.Finding); f != nil {
			s.UID, s.Severity, s.Description, s.Count = f.ID, f.Severity, f.Description, f.Service.Count
			actors, endpoints = w.fromFinding(f)
		}
	} else {
		stage = Builtin().weak[n.Name].stage
		s.Description = describe(n)
		s.SignalIndicators = w.indicators(map[string]bool{stage: true}, nil)
		if isOfCalls(n) {
			for _, call := range n.Names {
				s.Activities = append(s.Activities, activity(n, call))
				w.note("HIGH_RISK_API", call)
			}
		}
	}
	w.tactics[stage] = true
	s.ResourceUIDs, s.ActorIDs, s.EndpointIDs = w.parts(nil, actors, endpoints, n)
	return s
}

// isOfCalls reports whether a weak signal is of calls of an API.
func isOfCalls(n *Note) bool {
	return n.Source == "EKS_AUDIT_LOGS" || n.Source == "CLOUD_TRAIL" || n.Source == "S3_DATA_EVENTS"
}

// describe says in a sentence what a weak signal is.
func describe(n *Note) string {
	what := "was seen with "
	switch n.Name {
	case "RegularCalls":
		what = "called at regular times "
	case "NamesDrawn":
		what = "asked for names that look drawn, such as "
	case "VolumeUnusual":
		what = "sent more than is usual to "
	case "ProgramNew":
		what = "ran what its image had never run, "
	}
	return shortName(n.Who) + " " + what + strings.Join(n.Names, ", ") + ", which is harmless alone."
}

func activity(n *Note, call string) finding.Activity {
	service := ""
	if n.Source == "EKS_AUDIT_LOGS" {
		service = "kubernetes"
	}
	return finding.Activity{Type: "API_CALL", API: &finding.APICall{Operation: call, Service: service}}
}

func (w *writer) indicators(tactics, techniques map[string]bool) (out []finding.Indicator) {
	for _, i := range []struct {
		key    string
		values map[string]bool
	}{{"ATTACK_TACTIC", tactics}, {"ATTACK_TECHNIQUE", techniques}} {
		delete(i.values, "")
		if len(i.values) > 0 {
			out = append(out, finding.Indicator{Key: i.key, Title: titleOf(i.key), Values: slices.Sorted(maps.Keys(i.values))})
		}
	}
	return out
}

func titleOf(key string) string {
	switch key {
	case "ATTACK_TACTIC":
		return "MITRE Tactic"
	case "ATTACK_TECHNIQUE":
		return "MITRE Technique"
	case "HIGH_RISK_API":
		return "High Risk API"
	case "MALICIOUS_IP":
		return "Malicious IP"
	case "CRYPTOMINING_DOMAIN":
		return "Cryptomining Domain"
	case "MALICIOUS_DOMAIN":
		return "Malicious Domain"
	}
	return "Suspicious Process"
}

func (w *writer) note(key, value string) {
	if value == "" {
		return
	}
	if w.other[key] == nil {
		w.other[key] = map[string]bool{}
	}
	w.other[key][value] = true
}

// fromFinding takes indicators and the acting process from a finding, and
// returns the ids of the actors and endpoints it adds.
func (w *writer) fromFinding(f *finding.Finding) (actors, endpoints []string) {
	s := f.Service
	listed := s.Evidence != nil && len(s.Evidence.ThreatIntelligenceDetails) > 0
	if a := s.Action; a != nil {
		if ip := remoteOf(a); listed && ip != "" {
			w.note("MALICIOUS_IP", ip)
		}
		if d := a.DNSRequestAction; d != nil && listed {
			key := "MALICIOUS_DOMAIN"
			if strings.Contains(f.Type, "Bitcoin") {
				key = "CRYPTOMINING_DOMAIN"
			}
			w.note(key, d.Domain)
			endpoints = append(endpoints, "domain:"+d.Domain)
			w.endpoints["domain:"+d.Domain] = finding.NetworkEndpoint{ID: "domain:" + d.Domain, Domain: d.Domain, Connection: &finding.NetworkConnection{Direction: "OUTBOUND"}}
		}
	}
	if r := s.RuntimeDetails; r != nil && r.Process != nil {
		p := r.Process
		w.note("SUSPICIOUS_PROCESS", p.ExecutablePath)
		id := "process:" + p.UUID
		w.actors[id] = finding.SequenceActor{ID: id, Process: &finding.ActorProcess{Name: p.Name, Path: p.ExecutablePath, SHA256: p.ExecutableSHA256}}
		actors = append(actors, id)
	}
	return actors, endpoints
}

// parts adds what a note names to the sequence, and its ids to those of a signal.
func (w *writer) parts(resources, actors, endpoints []string, n *Note) (r, a, e []string) {
	for _, x := range slices.Concat(n.Entities, n.Touched) {
		if res, ok := resourceOf(x, n); ok {
			w.resources[res.UID] = res
			resources = append(resources, res.UID)
		}
		if act, ok := actorOf(x, n); ok {
			w.actors[act.ID] = act
			actors = append(actors, act.ID)
		}
	}
	if n.Cluster != "" {
		arn := "arn:" + finding.Partition(n.Region) + ":eks:" + n.Region + ":" + n.Account + ":cluster/" + n.Cluster
		w.resources[arn] = place(finding.ResourceV2{UID: arn, ResourceType: "EKS_CLUSTER", Name: n.Cluster, Service: "eks",
			Data: &finding.ResourceData{EKSCluster: &finding.EKSCluster{ARN: arn}}}, n)
		resources = append(resources, arn)
	}
	if n.ECS != "" {
		arn := "arn:" + finding.Partition(n.Region) + ":ecs:" + n.Region + ":" + n.Account + ":cluster/" + n.ECS
		w.resources[arn] = place(finding.ResourceV2{UID: arn, ResourceType: "ECS_CLUSTER", Name: n.ECS, Service: "ecs",
			Data: &finding.ResourceData{ECSCluster: &finding.ECSCluster{}}}, n)
		resources = append(resources, arn)
	}
	for _, ip := range n.Places {
		if _, err := netip.ParseAddr(ip); err != nil {
			continue
		}
		w.endpoints[ip] = finding.NetworkEndpoint{ID: ip, IP: ip}
		endpoints = append(endpoints, ip)
	}
	for _, list := range []*[]string{&resources, &actors, &endpoints} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return resources, actors, endpoints
}

func place(r finding.ResourceV2, n *Note) finding.ResourceV2 {
	r.AccountID, r.Region, r.CloudPartition = n.Account, n.Region, finding.Partition(n.Region)
	return r
}

// resourceOf is an entity as a resource of GuardDuty; most have no type there.
func resourceOf(e Entity, n *Note) (finding.ResourceV2, bool) {
	r := finding.ResourceV2{UID: e.ID(), Name: e.ID()[strings.LastIndexAny(e.ID(), ":/")+1:]}
	switch e.Kind() {
	case kindInstance:
		r.ResourceType, r.Service, r.Data = "EC2_INSTANCE", "ec2", &finding.ResourceData{EC2Instance: &finding.EC2Instance{}}
	case kindKey:
		r.ResourceType, r.Service, r.Data = "ACCESS_KEY", "iam", &finding.ResourceData{AccessKey: accessKey(n)}
	case kindBucket:
		r.UID = "arn:" + finding.Partition(n.Region) + ":s3:::" + e.ID()
		r.ResourceType, r.Service, r.Data = "S3_BUCKET", "s3", &finding.ResourceData{S3Bucket: &finding.S3Bucket{}}
	case kindProfile:
		r.ResourceType, r.Service, r.Data = "IAM_INSTANCE_PROFILE", "iam", &finding.ResourceData{IAMInstanceProfile: &finding.IAMInstanceProfileV2{}}
	case kindTask:
		r.ResourceType, r.Service, r.Data = "ECS_TASK", "ecs", &finding.ResourceData{ECSTask: &finding.ECSTask{}}
	case kindPod, kindWorkload:
		p := strings.Split(e.ID(), "/")
		w := &finding.KubernetesWorkload{Type: "pods"}
		if len(p) > 4 {
			w.Namespace = p[3]
		}
		if e.Kind() == kindWorkload && len(p) > 5 {
			w.Type = strings.ToLower(p[4]) + "s"
		}
		r.ResourceType, r.Service, r.Data = "KUBERNETES_WORKLOAD", "eks", &finding.ResourceData{KubernetesWorkload: w}
	default:
		return r, false
	}
	return place(r, n), true
}

// accessKey is whose the key of a note is.
func accessKey(n *Note) *finding.AccessKey {
	k := &finding.AccessKey{}
	for _, e := range n.Entities {
		switch e.Kind() {
		case kindPrincipal:
			k.PrincipalID = e.ID()
			if k.UserType == "" {
				k.UserType = "AssumedRole"
			}
		case kindUser:
			k.UserName, k.UserType = e.ID()[strings.IndexByte(e.ID(), '/')+1:], "IAMUser"
		}
	}
	return k
}

// actorOf is an entity as an actor.
func actorOf(e Entity, n *Note) (finding.SequenceActor, bool) {
	u := &finding.User{UID: e.ID(), Account: &finding.Account{UID: n.Account}}
	switch e.Kind() {
	case kindPrincipal:
		u.Type, u.Name = "AssumedRole", e.ID()
		for _, x := range n.Entities {
			switch x.Kind() {
			case kindKey:
				u.CredentialUID = x.ID()
			case kindUser:
				u.Type, u.Name = "IAMUser", x.ID()[strings.IndexByte(x.ID(), '/')+1:]
			}
		}
	case kindAccount:
		p := strings.Split(e.ID(), "/")
		u.Type, u.Name = "ServiceAccount", "system:serviceaccount:"+strings.Join(p[min(3, len(p)):], ":")
	case kindKubeUser:
		u.Type, u.Name = "KubernetesUser", shortName(e)[len("user "):]
	case kindAddress:
		u.Type, u.Name = "Unknown", "system:anonymous"
		if n.Cluster == "" {
			return finding.SequenceActor{}, false
		}
	default:
		return finding.SequenceActor{}, false
	}
	return finding.SequenceActor{ID: string(e), User: u}, true
}
