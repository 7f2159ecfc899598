package api_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/access"
)

// newerThanTheSDK reports whether an operation is younger than the SDK that the
// tests use. Those are driven by hand here, and with the JavaScript SDK.
func newerThanTheSDK(name string) bool {
	return strings.Contains(name, "CustomDetectionRule") || strings.Contains(name, "Investigation")
}

// sample fills a value with something of its type that passes the SDK's own
// checks, so that what is tested is our answer.
func sample(v reflect.Value, field string, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000, 0)))
		return
	case field == "DetectorId":
		v.Set(reflect.ValueOf(aws.String(detectorID())))
		return
	case field == "ResourceArn" && v.Kind() == reflect.Pointer:
		v.Set(reflect.ValueOf(aws.String("arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID())))
		return
	case field == "NextToken", field == "noSmithyDocumentSerde", depth > 8:
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		sample(v.Elem(), field, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				sample(v.Field(i), v.Type().Field(i).Name, depth+1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		sample(v.Index(0), field, depth+1)
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		sample(value, field, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("something").Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(sampleText(v, field))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Interface: // a union: none of its kinds
	}
}

func sampleText(v reflect.Value, field string) string {
	if values := v.MethodByName("Values"); values.IsValid() { // an enumeration
		return values.Call(nil)[0].Index(0).String()
	}
	switch {
	case strings.Contains(field, "Account"):
		return "222222222222"
	case field == "Email":
		return "security@example.com"
	case field == "OnlyAssociated":
		return "false"
	}
	return "something"
}

// Every operation of the table is called through the Go SDK, once with all
// members filled in and once without those that have a successor and may not
// stand beside it. What comes back is a value or a documented exception;
// anything that the SDK cannot decode would be neither.
func TestEveryOperationThroughTheGoSDK(t *testing.T) {
	s := newService(t)
	s.enable()
	client := reflect.ValueOf(s.client(access.RoleAdmin))
	for _, row := range table(t) {
		method := client.MethodByName(row.name)
		if !method.IsValid() {
			if !newerThanTheSDK(row.name) {
				t.Errorf("%s: the SDK has no such operation", row.name)
			}
			continue
		}
		for _, whole := range []bool{true, false} {
			in := reflect.New(method.Type().In(1).Elem())
			for i := range in.Elem().NumField() {
				if f := in.Elem().Type().Field(i); f.IsExported() && (whole || !older(f.Name)) {
					sample(in.Elem().Field(i), f.Name, 0)
				}
			}
			if row.name == "DeleteDetector" {
				in.Elem().FieldByName("DetectorId").Set(reflect.ValueOf(aws.String("ffffffffffffffffffffffffffffffff")))
			}
			out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
			err, _ := out[1].Interface().(error)
			checkAnswer(t, row.name, err)
		}
	}
}

// older are members that have a successor, which excludes them.
func older(name string) bool {
	return name == "DataSources" || name == "AutoEnable" || name == "FindingStatisticTypes"
}

// checkAnswer wants a value or one of the service's exceptions, as the SDK decoded it.
func checkAnswer(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Errorf("%s: %v", name, err)
		return
	}
	switch e.ErrorCode() {
	case "BadRequestException", "ResourceNotFoundException", "ConflictException", "AccessDeniedException":
	default:
		t.Errorf("%s: %v", name, err)
	}
	if e.ErrorMessage() == "" || e.ErrorFault() != smithy.FaultClient {
		t.Errorf("%s: the SDK decoded no message: %#v", name, e)
	}
}

// The operations that the Go SDK does not have yet speak the same protocol.
func TestNewerOperations(t *testing.T) {
	s := newService(t)
	s.enable()
	for _, row := range table(t) {
		if !newerThanTheSDK(row.name) {
			continue
		}
		for _, body := range []string{"", `{"maxResults":1}`, `{"investigationId":"x","triggerPrompt":"why","ruleId":"x","mode":"LIVE"}`, `{"maxResults":0}`} {
			r := s.raw(access.RoleAdmin, row.method, row.target(), body)
			if r.status >= 500 || r.status >= 400 && (r.message() == "" || !strings.HasSuffix(r.header.Get("X-Amzn-Errortype"), "Exception")) {
				t.Errorf("%s %s: %d %s", row.name, body, r.status, r.text)
			}
		}
	}
}
