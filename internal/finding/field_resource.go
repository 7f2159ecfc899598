package finding

// ResourceID is the most telling id of what a finding is about: the name of
// the cluster or the bucket, the id of the instance or the access key. It
// follows resource.resourceType, and takes what there is where that names
// nothing. It is empty when the finding names no resource.
func ResourceID(f *Finding) string {
	r := f.Resource
	if r == nil {
		return ""
	}
	byType := map[string]string{
		"EKSCluster":     eksName(r),
		"Instance":       instanceID(r),
		"AccessKey":      accessKeyID(r),
		"S3Bucket":       bucketName(r),
		"S3Object":       objectARN(r),
		"ECSCluster":     ecsName(r),
		"Container":      containerID(r),
		"RDSDBInstance":  rdsID(r),
		"RDSLimitlessDB": limitlessID(r),
		"Lambda":         lambdaName(r),
		"AttackSequence": sequenceUID(f),
	}
	if id := byType[r.ResourceType]; id != "" {
		return id
	}
	return firstOf(eksName(r), ecsName(r), containerID(r), instanceID(r), objectARN(r), bucketName(r),
		rdsID(r), limitlessID(r), lambdaName(r), accessKeyID(r), sequenceUID(f))
}

func firstOf(ids ...string) string {
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

func eksName(r *Resource) string {
	if r.EKSClusterDetails == nil {
		return ""
	}
	return r.EKSClusterDetails.Name
}

func ecsName(r *Resource) string {
	if r.ECSClusterDetails == nil {
		return ""
	}
	return r.ECSClusterDetails.Name
}

func instanceID(r *Resource) string {
	if r.InstanceDetails == nil {
		return ""
	}
	return r.InstanceDetails.InstanceID
}

func accessKeyID(r *Resource) string {
	if r.AccessKeyDetails == nil {
		return ""
	}
	return firstOf(r.AccessKeyDetails.AccessKeyID, r.AccessKeyDetails.PrincipalID, r.AccessKeyDetails.UserName)
}

func bucketName(r *Resource) string {
	if len(r.S3BucketDetails) == 0 {
		return ""
	}
	return firstOf(r.S3BucketDetails[0].Name, r.S3BucketDetails[0].ARN)
}

func objectARN(r *Resource) string {
	for _, b := range r.S3BucketDetails {
		for _, o := range b.S3ObjectDetails {
			return o.ObjectARN
		}
	}
	return ""
}

func containerID(r *Resource) string {
	if r.ContainerDetails == nil {
		return ""
	}
	return firstOf(r.ContainerDetails.ID, r.ContainerDetails.Name)
}

func rdsID(r *Resource) string {
	if r.RDSDBInstanceDetails == nil {
		return ""
	}
	return r.RDSDBInstanceDetails.DBInstanceIdentifier
}

func limitlessID(r *Resource) string {
	if r.RDSLimitlessDBDetails == nil {
		return ""
	}
	return r.RDSLimitlessDBDetails.DBShardGroupIdentifier
}

func lambdaName(r *Resource) string {
	if r.LambdaDetails == nil {
		return ""
	}
	return firstOf(r.LambdaDetails.FunctionName, r.LambdaDetails.FunctionARN)
}

func sequenceUID(f *Finding) string {
	if f.Service == nil || f.Service.Detection == nil || f.Service.Detection.Sequence == nil {
		return ""
	}
	return f.Service.Detection.Sequence.UID
}
