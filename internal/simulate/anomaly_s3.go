package simulate

import (
	"fmt"
	"maps"
)

// object4 is a data event of an object in a bucket.
func object4(name, bucket, key string, readOnly bool, sent int) apiCall {
	req := object{"bucketName": bucket, "Host": bucket + ".s3." + simRegion + ".amazonaws.com"}
	if key != "" {
		req["key"] = key
	}
	return apiCall{
		service: "s3", name: name, req: req, readOnly: readOnly, data: true,
		extra: object{"bytesTransferredIn": 0, "bytesTransferredOut": sent, "AuthenticationMethod": "AuthHeader", "SignatureVersion": "SigV4"},
	}
}

// bucketResidents are those who work on objects.
func bucketResidents() []resident {
	app, report := roleOf("shop-api", "shop", nil), roleOf("report", "hourly", nil)
	return []resident{
		{who: app, ip: "203.0.113.62", agent: sdkAgent, weight: 6, calls: []apiCall{
			object4("GetObject", "shop-images", "a/1.png", true, 21_000), object4("GetObject", "shop-images", "a/2.png", true, 34_000), object4("PutObject", "shop-images", "a/3.png", false, 0),
		}},
		{who: report, ip: "203.0.113.63", agent: sdkAgent, weight: 3, calls: []apiCall{
			object4("ListObjects", simBucket, "", true, 900), object4("GetObject", simBucket, "2026/01/report.csv", true, 4_000), object4("PutObject", simBucket, "2026/01/report.csv", false, 0),
		}},
		{who: named("carol"), ip: officeIP, agent: cliAgent, weight: 1, calls: []apiCall{
			object4("GetObject", simBucket, "2026/01/report.csv", true, 4_000), object4("HeadObject", simBucket, "2026/01/report.csv", true, 0),
		}},
	}
}

// bucketActs are what a stranger does with the key of a user.
func bucketActs() map[string][]apiCall {
	const secret = "payments-archive"
	acts := map[string][]apiCall{
		"Discovery:S3/AnomalousBehavior":         {object4("ListObjectVersions", secret, "", true, 90_000), object4("ListObjects", secret, "", true, 90_000), object4("ListMultipartUploads", secret, "", true, 90_000)},
		"Impact:S3/AnomalousBehavior.Write":      {object4("PutObject", secret, "README-RANSOM.txt", false, 0), object4("PutObjectTagging", secret, "2025/cards.csv", false, 0)},
		"Impact:S3/AnomalousBehavior.Delete":     {object4("DeleteObject", secret, "2025/cards.csv", false, 0), object4("DeleteObjects", secret, "", false, 0)},
		"Impact:S3/AnomalousBehavior.Permission": {object4("PutObjectAcl", secret, "2025/cards.csv", false, 0), object4("PutObjectAcl", secret, "2025/names.csv", false, 0)},
	}
	for i := range 20 {
		typ := "Exfiltration:S3/AnomalousBehavior"
		acts[typ] = append(acts[typ], object4("GetObject", secret, fmt.Sprintf("2025/%02d/cards.csv", i), true, 50<<20))
	}
	for _, calls := range acts {
		for i := range calls {
			calls[i].who, calls[i].ip, calls[i].agent = named("carol"), strangerIP, botoAgent
		}
	}
	return acts
}

// anomalyWriters write the records of the types that need a past.
func anomalyWriters() map[string]writer {
	out := actWriters(accountActs(), accountResidents())
	maps.Copy(out, actWriters(bucketActs(), bucketResidents()))
	return out
}
