# The role that Vedette reads with. It can change nothing but its own queue.

data "aws_iam_policy_document" "reader_trust" {
  dynamic "statement" {
    for_each = var.oidc_provider_arn != null ? [var.oidc_provider_arn] : []

    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [statement.value]
      }

      condition {
        test     = "StringEquals"
        variable = "${element(split("oidc-provider/", statement.value), 1)}:sub"
        values   = ["system:serviceaccount:${var.service_account}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${element(split("oidc-provider/", statement.value), 1)}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.trusted_principal_arns) > 0 ? [true] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = var.trusted_principal_arns
      }

      dynamic "condition" {
        for_each = var.external_id != null ? [var.external_id] : []

        content {
          test     = "StringEquals"
          variable = "sts:ExternalId"
          values   = [condition.value]
        }
      }
    }
  }
}

resource "aws_iam_role" "reader" {
  name                 = "${var.name}-reader"
  description          = "Reads the logs that Vedette looks at"
  assume_role_policy   = data.aws_iam_policy_document.reader_trust.json
  max_session_duration = 3600
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = var.oidc_provider_arn != null || length(var.trusted_principal_arns) > 0
      error_message = "Set oidc_provider_arn or trusted_principal_arns: somebody must be able to take on the role."
    }
  }
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ReadLogs"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${aws_s3_bucket.logs.arn}/AWSLogs/*"]
  }

  # Without it an object that is missing cannot be told from one that is forbidden.
  statement {
    sid       = "ListLogs"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.logs.arn]
  }

  statement {
    sid       = "TakeAnnouncements"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.objects.arn]
  }

  # The keys that digests are signed with. They are public; the action has no resource.
  statement {
    sid       = "CheckDigests"
    actions   = ["cloudtrail:ListPublicKeys"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = local.encrypted ? [var.kms_key_arn] : []

    content {
      sid       = "Decrypt"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "reader" {
  name   = "read-logs"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.reader.json
}
