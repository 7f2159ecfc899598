# What is logged: calls of AWS, traffic and DNS queries.

resource "aws_cloudtrail" "this" {
  name                          = var.name
  s3_bucket_name                = aws_s3_bucket.logs.id
  is_multi_region_trail         = true
  include_global_service_events = true
  is_organization_trail         = var.organization_trail
  kms_key_id                    = var.kms_key_arn
  tags                          = var.tags

  # The digests, by which Vedette proves that no log file is missing or changed.
  enable_log_file_validation = true

  advanced_event_selector {
    name = "Management events"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  dynamic "advanced_event_selector" {
    for_each = var.s3_data_events ? [true] : []

    content {
      name = "S3 objects, but not those of the log bucket"

      field_selector {
        field  = "eventCategory"
        equals = ["Data"]
      }

      field_selector {
        field  = "resources.type"
        equals = ["AWS::S3::Object"]
      }

      # Each log file that is written would be an event of its own otherwise.
      field_selector {
        field           = "resources.ARN"
        not_starts_with = concat(["${aws_s3_bucket.logs.arn}/"], var.s3_data_event_excluded_arns)
      }
    }
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_flow_log" "this" {
  for_each = var.vpc_ids

  vpc_id                   = each.value
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = aws_s3_bucket.logs.arn
  log_format               = join(" ", [for field in var.flow_log_fields : "$${${field}}"])
  max_aggregation_interval = var.flow_log_interval
  tags                     = merge(var.tags, { Name = "${var.name}-${each.value}" })

  destination_options {
    file_format                = var.flow_log_format
    hive_compatible_partitions = false
    per_hour_partition         = false
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_route53_resolver_query_log_config" "this" {
  count = var.dns_query_logs && length(var.vpc_ids) > 0 ? 1 : 0

  name            = var.name
  destination_arn = aws_s3_bucket.logs.arn
  tags            = var.tags

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_route53_resolver_query_log_config_association" "this" {
  for_each = var.dns_query_logs ? var.vpc_ids : toset([])

  resolver_query_log_config_id = aws_route53_resolver_query_log_config.this[0].id
  resource_id                  = each.value
}
