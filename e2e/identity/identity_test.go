package identity

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// review asks the hook as the API server does.
func review(t *testing.T, token string) (authenticated bool, user map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"token": token}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	Hook().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/tokenreview", strings.NewReader(string(body))))
	var answer struct {
		Status struct {
			Authenticated bool
			User          map[string]any
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return answer.Status.Authenticated, answer.Status.User
}

func TestHookAnswersLikeTheAuthenticator(t *testing.T) {
	a := Actor{Role: "Developer", Session: "dana@example.com", Groups: []string{"devs"}}
	ok, user := review(t, a.Token())
	if !ok {
		t.Fatal("a token of an actor was refused")
	}
	if got, want := user["username"], "arn:aws:sts::"+Account+":assumed-role/Developer/dana@example.com"; got != want {
		t.Errorf("username is %v, want %v", got, want)
	}
	if got := user["uid"].(string); !strings.HasPrefix(got, "aws-iam-authenticator:"+Account+":AROA") {
		t.Errorf("uid is %v", got)
	}
	if got, want := user["groups"], []any{"devs"}; !reflect.DeepEqual(got, want) {
		t.Errorf("groups are %v, want %v", got, want)
	}
	extra := user["extra"].(map[string]any)
	for _, key := range []string{"accessKeyId", "arn", "canonicalArn", "principalId", "sessionName"} {
		if v, ok := extra[key].([]any); !ok || len(v) != 1 || v[0] == "" {
			t.Errorf("extra key %s is %v", key, extra[key])
		}
	}
}

func TestHookRefuses(t *testing.T) {
	for _, token := range []string{"", "stale-token", prefix, prefix + "!", prefix + "e30x"} {
		if ok, _ := review(t, token); ok {
			t.Errorf("token %q was accepted", token)
		}
	}
}
