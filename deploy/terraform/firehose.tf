# The audit logs of EKS control planes: log group, Firehose, Vedette. What
# Vedette does not take for a day is kept in the bucket. Where Firehose cannot
# reach Vedette, it writes to the bucket, and the queue announces what is there.

locals {
  firehose           = length(var.eks_log_groups) > 0
  firehose_to_bucket = local.firehose && var.eks_audit_to_bucket
  firehose_to_server = local.firehose && !var.eks_audit_to_bucket
  eks_audit_prefix   = "AWSLogs/${local.account}/eks-audit/"

  firehose_stream_arn = one(concat(
    aws_kinesis_firehose_delivery_stream.audit[*].arn,
    aws_kinesis_firehose_delivery_stream.audit_bucket[*].arn,
  ))
}

data "aws_iam_policy_document" "firehose_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "firehose" {
  count = local.firehose ? 1 : 0

  name               = "${var.name}-firehose"
  assume_role_policy = data.aws_iam_policy_document.firehose_trust.json
  tags               = var.tags
}

data "aws_iam_policy_document" "firehose" {
  statement {
    actions   = ["s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.logs.arn]
  }

  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.logs.arn}/firehose-failed/*", "${aws_s3_bucket.logs.arn}/${local.eks_audit_prefix}*"]
  }

  dynamic "statement" {
    for_each = local.encrypted ? [var.kms_key_arn] : []

    content {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "firehose" {
  count = local.firehose ? 1 : 0

  name   = "failed-deliveries"
  role   = aws_iam_role.firehose[0].id
  policy = data.aws_iam_policy_document.firehose.json
}

resource "aws_kinesis_firehose_delivery_stream" "audit" {
  count = local.firehose_to_server ? 1 : 0

  name        = "${var.name}-audit"
  destination = "http_endpoint"
  tags        = var.tags

  http_endpoint_configuration {
    name               = "Vedette"
    url                = "${var.vedette_endpoint}/ingest/firehose/k8s-audit"
    access_key         = var.vedette_access_key
    role_arn           = aws_iam_role.firehose[0].arn
    buffering_size     = 4
    buffering_interval = 60
    retry_duration     = 7200
    s3_backup_mode     = "FailedDataOnly"

    request_configuration {
      content_encoding = "GZIP"
    }

    s3_configuration {
      role_arn           = aws_iam_role.firehose[0].arn
      bucket_arn         = aws_s3_bucket.logs.arn
      prefix             = "firehose-failed/"
      buffering_size     = 5
      buffering_interval = 300
      compression_format = "GZIP"
      kms_key_arn        = var.kms_key_arn
    }
  }

  lifecycle {
    precondition {
      condition     = var.vedette_endpoint != null && var.vedette_access_key != null
      error_message = "eks_log_groups needs vedette_endpoint and vedette_access_key, or eks_audit_to_bucket."
    }
  }
}

# CloudWatch Logs hands on its messages compressed: the objects are these, one
# behind the other.
resource "aws_kinesis_firehose_delivery_stream" "audit_bucket" {
  count = local.firehose_to_bucket ? 1 : 0

  name        = "${var.name}-audit"
  destination = "extended_s3"
  tags        = var.tags

  extended_s3_configuration {
    role_arn            = aws_iam_role.firehose[0].arn
    bucket_arn          = aws_s3_bucket.logs.arn
    prefix              = "${local.eks_audit_prefix}!{timestamp:yyyy/MM/dd/HH}/"
    error_output_prefix = "firehose-failed/!{firehose:error-output-type}/"
    buffering_size      = 5
    buffering_interval  = 60
    compression_format  = "UNCOMPRESSED"
    kms_key_arn         = var.kms_key_arn
  }

  depends_on = [aws_iam_role_policy.firehose]
}

data "aws_iam_policy_document" "subscription_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["logs.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:*"]
    }
  }
}

resource "aws_iam_role" "subscription" {
  count = local.firehose ? 1 : 0

  name               = "${var.name}-log-subscription"
  assume_role_policy = data.aws_iam_policy_document.subscription_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "subscription" {
  count = local.firehose ? 1 : 0

  name = "put-records"
  role = aws_iam_role.subscription[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
      Resource = local.firehose_stream_arn
    }]
  })
}

# Only audit events: the other logs of a control plane share its group.
resource "aws_cloudwatch_log_subscription_filter" "audit" {
  for_each = var.eks_log_groups

  name            = "${var.name}-audit"
  log_group_name  = each.value
  filter_pattern  = "{ $.kind = \"Event\" }"
  destination_arn = local.firehose_stream_arn
  role_arn        = aws_iam_role.subscription[0].arn

  depends_on = [aws_iam_role_policy.subscription]
}
