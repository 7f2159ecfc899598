package store

import (
	"context"
	"database/sql"
	"strings"
)

// FindFields are the fields, by their paths, in which FindFindings looks: names
// of resources and of those who acted, addresses, domains, images, programs
// and files, and whose lists named them.
func FindFields() []string {
	var out []string
	add := func(below string, names ...string) {
		for _, n := range names {
			out = append(out, below+"."+n)
		}
	}
	add("resource", "eksClusterDetails.name", "ecsClusterDetails.name", "lambdaDetails.functionName", "rdsDbUserDetails.user")
	add("resource.kubernetesDetails", "kubernetesUserDetails.username", "kubernetesUserDetails.impersonatedUser.username")
	add("resource.kubernetesDetails.kubernetesWorkloadDetails", "name", "namespace", "serviceAccountName", "containers.name", "containers.image")
	add("resource.accessKeyDetails", "accessKeyId", "principalId", "userName", "userIdentity.arn")
	add("resource.instanceDetails", "instanceId", "tags.value", "iamInstanceProfile.arn")
	add("resource.instanceDetails.networkInterfaces", "networkInterfaceId", "publicIp", "privateIpAddresses.privateIpAddress", "ipv6Addresses")
	add("resource.s3BucketDetails", "name", "s3ObjectDetails.key")
	add("resource.rdsDbInstanceDetails", "dbInstanceIdentifier", "dbClusterIdentifier")
	add("resource.containerDetails", "id", "name", "image")
	add("resource.ecsClusterDetails.taskDetails", "arn", "containers.image")
	add("service.action.kubernetesApiCallAction", "namespace", "resourceName")
	add("service.action", "kubernetesRoleBindingDetails.name", "kubernetesRoleBindingDetails.roleRefName", "kubernetesRoleDetails.name")
	add("service.action.awsApiCallAction", "api", "serviceName", "domainDetails.domain", "remoteAccountDetails.accountId")
	add("service.action", "dnsRequestAction.domain", "rdsLoginAttemptAction.LoginAttributes.user")
	for _, action := range []string{"kubernetesApiCallAction", "awsApiCallAction", "networkConnectionAction", "portProbeAction.portProbeDetails", "rdsLoginAttemptAction"} {
		add("service.action."+action+".remoteIpDetails", "ipAddressV4", "ipAddressV6", "country.countryName", "organization.asnOrg")
	}
	add("service.action.networkConnectionAction.localIpDetails", "ipAddressV4", "ipAddressV6")
	add("service.runtimeDetails", "process.name", "process.executablePath", "context.filePath", "context.scriptPath", "context.threatFilePath", "context.toolName")
	add("service.evidence.threatIntelligenceDetails", "threatListName", "threatNames")
	return out
}

// maxValues bounds how many different values of fields are read to be looked
// through. Where a field has more, the index is read for the rest.
const maxValues = 4000

// values are the first different values of fields, as the index has them.
type values struct {
	texts map[int64][]string
	// more are the fields that have further values, with the last that is here.
	more map[int64]string
}

// valuesOf steps through the index from one value to the next, one of each
// field in turn: where findings share their values, as with users and
// addresses, that is much less than to read a value of each finding.
func (s *Store) valuesOf(ctx context.Context, fields []int64) (*values, error) {
	text, _ := s.db.searched()
	rows, err := s.query(ctx, `WITH RECURSIVE step (field, text) AS (
			SELECT a.id, (SELECT min(`+text+`) FROM finding_field v WHERE v.field = a.id) FROM field a WHERE `+s.db.list("a.id")+`
			UNION ALL
			SELECT step.field, (SELECT min(`+text+`) FROM finding_field v WHERE v.field = step.field AND `+text+` > step.text)
			FROM step WHERE step.text IS NOT NULL)
		SELECT field, text FROM step LIMIT ?`, s.db.listArg(fields), maxValues)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &values{map[int64][]string{}, map[int64]string{}}
	for rows.Next() {
		var field int64
		var text sql.NullString
		if err := rows.Scan(&field, &text); err != nil {
			return nil, err
		}
		if !text.Valid { // that was the last
			delete(out.more, field)
			continue
		}
		out.texts[field] = append(out.texts[field], text.String)
		out.more[field] = text.String
	}
	return out, rows.Err()
}

// with are the values of a field that have a word.
func (v *values) with(field int64, word string) (out []string) {
	for _, t := range v.texts[field] {
		if strings.Contains(lowerASCII(t), word) {
			out = append(out, t)
		}
	}
	return out
}

// lowerASCII folds what both databases fold.
func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// typesOf steps through the types of a detector's findings.
func (s *Store) typesOf(ctx context.Context, detectorID string) ([]string, error) {
	return scanTexts(s.query(ctx, `WITH RECURSIVE step (type) AS (
			SELECT min(f.type) FROM finding f WHERE f.detector_id = ?
			UNION ALL
			SELECT (SELECT min(f.type) FROM finding f WHERE f.detector_id = ? AND f.type > step.type) FROM step WHERE step.type IS NOT NULL)
		SELECT type FROM step WHERE type IS NOT NULL`, detectorID, detectorID))
}

// searched are the text of a value as the index has it, and the comparison
// with a pattern in any case.
func (sqliteDialect) searched() (text, like string)   { return "v.text", "LIKE" }
func (postgresDialect) searched() (text, like string) { return "left(v.text, 200)", "ILIKE" }
