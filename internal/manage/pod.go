package manage

import (
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/kube"
)

// pod is the part of a Pod that says whether it runs and, if not, why.
type pod struct {
	Metadata struct {
		Name    string    `json:"name"`
		UID     string    `json:"uid"`
		Created time.Time `json:"creationTimestamp"`
		Deleted time.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		NodeName string `json:"nodeName"`
		Affinity struct {
			Node struct {
				Required struct {
					Terms []struct {
						Fields []struct {
							Key    string   `json:"key"`
							Values []string `json:"values"`
						} `json:"matchFields"`
					} `json:"nodeSelectorTerms"`
				} `json:"requiredDuringSchedulingIgnoredDuringExecution"`
			} `json:"nodeAffinity"`
		} `json:"affinity"`
	} `json:"spec"`
	Status struct {
		Phase      string            `json:"phase"`
		Reason     string            `json:"reason"`
		Message    string            `json:"message"`
		Conditions []condition       `json:"conditions"`
		Containers []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type containerStatus struct {
	Ready bool           `json:"ready"`
	State containerState `json:"state"`
	Last  containerState `json:"lastState"`
}

type containerState struct {
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Running *struct {
		Started time.Time `json:"startedAt"`
	} `json:"running"`
	Terminated *struct {
		ExitCode int    `json:"exitCode"`
		Reason   string `json:"reason"`
		Message  string `json:"message"`
	} `json:"terminated"`
}

// node is the node that the pod is on or, before it is scheduled, the one that
// the controller of DaemonSets made it for.
func (p *pod) node() string {
	if p.Spec.NodeName != "" {
		return p.Spec.NodeName
	}
	for _, t := range p.Spec.Affinity.Node.Required.Terms {
		for _, f := range t.Fields {
			if f.Key == "metadata.name" && len(f.Values) == 1 {
				return f.Values[0]
			}
		}
	}
	return ""
}

func (p *pod) runs() bool {
	return p.Status.Phase == "Running" && len(p.Status.Containers) > 0 && p.Status.Containers[0].State.Running != nil
}

// trouble is what keeps the sensor from running, or ended it last; "" when it
// runs and always did.
func (p *pod) trouble(w warning, now time.Time) string {
	what := "the pod " + p.Metadata.Name + " "
	if p.runs() {
		if end := p.Status.Containers[0].ended(); end != "" {
			return what + "was started again, " + end
		}
		return ""
	}
	if !p.Metadata.Deleted.IsZero() {
		return what + "is being removed"
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return what + "cannot be scheduled: " + kube.Plain(c.Message, maxText)
		}
	}
	for i := range p.Status.Containers {
		if why := p.Status.Containers[i].trouble(); why != "" {
			return what + why
		}
	}
	switch {
	case w.text != "":
		return what + "does not start: " + w.String()
	case p.Status.Phase == "Failed":
		return what + "failed: " + kube.Plain(p.Status.Reason+" "+p.Status.Message, maxText)
	}
	return fmt.Sprintf("%sis being started, since %s", what, now.Sub(p.Metadata.Created).Round(time.Second))
}

// ended is how the container ended last; "" when it never did.
func (c *containerStatus) ended() string {
	end := c.Last.Terminated
	if c.State.Terminated != nil {
		end = c.State.Terminated
	}
	if end == nil {
		return ""
	}
	text := fmt.Sprintf("exit code %d", end.ExitCode)
	if end.Reason != "" && end.Reason != "Error" && end.Reason != "Completed" {
		text += ", " + kube.Plain(end.Reason, 60)
	}
	if words := lastWords(end.Message); words != "" {
		text += ": " + words
	}
	return text
}

// trouble is what the kubelet says of the container.
func (c *containerStatus) trouble() string {
	ended := c.ended()
	wait := c.State.Waiting
	switch {
	case wait != nil && (wait.Reason == "CrashLoopBackOff" || wait.Reason == "RunContainerError") && ended != "":
		return "keeps ending (" + kube.Plain(wait.Reason, 60) + "), " + ended
	case wait != nil && (wait.Reason == "ErrImagePull" || wait.Reason == "ImagePullBackOff" || wait.Reason == "InvalidImageName" || wait.Reason == "ErrImageNeverPull"):
		return "cannot pull its image: " + kube.Plain(wait.Reason, 60) + ": " + kube.Plain(wait.Message, maxText)
	case wait != nil && wait.Reason != "ContainerCreating" && wait.Reason != "PodInitializing":
		return "waits: " + kube.Plain(wait.Reason+": "+wait.Message, maxText)
	case c.State.Terminated != nil:
		return "ended, " + ended
	}
	return ""
}

// lastWords is the end of what a container wrote before it ended.
func lastWords(s string) string {
	if len(s) > maxText {
		s = s[len(s)-maxText:]
	}
	return kube.Plain(s, maxText)
}
