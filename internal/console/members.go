package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// membersView is the accounts page: of the administrator, its members; of any
// other account, its administrator.
type membersView struct {
	Own     string
	Members []memberRow
	Next    string // address of the next page
	Form    url.Values
	Problem string

	Organization bool   // this account administers one
	AutoEnable   string // which accounts become members: NEW, ALL or NONE

	Account       string // of the visitor, when it is not the own
	Administrator administrator
	Invitations   []administrator
}

// memberRow is a member as the API shows it.
type memberRow struct {
	AccountID  string `json:"accountId"`
	DetectorID string `json:"detectorId"`
	Email      string `json:"email"`
	Status     string `json:"relationshipStatus"`
	InvitedAt  string `json:"invitedAt"`
	UpdatedAt  string `json:"updatedAt"`
}

// May says what can be done with a member, by what it is.
func (m *memberRow) May(do string) bool {
	switch m.Status {
	case "Enabled":
		return do == "stop" || do == "disassociate"
	case "Disabled":
		return do == "start" || do == "disassociate"
	case "Invited":
		return do == "delete"
	}
	return do == "invite" || do == "delete"
}

// administrator is the account that administers the visitor's, or would.
type administrator struct {
	AccountID    string `json:"accountId"`
	InvitationID string `json:"invitationId"`
	Status       string `json:"relationshipStatus"`
	InvitedAt    string `json:"invitedAt"`
}

func (s *server) members(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showMembers(w, r, v, nil, "")
}

func (s *server) showMembers(w http.ResponseWriter, r *http.Request, v *visit, typed url.Values, problem string) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	out := membersView{Own: s.Account, Form: typed, Problem: problem, Account: v.key.Account}
	if v.Whole() {
		err = s.readMembers(v, detector, &out)
	} else {
		err = s.readAdministrator(v, detector, &out)
	}
	if err != nil {
		return err
	}
	return s.showForm(w, r, v, "members", "members", "Accounts", problem, &out)
}

// readMembers reads what the administrator sees.
func (s *server) readMembers(v *visit, detector string, out *membersView) error {
	query := url.Values{"onlyAssociated": {"false"}, "maxResults": {"50"}}
	if token := v.r.URL.Query().Get("next"); token != "" {
		query.Set("nextToken", token)
	}
	var page struct {
		Members   []memberRow `json:"members"`
		NextToken string      `json:"nextToken"`
	}
	if err := s.call(v, http.MethodGet, detectorPath(detector, "member"), query, nil, &page); err != nil {
		return err
	}
	out.Members = page.Members
	if page.NextToken != "" {
		out.Next = Root + "members?" + url.Values{"next": {page.NextToken}}.Encode()
	}
	var admins struct {
		List []struct {
			ID string `json:"adminAccountId"`
		} `json:"adminAccounts"`
	}
	if err := s.call(v, http.MethodGet, "/admin", nil, nil, &admins); err != nil {
		return err
	}
	if out.Organization = len(admins.List) > 0; !out.Organization {
		return nil
	}
	var config struct {
		Members string `json:"autoEnableOrganizationMembers"`
	}
	err := s.call(v, http.MethodGet, detectorPath(detector, "admin"), nil, nil, &config)
	out.AutoEnable = config.Members
	return err
}

// readAdministrator reads what any other account sees.
func (s *server) readAdministrator(v *visit, detector string, out *membersView) error {
	var a struct {
		Administrator administrator `json:"administrator"`
	}
	if err := s.call(v, http.MethodGet, detectorPath(detector, "administrator"), nil, nil, &a); err != nil {
		return err
	}
	out.Administrator = a.Administrator
	var i struct {
		Invitations []administrator `json:"invitations"`
	}
	err := s.call(v, http.MethodGet, "/invitation", nil, nil, &i)
	out.Invitations = slices.DeleteFunc(i.Invitations, func(a administrator) bool { return a.Status != "Invited" })
	return err
}

// mayMembers lets administrators change accounts.
func (v *visit) mayMembers() error {
	if !v.MayManage() {
		return notAllowed("Only administrators may change accounts.")
	}
	return nil
}

// addMember makes an account known, and invites it if that is wished.
func (s *server) addMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayMembers())
	if err != nil {
		return err
	}
	account := strings.TrimSpace(f.Get("account"))
	detail := map[string]string{"accountId": account, "email": strings.TrimSpace(f.Get("email"))}
	problem, err := s.eachAccount(v, detectorPath(detector, "member"), map[string]any{"accountDetails": []any{detail}})
	if err == nil && problem == "" && f.Get("invite") != "" {
		problem, err = s.eachAccount(v, detectorPath(detector, "member", "invite"), map[string]any{"accountIds": []string{account}})
	}
	if err != nil {
		return err
	}
	if problem != "" {
		return s.showMembers(w, r, v, f, problem)
	}
	return s.done(w, r, Root+"members", "Added account "+account+".")
}

// changeMember invites, stops, starts, disassociates or deletes a member.
func (s *server) changeMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayMembers())
	if err != nil {
		return err
	}
	account := r.PathValue("account")
	notes := map[string]string{
		"invite": "Invited account %. It accepts with its own key.", "start": "Account % is monitored again.",
		"stop":         "Account % is not monitored any more: its records are counted and not judged.",
		"disassociate": "Account % is no member any more.", "delete": "Forgot account %.",
	}
	do := f.Get("do")
	note, known := notes[do]
	if !known {
		return &callError{Status: http.StatusBadRequest, Code: "BadRequestException", Message: "Nothing of that kind can be done with a member."}
	}
	problem, err := s.eachAccount(v, detectorPath(detector, "member", do), map[string]any{"accountIds": []string{account}})
	if err != nil {
		return err
	}
	if problem != "" {
		return s.showMembers(w, r, v, nil, problem)
	}
	return s.done(w, r, Root+"members", strings.Replace(note, "%", account, 1))
}

// eachAccount does an operation that tells of each account what became of it.
func (s *server) eachAccount(v *visit, path string, in any) (problem string, err error) {
	var out struct {
		Unprocessed []struct{ AccountID, Result string } `json:"unprocessedAccounts"`
	}
	err = s.call(v, http.MethodPost, path, nil, in, &out)
	if problem = problemOf(err); problem != "" {
		return problem, nil
	}
	if err == nil && len(out.Unprocessed) > 0 {
		problem = out.Unprocessed[0].Result
	}
	return problem, err
}

// changeOrganization begins or ends the organization, or says which accounts
// become members by themselves.
func (s *server) changeOrganization(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayMembers())
	if err != nil {
		return err
	}
	admin := map[string]string{"adminAccountId": s.Account}
	note := "Saved."
	switch f.Get("do") {
	case "enable":
		err, note = s.call(v, http.MethodPost, "/admin/enable", nil, admin, nil), "The organization has begun."
	case "disable":
		err, note = s.call(v, http.MethodPost, "/admin/disable", nil, admin, nil), "The organization has ended."
	default:
		err = s.call(v, http.MethodPost, detectorPath(detector, "admin"), nil, map[string]string{"autoEnableOrganizationMembers": f.Get("auto")}, nil)
	}
	if problem := problemOf(err); problem != "" {
		return s.showMembers(w, r, v, nil, problem)
	}
	if err != nil {
		return err
	}
	return s.done(w, r, Root+"members", note)
}

// changeAdministrator accepts an invitation or leaves the administrator.
func (s *server) changeAdministrator(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayMembers())
	if err != nil {
		return err
	}
	note := "Accepted the invitation."
	if f.Get("do") == "accept" {
		in := map[string]string{"administratorId": f.Get("administrator"), "invitationId": f.Get("invitation")}
		err = s.call(v, http.MethodPost, detectorPath(detector, "administrator"), nil, in, nil)
	} else {
		note = "Left the administrator."
		err = s.call(v, http.MethodPost, detectorPath(detector, "administrator", "disassociate"), nil, nil, nil)
	}
	if problem := problemOf(err); problem != "" {
		return s.showMembers(w, r, v, nil, problem)
	}
	if err != nil {
		return err
	}
	return s.done(w, r, Root+"members", note)
}
